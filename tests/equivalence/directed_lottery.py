"""Worlds at the edges of the lottery: tickets, threshold, burns that ripen and decay, ties."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, product
from typing import Any

from msgspec.structs import replace

from sim_economy.agents.policies.rule_policy import Rules
from sim_economy.agents.policy import decided_input, views
from sim_economy.core.actions import Mine
from sim_economy.core.rules import block_lottery
from sim_economy.core.state import State, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.units import FACTOR_ONE, MILLION, Millionths, compounded
from sim_economy.core.world_config import (
    LotteryRule,
    SigningBonusRule,
    UnstakeWithoutAmount,
    WorldConfig,
    genesis_order,
)
from tests.equivalence.aimed_draws import WORD, seeds_near
from tests.equivalence.directed_divisions import ALWAYS, AROUND, PASSIVE, built, output
from tests.equivalence.world_groups import WorldGroup

WEIGHT_MAX = MILLION * MILLION
SAVERS = replace(
    PASSIVE,
    stake_period=3,
    stake_above=0,
    stake_max=ALWAYS,
    stake_tokens=7,
    burn_period=4,
    burn_above=0,
    burn_tokens=3,
)
"""Everybody stakes, burns and mines by turns, so that weights differ."""


def ticket_weights(group: WorldGroup, world: int = 0) -> list[int]:
    """The weights in the last turn of a world whose draws change nothing before it."""
    config, state = _before_last(group, world)
    turn = state.turn + 1
    seen = views(state, config)
    policy = group.policy_of(world)
    chosen = [decided_input(policy, view, (0, 0)).action for view in seen]
    miners = [agent for agent, action in enumerate(chosen) if isinstance(action, Mine)]
    held = block_lottery.tickets(
        miners, state.staked, state.burns, state.newest_block, turn, config
    )
    return [ticket.weight for ticket in held]


def _before_last(group: WorldGroup, world: int) -> tuple[WorldConfig, State]:
    config = group.config_of(world)
    state, _ = genesis(config)
    policy = group.policy_of(world)
    for _ in range(group.turns - 1):
        inputs = [decided_input(policy, view, (0, 0)) for view in views(state, config)]
        state, _ = play_turn(state, inputs, config, genesis_order(config))
    return config, state


def tickets() -> Iterator[WorldGroup]:
    """L4 and L8: draws at the first and the last point of every ticket."""
    weights: tuple[dict[str, int], ...] = (
        {},
        {"stake_weight_per_token": 1, "burn_weight_per_token": 1},
        {"mine_base_weight": 1, "stake_weight_per_token": 333_333},
        {"mine_base_weight": WEIGHT_MAX, "stake_weight_per_token": 1},
        {"stake_weight_per_token": WEIGHT_MAX, "burn_weight_per_token": WEIGHT_MAX - 1},
        {"burn_decay_rate": 333_333, "burn_weight_per_token": 10**9 + 7},
        {"mine_base_weight": 0, "burn_decay_rate": 0},
    )
    for own, rule, turns in product(weights, LotteryRule, (1, 2, 3, 6, 9)):
        group = built(
            f"tickets of turn {turns} under {rule}, {own}",
            turns,
            output(0),
            {},
            policy=SAVERS,
            seeds=(1,),
            num_agents=4,
            lottery_rule=rule,
            burn_maturity_turns=1,
            block_threshold=0,
            genesis_tokens_per_agent=100_000,
            **own,
        )
        held = ticket_weights(group)
        seeds = seeds_at_edges(held, turns)
        same = [seed for seed in seeds if ticket_weights(replace(group, seeds=(seed,))) == held]
        if same:
            yield replace(group, seeds=tuple(same))


def seeds_at_edges(held: list[int], turn: int) -> list[int]:
    total = sum(held)
    if not total:
        return []
    edges = [0, *accumulate(held)]
    near = (1, 2, 2**40, 2**43, 2**45)
    points = {
        -(-edge * WORD // total) + sign * off
        for edge in edges
        for off in (0, *near)
        for sign in (-1, 1)
    }
    return seeds_near(sorted(points | {WORD - 1}), turn, "lottery")


def thresholds() -> Iterator[WorldGroup]:
    """L4: a threshold of just what weighs, a millionth less, a millionth more."""
    for rule, decay, turns in product(LotteryRule, (0, 20_000, 333_333, MILLION), (1, 2, 4, 7)):
        for own in ({}, {"stake_weight_per_token": 333_333, "burn_weight_per_token": 7}):
            values: dict[str, Any] = {
                "num_agents": 3,
                "lottery_rule": rule,
                "burn_decay_rate": decay,
                "burn_maturity_turns": 1,
                **own,
            }
            name = f"threshold in turn {turns} under {rule}, decay {decay}, {own}"
            probe = built(
                name, turns, output(0), {}, policy=SAVERS, seeds=(1,), block_threshold=0, **values
            )
            whole = sum(ticket_weights(probe)) // FACTOR_ONE
            near = [least for off in (*AROUND, 2) if 0 <= (least := whole + off) <= WEIGHT_MAX]
            yield built(name, turns, output(0), {"block_threshold": near}, policy=SAVERS, **values)
    miners = [times * 10_000_000 + off for times in range(6) for off in AROUND]
    for agents in (1, 2, 5):
        yield built(
            f"thresholds of {agents} miners",
            2,
            output(0),
            {"block_threshold": [max(0, least) for least in miners]},
            num_agents=agents,
        )


def decayed_thresholds() -> Iterator[WorldGroup]:
    """L3 and L4: thresholds between what a burn weighs rounded down each turn, and not rounded."""
    mine, tokens, weight = 2 * 10**9, 10_000, 10**9
    for decay, ages in ((500_000, (13, 14, 15)), (999_000, (4, 5))):
        for age in ages:
            rounded = weight * tokens * compounded(Millionths(decay), age) // FACTOR_ONE
            unrounded = weight * tokens * (MILLION - decay) ** age // MILLION**age
            near = sorted(
                {
                    mine + held + off
                    for held in (rounded, unrounded)
                    for off in (-(10**6), -2, *AROUND, 2, 10**6)
                    if 0 <= mine + held + off <= min(2 * mine, WEIGHT_MAX)
                }
            )
            last = age + 2
            others = Rules(((f"turn == {last}", "idle"), ("", "mine")))
            group = built(
                f"a burn at {decay} after {age} turns",
                last,
                output(0),
                {"block_threshold": near},
                policy=PASSIVE,
                num_agents=3,
                genesis_tokens_per_agent=2 * tokens,
                mine_base_weight=mine,
                burn_weight_per_token=weight,
                burn_decay_rate=decay,
                burn_maturity_turns=1,
            )
            burner = Rules((("turn == 1", f"burn {tokens}"), ("", "mine")))
            yield replace(group, others={0: burner, 1: others, 2: others})


def burns() -> Iterator[WorldGroup]:
    """L3: burns from a turn before they ripen on, with little decay and with all."""
    seeds = range(1, 9)
    burners = replace(PASSIVE, burn_period=3, burn_above=0, burn_tokens=11)
    for maturity, decay, rule in product(
        (0, 1, 2, 4), (0, 1, 500_000, 999_999, MILLION), LotteryRule
    ):
        yield built(
            f"burns that ripen in {maturity} turns and lose {decay}, {rule}",
            8,
            output(0),
            {},
            policy=burners,
            seeds=seeds,
            num_agents=3,
            lottery_rule=rule,
            burn_maturity_turns=maturity,
            burn_decay_rate=decay,
            burn_weight_per_token=WEIGHT_MAX,
            mine_base_weight=MILLION,
            block_threshold=0,
            signing_bonus_rule=SigningBonusRule.PER_BLOCK,
        )


def releases() -> Iterator[WorldGroup]:
    """S2 and S3: stake on its way back, a turn before it is due, when it is, and after."""
    movers = replace(PASSIVE, stake_period=2, stake_above=0, stake_max=1, unstake_period=3)
    for delay, without in product((1, 2, 3, 4, 5, 30), UnstakeWithoutAmount):
        for turns in (3, 4, 5, 8, 9, 12):
            yield built(
                f"{turns} turns of stake that returns after {delay}, {without}",
                turns,
                output(3),
                {"policy.stake_tokens": (1, 80, 1000)},
                policy=movers,
                num_agents=2,
                unstake_delay_turns=delay,
                unstake_without_amount=without,
                block_threshold=0,
            )


def windows() -> Iterator[WorldGroup]:
    """L2: stake and burn tickets count after a mine block, and after blockless turns."""
    stakers = replace(PASSIVE, stake_period=4, stake_above=0, stake_max=ALWAYS)
    for window, heavy in product((1, 2, 3, 6), (10_000, WEIGHT_MAX)):
        yield built(
            f"a window of {window} turns, stake that weighs {heavy}",
            14,
            output(0),
            {"block_threshold": (0, 1, 20_000_000, 30_000_000, 30_000_001, 31_000_000)},
            policy=stakers,
            num_agents=3,
            signature_window=window,
            stake_weight_per_token=heavy,
            lottery_rule=LotteryRule.MINE_STAKE_BURN,
        )


def transfers() -> Iterator[WorldGroup]:
    """L6, and the poorest: the first of equals; tips to the winner, of its own transactions too."""
    givers = replace(PASSIVE, transfer_period=2, transfer_above=NEVER_RICH)
    for agents, rule in product((1, 2, 3, 5, 17), SigningBonusRule):
        yield built(
            f"transfers among {agents} of equal balance, {rule}",
            6,
            output(7),
            {
                "policy.transfer_tokens": (1, 20, 20, 999, 1000, 1001, 333),
                "policy.transfer_fee": (0, 1, 30, 1, 0, 0, 667),
                "block_threshold": (0, 0, 10_000_000, 0, 0, 0, 0),
            },
            policy=givers,
            num_agents=agents,
            signing_bonus_rule=rule,
        )


NEVER_RICH = -1
