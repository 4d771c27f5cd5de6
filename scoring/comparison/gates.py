"""Whether a comparison may be read as one: comparability, opportunity to learn, participation, English learners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.irt.errors import DesignError

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
COMPARABLE, NOT_COMPARABLE = "comparable", "not comparable"
TAUGHT = ("yes", "partly", "no", "unknown")
NOT_YET_TAUGHT = "not yet taught there"

#: Fact -> what a failure means. None of a fact means it was not recorded.
_FACTS = {
    "connected": "the booklets do not connect the groups: there is no common scale",
    "windows_recorded": "the windows in which the groups were tested are not recorded",
    "modes_recorded": "paper or computer is not recorded for every sitting",
    "district_dif_run": "items have not been checked for working differently in the two districts",
    "keys_current": "answers were scored with a key that has been corrected since",
    "parameters_current": "item parameters have been published anew since the scoring",
    "responses_current": "answers have been added or withdrawn since the scoring",
}


@dataclass(frozen=True)
class GateFacts:
    """What is on record about a comparison; None where nothing is ("not recorded").

    Attributes:
        connected: the design graph of booklets, items and groups is connected.
        windows_recorded, modes_recorded: of every sitting.
        district_dif_run: DIF by district was run on these parameters.
        keys_current, parameters_current, responses_current: nothing was corrected since the scoring.
        shared_items: number of items both districts answered.
        assumptions: what the design rests on, for example booklets assigned at random.
    """

    connected: bool | None = None
    windows_recorded: bool | None = None
    modes_recorded: bool | None = None
    district_dif_run: bool | None = None
    keys_current: bool | None = None
    parameters_current: bool | None = None
    responses_current: bool | None = None
    shared_items: int | None = None
    assumptions: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Gate:
    """The stamp on a comparison.

    Attributes:
        stamp: "comparable" or "not comparable".
        reasons: what failed.
        not_recorded: what nobody wrote down; listed above the table, no stamp for it alone.
        notes: warnings and assumptions.
    """

    stamp: str
    reasons: tuple[str, ...]
    not_recorded: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether the results are out of date and have to be computed again."""
        return any(_FACTS[name] in self.reasons for name in _FACTS if name.endswith("_current"))


def comparability(facts: GateFacts, recorded_bank: bool = True) -> Gate:
    """Stamp a comparison.

    Args:
        facts: what is on record.
        recorded_bank: with a bank, whatever is not on record has failed; without one it is only listed.
    """
    reasons, missing = [], []
    for name, sentence in _FACTS.items():
        value = getattr(facts, name)
        if value is None:
            missing.append(name.replace("_", " "))
            if recorded_bank:
                reasons.append(f"{sentence} (not recorded)")
        elif not value:
            reasons.append(sentence)
    notes = list(facts.assumptions)
    if facts.shared_items is not None and facts.shared_items < 5:
        notes.append(f"only {facts.shared_items} items were answered in both districts")
    return Gate(NOT_COMPARABLE if reasons else COMPARABLE, tuple(reasons), tuple(missing), tuple(notes))


def opportunity_to_learn(taught: pd.DataFrame) -> pd.DataFrame:
    """Stamps per concept from what was taught before the window.

    Args:
        taught: index concept, columns districts (or schools); cells yes, partly, no, unknown or empty (= unknown).

    Returns:
        Indexed by concept: stamp ("" or "not yet taught there"), where (districts in which it was not), compare
        (whether mastery may be compared), note.

    Raises:
        DesignError: a cell is none of the four words.
    """
    words = taught.astype("string").apply(lambda c: c.str.strip().str.lower()).fillna("unknown").replace("", "unknown")
    bad = [f"{c} in {d}" for d in words.columns for c in words.index if str(words.at[c, d]) not in TAUGHT]
    if bad:
        raise DesignError("taught", "A record of teaching is none of: yes, partly, no, unknown.", details=bad)
    rows = []
    for concept in words.index:
        of = {str(d): str(words.at[concept, d]) for d in words.columns}
        no = [d for d, w in of.items() if w == "no"]
        partly = [d for d, w in of.items() if w == "partly"]
        unknown = [d for d, w in of.items() if w == "unknown"]
        note = [f"partly taught in {', '.join(partly)}"] if partly else []
        note += [f"not recorded for {', '.join(unknown)}"] if unknown else []
        rows.append(
            {
                "concept": concept, "stamp": NOT_YET_TAUGHT if no else "", "where": ", ".join(no),
                "compare": not no, "note": "; ".join(note),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("concept")


def stamp_comparison(table: pd.DataFrame, stamps: pd.DataFrame) -> pd.DataFrame:
    """A comparison with the stamps of opportunity to learn; mastery of concepts not taught everywhere is taken out."""
    out = table.copy()
    known = out["concept"].map(stamps["stamp"]).fillna("").astype(str)
    out["stamp"] = known
    stop = (known != "") & out["measure"].str.startswith("mastery")
    numbers = out.columns[[pd.api.types.is_float_dtype(t) for t in out.dtypes]]
    out.loc[stop, list(numbers)] = np.nan
    return out


def participation(
    persons: pd.DataFrame, scored: "pd.Series[bool]", by: Sequence[str], enrolled: "pd.Series[int] | None" = None
) -> pd.DataFrame:
    """Coverage: how many students of each group were expected, sat and were scored.

    Args:
        persons: one row per student on a roster.
        scored: aligned; whether the sitting can be scored (an empty cell: no sitting).
        by: columns to break down by, one block each; ("district", "el") as a tuple for a combination.
        enrolled: enrolment by level of the first column, where the roster itself is not complete.

    Returns:
        Columns by, group, students, sat, scored, share_scored, schools; one row per group, "all" first.
    """
    sat, good = scored.notna().to_numpy(), scored.fillna(False).astype(bool).to_numpy()
    school = pd.factorize(persons["school"])[0] if "school" in persons.columns else np.full(len(persons), -1)
    rows = _participation_rows(np.zeros(len(persons), np.int64), ["all"], sat, good, school, "", {})
    for column in by:
        names = [column] if isinstance(column, str) else list(column)
        expected = {} if enrolled is None or len(names) > 1 else {str(k): int(v) for k, v in enrolled.items()}
        number, labels = _combinations(persons[names])
        rows += _participation_rows(number, labels, sat, good, school, " / ".join(names), expected)
    return pd.DataFrame(rows)


def _combinations(table: pd.DataFrame) -> tuple[Index, list[str]]:
    """(N,) which combination of values each row has, and the combinations in words, in the order of the words."""
    number, words = np.zeros(len(table), dtype=np.int64), [""]
    for name in table.columns:
        codes, values = pd.factorize(table[name].astype("string").fillna("(not recorded)"), sort=True)
        used, number = np.unique(number * len(values) + codes, return_inverse=True)
        pairs = [(words[u // len(values)], str(values[u % len(values)])) for u in used.tolist()]
        words = [f"{before} / {value}" if before else value for before, value in pairs]
    order = np.argsort(np.array(words, dtype=object), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[number.ravel()].astype(np.int64), [words[i] for i in order.tolist()]


def _participation_rows(
    number: Index, labels: Sequence[str], sat: Flags, good: Flags, school: Index, by: str, expected: Mapping[str, int]
) -> list[dict[str, object]]:
    n = len(labels)
    students = np.bincount(number, minlength=n)
    came, scored = (np.bincount(number[flag], minlength=n) for flag in (sat, good))
    known = school >= 0
    pairs = np.unique(number[known] * (school.max(initial=-1) + 1) + school[known])
    schools = np.bincount(pairs // max(school.max(initial=-1) + 1, 1), minlength=n)
    rows: list[dict[str, object]] = []
    for i, label in enumerate(labels):
        there = expected.get(label, int(students[i]))
        share = int(scored[i]) / there if there else float("nan")
        counts = {"students": there, "sat": int(came[i]), "scored": int(scored[i]), "share_scored": share}
        rows.append({"by": by, "group": label, **counts, "schools": int(schools[i])})
    return rows


EL_NOTE = "A trend of present English learners alone understates progress: those who succeed leave the group."
#: Codes of language status -> the group they make.
EL_CODES: Mapping[str, str] = {
    "EL": "EL", "RFEP": "RFEP", "IFEP": "never EL", "EO": "never EL", "ADEL": "EL", "TBD": "(not recorded)",
}  # fmt: skip


def english_learner_groups(status: "pd.Series[str]", codes: Mapping[str, str] | None = None) -> pd.DataFrame:
    """English learners, reclassified and ever-EL together, which are always reported side by side.

    Args:
        status: one code per student (EL, RFEP, IFEP, EO, ADEL, TBD; empty = not recorded).
        codes: code -> "EL", "RFEP", "never EL" or "(not recorded)", where other codes are used.

    Returns:
        Aligned columns el_status ("EL", "RFEP", "never EL", "(not recorded)") and ever_el ("ever EL", "never EL",
        "(not recorded)"). Condition plausible values on el_status; ever_el follows from it.

    Raises:
        DesignError: unknown codes.
    """
    meaning = dict(EL_CODES if codes is None else codes)
    text = status.astype("string").str.strip()
    text = text.where(text.notna() & (text != ""))
    unknown = sorted(set(text.dropna()) - set(meaning))
    if unknown:
        raise DesignError("el-status", "Some language codes are unknown.", "Name them with codes=.", unknown)
    el = text.map(meaning).fillna("(not recorded)").astype(str)
    ever = el.replace({"EL": "ever EL", "RFEP": "ever EL"})
    return pd.DataFrame({"el_status": el, "ever_el": ever}, index=status.index)
