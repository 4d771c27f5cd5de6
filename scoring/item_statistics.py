"""Classical item analysis as tables: items, options, choice curves, and keys that are probably wrong."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.choices import OMITTED, Choices, Key, accepted_answers, aligned_raw, read_choices
from scoring.data import INVALID as INVALID_STATUS
from scoring.data import NOT_ADMINISTERED, NOT_REACHED, Responses, read_responses
from scoring.data import OMITTED as OMITTED_STATUS
from scoring.diagnostics.classical import ItemStatistics, item_statistics, rest_scores
from scoring.diagnostics.options import OptionStatistics, better_key, option_statistics
from scoring.irt.errors import DesignError, ScoringWarning

Scores = NDArray[np.int8]

#: Below or above these an item is flagged. Conventions of item analysis, printed with the flags.
LIMITS = {
    "hard": 0.10,
    "easy": 0.95,
    "item_rest": 0.15,
    "omitted": 0.10,
    "not_reached": 0.10,
    "dead_option": 0.02,
    "few": 100,
}
KEY_ROUNDS = 3


@dataclass(frozen=True)
class Classical:
    """Classical statistics of a test.

    Attributes:
        items: index item; n, proportion_correct (mean/maximum for graded items), mean, maximum, sd, item_rest,
            item_total, alpha_if_deleted, omitted, not_reached, invalid (shares of those the item was given to), and
            flags: the reasons to look at the item, in words, empty where there are none.
        options: index (item, option); is_key, n, share, option_rest, rest_mean. Empty without raw answers.
        curves: index (item, option, score_group); n of the group, share choosing the option.
        keys: index item, one row per key that is probably wrong; key, suggested, difference (of the correlations
            with the rest score), p_value, and what would change: proportion_correct, item_rest, alpha with the
            suggested key, students who would gain and lose the point, and the finding in words.
        alpha: Cronbach's alpha; NaN where two items were never taken together.
    """

    items: pd.DataFrame
    options: pd.DataFrame
    curves: pd.DataFrame
    keys: pd.DataFrame
    alpha: float


def classical(
    responses: pd.DataFrame,
    raw: pd.DataFrame | None = None,
    key: "Key | pd.Series | None" = None,
    codes: Mapping[str, str] | None = None,
    maximum: Mapping[str, float] | None = None,
    score_groups: int = 5,
) -> Classical:
    """Classical item analysis, and a check of the keys where raw answers and keys are given.

    Args:
        responses: scores (rows students, columns items, empty = not administered), or the codes of a blank.
        raw: what was answered, same rows and columns.
        key: item -> right answer, or a collection of right answers.
        codes: further codes of blanks in `raw` and `responses`: code -> "omitted", "not reached", "invalid".
        maximum: item -> possible points; default the most anyone earned, at least 1.
        score_groups: groups of the choice curves.

    Raises:
        DesignError: responses cannot be read, or raw answers do not belong to them.

    Sources: Lord & Novick (1968); Haladyna & Rodriguez (2013) for options.
    """
    read = read_responses(
        responses, codes=None if codes is None else {"O": "omitted", "R": "not reached", "M": "invalid", **codes}
    )
    top = np.maximum(read.scores.max(axis=0, initial=0), 1).astype(float)
    if maximum is not None:
        top = np.array([max(float(maximum.get(name, t)), t) for name, t in zip(read.items, top, strict=True)])
    statistics = item_statistics(read.scores, top)
    right = accepted_answers(key) if key is not None else {}
    strangers = [name for name in right if name not in read.items]
    if strangers:
        message = f"The key names items that are not in the responses, left out: {checks.some(strangers)}"
        warnings.warn(message, ScoringWarning, stacklevel=2)
    choices: dict[str, Choices] = {}
    options: dict[str, OptionStatistics] = {}
    if raw is not None:
        table = aligned_raw(responses, raw)
        rest = rest_scores(read.scores, top)
        for j, name in enumerate(read.items):
            choices[name] = read_choices(table.iloc[:, j], right.get(name, ()), codes)
            given = choices[name]
            options[name] = option_statistics(given.choice, rest.of(read.scores, j), len(given.labels), score_groups)
    keys = _key_table(read, top, statistics, choices, right)
    items = _item_table(read, statistics, choices)
    items["flags"] = [
        "; ".join(_flags(items.loc[name], choices.get(name), options.get(name), right.get(name, ()), keys))
        for name in read.items
    ]
    return Classical(
        items, _option_table(choices, options, right), _curve_table(choices, options), keys, statistics.alpha
    )


def _item_table(read: Responses, s: ItemStatistics, choices: Mapping[str, Choices]) -> pd.DataFrame:
    shares = {"omitted": OMITTED_STATUS, "not_reached": NOT_REACHED, "invalid": INVALID_STATUS}
    administered = (read.status != NOT_ADMINISTERED).sum(axis=0)
    out = pd.DataFrame(
        {
            "n": s.n,
            "proportion_correct": s.proportion,
            "mean": s.mean,
            "maximum": s.maximum,
            "sd": s.sd,
            "item_rest": s.item_rest,
            "item_total": s.item_total,
            "alpha_if_deleted": s.alpha_if_deleted,
            **{k: (read.status == code).sum(axis=0) / np.maximum(administered, 1) for k, code in shares.items()},
        },
        index=pd.Index(read.items, name="item"),
    )
    for name, c in choices.items():  # raw answers know of blanks that the scores no longer show
        given = max(int((c.choice != -1).sum()), 1)
        out.loc[name, "omitted"] = (c.choice == c.n_options).sum() / given
        out.loc[name, "invalid"] = (c.choice == c.n_options + 1).sum() / given
        out.loc[name, "not_reached"] = (c.choice == -2).sum() / given
    return out


def _flags(
    row: "pd.Series[float]",
    choices: Choices | None,
    options: OptionStatistics | None,
    right: tuple[str, ...],
    keys: pd.DataFrame,
) -> list[str]:
    """Reasons to look at an item, the gravest first."""
    found = []
    name = str(row.name)
    if name in keys.index:
        found.append(str(keys.loc[name, "finding"]))
    if row["n"] == 0:
        return ["nobody has a score on it"]
    if row["sd"] == 0:
        found.append("everybody has the same score: it cannot tell students apart")
    elif row["item_rest"] < 0:
        found.append(
            f"students who do well on the rest do worse on it (item-rest {row['item_rest']:.2f}): check the key"
        )
    elif row["item_rest"] < LIMITS["item_rest"]:
        found.append(f"hardly related to the rest of the test (item-rest {row['item_rest']:.2f})")
    if row["proportion_correct"] < LIMITS["hard"]:
        found.append(f"very hard: {row['proportion_correct']:.0%} of the points were earned")
    elif row["proportion_correct"] > LIMITS["easy"]:
        found.append(f"very easy: {row['proportion_correct']:.0%} of the points were earned")
    if row["omitted"] > LIMITS["omitted"]:
        found.append(f"{row['omitted']:.0%} left it blank")
    if row["not_reached"] > LIMITS["not_reached"]:
        found.append(f"{row['not_reached']:.0%} did not reach it")
    if choices is not None and options is not None and right:
        for k in range(choices.n_options):
            label = choices.labels[k]
            if label in right or label.startswith("("):
                continue
            if options.share[k] < LIMITS["dead_option"] and choices.n_options <= 6:
                found.append(f"hardly anybody chooses {label} ({options.share[k]:.1%})")
            elif options.option_rest[k] > 0.05 and name not in keys.index:
                found.append(f"able students choose {label} (option-rest {options.option_rest[k]:.2f})")
    if row["n"] < LIMITS["few"]:
        found.append(f"only {row['n']:.0f} students: too few to judge")
    return found


def _option_table(
    choices: Mapping[str, Choices], options: Mapping[str, OptionStatistics], right: Mapping[str, tuple[str, ...]]
) -> pd.DataFrame:
    rows = []
    for name, o in options.items():
        c = choices[name]
        for k, label in enumerate(c.labels):
            if o.n[k] or k < c.n_options:
                is_key = label in right.get(name, ())
                rows.append((name, label, is_key, int(o.n[k]), o.share[k], o.option_rest[k], o.rest_mean[k]))
    columns = ["item", "option", "is_key", "n", "share", "option_rest", "rest_mean"]
    return pd.DataFrame(rows, columns=columns).set_index(["item", "option"])


def _curve_table(choices: Mapping[str, Choices], options: Mapping[str, OptionStatistics]) -> pd.DataFrame:
    rows = []
    for name, o in options.items():
        for k, label in enumerate(choices[name].labels):
            if o.n[k]:
                rows += [(name, label, g + 1, int(n), o.curve[k, g]) for g, n in enumerate(o.group_n) if n]
    columns = ["item", "option", "score_group", "n", "share"]
    return pd.DataFrame(rows, columns=columns).set_index(["item", "option", "score_group"])


KEY_COLUMNS = [
    "key", "suggested", "difference", "p_value", "proportion_correct", "proportion_correct_suggested", "item_rest",
    "item_rest_suggested", "alpha", "alpha_suggested", "gain", "lose", "finding",
]  # fmt: skip


def _key_table(
    read: Responses,
    top: NDArray[np.float64],
    before: ItemStatistics,
    choices: Mapping[str, Choices],
    right: Mapping[str, tuple[str, ...]],
) -> pd.DataFrame:
    """Keys that are probably wrong. Rest scores are recomputed with the suggestions, so that one wrong key does not
    hide another; at most KEY_ROUNDS times."""
    checked = [(j, n) for j, n in enumerate(read.items) if n in choices and right.get(n) and top[j] == 1]
    suggestions: dict[int, tuple[int, float, float]] = {}
    scores = read.scores
    for _ in range(KEY_ROUNDS):
        rest = rest_scores(scores, top)
        found: dict[int, tuple[int, float, float]] = {}
        for j, name in checked:
            c = choices[name]
            keyed = [k for k in range(c.n_options) if c.labels[k] in right[name]]
            choice = c.choice.copy()
            first = keyed[0] if keyed else c.n_options + 2
            choice[np.isin(choice, keyed)] = first
            better = better_key(choice, rest.of(scores, j), first, c.n_options)
            if better is not None and not c.labels[better.option].startswith("("):
                found[j] = (better.option, better.difference, better.p_value)
        same = {j: f[0] for j, f in found.items()} == {j: s[0] for j, s in suggestions.items()}
        suggestions = found
        if same:
            break
        scores = read.scores.copy()
        for j, (option, _, _) in found.items():
            scores[:, j] = _rescored(read.scores[:, j], choices[read.items[j]], option)
    rows = []
    for j, (option, difference, p) in suggestions.items():
        name = read.items[j]
        c = choices[name]
        changed = read.scores.copy()
        changed[:, j] = _rescored(read.scores[:, j], c, option)
        after = item_statistics(changed, top)
        gain = int(((changed[:, j] == 1) & (read.scores[:, j] == 0)).sum())
        lose = int(((changed[:, j] == 0) & (read.scores[:, j] == 1)).sum())
        key = ", ".join(right[name])
        certainty = "probably" if p < 0.001 else "possibly"
        finding = (
            f"the key {key} is {certainty} wrong: choosing {c.labels[option]} goes with doing well on the rest"
            f" ({after.item_rest[j]:.2f}), choosing {key} less so ({before.item_rest[j]:.2f})"
        )
        rows.append(
            (name, key, c.labels[option], difference, p, before.proportion[j], after.proportion[j], before.item_rest[j],
             after.item_rest[j], before.alpha, after.alpha, gain, lose, finding)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["item", *KEY_COLUMNS]).set_index("item")


def _rescored(column: Scores, choices: Choices, option: int) -> Scores:
    """The column as it would be with another key: who had a score keeps having one."""
    return np.where(column >= 0, (choices.choice == option).astype(np.int8), np.int8(-1)).astype(np.int8)


def check_keys(raw: pd.DataFrame, key: "Key | pd.Series", codes: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Score raw answers with their keys and list the keys that are probably wrong (`Classical.keys`).

    Args:
        raw: answers, rows students, columns items; empty = not administered.
        key: item -> right answer or answers, for every item.

    Raises:
        DesignError: an item has no key.
    """
    right = accepted_answers(key)
    missing = [str(c) for c in raw.columns if str(c) not in right]
    if missing:
        raise DesignError("no-key", "Some items have no key.", "Give a key for each, or leave the item out.", missing)
    scored = {}
    for position, name in enumerate(map(str, raw.columns)):
        c = read_choices(raw.iloc[:, position], right[name], codes)
        keyed = [k for k in range(c.n_options) if c.labels[k] in right[name]]
        scored[name] = np.where(c.choice < 0, np.nan, np.isin(c.choice, keyed).astype(float))
    named = raw.set_axis([str(c) for c in raw.columns], axis=1)
    return classical(pd.DataFrame(scored, index=raw.index), named, key, codes).keys


__all__ = ["LIMITS", "OMITTED", "Classical", "check_keys", "classical"]
