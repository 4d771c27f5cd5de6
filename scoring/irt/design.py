"""Checks of a design before anything is estimated: what cannot be calibrated is named, with what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Index = NDArray[np.int64]

FEWEST_SHARED = 5  # items two groups should share
SMALL_GROUP = 100  # students below which a group's mean and SD say little
FEWEST_STUDENTS = 2
CHANCE = 20  # students off the commonest answer beyond which two items do not agree by chance


@dataclass(frozen=True)
class Notice:
    """Something to know about a calibration.

    Attributes:
        code: short stable name.
        severity: "refusal" (nothing was estimated), "warning" or "notice".
        message: one sentence.
        hint: what to do.
        places: items, groups or components concerned.
    """

    code: str
    severity: str
    message: str
    hint: str = ""
    places: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The message with the first eight places."""
        if not self.places:
            return self.message
        return f"{self.message} {', '.join(map(str, self.places[:8]))}{'...' if len(self.places) > 8 else ''}"

    def __str__(self) -> str:
        return " ".join(x for x in (self.message, self.hint) if x)


def category_counts(codes: NDArray[np.int8], categories: int) -> Index:
    """(V, K) how often each category was given."""
    out = np.zeros((codes.shape[1], categories), dtype=np.int64)
    for first in range(0, len(codes), 8192):  # a piece at a time stays in the processor's cache
        part = codes[first : first + 8192]
        for k in range(categories):
            out[:, k] += np.count_nonzero(part == k, axis=0)
    return out


def components(seen: NDArray[np.bool_]) -> list[tuple[Index, Index]]:
    """Connected components of the graph groups × items: (groups, items) of each.

    Args:
        seen: (G, V) whether a group has answers to an item.
    """
    g, v = seen.shape
    rows, columns = np.nonzero(seen)
    graph = coo_matrix((np.ones(len(rows)), (rows, g + columns)), shape=(g + v, g + v))
    n, label = connected_components(graph, directed=False)
    return [(np.flatnonzero(label[:g] == c), np.flatnonzero(label[g:] == c)) for c in range(n)]


def check_design(
    codes: NDArray[np.int8],
    groups: Index,
    weights: NDArray[np.float64],
    items: Sequence[str],
    group_names: Sequence[str],
    categories: Index,
    anchored: NDArray[np.bool_],
    estimated: NDArray[np.bool_],
    partners: Index,
    partner_names: Sequence[str],
    free_slopes: bool = True,
) -> list[Notice]:
    """All findings at once; any of severity "refusal" means that there is nothing to estimate.

    Args:
        codes: (N, V) categories, -1 where not administered; items with parameters of their own in several groups
            stand in several columns.
        groups: (N,) group of each student.
        weights: (N,) case weights.
        items: (V,) names.
        group_names: (G,) names.
        categories: (V,) numbers of categories.
        anchored: (V,) items whose parameters are all fixed.
        estimated: (V,) items with something to estimate.
        partners: (G,) partner of each group.
        partner_names: names of the partners.
        free_slopes: some items have a slope of their own.
    """
    out: list[Notice] = []
    answered = codes >= 0
    present = (answered.any(axis=1)) & (weights > 0)
    n_groups = len(group_names)
    n = np.bincount(groups[present], minlength=n_groups)
    _check_sizes(out, int(present.sum()), len(codes), n, group_names)
    seen = np.zeros((n_groups, len(items)), dtype=bool)
    for g in range(n_groups):
        seen[g] = answered[(groups == g) & present].any(axis=0)
    _check_variation(out, codes, items, categories, estimated, present)
    fewest = 3 if free_slopes else 2
    if len(items) < fewest and not anchored.any():
        out.append(
            Notice("too-few-items", "refusal", f"{len(items)} item{'s' * (len(items) > 1)} cannot tell slopes, "
                   "intercepts and populations apart.", f"Give at least {fewest} items, or fix some.")
        )  # fmt: skip
    _check_links(out, seen, items, group_names, anchored, partners, partner_names)
    _check_booklets(out, codes, groups, present, items, group_names, anchored)
    unseen = [f"{items[j]}: {group_names[g]}" for j in range(len(items)) for g in range(n_groups) if not seen[g, j]]
    if unseen and n_groups > 1:
        out.append(
            Notice(
                "item-not-seen", "notice", "Some items were not seen by every group; they get no statistic there.",
                places=tuple(unseen),
            )
        )  # fmt: skip
    return out


def _check_sizes(out: list[Notice], n: int, rows: int, by_group: Index, names: Sequence[str]) -> None:
    if n < FEWEST_STUDENTS:
        out.append(
            Notice("too-few-students", "refusal", f"Only {n} student answered anything." if n else "Nobody answered.",
                   "A calibration needs many students; fixed parameters can score a single one.")
        )  # fmt: skip
    if rows > n:
        out.append(Notice("empty-rows", "notice", f"{rows - n} students answered nothing and were left out."))
    for g, name in enumerate(names):
        if by_group[g] < FEWEST_STUDENTS and n >= FEWEST_STUDENTS:
            out.append(
                Notice("group-too-small", "refusal", f"Group {name} has {by_group[g]} students with answers.",
                       "Leave it out, or join it to another group.", (name,))
            )  # fmt: skip
        elif by_group[g] < SMALL_GROUP:
            out.append(
                Notice("small-group", "warning", f"Group {name} has {by_group[g]} students: its mean and SD are rough.",
                       "Join it to another group if that makes sense.", (name,))
            )  # fmt: skip


def _check_variation(
    out: list[Notice],
    codes: NDArray[np.int8],
    items: Sequence[str],
    categories: Index,
    estimated: NDArray[np.bool_],
    present: NDArray[np.bool_],
) -> None:
    constant, empty, unused = [], [], []
    given = category_counts(codes[present] if not present.all() else codes, int(categories.max()))
    for j in map(int, np.flatnonzero(estimated)):
        counts = given[j, : int(categories[j])]
        if counts.sum() == 0:
            empty.append(items[j])
        elif (counts > 0).sum() < 2:
            constant.append(f"{items[j]}: everybody scored {int(np.argmax(counts))}")
        elif (counts == 0).any():
            unused.append(f"{items[j]}: {', '.join(map(str, np.flatnonzero(counts == 0)))}")
    if empty:
        out.append(Notice("item-without-answers", "refusal", "Some items have no answers.",
                          "Leave them out.", tuple(empty)))  # fmt: skip
    if constant:
        out.append(
            Notice("item-without-variation", "refusal", "Some items have the same score from everybody: no maximum.",
                   "Leave them out, or fix their parameters.", tuple(constant))
        )  # fmt: skip
    _check_copies(out, codes, given, items, estimated)
    if unused:
        out.append(
            Notice("unused-category", "refusal", "Some scores below an item's highest were given by nobody.",
                   "Recode the item (join the unused score to its neighbour), or fix its parameters.", tuple(unused))
        )  # fmt: skip


def _check_copies(
    out: list[Notice], codes: NDArray[np.int8], given: Index, items: Sequence[str], estimated: NDArray[np.bool_]
) -> None:
    """Columns that are equal in every row: together their slopes run off to infinity."""
    first: dict[tuple[int, ...], list[int]] = {}
    copies: list[str] = []
    perhaps: list[str] = []
    for j in map(int, np.flatnonzero(estimated)):
        counts = given[j]
        alike = first.setdefault(tuple(map(int, counts)), [])
        twin = next((i for i in alike if (codes[:, i] == codes[:, j]).all()), j)
        if twin == j:
            alike.append(j)
        if twin == j or (counts > 0).sum() < 2:
            continue
        # where few students differ from the others, two items may agree by chance
        rare = int(counts.sum() - counts.max())
        (copies if rare >= CHANCE else perhaps).append(f"{items[twin]} and {items[j]}")
    if copies:
        out.append(
            Notice("same-item-twice", "refusal", "Some items have the same answers from everybody.",
                   "It is the same item twice: leave one out.", tuple(copies))
        )  # fmt: skip
    if perhaps:
        out.append(
            Notice("same-answers", "warning", "Some items have the same answers from everybody.",
                   "If it is the same item twice, leave one out.", tuple(perhaps))
        )  # fmt: skip


def _check_links(
    out: list[Notice],
    seen: NDArray[np.bool_],
    items: Sequence[str],
    group_names: Sequence[str],
    anchored: NDArray[np.bool_],
    partners: Index,
    partner_names: Sequence[str],
) -> None:
    parts = [c for c in components(seen) if len(c[0]) and len(c[1])]
    loose = [c for c in parts if not anchored[c[1]].any()]
    if len(parts) > 1 and loose:
        places = [
            f"{', '.join(group_names[g] for g in c[0])}: {', '.join(items[j] for j in c[1][:6])}"
            + (f" and {len(c[1]) - 6} more" if len(c[1]) > 6 else "")
            for c in parts
        ]
        out.append(
            Notice("disconnected", "refusal",
                   f"The design falls into {len(parts)} parts that share no item: their scales cannot be compared.",
                   "Give common items, fix anchors in each part, or calibrate each part by itself.", tuple(places))
        )  # fmt: skip
        return
    if anchored.any():
        return
    for p in range(len(partner_names)):
        for q in range(p):
            shared = int((seen[partners == p].any(axis=0) & seen[partners == q].any(axis=0)).sum())
            if 0 < shared < FEWEST_SHARED and shared < min(
                seen[partners == p].any(axis=0).sum(), seen[partners == q].any(axis=0).sum()
            ):
                pair = f"{partner_names[q]} and {partner_names[p]}"
                out.append(
                    Notice("few-shared-items", "warning", f"{pair} share only {shared} items.",
                           f"At least {FEWEST_SHARED} common items make a link that one bad item cannot tilt.", (pair,))
                )  # fmt: skip


def _check_booklets(
    out: list[Notice],
    codes: NDArray[np.int8],
    groups: Index,
    present: NDArray[np.bool_],
    items: Sequence[str],
    group_names: Sequence[str],
    anchored: NDArray[np.bool_],
) -> None:
    """Booklets of one group that share no item are linked only by having been given at random."""
    for g, name in enumerate(group_names):
        parts = _item_sets(codes, np.flatnonzero((groups == g) & present))
        if len(parts) > 1 and not all(anchored[c].any() for c in parts):
            out.append(
                Notice("link-by-assignment", "warning",
                       f"In {name}, {len(parts)} sets of booklets share no item: their scales agree only if booklets "
                       "were handed out at random.", "Name that as an assumption, or give common items.",
                       tuple(", ".join(items[j] for j in c[:6]) for c in parts))
            )  # fmt: skip


def _item_sets(codes: NDArray[np.int8], rows: Index) -> list[Index]:
    """Items that some of these students saw, split where no student saw items of two sets."""
    together = np.zeros((codes.shape[1], codes.shape[1]), dtype=np.float32)
    for first in range(0, len(rows), 8192):
        part = (codes[rows[first : first + 8192]] >= 0).astype(np.float32)
        together += part.T @ part
    n, label = connected_components(coo_matrix(together > 0), directed=False)
    return [c for c in (np.flatnonzero(label == k) for k in range(n)) if together[c[0], c[0]] > 0]
