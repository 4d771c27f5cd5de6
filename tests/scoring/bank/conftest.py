"""The same banks as the bank's own tests use."""

from tests.itembank.bank.conftest import any_bank, any_furnished, bank, furnished, migrated, run, server

__all__ = ["any_bank", "any_furnished", "bank", "furnished", "migrated", "run", "server"]
