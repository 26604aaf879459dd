"""Worlds of either preset for the tests of single rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sim_economy.core.actions import Action, Input
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.world.world import World

VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "as-run": {},
    "as-written": {
        "job_rule": "waive_usage",
        "signing_bonus_rule": "per_block",
        "lottery_rule": "mine_stake_burn",
        "unstake_without_amount": "all",
        "dividend_rule": "stake_and_burn",
    },
}
"""What each preset changes of the defaults; section 1.2."""

Move = tuple[int, Action] | tuple[int, Action, int]
"""An agent's index, its action, and the output units it spends."""


def config(
    preset: str, world: Mapping[str, Any], agent_ids: Sequence[str] | None = None
) -> WorldConfig:
    """A preset with some parameters replaced."""
    return parse_world_config(world, base=parse_world_config(VARIANTS[preset]), agent_ids=agent_ids)


def played(preset: str, world: Mapping[str, Any], *turns: Iterable[Move]) -> World:
    """A world after some turns."""
    economy = World(config(preset, world))
    for moves in turns:
        economy.turn(
            [
                Input(f"agent_{agent}", action, output_units=units[0] if units else 0)
                for agent, action, *units in moves
            ]
        )
    return economy
