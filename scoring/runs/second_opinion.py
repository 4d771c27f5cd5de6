"""A second opinion on mastery: DINA with the concept tags as Q-matrix beside a run's IRT probabilities."""

from typing import Any

import pandas as pd

import scoring
from scoring import bank
from scoring.irt.errors import DesignError
from scoring.mastery import MASTERED, NOT_YET


def second_opinion(session: Any, run: Any) -> tuple[pd.DataFrame, Any]:
    """How far DINA and the IRT mastery of a run agree, concept by concept; items need all their reported concepts.

    Args:
        session: of `bank.reading()`.
        run: a comparison or score run with concept scores.

    Returns:
        DataFrame indexed by concept: items (that need it, right-or-wrong items only), identified (whether the Q-matrix
        tells students with and without it apart), n, irt and dina (shares of masters at a probability of .5), agree,
        kappa, correlation, masters_agree (of the students whom the profile calls "mastered", the share that DINA
        does too) and others_agree (of "not yet"); and the DINA.

    Raises:
        DesignError: the run has no concept scores, or no item is right-or-wrong.
    """
    scores = bank.read_scores(session, run)
    scores = scores[(scores["scale"] != "total") & scores["p_mastery"].notna()]
    if not len(scores):
        raise DesignError("no-concepts", f"Run {run.id} has no concept scores.", "itembank compare run")
    first = scores.pivot_table(index="sitting", columns="scale", values="p_mastery")
    administration = session.get(bank.Administration, run.administration_id)
    data = bank.scored_responses(session, administration.code)
    frame = data.frame()
    usable = [i for i in frame.columns if data.items.at[i, "points"] == 1 and frame[i].dropna().nunique() == 2]
    reported = set(first.columns)  # each further attribute doubles the classes, and has no verdict to compare with
    tags = {i: tuple(c for c in data.items.at[i, "concepts"] if c in reported) for i in usable}
    tags = {i: t for i, t in tags.items() if t}
    if not tags:
        raise DesignError("no-items", "No right-or-wrong item names a concept.", "Tag the items with concepts.")
    found = scoring.dina(frame[list(tags)], tags)
    table = scoring.agreement(first, found.mastery).rename(columns={"first": "irt", "second": "dina"})
    masters, others = [], []
    for concept in table.index:
        both = pd.concat([first[concept], found.mastery[concept]], axis=1, join="inner").dropna().to_numpy()
        high, low = both[:, 0] >= MASTERED, both[:, 0] <= NOT_YET
        masters.append(float((both[high, 1] >= 0.5).mean()) if high.any() else float("nan"))
        others.append(float((both[low, 1] < 0.5).mean()) if low.any() else float("nan"))
    table.insert(0, "items", found.concepts["items"].reindex(table.index).astype(int))
    table.insert(1, "identified", found.concepts["identified"].reindex(table.index).astype(bool))
    return table.assign(masters_agree=masters, others_agree=others), found


def said(found: Any) -> str:
    """What the diagnosis says of itself, in a sentence."""
    classes = len(found.classes)
    apart = classes - sum(len(group) - 1 for group in found.indistinguishable)
    known = f"the tags tell {apart} of {classes} patterns of mastery apart"
    border = "It draws its border where the answers divide, the profile at the cut: compare the order of the students"
    return (
        f"DINA: {found.n:,.0f} students, log-likelihood {found.log_likelihood:,.1f}; {known}. {border} (correlation) "
        "first, the shares only where both borders are alike."
    )
