"""What an analysis says of the items: parameters, shares correct, flags, and whether they work alike in the groups."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.analysis.inputs import AnalysisInput

#: Two-group DIF is worth showing from this many students per group.
LEAST_FOR_DIF = 100
#: Cells of raw answers that say nothing of a choice.
NO_ANSWER = ("", "R", "nan", "None")


def item_table(data: AnalysisInput, classical: Any, fit: Any) -> pd.DataFrame:
    """One row per item of the data, also those that could not be calibrated.

    Args:
        data: the input.
        classical: result of `scoring.classical`.
        fit: result of `scoring.calibrate`; its items may be fewer.
    """
    stats = classical.items
    table = pd.DataFrame(
        {
            "title": data.items["title"],
            "concept": data.items["concept"],
            "model": "",
            "n": stats["n"].reindex(data.items.index).fillna(0).astype(int),
            "points": data.items["points"],
            "share_correct": stats["proportion_correct"]
            if data.weights is None
            else _share_correct(data.scored, data.items["points"], data.weights),
        },
        index=data.items.index,
    )
    for group in data.group_order:
        here = np.asarray(data.groups == group)
        table[f"share_correct: {group}"] = _share_correct(
            data.scored[here], data.items["points"], _of(data.weights, here)
        )
    table["item_rest"] = stats["item_rest"]
    estimated = single_rows(fit.items)
    table["model"] = estimated["model"].reindex(table.index).fillna("")
    for column in ("a", "se_a", "b", "se_b"):
        table[column] = _difficulty(estimated, column).reindex(table.index)
    table["flags"] = [_joined(stats.at[i, "flags"], estimated, str(i)) for i in table.index]
    return table


def single_rows(items: pd.DataFrame) -> pd.DataFrame:
    """The items table with one row per item: the common row where an item has parameters per group."""
    return items[~items.index.duplicated(keep="first")]


def _difficulty(items: pd.DataFrame, column: str) -> pd.Series:
    """b and its SE for graded items: the mean of the steps (the SE of the middle step, as a rough guide)."""
    if column in ("a", "se_a"):
        return items[column]
    steps = [c for c in items.columns if c.startswith(column) and c[len(column) :].isdigit()]
    out = items[column].copy() if column in items else pd.Series(np.nan, index=items.index)
    if steps:
        out = out.fillna(items[steps].mean(axis=1))
    return out


def _share_correct(
    scored: pd.DataFrame, most: pd.Series, weights: "pd.Series[float] | None" = None
) -> "pd.Series[float]":
    means = pd.Series({item: _mean(points(scored[item]), weights) for item in scored.columns})
    return means / most.where(most > 0, np.nan)


def _mean(values: "pd.Series[Any]", weights: "pd.Series[float] | None") -> float:
    if weights is None:
        return float(values.mean())
    given = values.notna()
    return float(np.average(values[given], weights=weights[given])) if given.any() else float("nan")


def _of(weights: "pd.Series[float] | None", here: Any) -> "pd.Series[float] | None":
    return None if weights is None else weights[here]


def points(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of scores as numbers: omitted and double marks 0, not reached and empty NaN."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return pd.to_numeric(column.replace({"O": 0, "M": 0, "R": np.nan}), errors="coerce")


def _joined(flags: str, estimated: pd.DataFrame, item: str) -> str:
    out = [flags] if flags else []
    if item in estimated.index:
        a = float(estimated.at[item, "a"])
        if a < 0:
            out.append("better students do worse on it: is the key right?")
        elif a < 0.4:
            out.append("tells little about the concept")
    else:
        out.append("left out of the estimation: it cannot tell students apart")
    return "; ".join(dict.fromkeys(out))


def dif_table(data: AnalysisInput, scored: pd.DataFrame) -> pd.DataFrame:
    """Items that work differently in the groups at equal ability on their concept; empty without two groups."""
    import scoring

    if data.groups is None or len(data.group_order) < 2:
        return pd.DataFrame()
    sizes = data.groups.value_counts()
    if sizes.min() < LEAST_FOR_DIF:
        return pd.DataFrame()
    concepts = data.items["concept"].reindex(scored.columns)
    matching: Any = concepts.to_dict() if (concepts != "").all() and concepts.nunique() > 1 else "total"
    first, second = data.group_order[0], data.group_order[1]
    groups = data.groups.astype(pd.CategoricalDtype(list(data.group_order), ordered=True))
    found = scoring.dif(scored, groups, method="mh", matching=matching, clusters=_clusters(data))
    pair = len(data.group_order) == 2
    table = pd.DataFrame(
        {
            "title": data.items["title"].reindex(found.index),
            "concept": concepts.reindex(found.index),
            "effect": -found["effect"],  # first minus second, as everywhere in the report
            "low": -found["effect_high"],
            "high": -found["effect_low"],
            "p_adjusted": found["p_adjusted"],
            "ets_class": found["ets_class"],
            "ets_class_total": found.get("total_ets_class", found["ets_class"]),
            "favours": found["favours"],
        }
    )
    table["words"] = [_in_words(row, first, second) if pair else str(row["favours"]) for _, row in table.iterrows()]
    return table


def _clusters(data: AnalysisInput) -> pd.Series | None:
    return data.clusters


def _in_words(row: pd.Series, first: str, second: str) -> str:
    if row["effect"] != row["effect"]:
        return "could not be judged"
    easier = first if row["effect"] > 0 else second
    size = {"B": f"somewhat easier in {easier}", "C": f"much easier in {easier}"}.get(str(row["ets_class"]), "alike")
    text = f"{size} for students of equal ability on the concept" if size != "alike" else "works alike"
    if row["ets_class_total"] in ("B", "C") and row["ets_class"] == "A":
        text += "; what shows against the total is a difference in the concept"
    return text


def option_table(data: AnalysisInput) -> pd.DataFrame:
    """How often each option was chosen, by group: item, option, is_key, misconception, group, n, share."""
    if data.raw is None or not len(data.options):
        return pd.DataFrame()
    groups: list[tuple[str, Any]] = [("all", np.ones(len(data.raw), dtype=bool))]
    groups += [(g, np.asarray(data.groups == g)) for g in data.group_order]
    rows = []
    for item, options in data.options.groupby("item", sort=False):
        codes, words = _answers(data.raw[item])
        for group, here in groups:
            counts = _by_word(codes[here], words, None)
            n = int(sum(count for word, count in counts.items() if word not in NO_ANSWER))
            if data.weights is not None:
                counts = _by_word(codes[here], words, data.weights.to_numpy(dtype=float)[here])
            offered = sum(count for word, count in counts.items() if word not in NO_ANSWER)
            rows += [
                (
                    item,
                    o.option,
                    bool(o.is_key),
                    o.misconception,
                    group,
                    n,
                    sum(counts.get(a, 0) for a in o.answers if a not in NO_ANSWER) / offered if n else np.nan,
                )
                for o in options.itertuples()
            ]
    return pd.DataFrame(rows, columns=["item", "option", "is_key", "misconception", "group", "n", "share"])


def _by_word(codes: NDArray[np.int64], words: list[str], weights: NDArray[np.float64] | None) -> dict[str, float]:
    """How often each answer was given; with weights, their sums."""
    counts: dict[str, float] = {}
    for word, count in zip(words, np.bincount(codes, weights, len(words)).tolist(), strict=True):
        counts[word] = counts.get(word, 0) + count
    return counts


def _answers(column: "pd.Series[Any]") -> tuple[NDArray[np.int64], list[str]]:
    """(N,) place of each cell in the list of answers, which ends with the empty one."""
    made = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    words = [str(w).strip() for w in made.cat.categories]
    codes = made.cat.codes.to_numpy(dtype=np.int64)
    return np.where(codes < 0, len(words), codes), [*words, ""]
