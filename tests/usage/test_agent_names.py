"""Ids of agents from the names of a log."""

from __future__ import annotations

from hashlib import sha256
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import parse_world_config
from sim_economy.usage.agent_names import agent_ids, full_names
from sim_economy.usage.counted_usage import LoggedAgent


def digits(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:8]


def test_a_name_that_can_be_an_id_is_one() -> None:
    names = ["b", "a.b:c-d_9", "A" * 64]
    assert agent_ids(names) == {name: name for name in sorted(names)}


def test_what_an_id_may_not_have_becomes_a_line() -> None:
    assert agent_ids(["team a/writer", "研究员"]) == {
        "team a/writer": "team_a_writer",
        "研究员": "___",
    }


def test_ids_that_would_be_alike_end_in_digits_of_the_name() -> None:
    found = agent_ids(["a b", "a_b", "a+b", "c"])
    assert found == {name: f"a_b_{digits(name)}" for name in ("a b", "a+b", "a_b")} | {"c": "c"}


def test_an_id_that_would_be_too_long_is_cut_and_ends_in_digits_of_the_name() -> None:
    name = "x" * 65
    assert agent_ids([name]) == {name: f"{'x' * 55}_{digits(name)}"}


def test_a_name_made_to_meet_another_ones_id_does_not() -> None:
    trap = f"a_b_{digits('a b')}"
    found = agent_ids(["a b", "a_b", trap])
    assert len({*found.values()}) == 3
    assert found[trap] == f"{trap}_{digits(trap)}"


@settings(deadline=None)
@given(st.sets(st.text(min_size=1, max_size=80) | st.text(printable, min_size=1, max_size=3)))
def test_names_in_any_script_have_a_way_in(names: set[str]) -> None:
    ids = list(agent_ids(names).values())
    assert list(agent_ids(names)) == sorted(names)
    if ids:
        assert parse_world_config({"num_agents": len(ids)}, agent_ids=ids).agent_ids == tuple(ids)


def test_a_name_in_two_teams_is_two_agents_and_shown_with_its_team() -> None:
    agents = [LoggedAgent("triage", "a"), LoggedAgent("triage", "b"), LoggedAgent("writer", "a")]
    assert [*full_names(agents).values()] == ["a/triage", "b/triage", "writer"]


def test_two_agents_that_would_be_shown_alike_are_refused() -> None:
    agents = [LoggedAgent("a/b", ""), LoggedAgent("b", "a"), LoggedAgent("b", "c")]
    with pytest.raises(ScenarioError, match="two agents would both be named a/b"):
        full_names(agents)
