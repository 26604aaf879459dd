"""An engine with a world, for tests that leave both as they find them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.wire_client import EngineProcess


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """A fresh engine for the tests of one module."""
    with EngineProcess(tmp_path_factory.mktemp("engine") / "world.db") as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "world.db"
