"""Who may win a block, and who does.

Source: docs/spec/economy.md, L2 to L4 and L8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sim_economy.core.events import Ticket, ValidatorType
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.state import FinalisedBurn, Tip
from sim_economy.core.units import FACTOR_ONE, compounded
from sim_economy.core.world_config import LotteryRule, Scenario


def burn_factor(turns_since: int, scenario: Scenario) -> int:
    """What a burn finalised `turns_since` turns ago still weighs, in units of 10^-12.

    Source: docs/spec/economy.md, L3.
    """
    decayed_turns = turns_since - scenario.burn_maturity_turns
    if decayed_turns < 0:
        return 0
    return compounded(scenario.burn_decay_rate, decayed_turns)


def burn_weights(
    burns: Sequence[FinalisedBurn], turn: int, agents: int, scenario: Scenario
) -> list[int]:
    """Burned tokens as they weigh in `turn`, `[agent]`, in units of 10^-12.

    Source: docs/spec/economy.md, L3.
    """
    weights = [0] * agents
    for burn in burns:
        weights[burn.agent] += burn.amount * burn_factor(turn - burn.turn, scenario)
    return weights


def is_spent(burn: FinalisedBurn, turn: int, scenario: Scenario) -> bool:
    """Whether a mature burn has decayed to nothing, for good."""
    matured = turn - burn.turn >= scenario.burn_maturity_turns
    return matured and burn_factor(turn - burn.turn, scenario) == 0


def tickets(
    miners: Sequence[int],
    staked: Sequence[int],
    burns: Sequence[FinalisedBurn],
    tip: Tip,
    turn: int,
    scenario: Scenario,
) -> tuple[Ticket, ...]:
    """The counting tickets of a turn in drawing order, weightless ones left out.

    Args:
        miners: Positions of the agents that mined, in genesis order.
        staked: Tokens, `[agent]`.
        tip: The newest block before this turn.

    Source: docs/spec/economy.md, L2.
    """
    burned = burn_weights(burns, turn, len(staked), scenario) if burns else [0] * len(staked)
    stake_weight = scenario.stake_weight_per_token * FACTOR_ONE
    mine_weight = scenario.mine_base_weight * FACTOR_ONE
    burn_weight = scenario.burn_weight_per_token
    match scenario.lottery_rule:
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
            if _stake_and_burn_count(tip, turn, scenario):
                held += [
                    Ticket(agent, ValidatorType.STAKE, stake_weight * tokens)
                    for agent, tokens in enumerate(staked)
                ]
                held += [
                    Ticket(agent, ValidatorType.BURN, burn_weight * tokens)
                    for agent, tokens in enumerate(burned)
                ]
        case _:
            assert_never(scenario.lottery_rule)
    return tuple([ticket for ticket in held if ticket.weight])


def _stake_and_burn_count(tip: Tip, turn: int, scenario: Scenario) -> bool:
    clock = tip.validator_type is None or tip.validator_type is ValidatorType.MINE
    return clock or turn - tip.turn > scenario.signature_window


def winner(held: Sequence[Ticket], turn: int, scenario: Scenario) -> Ticket | None:
    """The winning ticket, or None where the threshold is not reached.

    Source: docs/spec/economy.md, L4 and L8.
    """
    total = sum([ticket.weight for ticket in held])
    if not held or total < scenario.block_threshold * FACTOR_ONE:
        return None
    point = draw_below(total, seed_key(scenario.seed, scenario.secret), turn, "lottery", 0)
    for ticket in held:
        point -= ticket.weight
        if point < 0:
            return ticket
    raise AssertionError("a draw below the total falls on a ticket")
