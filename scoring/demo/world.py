"""Two simulated districts whose truth is known: students, schools, abilities by concept, and their answers.

District A and District B are no real districts. Their sizes and subgroup shares follow the proportions published for
two large California districts (76,621 and 87,509 students, 2008-09); everything else is drawn from a seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from scoring.irt.distributions import normal_density

Array = NDArray[np.float64]
Scores = NDArray[np.int64]

DISTRICTS = ("District A", "District B")
ENROLMENT = {"District A": 76_621, "District B": 87_509}
ENGLISH_LEARNERS = {"District A": 0.260, "District B": 0.237}
REDUCED_LUNCH = {"District A": 0.804, "District B": 0.683}
#: Planted effects on every concept, in SDs within a school.
EL_SHIFT, LUNCH_SHIFT = -0.45, -0.30
#: CAASPP group codes: 078 Hispanic or Latino, 074 Black or African American, 080 White, 076 Asian, 077 Filipino,
#: 079 Native Hawaiian or Pacific Islander, 075 American Indian or Alaska Native.
ETHNICITY = {
    "District A": {"078": 60.1, "074": 10.7, "080": 13.9, "076": 13.4, "077": 0.4, "079": 0.4, "075": 0.7},
    "District B": {"078": 51.6, "074": 17.1, "080": 16.1, "076": 8.1, "077": 3.7, "079": 1.9, "075": 0.2},
}


@dataclass(frozen=True)
class DemoItem:
    """What the simulation needs to know of an item.

    Attributes:
        name: item id.
        concept: its primary concept.
        share: expected share correct in the pooled population, between 0 and 1 (for points > 1, of the points).
        key: the right answer as a student would give it.
        wrong: answer -> misconception it comes from.
        points: maximum score.
        kind: choice, numeric, short-text or rubric.
    """

    name: str
    concept: str
    share: float
    key: str
    wrong: Mapping[str, str]
    points: int = 1
    kind: str = "choice"


@dataclass(frozen=True)
class Truth:
    """Everything that was planted.

    Attributes:
        gap: concept -> mean of District B minus mean of District A, in pooled SDs of that concept.
        reversed_concept: the concept whose gap has the opposite sign.
        dif: item -> shift of its difficulty in District B (logits; positive: harder there).
        items: index item; concept, a, b (dichotomous) or b1.. (steps), in the pooled metric of its concept.
        correlation: common correlation of the concepts within a district's schools and students.
        intraclass: share of the variance within a district that lies between schools.
    """

    gap: dict[str, float]
    reversed_concept: str
    dif: dict[str, float]
    items: pd.DataFrame
    correlation: float
    intraclass: float


@dataclass(frozen=True)
class World:
    """Two districts and one administration.

    Attributes:
        persons: (N rows) index student; district, school, class, grade, sex, ethnicity, language, lunch, absent.
        theta: (N, C) true abilities, columns concepts, pooled mean 0 and SD 1 with equal district weights.
        answers: (N rows, J columns) what each student wrote: option letters, numbers, points, or `O`/`R`/`M` codes.
        scored: (N, J) scores, the codes as they are.
        truth: what was planted.
    """

    persons: pd.DataFrame
    theta: pd.DataFrame
    answers: pd.DataFrame
    scored: pd.DataFrame
    truth: Truth = field(repr=False)


def simulate_districts(
    items: Sequence[DemoItem],
    students: int = 6000,
    seed: int = 1,
    gap: float = -0.35,
    reversed_gap: float = 0.35,
    dif: float = 0.9,
    correlation: float = 0.75,
    intraclass: float = 0.05,
) -> World:
    """Draw two districts and their answers.

    Args:
        items: at least two concepts; the reversed concept is the middle one in alphabetical order.
        students: students of both districts together, split as the enrolments are.
        seed: of every draw.
        gap: mean of B minus mean of A in pooled SDs, for every concept but one.
        reversed_gap: the same for the reversed concept.
        dif: shift in logits of two items, one against each district; 0 plants none.
        correlation, intraclass: see Truth.

    Returns:
        World; the same arguments give the same world.
    """
    rng = np.random.default_rng(seed)
    concepts = sorted({item.concept for item in items})
    turned = concepts[len(concepts) // 2]
    gaps = {c: (reversed_gap if c == turned else gap) for c in concepts}
    persons = _people(students, rng)
    theta = _abilities(persons, concepts, gaps, correlation, intraclass, rng)
    table = _item_truth(items, rng)
    planted = _plant_dif(items, turned, dif)
    answers, scored = _answers(items, table, planted, persons, theta, rng)
    return World(persons, theta, answers, scored, Truth(gaps, turned, planted, table, correlation, intraclass))


def _people(students: int, rng: np.random.Generator) -> pd.DataFrame:
    total = sum(ENROLMENT.values())
    frames = []
    for district in DISTRICTS:
        n = round(students * ENROLMENT[district] / total)
        n_schools = max(6, round(15 * ENROLMENT[district] / ENROLMENT["District A"]))
        size = rng.uniform(0.6, 1.4, n_schools)
        school = np.sort(rng.choice(n_schools, size=n, p=size / size.sum()))
        letter = district[-1]
        names = np.array([f"School {letter}{k + 1:02d}" for k in range(n_schools)])
        learner = rng.random(n) < ENGLISH_LEARNERS[district]
        former = ~learner & (rng.random(n) < 0.22)
        fluent = ~learner & ~former & (rng.random(n) < 0.05)
        codes = list(ETHNICITY[district])
        shares = np.array([ETHNICITY[district][c] for c in codes])
        frames.append(
            pd.DataFrame(
                {
                    "district": district,
                    "school": names[school],
                    "class": [f"{names[s]} / {c + 1}" for s, c in zip(school, rng.integers(0, 6, n), strict=True)],
                    "grade": "07",
                    "sex": rng.choice(["female", "male"], size=n),
                    "ethnicity": rng.choice(codes, size=n, p=shares / shares.sum()),
                    "language": np.select([learner, former, fluent], ["EL", "RFEP", "IFEP"], "EO"),
                    "lunch": np.where(rng.random(n) < REDUCED_LUNCH[district], "yes", "no"),
                    "absent": rng.random(n) < 0.03,
                },
                index=pd.Index([f"SIM-{letter}-{k:06d}" for k in range(1, n + 1)], name="student"),
            )
        )
    return pd.concat(frames)


def _abilities(
    persons: pd.DataFrame,
    concepts: Sequence[str],
    gaps: Mapping[str, float],
    correlation: float,
    intraclass: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Concept abilities: subgroup effects, a school effect, a student effect.

    The planted gap is that of the populations that schools and students are drawn from; the drawn ones scatter
    about it, which is what intervals for "schools like these" are about.
    """
    n, c = len(persons), len(concepts)
    common = np.full((c, c), correlation) + (1 - correlation) * np.eye(c)
    root = np.linalg.cholesky(common)
    school_codes, schools = pd.factorize(persons["school"])
    between = rng.standard_normal((len(schools), c)) @ root.T * np.sqrt(intraclass)
    within = rng.standard_normal((n, c)) @ root.T * np.sqrt(1 - intraclass)
    theta = between[school_codes] + within
    for district, sign in zip(DISTRICTS, (-0.5, 0.5), strict=True):
        here = (persons["district"] == district).to_numpy()
        learners, lunch = ENGLISH_LEARNERS[district], REDUCED_LUNCH[district]
        shift = (
            EL_SHIFT * (persons["language"] == "EL").to_numpy() + LUNCH_SHIFT * (persons["lunch"] == "yes").to_numpy()
        )
        expected = EL_SHIFT * learners + LUNCH_SHIFT * lunch
        variance = 1 + EL_SHIFT**2 * learners * (1 - learners) + LUNCH_SHIFT**2 * lunch * (1 - lunch)
        for k, concept in enumerate(concepts):
            # each district is N(±gap/2, 1 - gap²/4) in expectation, so that the pooled population is N(0, 1)
            inner = np.sqrt((1 - gaps[concept] ** 2 / 4) / variance)
            theta[here, k] = (theta[here, k] + shift[here] - expected) * inner + sign * gaps[concept]
    return pd.DataFrame(theta, index=persons.index, columns=list(concepts))


def _item_truth(items: Sequence[DemoItem], rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for item in items:
        a = float(np.exp(rng.normal(np.log(1.25), 0.22)))
        share = min(max(item.share, 0.08), 0.94)
        steps = max(item.points, 1)
        spread = np.linspace(-0.6, 0.6, steps) if steps > 1 else np.zeros(1)
        b = _difficulty(share, a, spread)
        rows.append(
            {"item": item.name, "concept": item.concept, "a": a} | {f"b{k + 1}": b + s for k, s in enumerate(spread)}
        )
    return pd.DataFrame(rows).set_index("item")


def _difficulty(share: float, a: float, spread: Array) -> float:
    """The difficulty that gives the expected share of points in a standard normal population."""
    nodes = np.linspace(-6, 6, 121)
    weight = normal_density(nodes)
    weight /= weight.sum()

    def miss(b: float) -> float:
        d = np.concatenate([[0.0], np.cumsum(-a * (b + spread))])
        z = np.arange(d.size)[:, None] * a * nodes + d[:, None]
        p = np.exp(z - z.max(axis=0))
        p /= p.sum(axis=0)
        return float((np.arange(d.size) @ p / (d.size - 1) * weight).sum() - share)

    return float(brentq(miss, -8, 8))


def _plant_dif(items: Sequence[DemoItem], turned: str, dif: float) -> dict[str, float]:
    """Two items of middling difficulty, in two concepts other than the reversed one: one against each district."""
    if dif == 0:
        return {}
    planted: dict[str, float] = {}
    used: set[str] = set()
    for item in sorted(items, key=lambda i: (abs(i.share - 0.55), i.name)):
        if item.points == 1 and item.concept != turned and item.concept not in used:
            planted[item.name] = dif if not planted else -dif
            used.add(item.concept)
        if len(planted) == 2:
            break
    return planted


def _answers(
    items: Sequence[DemoItem],
    table: pd.DataFrame,
    planted: Mapping[str, float],
    persons: pd.DataFrame,
    theta: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    n = len(persons)
    side = (persons["district"] == DISTRICTS[1]).to_numpy()
    steps = table.filter(regex=r"^b\d+$")
    curves = {
        name: (float(table.at[name, "a"]), steps.loc[name].dropna().to_numpy(dtype=float)) for name in table.index
    }
    given: dict[str, NDArray[np.object_]] = {}
    scored: dict[str, NDArray[np.object_]] = {}
    favourite: dict[tuple[str, bool], float] = {}
    for item in items:
        ability = theta[item.concept].to_numpy()
        score = _score(curves[item.name], ability, np.where(side, planted.get(item.name, 0.0), 0.0), rng)
        wrong = list(item.wrong) or ["0"]
        pull = np.zeros((n, len(wrong)))
        for k, answer in enumerate(wrong):
            for where in (False, True):
                name = (item.wrong.get(answer, ""), where)
                favourite.setdefault(name, float(rng.normal(0, 0.5)))
                pull[side == where, k] = favourite[name] + 0.4 * rng.normal() - 0.25 * k * ability[side == where]
        chosen = (pull + rng.gumbel(size=pull.shape)).argmax(axis=1)
        if item.points == 1:
            text = np.where(score == 1, item.key, np.array(wrong, dtype=object)[chosen])
        else:
            text = score.astype(str).astype(object)
        blank = (rng.random(n) < 0.02) & (score == 0)
        text = np.where(blank, "O", text)
        given[item.name] = text
        scored[item.name] = np.where(blank, "O", score.astype(object))
    answers = pd.DataFrame(given, index=persons.index)
    scores = pd.DataFrame(scored, index=persons.index)
    _not_reached(answers, scores, theta.to_numpy().mean(axis=1), rng)
    here = ~persons["absent"].to_numpy()
    return answers[here], scores[here]


def _score(slope_steps: tuple[float, Array], ability: Array, shift: Array, rng: np.random.Generator) -> Scores:
    """Draw scores 0..points from a generalised partial credit model; `shift` makes the item harder (logits)."""
    a, steps = slope_steps
    k = np.arange(steps.size + 1)
    z = a * np.concatenate([np.zeros((ability.size, 1)), np.cumsum(ability[:, None] - steps, axis=1)], axis=1)
    z -= k * shift[:, None]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    drawn = (rng.random((ability.size, 1)) > p.cumsum(axis=1)).sum(axis=1)
    return np.minimum(drawn, steps.size).astype(np.int64)


def _not_reached(answers: pd.DataFrame, scores: pd.DataFrame, ability: Array, rng: np.random.Generator) -> None:
    """Some students do not finish, slower ones more often: their last items get the code R."""
    n, j = answers.shape
    stops = rng.random(n) < 0.06 * expit(-ability)
    first = np.where(stops, j - rng.integers(1, 5, size=n), j)
    unreached = np.arange(j) >= first[:, None]
    answers[unreached] = "R"
    scores[unreached] = "R"
