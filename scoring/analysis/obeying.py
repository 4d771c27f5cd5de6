"""What the districts decided about items that work differently, carried into a comparison."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import Notice

LEAVE_OUT, SEPARATE = "leave-out", "separate"


def obey(data: AnalysisInput, actions: Mapping[str, str]) -> AnalysisInput:
    """The input as the joint decisions want it.

    An item to be left out is gone. An item with separate parameters becomes one column per group, answered by that
    group alone: its parameters then rest on that group's answers, while the other items keep the scales together.

    Args:
        data: the input.
        actions: item -> what was decided; other actions than leave-out and separate change nothing here.
    """
    gone = [i for i in data.scored.columns if actions.get(str(i)) == LEAVE_OUT]
    split = [i for i in data.scored.columns if actions.get(str(i)) == SEPARATE] if data.groups is not None else []
    if not gone and not split:
        return data
    notices = list(data.notices)
    if gone:
        told = ", ".join(map(str, gone))
        notices.append(Notice("left-out", "notice", f"Left out of the comparison by joint decision: {told}."))
    if split:
        told = ", ".join(map(str, split))
        notices.append(
            Notice("separate", "notice", f"With parameters of their own in each group by joint decision: {told}.")
        )
    parts = {c: [c] if c not in split else [f"{c} ({g})" for g in data.group_order] for c in data.scored.columns}
    kept = [c for c in data.scored.columns if c not in gone]
    source = {name: c for c in kept for name in parts[c]}
    items = pd.DataFrame([data.items.loc[c] for c in source.values()], index=pd.Index(source, name="item"))
    options = [data.options[data.options["item"] == c].assign(item=name) for name, c in source.items()]
    return replace(
        data,
        scored=_columns(data.scored, data, source),
        items=items.astype(data.items.dtypes.to_dict()),
        raw=None if data.raw is None else _columns(data.raw, data, source),
        options=pd.concat(options, ignore_index=True) if options else data.options,
        notices=tuple(notices),
    )


def _columns(table: pd.DataFrame, data: AnalysisInput, source: Mapping[str, str]) -> pd.DataFrame:
    """The columns under their new names; a split column holds only its group's answers."""
    out = {}
    for name, item in source.items():
        column = table[item]
        if name != item:
            group = name[len(str(item)) + 2 : -1]
            column = column.where((data.groups == group).to_numpy())  # type: ignore[union-attr]
        out[name] = column
    return pd.DataFrame(out, index=table.index)
