"""Large worlds at the edges of their groups of 64 agents."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from sim_economy.agents.policies.published_policy import Published
from sim_economy.core.units import MILLION
from sim_economy.core.world_config import LotteryRule
from tests.equivalence.directed_divisions import built, output
from tests.equivalence.directed_lottery import seeds_at_edges
from tests.equivalence.world_groups import WorldGroup

MINERS = replace(
    Published(),
    job_below=-(10**6),
    stake_period=0,
    burn_period=0,
    transfer_period=0,
    study_period=0,
    unstake_period=0,
)
SIZES = (63, 64, 65, 129)


def _miners(name: str, agents: int, threshold: int, rule: LotteryRule) -> WorldGroup:
    return built(
        f"{name} of {agents} under {rule}",
        1,
        output(0),
        {},
        policy=MINERS,
        seeds=(1, 2, 3),
        num_agents=agents,
        lottery_rule=rule,
        mine_base_weight=10 * MILLION + 1,
        block_threshold=threshold,
    )


def large_tickets() -> Iterator[WorldGroup]:
    """L4: draws at both ends of the first and of the last tickets."""
    for agents in SIZES:
        for rule in LotteryRule:
            group = _miners("tickets", agents, 0, rule)
            seeds = seeds_at_edges([10 * MILLION + 1] * agents, 1)
            yield replace(group, seeds=(*seeds[:20], *seeds[-60:]))


def large_thresholds() -> Iterator[WorldGroup]:
    """L4: a threshold of just what all agents weigh, a millionth less, a millionth more."""
    for agents in SIZES:
        for rule in LotteryRule:
            for off in (-1, 0, 1):
                weight = agents * (10 * MILLION + 1) + off
                yield _miners("thresholds", agents, weight, rule)


def large_transfers() -> Iterator[WorldGroup]:
    """Transfers to the poorest, the first of equals, in another group of agents."""
    givers = replace(MINERS, transfer_period=1, transfer_above=100)
    for agents in (64, 65, 130, 200):
        for units in (0, 150):
            yield built(
                f"large transfers of {agents}, {units}",
                6,
                output(units),
                {},
                policy=givers,
                seeds=(1, 2, 3, 4),
                num_agents=agents,
                block_threshold=0,
            )


def large_workers() -> Iterator[WorldGroup]:
    """Lanes beyond the last agent neither work nor weigh, though an empty agent would."""
    workers = replace(MINERS, job_below=700, transfer_period=2, transfer_above=0)
    for agents in SIZES:
        for units in (0, 400):
            yield built(
                f"large workers, {agents}, {units}",
                4,
                output(units),
                {},
                policy=workers,
                seeds=(5, 6, 7),
                num_agents=agents,
                mine_base_weight=MILLION,
                block_threshold=agents * MILLION,
            )
