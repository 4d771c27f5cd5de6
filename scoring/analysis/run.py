"""The whole analysis of one administration, step by step, each step timed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import scoring
from itembank import __version__
from scoring.analysis import concepts as concept_tables
from scoring.analysis import cuts as cut_tables
from scoring.analysis import gate as gates
from scoring.analysis.beside import WORTH, Started
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.items import item_table, points
from scoring.analysis.result import TOTAL, Analysis, Notice
from scoring.analysis.steps import Steps
from scoring.analysis.subgroups import Asked, Described, compare_subgroups, coverage, describe
from scoring.comparison.describing import school_effects
from scoring.irt import second
from scoring.irt.errors import DesignError
from scoring.irt.threads import one_blas_thread

DRAWS = 20
#: Students of a random part where schools were not recorded, and how many parts at most.
PART, MOST_PARTS = 12, 60
#: Bins of the score distributions (θ); no bin shows single students, since it holds plausible values of a whole group.
WEIGHTED = (
    "Case weights enter the calibration, the populations, every share, average and difference; numbers of students are "
    "counted, and item statistics other than shares (item-rest, differences at equal ability) are unweighted."
)
BINS = np.arange(-4.0, 4.01, 0.25)
FEWEST_FOR_CURVE = 100


@dataclass(frozen=True)
class Analysed:
    """The analysis and what it came from.

    Attributes:
        analysis: the tables.
        fit: calibration of all items on one scale.
        profile: the concept profile, or None where the items name no concepts.
        compared: full result of `scoring.compare`, or None.
        parameters: the calibration's items table, for export.
    """

    analysis: Analysis
    fit: Any
    profile: Any | None
    compared: pd.DataFrame | None
    parameters: pd.DataFrame


def analyse(
    data: AnalysisInput,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
    asked: Asked | None = None,
) -> Analysed:
    """Analyse one administration.

    Args:
        data: what was answered, by whom, on which items.
        seed: of the plausible values.
        progress: called with a line per step.
        asked: what else is compared, beside the groups.

    Raises:
        DesignError: the data cannot support the analysis; every reason at once.
        NotConverged: an estimate did not settle.
    """
    # BLAS' own threads cost more than they bring; ours, and a second process, work on parts of the students
    with one_blas_thread(), second.working(data.scored.size >= WORTH):
        return _analyse(data, seed, progress, asked)


def _analyse(data: AnalysisInput, seed: int, progress: Callable[[str], None] | None, asked: Asked | None) -> Analysed:
    steps = Steps(progress)
    steps.notices.extend(data.notices)
    if data.weights is not None:
        steps.notices.append(Notice("weighted", "notice", WEIGHTED))
    asked = asked or Asked()
    described = describe(data, persons_of(data), asked)
    scored = _informative(data, steps)
    others = Started(data, list(scored.columns))
    return _estimated(data, scored, seed, steps, asked, described, others)


def _estimated(
    data: AnalysisInput,
    scored: pd.DataFrame,
    seed: int,
    steps: Steps,
    asked: Asked,
    described: Described,
    others: Started,
) -> Analysed:
    with steps.step("calibration"):
        fit = scoring.calibrate(
            scored, groups=data.groups, partner=data.groups, weights=data.weights, clusters=_enough_clusters(data)
        )
    steps.notices.extend(Notice(n.code, n.severity, n.sentence) for n in fit.notices)
    if not fit.converged:
        raise scoring.NotConverged(
            "calibration",
            "The calibration did not converge. Nothing was written.",
            "Leave out the items named here, or look at their keys.",
            details=_suspects(fit, others.result(steps).classical),
        )
    with steps.step("scores"):
        scores = scoring.score(fit, scored)
    drawn = _total(data, scored, fit, seed, steps, described)
    try:
        profile, compared, by_concept = _profile(data, scored, seed, steps, described)
    except scoring.NotConverged as unsettled:
        # what does not rest on the concepts holds all the same, and says what is missing
        said = f"The concepts could not be estimated: {unsettled.sentence} Only the score over all items is reported."
        steps.notices.append(Notice("concepts-unsettled", "warning", said))
        profile, compared, by_concept = None, None, None
    mean_contrasts = _mean_contrasts(data, drawn, compared)
    subgroups, levels = _subgroups(data, [v for v in (drawn, by_concept) if v is not None], profile, described, asked,
                                   steps)  # fmt: skip
    if compared is not None:
        compared = concept_tables.as_taught(compared, gates.stamps(data))
    concepts, mastery, contrasts = _concepts(data, profile, compared)
    tables = others.result(steps)
    gate, stamp = gates.gate_table(data, tables.dif, bool(fit.converged and (profile is None or profile.converged)))
    analysis = Analysis(
        title=data.title,
        groups=data.group_order,
        group_word=data.group_word,
        concepts=concepts,
        mastery=mastery,
        contrasts=contrasts,
        mean_contrasts=mean_contrasts,
        means=concept_tables.mean_table(data, fit, profile),
        items=item_table(data, tables.classical, fit),
        dif=tables.dif,
        misconceptions=tables.misconceptions,
        options=tables.options,
        scores=scores,
        profile_scores=pd.DataFrame() if profile is None else profile.scores,
        distribution=_distribution(data, drawn),
        participation=_participation(data, scores),
        fit=_facts(fit, profile),
        gate=gate,
        stamp=stamp,
        notices=_once(steps.notices),
        provenance={"itembank": __version__, "seed": seed, **data.provenance, "interval": _interval_words(data)},
        simulated=data.simulated,
        seconds=steps.seconds,
        subgroups=subgroups,
        levels=levels,
        schools=_schools(data, [v for v in (drawn, by_concept) if v is not None]),
        coverage=coverage(described, scores["status"] == "scored") if data.group_order else pd.DataFrame(),
    )
    return Analysed(analysis, fit, profile, compared, fit.items)


def _suspects(fit: Any, classical: Any) -> list[str]:
    """Items that may keep a calibration from converging, and why; then what the calibration noticed."""
    wild = fit.items[(fit.items["a"].abs() > 5) | fit.items["a"].isna()]
    out = [f"{item}: its curve runs away (slope {a:.1f})" for item, a in wild["a"].items()]
    flags = classical.items["flags"]
    out += [f"{item}: {flags[item]}" for item in flags.index[flags != ""] if item not in wild.index]
    return [*out[:12], *(n.sentence for n in fit.notices)]


def _informative(data: AnalysisInput, steps: Steps) -> pd.DataFrame:
    """The scores without items that everybody or nobody got right, which are named."""
    keep = []
    for item in data.scored.columns:
        column = points(data.scored[item])
        lowest, highest = (column.min(), column.max()) if column.notna().any() else (np.nan, np.nan)
        if lowest < highest:
            keep.append(item)
            continue
        what = "has no answers" if np.isnan(lowest) else f"has the same score, {lowest:g}, for everybody"
        steps.notices.append(Notice("constant-item", "warning", f"{item} {what}; it is left out of the estimation."))
    if not keep:
        raise DesignError("nothing-varies", "No item tells the students apart.", "Check the key and the columns.")
    return data.scored if len(keep) == data.scored.shape[1] else data.scored[keep]


def _total(data: AnalysisInput, scored: pd.DataFrame, fit: Any, seed: int, steps: Steps, described: Described) -> Any:
    """Plausible values of the score over all items."""
    with steps.step("plausible values of the score"):
        return scoring.plausible_values(
            fit, scored, described.persons, described.condition_on, draws=DRAWS, seed=seed,
            concepts=dict.fromkeys(fit.item_names, "total"), weights=data.weights,
        )  # fmt: skip


def _profile(
    data: AnalysisInput, scored: pd.DataFrame, seed: int, steps: Steps, described: Described
) -> tuple[Any | None, pd.DataFrame | None, Any | None]:
    """Concept profile, comparison, and plausible values of the concepts (where compared)."""
    persons, condition_on = described.persons, described.condition_on
    members = {i: str(data.items.at[i, "concept"]) for i in scored.columns if data.items.at[i, "concept"]}
    if not members:
        steps.notices.append(
            Notice("no-concepts", "notice", "The items name no concepts: only the score over all items is reported.")
        )
        return None, None, None
    if len(members) < scored.shape[1]:
        names = ", ".join(i for i in scored.columns if i not in members)
        steps.notices.append(
            Notice("items-without-concept", "warning", f"Without a concept, left out of the profile: {names}.")
        )
    per_concept = pd.Series(members).value_counts()
    members = {i: c for i, c in members.items() if per_concept[c] > 1}
    if not members:
        message = "No concept has two items that tell students apart: only the score over all items is reported."
        steps.notices.append(Notice("thin-concepts", "warning", message))
        return None, None, None
    tagged = scored[list(members)]
    with steps.step("concept profile"):
        profile = scoring.concept_profile(
            tagged,
            members,
            groups=data.groups,
            partner=data.groups,
            weights=data.weights,
            clusters=_enough_clusters(data),
            cuts={c: cut for c, cut in data.cuts.items() if c in set(members.values())} or None,
        )
    steps.notices.extend(cut_tables.notices(data, profile))
    compared, drawn = None, None
    if len(data.group_order) > 1 or described.by:
        with steps.step("comparison"):
            drawn = scoring.plausible_values(
                profile, tagged, persons, condition_on, draws=DRAWS, seed=seed, weights=data.weights
            )
            if len(data.group_order) > 1:
                compared = scoring.compare(drawn, by="district", cuts=_cuts(profile))
    return profile, compared, drawn


def _cuts(profile: Any) -> dict[str, float]:
    return {c: float(profile.cuts.at[c, "theta"]) for c in profile.concepts}


def _subgroups(
    data: AnalysisInput, drawn: list[Any], profile: Any | None, described: Described, asked: Asked, steps: Steps
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not (described.by or (described.adjust and len(data.group_order) > 1)):
        return pd.DataFrame(), pd.DataFrame()
    cuts = {} if profile is None else _cuts(profile)
    with steps.step("subgroups"):
        return compare_subgroups(drawn, described, asked, cuts, "schools", gates.stamps(data), dict(data.concept_names))


def _schools(data: AnalysisInput, drawn: list[Any]) -> pd.DataFrame:
    """School effects, internal; the score over all items first."""
    if data.clusters is None:
        return pd.DataFrame()
    table = pd.concat([school_effects(values) for values in drawn], ignore_index=True)
    return table.assign(concept=table["concept"].replace({"total": TOTAL}))


def _mean_contrasts(data: AnalysisInput, total: Any, compared: pd.DataFrame | None) -> pd.DataFrame:
    """Differences in means, of the score over all items and then by concept."""
    if len(data.group_order) < 2:
        return pd.DataFrame()
    overall = scoring.compare(total, by="district")
    tables = [concept_tables.mean_contrasts(overall, data.group_order, {"total": TOTAL})]
    if compared is not None:
        tables.append(concept_tables.mean_contrasts(compared, data.group_order, {}))
    return pd.concat(tables, ignore_index=True)


def persons_of(data: AnalysisInput) -> pd.DataFrame:
    """District and school of each student, under the names the comparison uses."""
    index = data.scored.index
    everybody = pd.Series("all", index=index)
    groups = data.groups if data.groups is not None else everybody
    schools = data.clusters if data.clusters is not None else _parts(groups)
    return pd.DataFrame({"district": groups.astype(str), "school": schools.astype(str)}, index=index)


def _parts(groups: pd.Series) -> pd.Series:
    """Random parts of each group in the place of schools that were not recorded.

    Deleting one part at a time (the delete-a-group jackknife, Kott 2001) measures how students as such vary, so that
    intervals hold for students drawn one by one. They cannot know how alike the children of a school are; the page
    says so. The part depends on the student's index entry, not on the row.
    """
    order = pd.Series(pd.util.hash_array(groups.index.astype(str).to_numpy(dtype=object)), index=groups.index)
    rank = order.groupby(groups.to_numpy()).rank(method="first").astype(int)
    size = groups.map(groups.value_counts())
    parts = (size // PART).clip(1, MOST_PARTS)
    return groups.astype(str) + " part " + (rank % parts).astype(str)


def _enough_clusters(data: AnalysisInput) -> pd.Series | None:
    """Schools, where every group has at least five."""
    if data.clusters is None:
        return None
    groups = data.groups if data.groups is not None else pd.Series("all", index=data.clusters.index)
    return data.clusters if data.clusters.groupby(groups.to_numpy()).nunique().min() >= 5 else None


def _concepts(
    data: AnalysisInput, profile: Any | None, compared: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    if profile is None:
        return pd.DataFrame(columns=["name", "cut_kind"]), pd.DataFrame(), pd.DataFrame()
    concepts = concept_tables.evidence_table(data, profile)
    concepts = concept_tables.with_thin_concepts(data, concepts)
    mastery = cut_tables.with_other_cuts(concept_tables.group_rates(data, profile, concepts), profile, concepts)
    contrasts = pd.DataFrame()
    if compared is not None:
        contrasts = concept_tables.contrast_table(compared, data.group_order, concepts)
        mastery, contrasts = concept_tables.not_taught(mastery, contrasts, gates.stamps(data))
        contrasts = cut_tables.with_other_differences(contrasts, mastery)
    return concepts, mastery, contrasts


def _distribution(data: AnalysisInput, drawn: Any) -> pd.DataFrame:
    """Share of each group's plausible values in each bin; groups too small for a curve are left out."""
    groups = persons_of(data)["district"].to_numpy()
    weights = np.ones(len(groups)) if data.weights is None else data.weights.to_numpy(dtype=float)
    rows = []
    for group in data.group_order or ("all",):
        values = drawn.values[groups == group, :, 0]
        if len(values) < FEWEST_FOR_CURVE:
            continue
        w = np.broadcast_to(weights[groups == group, None], values.shape)
        share = np.histogram(np.clip(values, BINS[0], BINS[-1] - 1e-6), BINS, weights=w)[0] / w.sum()
        name = group if data.group_order else "all students"
        rows += [(name, low, high, s) for low, high, s in zip(BINS[:-1], BINS[1:], share, strict=True)]
    return pd.DataFrame(rows, columns=["group", "low", "high", "share"])


def _participation(data: AnalysisInput, scores: pd.DataFrame) -> pd.DataFrame:
    groups = persons_of(data)["district"].to_numpy()
    rows = []
    for group in data.group_order or ("all",):
        here = groups == group
        schools = 0 if data.clusters is None else int(data.clusters[here].nunique())
        name = group if data.group_order else "all students"
        rows.append((name, int(here.sum()), int((scores["status"].to_numpy()[here] == "scored").sum()), schools))
    return pd.DataFrame(rows, columns=["group", "students", "scored", "schools"])


def _facts(fit: Any, profile: Any | None) -> Mapping[str, Any]:
    facts = {
        name: getattr(fit, name)
        for name in (
            "log_likelihood",
            "converged",
            "decrement",
            "iterations",
            "n_parameters",
            "n_students",
            "aic",
            "bic",
        )
    }
    if profile is not None:
        facts["profile_converged"] = profile.converged
        facts["profile_decrement"] = profile.decrement
    return facts


def _interval_words(data: AnalysisInput) -> str:
    return "schools like these" if data.clusters is not None else "students like these"


def _once(notices: list[Notice]) -> tuple[Notice, ...]:
    return tuple(dict.fromkeys(notices))
