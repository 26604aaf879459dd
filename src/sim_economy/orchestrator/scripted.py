"""Scripted policies, played from plain values: what an agent sees, and everybody's accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import convert
from msgspec.structs import fields

from sim_economy.agents.policy import Policy, View, WorldAccounts, decided_input
from sim_economy.core.actions import Input
from sim_economy.core.observation import Observation
from sim_economy.core.world_config import WorldConfig, config_values
from sim_economy.usage.unit_weights import Usage


def observation_of(seen: Mapping[str, Any], config: WorldConfig) -> Observation:
    """An observation from its plain values.

    Args:
        seen: What never changes may be left out.
        config: As agents see it.
    """
    parts = {
        field.name: convert(seen[field.encode_name], field.type, str_keys=True)
        for field in fields(Observation)
        if field.name != "world" and (field.required or field.encode_name in seen)
    }
    return Observation(**parts, world=config_values(config, every=True))


class PlainSource:
    """A world that is known by plain values, as the view of one agent looks at it."""

    def __init__(
        self, seen: Mapping[str, Any], full_state: Mapping[str, Any], config: WorldConfig
    ) -> None:
        """Read the values.

        Args:
            seen: The agent's observation; what never changes may be left out.
            full_state: Turn and accounts of all agents.
        """
        self._observation = observation_of(seen, config)

        def column(key: str) -> tuple[int, ...]:
            return tuple(row[key] for row in full_state["agents"])

        self.turn = full_state["turn"]
        self.accounts = WorldAccounts(
            turn=self.turn,
            token_supply=full_state["token_supply"],
            fees_charged=full_state["fees_collected"],
            balances=column("balance"),
            staked=column("staked"),
            unstaking=column("unstaking"),
            pending=column("pending"),
            escrow=column("escrow"),
            studies=column("studies"),
            burned=column("burned"),
            cores=column("cores"),
        )

    def observation(self, agent: int) -> Observation:
        """The observation of the one agent."""
        del agent
        return self._observation


def decide(
    policy: Policy,
    agent: int,
    seen: Mapping[str, Any],
    full_state: Mapping[str, Any],
    config: WorldConfig,
    used: Usage = (0, 0),
) -> Input:
    """The input of a policy.

    Args:
        seen: The agent's observation; what never changes may be left out.
        full_state: Turn and accounts of all agents.
        used: Thinking units and output units.
    """
    config = config.as_seen(full_state["turn"])
    source = PlainSource(seen, full_state, config)
    return decided_input(policy, View(agent=agent, config=config, _source=source), used)
