"""What the concept profile is asked to work on: checks of the design, every finding at once, and the model it means."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import Responses, read_responses
from scoring.frozen import freeze
from scoring.irt.curves import FAMILY, ItemParameters
from scoring.irt.distinct import distinct_numbers
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.profile_items import layout_of
from scoring.irt.profile_model import ProfileModel

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Below this many students in any group the groups share their correlations and keep their own SDs.
COMMON_CORRELATIONS_BELOW = 500
_SMALLEST_GROUP = 10


@dataclass(frozen=True)
class ProfileInput:
    """A checked request.

    Attributes:
        responses: the answers as read; items in the order of the columns.
        columns: (J,) columns in the order of the model's items (sorted by concept).
        order: (N,) rows in the order of the estimation: by group, within it by answers.
        model: structure of the model.
        concepts: (C,) names.
        groups: (G,) names in the order of the model.
        group: (N,) group index of each row.
        partner: (G,) partner of each group.
        weights: (N,).
        cluster: (N,) index of the cluster, or None.
        stratum: (S,) partner index of each cluster, or None.
        fixed: (J,) whether an item's parameters are given.
    """

    responses: Responses
    columns: Index
    order: Index
    model: ProfileModel
    concepts: tuple[str, ...]
    groups: tuple[str, ...]
    group: Index
    partner: tuple[str, ...]
    weights: Array
    cluster: Index | None
    stratum: Index | None
    fixed: NDArray[np.bool_]


def read_profile_input(
    responses: pd.DataFrame,
    concepts: Mapping[str, str],
    groups: "pd.Series[Any] | None",
    partner: "pd.Series[Any] | None",
    model: str | Mapping[str, str],
    weights: "pd.Series[Any] | None",
    clusters: "pd.Series[Any] | None",
    fixed: Any,
    codes: Mapping[str, str] | None,
) -> ProfileInput:
    """Check everything and name all that is wrong.

    Raises:
        DesignError: with one line per finding.
    """
    read = read_responses(responses, codes=codes)
    problems: list[str] = []
    if not isinstance(concepts, Mapping | pd.Series):
        raise DesignError("bad-profile", "concepts= is no mapping from items to concepts.", "concepts={item: concept}")
    label = {str(k): str(v) for k, v in concepts.items() if not pd.isna(v)}
    strangers = tuple(n for n in label if n not in read.items)
    if strangers:
        message = f"Items of concepts= that are not in the responses, left out: {checks.some(strangers)}"
        warnings.warn(message, ScoringWarning, stacklevel=4)
    for name in read.items:
        if name not in label:
            problems.append(f"item {name}: no concept")
    names = tuple(sorted({label[i] for i in read.items if i in label}))
    concept_of = np.array([names.index(label[i]) if i in label else 0 for i in read.items], dtype=np.int64)
    columns = np.argsort(concept_of, kind="stable")
    scores = read.scores[:, columns]
    concept = concept_of[columns]
    items = tuple(read.items[j] for j in columns)
    group_names, group = _labels(groups, responses.index, "groups", "all", problems)
    # who answered nothing is kept with a status, but is no evidence about a group
    case_weights = np.where((scores >= 0).any(axis=1), _numbers(weights, responses.index, problems), 0.0)
    given, held = _items(items, scores, model, fixed, case_weights, problems)
    partner_of_group = _partners(partner, responses.index, group_names, group, problems)
    cluster, stratum = _clusters(clusters, responses.index, group, partner_of_group, problems)
    if not problems:
        problems += _design(names, items, concept, scores, group_names, group, held, case_weights, given.categories)
    if problems:
        raise DesignError(
            "bad-profile", "The concept profile cannot be estimated as asked.", "Correct each of these.", problems
        )
    order, rank = _order(scores, group, len(group_names), case_weights)
    group_names = tuple(np.array(group_names, dtype=object)[rank])
    back = np.empty_like(rank)
    back[rank] = np.arange(rank.size)
    group = back[group]
    partner_of_group = [partner_of_group[g] for g in rank]
    layout = layout_of(given)
    constant = np.zeros(layout.total, dtype=bool)
    for j in range(len(items)):
        block = slice(layout.start[j], layout.start[j] + layout.size[j])
        constant[block] = held[j]
        constant[layout.start[j]] |= given.model[j] in ("rasch", "pcm")
    is_rasch = np.array([m in ("rasch", "pcm") for m in given.model])
    structure = ProfileModel(
        given,
        layout,
        concept,
        len(names),
        len(group_names),
        _pooled_weights(group, case_weights, partner_of_group),
        np.array([bool(held[concept == c].any()) for c in range(len(names))]),
        np.array([bool(is_rasch[concept == c].any()) for c in range(len(names))]),
        constant,
        len(names) > 1
        and len(group_names) > 1
        and int(np.bincount(group[case_weights > 0]).min()) < COMMON_CORRELATIONS_BELOW,
    )
    return ProfileInput(
        read,
        columns,
        order,
        structure,
        names,
        group_names,
        group,
        tuple(partner_of_group),
        case_weights,
        cluster,
        stratum,
        held,
    )


def _aligned(series: "pd.Series[Any]", index: pd.Index, what: str, problems: list[str]) -> "pd.Series[Any] | None":
    if isinstance(series, pd.Series) and not series.index.equals(index):
        if series.index.is_unique and index.isin(series.index).all():
            series = series.loc[index]
        else:
            problems.append(f"{what}: its index is not that of the responses")
            return None
    if len(series) != len(index):
        problems.append(f"{what}: {len(series)} values for {len(index)} students")
        return None
    values = pd.Series(np.asarray(series), index=index)
    missing = int(values.isna().sum())
    if missing:
        problems.append(f"{what}: missing for {missing} students")
        return None
    return values


def _labels(
    series: "pd.Series[Any] | None", index: pd.Index, what: str, default: str, problems: list[str]
) -> tuple[tuple[str, ...], Index]:
    nobody = np.zeros(len(index), dtype=np.int64)
    if series is None:
        return (default,), nobody
    values = _aligned(series, index, what, problems)
    if values is None:
        return (default,), nobody
    codes, names = pd.factorize(values.astype(str), sort=True)
    return tuple(str(n) for n in names), codes.astype(np.int64)


def _numbers(series: "pd.Series[Any] | None", index: pd.Index, problems: list[str]) -> Array:
    if series is None:
        return np.ones(len(index))
    values = _aligned(series, index, "weights", problems)
    if values is None:
        return np.ones(len(index))
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    bad = int(np.count_nonzero(~(np.isfinite(numbers) & (numbers >= 0))))
    if bad:
        problems.append(f"weights: {bad} are negative or no numbers")
        return np.ones(len(index))
    if not numbers.sum() > 0:
        problems.append("weights: all are zero")
        return np.ones(len(index))
    return numbers


def _items(
    items: tuple[str, ...],
    scores: NDArray[np.int8],
    model: str | Mapping[str, str],
    fixed: Any,
    weights: Array,
    problems: list[str],
) -> tuple[ItemParameters, NDArray[np.bool_]]:
    """Models and categories of the items, with the values of the fixed ones."""
    categories = np.maximum(scores.max(axis=0).astype(np.int64) + 1, 2)
    held = np.zeros(len(items), dtype=bool)
    anchors = None if fixed is None else freeze(fixed).items
    place = {} if anchors is None else {n: i for i, n in enumerate(anchors.names)}
    if anchors is not None and not set(place) & set(items):
        problems.append("fixed: none of its items is in the responses")
    models, known = [], True
    for j, name in enumerate(items):
        kind = str(model.get(name, "2pl") if isinstance(model, Mapping) else model).lower()
        if name in place and anchors is not None:
            kind, held[j] = anchors.model[place[name]], True
            if categories[j] > anchors.categories[place[name]]:
                problems.append(f"item {name}: scores above the fixed item's highest category")
            categories[j] = anchors.categories[place[name]]
        if kind not in FAMILY:
            problems.append(f"item {name}: unknown model {kind!r}; known are {', '.join(FAMILY)}")
            known = False
        elif categories[j] > 2 and FAMILY[kind] == "logistic":
            if isinstance(model, Mapping) and name in model and kind == "3pl":
                problems.append(f"item {name}: a 3pl item has the scores 0 and 1")
            kind = "pcm" if kind in ("rasch", "1pl") else "gpcm"
        models.append(kind)
        used = [int(np.count_nonzero((scores[:, j] == k) & (weights > 0))) for k in range(int(categories[j]))]
        if not sum(used):
            problems.append(f"item {name}: nobody answered it")
        elif not held[j] and 0 in used:
            empty = ", ".join(str(k) for k, count in enumerate(used) if not count)
            problems.append(f"item {name}: nobody scored {empty}; leave the item out or join its categories")
    n_steps = int(categories.max()) - 1
    a, d, g = np.ones(len(items)), np.full((len(items), n_steps), np.nan), np.zeros(len(items))
    if known and anchors is not None:
        for j in range(len(items)):
            if not held[j]:
                continue
            i = place[items[j]]
            a[j], g[j] = anchors.a[i], anchors.g[i]
            d[j, : categories[j] - 1] = anchors.d[i, : categories[j] - 1]
    return ItemParameters(items, tuple(models), a, d, g, categories), held


def _partners(
    partner: "pd.Series[Any] | None", index: pd.Index, names: tuple[str, ...], group: Index, problems: list[str]
) -> list[str]:
    """Partner of each group; without any, every group is its own."""
    values = None if partner is None else _aligned(partner, index, "partner", problems)
    if values is None:
        return list(names)
    text = values.astype(str).to_numpy()
    out = []
    for g, name in enumerate(names):
        own = sorted(set(text[group == g]))
        if len(own) > 1:
            problems.append(f"group {name}: belongs to several partners ({', '.join(own)})")
        out.append(str(own[0]) if own else name)
    return out


def _clusters(
    clusters: "pd.Series[Any] | None", index: pd.Index, group: Index, partner_of_group: list[str], problems: list[str]
) -> tuple[Index | None, Index | None]:
    """Cluster of each row and partner of each cluster; one school number in two districts is two clusters."""
    values = None if clusters is None else _aligned(clusters, index, "clusters", problems)
    if values is None:
        return None, None
    partners = sorted(set(partner_of_group))
    of_group = np.array([partners.index(p) for p in partner_of_group], dtype=np.int64)
    stratum_of_row = of_group[group]
    codes, names = pd.factorize(values.astype(str), sort=True)
    pair, cluster = distinct_numbers(stratum_of_row * max(len(names), 1) + codes)
    stratum = pair // max(len(names), 1)
    for s, name in enumerate(partners):
        if np.count_nonzero(stratum == s) < 2:
            problems.append(f"clusters: {name} has a single cluster, which shows no variation between clusters")
    return cluster, stratum


def _design(
    concepts: tuple[str, ...],
    items: tuple[str, ...],
    concept: Index,
    scores: NDArray[np.int8],
    groups: tuple[str, ...],
    group: Index,
    held: NDArray[np.bool_],
    weights: Array,
    categories: Index,
) -> list[str]:
    """Every concept has items enough, every group students enough, and the groups share items in every concept."""
    problems = []
    seen = np.stack([(scores[group == g] >= 0).any(axis=0) for g in range(len(groups))])
    for g, name in enumerate(groups):
        n = int(np.count_nonzero((group == g) & (weights > 0)))
        if n < _SMALLEST_GROUP:
            problems.append(f"group {name}: {n} students; a population of its own needs {_SMALLEST_GROUP}")
    for c, name in enumerate(concepts):
        own = np.flatnonzero(concept == c)
        # even with known parameters, the share right on one item cannot tell a group's mean from its spread
        if own.size < 2 and not (held[own[0]] and categories[own[0]] > 2):
            problems.append(f"concept {name}: one item ({items[own[0]]}) cannot carry a concept")
        parts = _components(seen[:, own])
        if len(parts) > 1 and not held[own].all():
            text = " | ".join(", ".join(groups[g] for g in part) for part in parts)
            problems.append(f"concept {name}: these groups share no item: {text}")
        for absent in np.flatnonzero(~seen[:, own].any(axis=1)):
            problems.append(f"concept {name}: group {groups[absent]} has no response to any of its items")
    return problems


def _components(seen: NDArray[np.bool_]) -> list[list[int]]:
    """Groups connected by common items."""
    left, out = set(np.flatnonzero(seen.any(axis=1)).tolist()), []
    while left:
        part = {min(left)}
        while True:
            wider = {g for g in left if (seen[g] & seen[sorted(part)].any(axis=0)).any()} | part
            if wider == part:
                break
            part = wider
        out.append(sorted(part))
        left -= part
    return out


def _order(scores: NDArray[np.int8], group: Index, n_groups: int, weights: Array) -> tuple[Index, Index]:
    """Rows by group and answers, and the groups by their answers: no result depends on row order or group names."""
    multipliers = np.random.default_rng(1968).integers(1, 2**62, scores.shape[1] + 1, dtype=np.uint64)
    code = np.zeros(len(scores), dtype=np.uint64)
    for j in range(scores.shape[1]):  # wraps around: a hash of the answers
        code += (scores[:, j].astype(np.int64) + 2).astype(np.uint64) * multipliers[j]
    code ^= code >> np.uint64(29)
    code *= np.uint64(0xBF58476D1CE4E5B9)
    code += weights.view(np.uint64) * multipliers[-1]
    of_group = np.array([np.add.reduce(code[group == g]) for g in range(n_groups)], dtype=np.uint64)
    rank = np.argsort(of_group, kind="stable").astype(np.int64)
    place = np.empty_like(rank)
    place[rank] = np.arange(n_groups)
    return np.lexsort((code, place[group])).astype(np.int64), rank


def _pooled_weights(group: Index, weights: Array, partner_of_group: list[str]) -> Array:
    """Each partner counts the same; within a partner its groups count by their students (estimation.md)."""
    n = np.bincount(group, weights=weights, minlength=len(partner_of_group))
    out = np.zeros(len(partner_of_group))
    partners = sorted(set(partner_of_group))
    for name in partners:
        own = np.array([p == name for p in partner_of_group])
        out[own] = n[own] / n[own].sum() / len(partners)
    return out
