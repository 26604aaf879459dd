"""An engine of its own for every test, and a way to it that can break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.wire_client import EngineProcess
from tests.client.proxy import Proxy


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path / "ledger.sqlite") as started:
        yield started


@pytest.fixture
def proxy(engine: EngineProcess) -> Iterator[Proxy]:
    with Proxy(engine.port) as between:
        yield between
