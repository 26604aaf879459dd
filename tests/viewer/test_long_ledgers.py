"""A ledger that is too long to be read at once: how it stands is right from the first answer on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.viewer.history import shown_world
from sim_economy.viewer.pages import overview
from tests.viewer.ledgers import Viewer, played

TURNS = 150


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("long") / "run.sqlite", "as-run", turns=TURNS)


def test_a_world_stands_as_it_does_while_its_turns_are_still_being_read(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Viewer.of(ledger)
    right, agents = whole.ask("/view/overview"), whole.ask("/view/agents")["rows"]
    monkeypatch.setattr(shown_world, "READ_SECONDS", 0.0)
    monkeypatch.setattr(shown_world.ShownWorld.standing, "__defaults__", (0.0,))
    slow = Viewer.of(ledger)
    found = slow.ask("/view/overview")
    assert (found["complete_to"], found["turn"]) == (0, TURNS)
    for name in ("platform", "token_supply", "solvent_agents", "head", "outlook", "trend_turns"):
        assert found[name] == right[name], name
    assert {own["since"] for own in found["insolvent"]} == {None}
    now = slow.ask("/view/agents")["rows"]
    assert [own["balance"] for own in now] == [own["balance"] for own in agents]
    assert [own["trend"] for own in now] == [own["trend"] for own in agents]


def test_turns_that_were_not_read_are_drawn_from_the_states_that_were_kept(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Viewer.of(ledger).ask("/view/balances", agents="agent_0")
    exact = dict(zip(whole["turns"], whole["lines"][0]["last"], strict=True))
    monkeypatch.setattr(shown_world.ShownWorld.standing, "__defaults__", (0.0,))
    slow = Viewer.of(ledger)
    found = slow.ask("/view/balances", agents="agent_0")
    assert (found["complete_to"], found["last_turn"]) == (0, TURNS)
    assert found["turns"] == [0, 64, 128, TURNS]
    assert found["lines"][0]["last"] == [exact[turn] for turn in found["turns"]]
    for _ in range(TURNS):
        found = slow.ask("/view/balances", agents="agent_0")
        assert found["turns"] == sorted(set(found["turns"]))
    assert found == whole


def test_few_states_stand_for_very_many_turns(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "_SAMPLES_MAX", 1)
    monkeypatch.setattr(shown_world.ShownWorld.standing, "__defaults__", (0.0,))
    assert Viewer.of(ledger).ask("/view/balances")["turns"] == [0, 128, TURNS]
