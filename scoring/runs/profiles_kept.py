"""Concept profiles that are kept with runs: what scores students later without estimating anything."""

import json
from typing import Any

import pandas as pd

from scoring import bank
from scoring.frozen_profile import FrozenProfile

TABLE = "profile"


def keep_profile(session: Any, run: Any, profile: Any) -> None:
    """Keep the frozen parameters of a concept profile with its run."""
    text = json.dumps(profile.frozen().to_dict())
    bank.store_table(session, run, TABLE, pd.DataFrame({"json": [text]}))


def kept_profile(session: Any, number: int | None = None, administration: str = "") -> tuple[Any, FrozenProfile]:
    """The newest kept profile (of an administration), or that of a run: the run and the profile.

    Raises:
        Rejected: there is none.
    """
    run = bank.newest_with(session, TABLE, number, administration)
    return run, FrozenProfile.from_dict(json.loads(bank.read_table(session, run, TABLE)["json"].iloc[0]))
