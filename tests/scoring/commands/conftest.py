"""The same banks as the runs' tests use."""

from tests.itembank.bank.conftest import bank, migrated, run
from tests.scoring.runs.conftest import compared, prepared

__all__ = ["bank", "compared", "migrated", "prepared", "run"]
