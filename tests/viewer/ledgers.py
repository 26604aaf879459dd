"""Ledgers that the viewer's tests look at, and a browser's way to them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from sim_economy.api.viewer_app import create_viewer_app
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.viewer.known_sources import source_of
from sim_economy.viewer.sources import ViewerSource


def played(path: Path, scenario: str, **changes: Any) -> Path:
    """The ledger of a run of a shipped scenario."""
    with closing(SQLiteStore.new(path)) as store:
        play_run(load_scenario(scenario, changes), 1, store)
    return path


class Viewer:
    """A source as a browser on this machine asks for it."""

    def __init__(self, source: ViewerSource) -> None:
        self.source = source
        self.client = TestClient(create_viewer_app(source), base_url="http://127.0.0.1:9000")

    @classmethod
    def of(cls, path: Path) -> Viewer:
        return cls(source_of(path))

    def ask(self, path: str, **query: Any) -> Any:
        """An answer that is one, as plain values."""
        answer = self.client.get(path, params=query or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, path: str, **query: Any) -> tuple[int, str]:
        answer = self.client.get(path, params=query)
        return answer.status_code, answer.json()["error"]["code"]
