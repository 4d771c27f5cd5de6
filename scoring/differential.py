"""DIF as a table: does an item work alike in the groups, for students of equal standing?"""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import MISSING, NOT_REACHED, Responses, read_responses
from scoring.diagnostics.observed import METHODS, Grouping, ItemDif, Purified, purified_dif
from scoring.diagnostics.strata import Matching, MatchingScore
from scoring.dif_table import GroupLabels, concept_notes, tabulate
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread

Index = NDArray[np.int64]

#: Fewer items than this cannot say which students have equal standing in a concept.
LEAST_ITEMS = 4
IRT_METHODS = ("lrt", "wald")


@on_one_blas_thread
def dif(
    responses: pd.DataFrame,
    groups: "pd.Series[object]",
    method: str = "mh",
    matching: str | Mapping[str, str] = "total",
    clusters: "pd.Series[object] | None" = None,
    focal: Hashable | None = None,
    purify: str = "class",
    codes: Mapping[str, str] | None = None,
    model: str | Mapping[str, str] = "2pl",
) -> pd.DataFrame:
    """Differential item functioning of every item.

    Args:
        responses: scores; rows students, columns items, empty = not administered.
        groups: label of each student, aligned to the rows; students without one are left out.
        method: "mh" Mantel-Haenszel (Mantel for graded items), "std" standardisation, "logistic", "lrt" or "wald".
        matching: "total", or {item: concept}: match on the item's own concept, with the total beside it.
        clusters: school of each student: tests and intervals are then robust to schools, and they are the headline.
        focal: the subgroup whose disadvantage is asked about; the effect is averaged over its standing. Without it
            the groups are partners and count equally.
        purify: "class" takes items of class B and C out of the matching score, "p_value" those with p < .05, "no"
            none.
        codes: codes of blanks, as in `calibrate`.
        model: for "lrt" and "wald".

    Returns:
        Indexed by item: n, statistic, df, df_error (0 = chi-square, else F), p_value, p_adjusted (Benjamini-Hochberg
        over the table), effect (expected points at equal standing, focal or second group minus the other), se_effect,
        effect_low, effect_high (95 %), ets_class, favours (in words), d_dif, se_d_dif (delta scale, negative = harder
        for the focal or second group), naive_p_value (schools ignored), matched_on, in_matching, note, n_<group>, with
        more than two groups effect_<group> (against all others), and what the method has beside. When matched on
        concepts also total_statistic, total_p_value, total_effect, total_ets_class (for "lrt" and "wald" those of
        Mantel-Haenszel on the total).
        `attrs`: method, groups, focal, rounds, settled.

    Raises:
        DesignError: fewer than two groups, an unknown method, Series that do not fit the rows; all named at once.

    Sources: Holland & Thayer (1988), Dorans & Holland (1993), Swaminathan & Rogers (1990), Thissen, Steinberg & Wainer
    (1993), Zieky (1993).
    """
    read = read_responses(responses, codes)
    labels, grouping = _grouping(read, responses, groups, clusters, focal, method, matching, purify)
    # item by item is how they are gone through: columns lie together
    scores = np.asfortranarray(np.where(read.status == NOT_REACHED, np.int8(0), read.scores))
    studied = np.asfortranarray(read.scores != MISSING)
    everything = np.arange(len(read.items))
    shared = seen_by_all(scores, labels)
    irt = method in IRT_METHODS
    total = purified_dif(
        MatchingScore(Matching(scores, everything[shared], studied=studied)),
        everything,
        grouping,
        "mh" if irt else method,
        purify,
    )
    results, where, excluded = total.results, ["total score"] * len(everything), set(total.excluded)
    settled, rounds = total.settled, total.rounds
    if irt or not isinstance(matching, str):
        parts = {"": everything} if isinstance(matching, str) else concept_items(read, matching)
        found: list[ItemDif | None] = [None] * len(everything)
        excluded, settled, rounds = set(), True, 0
        for concept, members in parts.items():
            usable = members[shared[members]]
            prefix = f"{concept}: " if concept else ""
            for j in members:
                where[j] = prefix + concept_matching(len(usable), irt)
            if len(usable) < LEAST_ITEMS:
                continue
            if irt:
                part = irt_part(responses, read, members, labels, clusters, method, purify, codes, model)
            else:
                prepared = MatchingScore(Matching(scores, usable, studied=studied))
                part = purified_dif(prepared, members, grouping, method, purify)
            settled, rounds = settled and part.settled, max(rounds, part.rounds)
            excluded |= set(part.excluded)
            for j, result in zip(members, part.results, strict=True):
                found[j] = result
        results = tuple(found)
    out = tabulate(read, labels, results, where, excluded)
    if not isinstance(matching, str):
        beside = tabulate(read, labels, total.results, where, set())
        for column in ("statistic", "p_value", "effect", "ets_class"):
            out[f"total_{column}"] = beside[column]
        out["note"] = concept_notes(out)
    out.attrs = {
        "method": method,
        "groups": [str(x) for x in labels.labels],
        "focal": "" if focal is None else str(focal),
        "rounds": rounds,
        "settled": settled,
    }
    return out


def irt_part(
    responses: pd.DataFrame,
    read: Responses,
    members: Index,
    labels: GroupLabels,
    clusters: "pd.Series[object] | None",
    method: str,
    purify: str,
    codes: Mapping[str, str] | None,
    model: str | Mapping[str, str],
) -> Purified:
    """The IRT methods on one scale."""
    from scoring.differential_irt import Study, run_study, students_per_group

    names = [str(x) for x in labels.labels]
    inside = labels.group >= 0
    columns = [responses.columns[j] for j in members]
    rows = responses.loc[inside, columns].set_axis([read.items[j] for j in members], axis=1)
    group = pd.Series(np.array(names, dtype=object)[labels.group[inside]], index=rows.index)
    school = None if clusters is None else clusters[inside]
    chosen = model if isinstance(model, str) else {k: v for k, v in model.items() if k in set(rows.columns)}
    study = Study(rows, group, names, school, labels.over, codes, chosen)
    counts = students_per_group(read, labels.group, len(names))[members]
    results, freed, rounds, settled = run_study(study, list(rows.columns), counts, method, purify)
    excluded = tuple(int(j) for j in members if read.items[j] in freed)
    return Purified(tuple(results), excluded, rounds, settled)


def seen_by_all(scores: NDArray[np.int8], labels: GroupLabels) -> NDArray[np.bool_]:
    """(J,) items that somebody of every group took: others cannot say who has equal standing across groups."""
    return np.all([(scores[labels.group == g] >= 0).any(axis=0) for g in range(len(labels.labels))], axis=0)


def concept_items(read: Responses, concepts: Mapping[str, str]) -> dict[str, Index]:
    """Concept -> positions of its items, in the order of the columns."""
    out: dict[str, list[int]] = {}
    for j, name in enumerate(read.items):
        out.setdefault(str(concepts[name]), []).append(j)
    return {c: np.array(members, dtype=np.int64) for c, members in out.items()}


def concept_matching(n_items: int, irt: bool) -> str:
    """What students are matched on, in words.

    The studied item belongs to its own matching score: left out, students of unequal groups with equal rest scores are
    not of equal standing (regression to each group's own mean), and with a concept difference of half a standard
    deviation a third to two thirds of sound items were rejected (docs/methods/diagnostics.md).
    """
    if n_items < LEAST_ITEMS:
        return f"only {n_items} items, too few to match on"
    return f"θ from {n_items} items" if irt else f"score on {n_items} items"


def _grouping(
    read: Responses,
    responses: pd.DataFrame,
    groups: "pd.Series[object]",
    clusters: "pd.Series[object] | None",
    focal: Hashable | None,
    method: str,
    matching: str | Mapping[str, str],
    purify: str,
) -> tuple[GroupLabels, Grouping]:
    """Check everything that can be wrong with the request at once."""
    problems = []
    if method not in METHODS + IRT_METHODS:
        problems.append(f"method {method!r} is none of {', '.join(METHODS + IRT_METHODS)}")
    if purify not in ("class", "p_value", "no"):
        problems.append(f"purify {purify!r} is none of class, p_value, no")
    if isinstance(matching, str):
        if matching != "total":
            problems.append(f"matching {matching!r} is neither 'total' nor a mapping from item to concept")
    else:
        without = [n for n in read.items if n not in matching]
        if without:
            problems.append("no concept for " + ", ".join(without[:10]))
    for what, series in (("groups", groups), ("clusters", clusters)):
        if series is None and what == "clusters":
            continue
        if not isinstance(series, pd.Series):
            problems.append(f"{what} is {checks.kind(series)}, not a Series")
        elif len(series) != len(responses) or not series.index.equals(responses.index):
            problems.append(f"{what} is not aligned to the rows of the responses")
    if problems:
        hint = "scoring.dif(responses, groups=students['district'], method='mh'): groups a Series on the rows' index."
        raise DesignError("dif-request", "The DIF analysis cannot be run as asked.", hint, problems)
    labels = group_labels(groups, focal)
    school = district = None
    if clusters is not None:
        code, _ = pd.factorize(clusters)
        if (code < 0).any():
            fresh = np.flatnonzero(code < 0)  # a student without a school is a school of one
            code = code.copy()
            code[fresh] = code.max() + 1 + np.arange(len(fresh))
        school = code.astype(np.int64)
        district = districts_of(school, labels.group)
    return labels, Grouping(labels.group, len(labels.labels), labels.over, school, district)


def group_labels(groups: "pd.Series[object]", focal: Hashable | None) -> GroupLabels:
    """Groups as codes, reference first; with a focal group all others together are the reference."""
    values = groups.dropna()
    if isinstance(groups.dtype, pd.CategoricalDtype):  # an order that somebody chose
        present = set(values)
        found = [v for v in groups.cat.categories if v in present]
        groups = groups.astype(object)
    else:
        found = sorted(values.unique(), key=lambda v: (str(type(v)), v if isinstance(v, (int, float)) else str(v)))
    if len(found) < 2:
        raise DesignError(
            "one-group", f"DIF compares groups; there is {len(found)}.", "Give a column with two groups or more."
        )
    if focal is None:
        place = {v: i for i, v in enumerate(found)}
        return GroupLabels(tuple(found), groups.map(place).fillna(-1).to_numpy(dtype=np.int64), "both")
    if focal not in found:
        names = ", ".join(map(str, found))
        raise DesignError("unknown-group", f"There is no group {focal!r}.", f"The groups are {names}.")
    others = [v for v in found if v != focal]
    reference: Hashable = others[0] if len(others) == 1 else "all others"
    group = np.where(groups.isna(), -1, (groups == focal).to_numpy(dtype=np.int64))
    return GroupLabels((reference, focal), group.astype(np.int64), "focal")


def districts_of(school: Index, group: Index) -> Index:
    """(S,) within what schools' sums are centred: the group, where every school has one only; else all together."""
    n_schools = int(school.max()) + 1
    used = group >= 0
    n_groups = int(group.max()) + 1
    table = np.bincount(school[used] * n_groups + group[used], minlength=n_schools * n_groups).reshape(
        n_schools, n_groups
    )
    if ((table > 0).sum(axis=1) <= 1).all():
        return table.argmax(axis=1).astype(np.int64)
    return np.zeros(n_schools, dtype=np.int64)
