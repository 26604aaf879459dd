"""The engines of the API's tests, to be hurt here."""

from __future__ import annotations

from tests.api.conftest import engine, ledger

__all__ = ["engine", "ledger"]
