"""The lottery of a block: its tickets and its winner.

Source: docs/spec/economy.md, L2 to L4 and L8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sim_economy.core.events import Ticket, ValidatorType
from sim_economy.core.randomness import draw_below
from sim_economy.core.state import FinalisedBurn, NewestBlock
from sim_economy.core.units import FACTOR_ONE, compounded
from sim_economy.core.world_config import LotteryRule, WorldConfig


def _burn_factor(turns_since: int, config: WorldConfig) -> int:
    """The remaining weight of a burn, `turns_since` turns after it, in units of 10^-12.

    Source: docs/spec/economy.md, L3.
    """
    decayed_turns = turns_since - config.burn_maturity_turns
    if decayed_turns < 0:
        return 0
    return compounded(config.burn_decay_rate, decayed_turns)


def _burn_weights(
    burns: Sequence[FinalisedBurn], turn: int, agents: int, config: WorldConfig
) -> list[int]:
    """Burned tokens as they weigh in `turn`, `[agent]`, in units of 10^-12.

    Source: docs/spec/economy.md, L3.
    """
    weights = [0] * agents
    for burn in burns:
        weights[burn.agent] += burn.amount * _burn_factor(turn - burn.turn, config)
    return weights


def is_spent(burn: FinalisedBurn, turn: int, config: WorldConfig) -> bool:
    """Test whether a mature burn has decayed to nothing, for good."""
    matured = turn - burn.turn >= config.burn_maturity_turns
    return matured and _burn_factor(turn - burn.turn, config) == 0


def tickets(
    miners: Sequence[int],
    staked: Sequence[int],
    burns: Sequence[FinalisedBurn],
    newest_block: NewestBlock,
    turn: int,
    config: WorldConfig,
) -> tuple[Ticket, ...]:
    """The counting tickets of a turn in drawing order, weightless ones left out.

    Args:
        miners: Positions of the agents that mined, in genesis order.
        staked: Tokens, `[agent]`.
        newest_block: The newest block before this turn.

    Source: docs/spec/economy.md, L2.
    """
    burned = _burn_weights(burns, turn, len(staked), config) if burns else [0] * len(staked)
    stake_weight = config.stake_weight_per_token * FACTOR_ONE
    mine_weight = config.mine_base_weight * FACTOR_ONE
    burn_weight = config.burn_weight_per_token
    match config.lottery_rule:
        case LotteryRule.MINERS:
            held = [
                Ticket(
                    agent,
                    ValidatorType.MINE,
                    mine_weight + stake_weight * staked[agent] + burn_weight * burned[agent],
                )
                for agent in miners
            ]
        case LotteryRule.MINE_STAKE_BURN:
            held = [Ticket(agent, ValidatorType.MINE, mine_weight) for agent in miners]
            if _stake_and_burn_count(newest_block, turn, config):
                held += [
                    Ticket(agent, ValidatorType.STAKE, stake_weight * tokens)
                    for agent, tokens in enumerate(staked)
                ]
                held += [
                    Ticket(agent, ValidatorType.BURN, burn_weight * tokens)
                    for agent, tokens in enumerate(burned)
                ]
        case _:
            assert_never(config.lottery_rule)
    return tuple([ticket for ticket in held if ticket.weight])


def _stake_and_burn_count(newest_block: NewestBlock, turn: int, config: WorldConfig) -> bool:
    clock = newest_block.validator_type is None or newest_block.validator_type is ValidatorType.MINE
    return clock or turn - newest_block.turn > config.signature_window


def winner(held: Sequence[Ticket], turn: int, config: WorldConfig) -> Ticket | None:
    """The winning ticket, or None where the threshold is not reached.

    Source: docs/spec/economy.md, L4 and L8.
    """
    # A list is faster to sum than a generator, and this runs every turn.
    total = sum([ticket.weight for ticket in held])
    if not held or total < config.block_threshold * FACTOR_ONE:
        return None
    point = draw_below(total, config.seed_key, turn, "lottery", 0)
    for ticket in held:
        point -= ticket.weight
        if point < 0:
            return ticket
    raise AssertionError("a draw below the total falls on a ticket")
