"""Large worlds, 64 agents of one side by side: the core's to the last account."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from sim_economy.agents.usage_model import DistributedUsage, Uniform
from sim_economy.scenarios.presets import preset
from tests.equivalence import directed_large_worlds as directed
from tests.equivalence.kernel_comparison import Comparison, batch_of, compared
from tests.equivalence.random_worlds import random_large_group
from tests.equivalence.world_groups import WorldGroup

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

GROUPS = 150
NIGHTLY_PARTS = 10
NIGHTLY_GROUPS = 1_000
BEYOND_MAX = 0.3
"""The share of random worlds that may leave the kernel's exact range."""

FAMILIES: tuple[Callable[[], Iterator[WorldGroup]], ...] = (
    directed.large_tickets,
    directed.large_thresholds,
    directed.large_transfers,
    directed.large_workers,
)


def _held(first: int, groups: int, *, every_turn: bool) -> None:
    found = Comparison()
    for number in range(first, first + groups):
        found.add(compared(random_large_group(number), every_turn=every_turn, large=True))
    assert found.differences == []
    assert 0 < found.beyond < BEYOND_MAX * found.worlds


def test_random_large_worlds_are_the_cores_at_the_end_of_every_turn() -> None:
    _held(0, GROUPS, every_turn=True)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(1, 1 + NIGHTLY_PARTS))
def test_thousands_of_random_large_worlds_are_the_cores(part: int) -> None:
    _held(part * NIGHTLY_GROUPS, NIGHTLY_GROUPS, every_turn=True)


@pytest.mark.parametrize("family", FAMILIES, ids=[own.__name__ for own in FAMILIES])
def test_groups_of_agents_are_exact_at_their_edges(
    family: Callable[[], Iterator[WorldGroup]],
) -> None:
    found = Comparison()
    for group in family():
        found.add(compared(group, every_turn=True, large=True))
    assert found.differences == []
    # Of six draws at an edge four are nearer to it than a float tells.
    most = 0.7 if family is directed.large_tickets else 0.05
    assert found.beyond <= most * found.worlds


def test_lanes_of_agents_and_lanes_of_worlds_agree() -> None:
    from sim_economy.batch.large.large_world_player import play_large_worlds  # noqa: PLC0415
    from sim_economy.batch.play import play_batch  # noqa: PLC0415

    for number in range(20):
        group = random_large_group(number)
        batch = batch_of(group, group.turns)
        of_worlds = play_batch(batch, threads=1, accounts=True)
        of_agents = play_large_worlds(batch, threads=2, accounts=True)
        both = ~(of_worlds.beyond | of_agents.beyond)
        assert np.array_equal(of_worlds.digests[both], of_agents.digests[both]), group.name
        assert of_worlds.balances is not None
        assert of_agents.balances is not None
        assert np.array_equal(of_worlds.balances[:, both], of_agents.balances[:, both])
        for name, values in of_worlds.metrics.items():
            assert np.array_equal(values[both], of_agents.metrics[name][both]), (group.name, name)


def test_a_world_of_thousands_is_played_with_lanes_of_agents_and_is_the_cores() -> None:
    from sim_economy.batch.play import LARGE_AGENTS, plays_large  # noqa: PLC0415

    agents = tuple(f"agent_{index}" for index in range(LARGE_AGENTS + 1))
    group = WorldGroup(
        name="thousands",
        config=replace(preset("as-run"), num_agents=len(agents), agent_ids=agents),
        turns=14,
        seeds=(1, 2),
        usage=DistributedUsage(Uniform(50, 350), Uniform(40, 280)),
    )
    assert plays_large(batch_of(group, group.turns))
    found = compared(group)
    assert (found.differences, found.beyond) == ([], 0)
