"""A policy that decides what is no action is named, with its agent and turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim_economy as se
from sim_economy.core.errors import InputError, PolicyFailedError


class Undecided(se.Policy, frozen=True):
    """Returns whatever it is told to."""

    def decide(self, view: se.View) -> Any:
        """A half, a word, or nothing."""
        return se.Mine() if view.open_turn == 1 else se.Stake(0.5)  # type: ignore[arg-type]


def test_a_wrong_amount_names_policy_agent_and_turn() -> None:
    with pytest.raises(PolicyFailedError) as failure:
        se.play("as-run", policy=Undecided, turns=5)
    assert (failure.value.agent_id, failure.value.turn) == ("agent_0", 2)
    assert "Undecided failed for agent_0 in turn 2: action.amount: must be" in str(failure.value)


class Silent(se.Policy, frozen=True):
    """Forgets to return."""

    def decide(self, view: se.View) -> Any:
        """Nothing."""


def test_a_forgotten_return_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PolicyFailedError, match="decide\\(\\) returns an action"):
        se.play("as-run", policy=Silent, turns=2)
    played = se.experiment("as-run", policy=Silent, turns=2, runs=2, folder=tmp_path / "e")
    with pytest.raises(InputError, match=r"none has finished .*PolicyFailedError"):
        _ = played.summary


def test_gaps_of_a_trace_are_said_where_one_run_is_played(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("turn,agent,thinking,output\n1,agent_0,1,2\n2,agent_0,1,2\n")
    usage = {"source": "trace", "path": str(tmp_path / "t.csv")}
    played = se.play("as-run", turns=2, policy="idle", usage=usage)
    assert played.warnings == [
        f"{tmp_path / 't.csv'} has no row for 14 of 16 agent-turns; they count as no usage"
    ]
    assert "has no row for 14 of 16" in repr(played)
    assert se.play("as-run", turns=2).warnings == []
