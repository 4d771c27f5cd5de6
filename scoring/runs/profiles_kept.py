"""Concept profiles that are kept with runs: what scores students later without estimating anything."""

import json
from typing import Any

import pandas as pd

from itembank.errors import Rejected
from scoring import bank
from scoring.frozen_profile import FrozenProfile

TABLE, COVARIANCES = "profile", "profile covariances"
#: The code of the refusal where a run keeps none (`bank.newest_with`).
NO_PROFILE = f"no-{TABLE}"


def keep_profile(session: Any, run: Any, profile: Any) -> None:
    """Keep the frozen parameters of a concept profile with its run, and their covariances concept by concept."""
    frozen = profile.frozen()
    bank.store_table(session, run, TABLE, pd.DataFrame({"json": [json.dumps(frozen.to_dict())]}))
    rows = []
    for concept in frozen.concepts:
        mine = set(frozen.concept_items(concept).names)
        names = [n for n in profile.covariance.index if str(n).rpartition(":")[0] in mine]
        block = profile.covariance.loc[names, names].to_numpy(dtype=float)
        rows.append((concept, json.dumps(names), json.dumps(block.tolist())))
    bank.store_table(session, run, COVARIANCES, pd.DataFrame(rows, columns=["concept", "parameters", "covariance"]))


def kept_covariances(session: Any, run: Any) -> dict[str, pd.DataFrame]:
    """Concept -> covariance of its items' parameters, named "ITEM:a", "ITEM:d", ...

    Raises:
        Rejected: the run is older than the keeping of covariances.
    """
    try:
        table = bank.read_table(session, run, COVARIANCES)
    except Rejected:
        what = f"Comparison {run.id} was made before covariances were kept."
        raise Rejected("no-covariances", what, "itembank compare run") from None
    found = {}
    for row in table.itertuples():
        names = json.loads(str(row.parameters))
        found[str(row.concept)] = pd.DataFrame(json.loads(str(row.covariance)), index=names, columns=names)
    return found


def kept_profile(session: Any, number: int | None = None, administration: str = "") -> tuple[Any, FrozenProfile]:
    """The newest kept profile (of an administration), or that of a run: the run and the profile.

    Raises:
        Rejected: there is none.
    """
    run = bank.newest_with(session, TABLE, number, administration)
    return run, FrozenProfile.from_dict(json.loads(bank.read_table(session, run, TABLE)["json"].iloc[0]))
