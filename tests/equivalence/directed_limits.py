"""Worlds at the ends of every range, and beyond what the kernel holds: played by the core then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from msgspec.structs import replace

from sim_economy.agents.usage_model import Constant, DistributedUsage, PublishedUsage, Uniform
from sim_economy.core.income_config import EmptyRule, IncomeConfig, OverdraftRule, TopUp
from sim_economy.core.units import INPUT_LIMIT, MILLION
from sim_economy.core.world_config import (
    DividendRule,
    JobRule,
    LotteryRule,
    SigningBonusRule,
    UnstakeWithoutAmount,
)
from tests.equivalence.directed_divisions import (
    ALWAYS,
    AROUND,
    NEVER,
    PASSIVE,
    PRICE_MAX,
    built,
    output,
)
from tests.equivalence.world_groups import WorldGroup

POWERS = tuple(
    2**bits + off
    for bits in (20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31)
    for off in (-2, *AROUND)
    if 2**bits + off <= INPUT_LIMIT
)
"""Numbers at powers of two, at which a narrow type ends."""
BUSY = replace(
    PASSIVE,
    stake_period=2,
    stake_above=NEVER,
    stake_max=ALWAYS,
    burn_period=3,
    burn_above=NEVER,
    transfer_period=5,
    transfer_above=NEVER,
    study_period=7,
    study_above=NEVER,
    unstake_period=4,
)


def balances() -> Iterator[WorldGroup]:
    """Balances that reach a power of two from above, from below, and pass it."""
    for agents in (1, 3):
        yield built(
            f"endowments of {agents}",
            3,
            output(1),
            {"genesis_tokens_per_agent": POWERS},
            num_agents=agents,
        )
        for turns in (1, 2, 5):
            yield built(
                f"debts of {agents} after {turns} turns",
                turns,
                output(2**10),
                {"base_inference_rate": [min(PRICE_MAX, power * 977) for power in POWERS]},
                num_agents=agents,
                genesis_tokens_per_agent=1,
                interest_rate_per_turn=10_007,
            )
    for rule, agents in product(SigningBonusRule, (1, 2, 5)):
        yield built(
            f"bonuses under {rule} to {agents}",
            4,
            output(0),
            {"signing_bonus": POWERS},
            policy=replace(
                PASSIVE, job_below=1001 if rule is SigningBonusRule.FIRST_JOB else NEVER
            ),
            num_agents=agents,
            signing_bonus_rule=rule,
            block_threshold=0,
        )


def debts_that_double() -> Iterator[WorldGroup]:
    """B5 at rate 1, to the limit of accounts and beyond it."""
    for rate, turns in product((MILLION, 999_999, 500_000), (20, 28, 32, 62, 70)):
        yield built(
            f"debts at interest of {rate} for {turns} turns",
            turns,
            output(3),
            {"genesis_tokens_per_agent": (1, 2, 3, 5, 1000, INPUT_LIMIT)},
            interest_rate_per_turn=rate,
            num_agents=2,
        )


def usage() -> Iterator[WorldGroup]:
    """Units at the ends of narrow types, and at the most that an input may carry."""
    for most in (2**26, 2**27 - 1, 2**27, INPUT_LIMIT):
        constant = Constant(most)
        free = (0, 1, 2**26, 2**27 - 1, most - 1, most)
        for source, price, discount in product(
            (
                DistributedUsage(constant, constant),
                DistributedUsage(constant, Constant(0)),
                DistributedUsage(Constant(0), constant),
                DistributedUsage(Uniform(0, most), Uniform(most - 1, most)),
            ),
            (0, 1, 999, MILLION, PRICE_MAX),
            (0, 1, 500_000, MILLION),
        ):
            yield built(
                f"{source} at {price}, {discount}",
                2,
                source,
                {"commons_threshold_per_turn": free},
                base_inference_rate=price,
                thinking_layer_discount=discount,
                genesis_tokens_per_agent=2**26,
                policy=replace(PASSIVE, job_below=0),
            )


def prices() -> Iterator[WorldGroup]:
    """Fees at the powers of two, charged, waived, credited, and shared out."""
    for rule, below in product(JobRule, (NEVER, ALWAYS)):
        yield built(
            f"fees under {rule}, jobs below {below}",
            2,
            output(1000),
            {
                "base_inference_rate": [
                    min(PRICE_MAX, power * 1000 + off) for power in POWERS for off in (-1, 0)
                ]
            },
            policy=replace(PASSIVE, job_below=below),
            job_rule=rule,
            job_credit_max=INPUT_LIMIT,
            genesis_tokens_per_agent=2**26,
        )
    for agents in (2, 17, 70):
        for shared in DividendRule:
            yield built(
                f"pools of {agents} under {shared}",
                2,
                output(1000),
                {"base_inference_rate": [power * 100 for power in POWERS]},
                num_agents=agents,
                dividend_rule=shared,
                core_owners=(("agent_0", 1), ("agent_1", 2)),
                genesis_tokens_per_agent=2**26,
            )


def amounts() -> Iterator[WorldGroup]:
    """Stakes, burns, transfers and studies of what is there, of one token more, of all."""
    tokens = (1, 999, 1000, 1001, *POWERS)
    for endowment, lottery in product((1000, 2**26, 2**27 - 1, INPUT_LIMIT), LotteryRule):
        yield built(
            f"amounts on {endowment} under {lottery}",
            8,
            output(1),
            {
                "policy.stake_tokens": tokens,
                "policy.burn_tokens": tokens[::-1],
                "policy.transfer_tokens": tokens[7:] + tokens[:7],
                "policy.transfer_fee": tokens[17:] + tokens[:17],
                "study_cost": tokens[3:] + tokens[:3],
            },
            policy=BUSY,
            num_agents=3,
            genesis_tokens_per_agent=endowment,
            lottery_rule=lottery,
            block_threshold=0,
            unstake_without_amount=UnstakeWithoutAmount.ALL,
            stake_weight_per_token=PRICE_MAX,
            burn_weight_per_token=PRICE_MAX,
            mine_base_weight=PRICE_MAX,
            dividend_rule=DividendRule.STAKE_AND_BURN,
        )


def rates() -> Iterator[WorldGroup]:
    """Rates of 0 and 1, weights of 0 and of a million, in every combination of two."""
    ends = {
        "thinking_layer_discount": (0, MILLION),
        "study_discount": (0, MILLION),
        "burn_decay_rate": (0, MILLION),
        "interest_rate_per_turn": (0, MILLION),
        "mine_base_weight": (0, PRICE_MAX),
        "stake_weight_per_token": (0, PRICE_MAX),
        "burn_weight_per_token": (0, PRICE_MAX),
        "block_threshold": (0, PRICE_MAX),
        "base_inference_rate": (0, 2 * MILLION),
    }
    rows = list(product(*ends.values()))
    for lottery, maturity in product(LotteryRule, (0, 2)):
        yield built(
            f"ends of rates under {lottery}, burns ripe after {maturity}",
            9,
            DistributedUsage(Uniform(0, 60), Uniform(0, 60)),
            dict(zip(ends, zip(*rows, strict=True), strict=True)),
            policy=replace(BUSY, job_below=-100),
            num_agents=3,
            lottery_rule=lottery,
            burn_maturity_turns=maturity,
        )


def incomes() -> Iterator[WorldGroup]:
    """I1 to I8: what is carried over, lifted, stopped or clipped at one token more and less."""
    for empty, overdraft, carried in product(
        EmptyRule, OverdraftRule, (0, 1, 99, 100, ALWAYS, INPUT_LIMIT)
    ):
        income = IncomeConfig(
            allowance=50,
            allowances=(
                ("agent_1", 0),
                ("agent_2", 2**23 if carried < INPUT_LIMIT else INPUT_LIMIT),
            ),
            period_turns=3,
            carryover_max=carried,
            overdraft=overdraft,
            when_empty=empty,
            top_ups=(
                TopUp(turn=2, agent="agent_0", tokens=1),
                TopUp(turn=4, agent="agent_0", tokens=3),
                TopUp(turn=4, agent="agent_0", tokens=4),
                TopUp(turn=5, agent="agent_3", tokens=2**26),
            ),
        )
        yield built(
            f"income, {empty}, {overdraft}, {carried} carried over",
            8,
            output(50),
            {"genesis_tokens_per_agent": (0, 1, 49, 50, 51, 98, 99, 100, 101, 150, 151)},
            num_agents=4,
            income=income,
            interest_rate_per_turn=10_000,
        )


def top_ups() -> Iterator[WorldGroup]:
    """I5: top-ups at the powers of two, to agents with tokens and in debt."""
    for tokens in (*POWERS, INPUT_LIMIT):
        given = IncomeConfig(
            top_ups=(
                TopUp(turn=2, agent="agent_0", tokens=tokens),
                TopUp(turn=2, agent="agent_0", tokens=1),
                TopUp(turn=3, agent="agent_1", tokens=tokens),
            )
        )
        yield built(
            f"top-ups of {tokens}",
            4,
            output(1000),
            {"genesis_tokens_per_agent": (0, 1, 999, 1000, 1001, 5000)},
            num_agents=2,
            income=given,
        )


def inside_a_turn() -> Iterator[WorldGroup]:
    """Balances that pass a power of two within a turn, and are below it again as it ends."""
    for bits in (26, 27, 28):
        near = tuple(2**bits + off for off in (-7, *AROUND, 7))
        yield built(
            f"studies that cost more than 2^{bits}",
            4,
            output(5),
            {"study_cost": near, "allowance": tuple(2 ** (bits - 1) for _ in near)},
            policy=replace(PASSIVE, study_period=2, study_above=0),
            genesis_tokens_per_agent=2**bits - 1,
            income=IncomeConfig(allowance=1, period_starts=(2,), carryover_max=INPUT_LIMIT),
        )
        for kind in ("stake", "burn", "transfer"):
            period: dict[str, Any] = {f"{kind}_period": 2, f"{kind}_above": 0}
            yield built(
                f"{kind}s of more than 2^{bits}",
                4,
                output(5),
                {f"policy.{kind}_tokens": near, "carryover_max": near[::-1]},
                policy=replace(PASSIVE, **period),
                num_agents=2,
                genesis_tokens_per_agent=2**bits - 1,
                income=IncomeConfig(allowance=2 ** (bits - 1), period_starts=(1, 2, 3)),
            )
        yield built(
            f"stake that returns to a balance near 2^{bits} as a period begins",
            5,
            output(300),
            {"carryover_max": (0, *near, INPUT_LIMIT)},
            policy=replace(
                PASSIVE,
                stake_period=2,
                stake_above=0,
                stake_max=1,
                stake_tokens=2 ** (bits - 1),
                unstake_period=3,
            ),
            num_agents=2,
            genesis_tokens_per_agent=2**bits - 1,
            unstake_delay_turns=1,
            unstake_without_amount=UnstakeWithoutAmount.ALL,
            block_threshold=0,
            commons_threshold_per_turn=0,
            income=IncomeConfig(
                allowance=1,
                period_starts=(1, 4),
                top_ups=(TopUp(turn=3, agent="agent_1", tokens=2 ** (bits - 1)),),
            ),
        )


def long_sums() -> Iterator[WorldGroup]:
    """Fees that stay within the range, and pass 32 bits as sums over a run."""
    for agents in (1, 7, 8):
        yield built(
            f"{agents} workers whose fees are waived for long",
            40,
            output(2**20),
            {"base_inference_rate": tuple(2**bits * MILLION + 7 for bits in range(2, 7))},
            policy=replace(PASSIVE, job_below=ALWAYS),
            num_agents=agents,
            job_rule=JobRule.WAIVE_USAGE,
        )


def two_lists() -> Iterator[WorldGroup]:
    """Listed usage where lanes read the list of the first one, of the last, or others."""
    prices = tuple(MILLION + 1_000 * step for step in range(64))
    for seeds in ((1,) * 64, (1,) * 33 + (2,) * 31, (1,) * 20 + (2,) * 24 + (3,) * 20):
        yield built(
            f"{len(set(seeds))} lists of usage",
            6,
            PublishedUsage(),
            {"base_inference_rate": prices, "thinking_layer_discount": prices[::-1]},
            seeds=seeds,
            num_agents=3,
            genesis_tokens_per_agent=100_000,
        )


def crowds() -> Iterator[WorldGroup]:
    """Numbers that stay within the range for each agent, and pass it as sums over many."""
    many = tuple(2**bits + off for bits in (23, 24, 26) for off in AROUND)
    idle: dict[str, Any] = {"genesis_tokens_per_agent": 2**26 + 1, "block_threshold": 0}
    for agents in (7, 8, 9, 16, 17, 33, 64, 70):
        yield built(
            f"{agents} students",
            2,
            output(1),
            {"study_cost": many},
            policy=replace(PASSIVE, study_period=2, study_above=0),
            num_agents=agents,
            **idle,
        )
        for kind in ("stake", "burn", "transfer"):
            period: dict[str, Any] = {f"{kind}_period": 2, f"{kind}_above": 0}
            room: dict[str, Any] = {"stake_max": ALWAYS} if kind == "stake" else {}
            yield built(
                f"{agents} agents whose {kind}s add up",
                5,
                output(1),
                {f"policy.{kind}_tokens": many},
                policy=replace(PASSIVE, **period, **room),
                num_agents=agents,
                dividend_rule=DividendRule.STAKE_AND_BURN,
                **idle,
            )
        for rule in DividendRule:
            yield built(
                f"{agents} debtors, fees shared by {rule}",
                3,
                output(1000),
                {"base_inference_rate": tuple(tokens * 250 for tokens in many)},
                num_agents=agents,
                genesis_tokens_per_agent=2**24,
                dividend_rule=rule,
                core_owners=tuple((f"agent_{own}", 1) for own in range(4)),
                interest_rate_per_turn=10_007,
                policy=replace(PASSIVE, job_below=-(2**25)),
            )
        yield built(
            f"{agents} owners of a core share each",
            2,
            output(1000),
            {"base_inference_rate": tuple(tokens * 990 for tokens in many)},
            num_agents=agents,
            genesis_tokens_per_agent=2**27 - 1,
            num_cores=agents,
            core_owners=tuple(sorted((f"agent_{own}", 1) for own in range(agents))),
        )
        yield built(
            f"{agents} agents with an allowance",
            5,
            output(1),
            {"allowance": many, "carryover_max": many[::-1]},
            num_agents=agents,
            income=IncomeConfig(allowance=1, period_turns=2),
        )
        yield built(
            f"{agents} first jobs",
            3,
            output(1000),
            {"signing_bonus": many, "base_inference_rate": tuple(own * 900 for own in many)},
            num_agents=agents,
            policy=replace(PASSIVE, job_below=2000),
            job_credit_max=ALWAYS,
        )
