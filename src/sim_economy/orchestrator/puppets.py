"""Scripted policies, played from what an observer of the whole state can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim_economy.agents.policy import policy_named
from sim_economy.core.actions import Action
from sim_economy.core.ledger import FIRST, WIDTH, Holding
from sim_economy.core.scenario import Scenario
from sim_economy.core.state import State, genesis


def policy_action(
    policy: str, agent: int, everything: Mapping[str, Any], scenario: Scenario
) -> Action:
    """What a policy does."""
    return policy_named(policy)(agent, _state(everything, scenario), scenario)


def _state(everything: Mapping[str, Any], scenario: Scenario) -> State:
    """A state with the turn and every agent's accounts; the rest is as at genesis."""
    state, _ = genesis(scenario)
    state.turn = everything["turn"]
    for agent, row in enumerate(everything["agents"]):
        for holding in Holding:
            state.accounts[FIRST + WIDTH * agent + holding.value] = row[holding.name.lower()]
        state.studies[agent] = row["studies"]
        state.burned[agent] = row["burned"]
        state.cores[agent] = row["cores"]
    return state
