"""The same banks as the bank's own tests use."""

from tests.itembank.bank.conftest import bank, furnished, migrated, run

__all__ = ["bank", "furnished", "migrated", "run"]
