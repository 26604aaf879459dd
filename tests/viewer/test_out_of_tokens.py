"""Worlds whose rules refuse usage: who is out of tokens, and who will be first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.actions import Idle, Input
from sim_economy.core.world_config import parse_world_config
from sim_economy.viewer.history import shown_world
from sim_economy.world.world import World
from tests.viewer.ledgers import Viewer

AGENTS = ["ada", "bob", "carol"]
ALLOWANCES = {"ada": 20, "bob": 100, "carol": 1000}
UNITS = 7
"""Output units of each agent in each turn, at a token each."""


def viewer(path: Path, turns: int, **income: Any) -> Viewer:
    """A world in which agents use tokens and do nothing else, not ended."""
    path.mkdir(exist_ok=True)
    config = parse_world_config(
        {
            "num_agents": len(AGENTS),
            "genesis_tokens_per_agent": 0,
            "base_inference_rate": 1,
            "commons_threshold_per_turn": 0,
            "usage_source": "declared",
            "income": {"allowances": ALLOWANCES, **income},
        },
        agent_ids=AGENTS,
    )
    with World.create(path / "run.sqlite", config) as world:
        for _ in range(turns):
            world.turn([Input(agent, Idle(), output_units=UNITS) for agent in AGENTS])
    return Viewer.of(path / "run.sqlite")


def test_who_is_out_of_tokens_is_said_with_who_will_be_next(tmp_path: Path) -> None:
    own = viewer(tmp_path, 10, period_turns=30, when_empty="clip")
    found = own.ask("/view/overview")
    assert found["answer"] == (
        "1 of 3 agents is out of tokens: ada, since turn 3. At the trend of the last 9 turns, bob "
        "will be next, in turn 15 (30 tokens are left, 7 fewer each turn). "
        "The next period begins in turn 31."
    )
    assert (found["insolvent"], found["solvent_agents"]) == ([], 3)
    assert found["out_of_tokens"] == [{"agent_id": "ada", "balance": "0", "since": 3}]
    assert (found["out_of_tokens_total"], found["refuses_usage"]) == (1, True)
    assert [row["agent_id"] for row in found["outlook"]] == ["bob"], "carol is granted more before"
    assert own.ask("/view/agents/ada")["answer"] == (
        "ada has been out of tokens since turn 3: its balance is 0 tokens."
    )
    assert own.ask("/view/agents/bob")["answer"].endswith("it will be out of tokens in turn 15.")
    rows = own.ask("/view/agents", order="insolvency")["rows"]
    assert [row["agent_id"] for row in rows] == AGENTS
    assert own.ask("/view/agents", out="yes")["rows"] == rows[:1]


@pytest.mark.parametrize(("turns", "since"), [(3, 3), (5, 3), (28, 3), (31, None), (33, 33)])
def test_an_agent_is_out_of_tokens_until_it_can_pay_again(
    tmp_path: Path, turns: int, since: int | None
) -> None:
    """Under `stop` a turn is billed in full, so that its debt is what makes it so at first."""
    own = viewer(tmp_path, turns, period_turns=30, when_empty="stop", overdraft="forgiven")
    row = own.ask("/view/agents/ada")["agent"]
    assert (row["is_out"], row["out_since"]) == (since is not None, since)
    assert row["since"] == since


def test_a_trend_looks_at_no_turn_before_a_grant_and_at_none_after_the_next(tmp_path: Path) -> None:
    income = {"period_turns": 10, "when_empty": "clip", "allowances": {"bob": 100, "carol": 100}}
    own = viewer(tmp_path, 15, **income)
    found = own.ask("/view/overview")
    assert (found["trend_turns"], found["outlook"]) == (4, [])
    assert found["answer"].endswith(
        "At the trend of the last 4 turns, no other agent will be before the next period, "
        "in turn 21."
    )
    assert own.ask("/view/agents/bob")["agent"]["trend"] == -UNITS


def test_as_a_period_begins_no_trend_is_known(tmp_path: Path) -> None:
    own = viewer(tmp_path, 11, period_turns=10, when_empty="clip")
    assert own.ask("/view/overview")["answer"] == (
        "None of 3 agents is out of tokens. The next period begins in turn 21."
    )


def test_who_is_out_is_known_before_all_turns_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer(tmp_path, 40, period_turns=50, when_empty="clip")
    monkeypatch.setattr(shown_world.ShownWorld.standing, "__defaults__", (0.0,))
    found = Viewer.of(tmp_path / "run.sqlite").ask("/view/overview")
    assert found["complete_to"] == 0
    assert [(row["agent_id"], row["since"]) for row in found["out_of_tokens"]] == [
        ("ada", None),
        ("bob", None),
    ]


def test_debts_are_insolvency_where_usage_is_not_refused(tmp_path: Path) -> None:
    found = viewer(tmp_path, 10, period_turns=30).ask("/view/overview")
    assert found["answer"].startswith("1 of 3 agents is insolvent: ada, since turn 3. At the trend")
    assert (found["out_of_tokens"], found["refuses_usage"]) == ([], False)


def test_refused_usage_is_an_event_of_its_turn(tmp_path: Path) -> None:
    own = viewer(tmp_path, 16, period_turns=30, when_empty="clip")
    rows = own.ask("/view/events", kind="denial", limit=1000)["rows"]
    assert [row["turn"] for row in rows] == list(range(16, 2, -1)), "ada is refused from turn 3 on"
    alone = "Usage of ada was refused for want of tokens: {}."
    assert rows[-1]["words"] == alone.format("1 unit")
    assert rows[-2]["words"] == alone.format("7 units")
    assert rows[0]["words"].startswith(
        "Usage of 2 agents was refused for want of tokens: 14 units; most"
    )
    assert rows[-1] in own.ask("/view/events", agent="ada", limit=1000)["rows"]
    assert any(row["kind"] == "denial" for row in own.ask("/view/overview")["newest"])
    none = viewer(tmp_path / "debts", 16, period_turns=30)
    assert none.ask("/view/events", kind="denial")["rows"] == []
