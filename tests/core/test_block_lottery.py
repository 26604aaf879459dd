"""Every ticket wins as often as it weighs, whoever holds it and wherever it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import pytest

from sim_economy.core.events import Ticket, ValidatorType
from sim_economy.core.randomness import draw, seed_key
from sim_economy.core.rules.block_lottery import tickets, winner
from sim_economy.core.state import FinalisedBurn, NewestBlock
from sim_economy.core.world_config import WorldConfig, parse_world_config

DRAWS: Final = 100_000
WRITTEN: Final = {"lottery_rule": "mine_stake_burn", "num_agents": 4, "burn_maturity_turns": 0}
MINERS: Final = (0, 2, 3)
STAKED: Final = (0, 400, 1000, 37)
BURNS: Final = [FinalisedBurn(0, 120, 0), FinalisedBurn(3, 41, 0)]
CRITICAL: Final = {6: 22.46, 7: 24.32, 2: 13.82}
"""Chi-square that chance passes once in a thousand times, by degrees of freedom."""


def held(config: WorldConfig) -> tuple[Ticket, ...]:
    """Tickets of every kind that the rule has."""
    return tickets(MINERS, STAKED, BURNS, NewestBlock(0, None, None), 1, config)


@cache
def wins(lottery_rule: str, seed: int) -> Counter[Ticket]:
    """How often each ticket wins in as many turns."""
    config = parse_world_config({**WRITTEN, "lottery_rule": lottery_rule, "seed": seed})
    standing = held(config)
    counted: Counter[Ticket] = Counter()
    for turn in range(1, DRAWS + 1):
        won = winner(standing, turn, config)
        assert won is not None
        counted[won] += 1
    return counted


def chi_square(standing: Sequence[Ticket], counted: Counter[Ticket]) -> float:
    total = sum(ticket.weight for ticket in standing)
    expected = {ticket: DRAWS * ticket.weight / total for ticket in standing}
    assert min(expected.values()) > 500
    return sum((counted[ticket] - mean) ** 2 / mean for ticket, mean in expected.items())


@pytest.mark.parametrize(("lottery_rule", "seed"), [("mine_stake_burn", 1), ("miners", 2)])
def test_tickets_win_in_proportion_to_their_weights(lottery_rule: str, seed: int) -> None:
    config = parse_world_config({**WRITTEN, "lottery_rule": lottery_rule})
    standing = held(config)
    kinds = {ticket.validator_type for ticket in standing}
    assert kinds == (set(ValidatorType) if lottery_rule != "miners" else {ValidatorType.MINE})
    assert chi_square(standing, wins(lottery_rule, seed)) < CRITICAL[len(standing) - 1]


@pytest.mark.parametrize("kind", ValidatorType)
def test_within_each_kind_tickets_win_in_proportion_too(kind: ValidatorType) -> None:
    config = parse_world_config(WRITTEN)
    standing = [ticket for ticket in held(config) if ticket.validator_type is kind]
    counted = wins("mine_stake_burn", 1)
    total = sum(ticket.weight for ticket in standing)
    won = sum(counted[ticket] for ticket in standing)
    spread = sum(
        (counted[ticket] - won * ticket.weight / total) ** 2 / (won * ticket.weight / total)
        for ticket in standing
    )
    assert spread < 13.82


def test_an_uneven_lottery_would_be_seen() -> None:
    config = parse_world_config(WRITTEN)
    standing = held(config)
    counted = Counter(wins("mine_stake_burn", 1))
    counted[standing[0]] += 700
    counted[standing[-1]] -= 700
    assert chi_square(standing, counted) > CRITICAL[len(standing) - 1]


def test_the_order_of_a_ticket_decides_nothing_but_its_order() -> None:
    """The same weights in another order win as often."""
    config = parse_world_config({**WRITTEN, "seed": 5})
    standing = held(config)
    turned = standing[::-1]
    counted: Counter[Ticket] = Counter()
    for turn in range(1, DRAWS + 1):
        won = winner(turned, turn, config)
        assert won is not None
        counted[won] += 1
    assert chi_square(standing, counted) < CRITICAL[len(standing) - 1]


def test_a_draw_depends_on_seed_turn_purpose_and_index_alone() -> None:
    key = seed_key(7)
    first = [draw(key, turn, "lottery", 0) for turn in range(100)]
    assert first == [draw(seed_key(7), turn, "lottery", 0) for turn in reversed(range(100))][::-1]
    others = (
        [draw(seed_key(8), turn, "lottery", 0) for turn in range(100)],
        [draw(key, turn, "another", 0) for turn in range(100)],
        [draw(key, turn, "lottery", 1) for turn in range(100)],
        [draw(key, turn + 100, "lottery", 0) for turn in range(100)],
    )
    for other in others:
        assert not set(first) & set(other)


def test_neighbouring_turns_draw_independently() -> None:
    halves = [draw(seed_key(3), turn, "lottery", 0) >> 63 for turn in range(DRAWS)]
    pairs = Counter(pairwise(halves))
    mean = (DRAWS - 1) / 4
    assert sum((pairs[pair] - mean) ** 2 / mean for pair in pairs) < 16.27
