"""Ledgers in every kind of database, for tests that hold whatever keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim_economy.ledger.sidecars.locations import LedgerLocation, location_of
from tests.postgres import MISSING, PostgresServer, is_available

STORES = ("sqlite", "postgres")


def served() -> Iterator[PostgresServer]:
    """A server, or a test skipped with the reason."""
    if not is_available():
        pytest.skip(MISSING)
    server = PostgresServer()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of this process; they leave it running."""
    yield from served()


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files beside a database are."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SIM_ENGINE_STATE", str(folder))
    return folder


@pytest.fixture(params=STORES)
def location(request: pytest.FixtureRequest, tmp_path: Path, state_folder: Path) -> str:
    """Where a new world can be kept, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "world.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.world()


@pytest.fixture
def ledger_location(location: str) -> LedgerLocation:
    return location_of(location)
