"""Worlds with interventions at the edges of their divisions, ties, windows and limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from msgspec.structs import replace

from sim_economy.agents.usage_model import DistributedUsage, Uniform
from sim_economy.core.governance_config import (
    CapBase,
    ConcentrationMonitor,
    DebtRails,
    FeeCap,
    GovernanceConfig,
    MonitorResponse,
    ReinvestmentRebate,
    WagesRule,
)
from sim_economy.core.income_config import IncomeConfig, OverdraftRule, TopUp
from sim_economy.core.shock_config import GAIN, JOB_PAY, LOSS, USAGE, Shock
from sim_economy.core.units import MILLION, Millionths
from sim_economy.core.world_config import DividendRule, SigningBonusRule
from sim_economy.usage.traced_usage import TracedUsage
from tests.equivalence.directed_divisions import ALWAYS, NEVER, PASSIVE, built, output
from tests.equivalence.world_groups import WorldGroup

FEE_SHARES: Sequence[tuple[int, ...]] = (
    (3, 3, 3),
    (1, 2, 3, 4),
    (7, 7, 7, 5, 5),
    (0, 1, 1, 0),
    (1,),
    (10, 10),
    (33, 33, 34, 1, 0, 33),
    (999_983, 2, 999_983, 65_537),
)
"""Fees of the agents of a world, of which some are equal and some nothing."""
WORKER = replace(PASSIVE, job_below=ALWAYS)
BUSY = replace(
    PASSIVE,
    stake_period=2,
    stake_above=NEVER,
    stake_max=ALWAYS,
    stake_tokens=30,
    burn_period=5,
    burn_above=NEVER,
    burn_tokens=3,
    transfer_period=3,
    transfer_above=NEVER,
    transfer_tokens=41,
    transfer_fee=7,
    study_period=4,
    study_above=NEVER,
    unstake_period=7,
)
TIPPING = replace(
    PASSIVE, transfer_period=2, transfer_above=NEVER, transfer_tokens=41, transfer_fee=7
)
"""Every second turn all but the poorest give to it, and in the next one mine."""
TWO_MINERS = 15 * MILLION
"""A threshold that one miner does not reach, so that payers of tips win blocks."""
MARKETS = ((BUSY, 0), (TIPPING, TWO_MINERS))
"""What agents do, with the threshold of a block."""


def traced(*turns: Sequence[int]) -> TracedUsage:
    """Output of each agent, turn by turn, then again; every unit costs a token."""
    rows = {
        turn: {f"agent_{own}": (0, units) for own, units in enumerate(used)}
        for turn, used in enumerate(turns, 1)
    }
    return TracedUsage(path="trace.csv", rows=rows, last=len(turns), repeat=True)


CHUNK_WORLDS = 4096
WRAPPED = 2**64 // 10**12 + 1
"""Units that times 10^12 are few, in 64 bits."""


def capped(ratio: int = 0, **own: Any) -> FeeCap:
    """A fee cap of one turn; with a bonus of 1 its ratio is the tokens that may be charged."""
    return FeeCap(cap_ratio=Millionths(ratio), **{"window_turns": 1, **own})


def waivers() -> Iterator[WorldGroup]:
    """G1: every sum that may be waived, whole or one millionth short; equal remainders."""
    for fees in FEE_SHARES:
        total = sum(fees)
        allowed = sorted({*range(min(total, 40) + 2), total // 3, total - 1, total, total + 1})
        ratios = [max(0, tokens * MILLION + off) for tokens in allowed for off in (-1, 0)]
        yield built(
            f"waivers of {fees}",
            2,
            traced(fees),
            {"governance.fee_cap.cap_ratio": ratios},
            num_agents=len(fees),
            signing_bonus=1,
            governance=GovernanceConfig(fee_cap=capped()),
        )


def wages() -> Iterator[WorldGroup]:
    """G1: what of their fees workers are credited where others pay."""
    for fees, rule in product(FEE_SHARES, WagesRule):
        total = sum(fees)
        allowed = sorted({*range(min(2 * total, 40)), total // 2, total, 2 * total})
        group = built(
            f"wages of {fees}, {rule}",
            3,
            traced(fees),
            {"governance.fee_cap.cap_ratio": [tokens * MILLION for tokens in allowed]},
            num_agents=len(fees),
            signing_bonus=1,
            interest_rate_per_turn=300_000,
            genesis_tokens_per_agent=2,
            governance=GovernanceConfig(fee_cap=capped(), wages=rule),
        )
        workers = dict.fromkeys(range(0, len(fees), 2), WORKER)
        yield group if len(fees) == 1 else replace(group, others=workers)


def cap_windows() -> Iterator[WorldGroup]:
    """G1: fees, tips and pay of jobs that leave the window; some payers of tips win the block."""
    windows = (1, 2, 3, 7, 2**31 - 1)
    for base, window, market in product(CapBase, windows, MARKETS):
        policy, threshold = market
        yield built(
            f"windows of {window} turns, {base}, threshold {threshold}",
            9,
            traced((40, 3, 25), (1, 90, 7)),
            {
                "governance.fee_cap.cap_ratio": (1, 300_000, MILLION, 1_500_000, 5_000_001),
                "policy.job_below": (NEVER, 900, 950, 980, ALWAYS),
            },
            seeds=range(40, 45),
            policy=policy,
            num_agents=3,
            block_threshold=threshold,
            signing_bonus=5,
            signing_bonus_rule=SigningBonusRule.FIRST_JOB,
            governance=GovernanceConfig(fee_cap=capped(base=base, window_turns=window)),
        )


def shifted_gini(wealth: Sequence[int]) -> Fraction:
    """The Gini coefficient of wealth that is shifted until the least is 1."""
    shift = max(0, 1 - min(wealth))
    ranked = sorted(held + shift for held in wealth)
    agents, total = len(ranked), sum(ranked)
    weighted = sum(rank * held for rank, held in enumerate(ranked, 1))
    return Fraction(2 * weighted - (agents + 1) * total, agents * total)


FORTUNES: Sequence[tuple[int, ...]] = (
    (1, 3),
    (3, 1),
    (0, 0),
    (-5, 5),
    (5,),
    (1, 1, 3, 3),
    (0, 10, 0, 10, 0),
    (-20, -20, -20, 999, 998),
    (100, 7, 7, 7, 300, 300),
    (1000, 0, 0, 0, 0, 0, 1),
    (*range(0, 700, 100), 650),
)
"""What the agents of a world have after a turn."""


def ginis() -> Iterator[WorldGroup]:
    """G5: a Gini coefficient at its limit, a millionth below and above, with each response."""
    for wealth, response in product(FORTUNES, MonitorResponse):
        at = int(shifted_gini(wealth) * MILLION)
        limits = [at + off for off in (-1, 0, 1) if 0 <= at + off <= MILLION]
        yield built(
            f"Gini of {wealth}, {response}",
            3,
            traced([1000 - held for held in wealth], [7] * len(wealth)),
            {"governance.concentration_monitor.gini_max": limits},
            num_agents=len(wealth),
            genesis_tokens_per_agent=1000,
            governance=monitored(0, response),
        )


def monitored(gini_max: int, response: MonitorResponse, **own: Any) -> GovernanceConfig:
    """A monitor from the first turn on."""
    monitor = ConcentrationMonitor(
        gini_max=Millionths(gini_max), from_turn=1, response=response, **own
    )
    return GovernanceConfig(concentration_monitor=monitor)


def wide_ginis() -> Iterator[WorldGroup]:
    """G5: sums of so many and so large fortunes that their products take more than 64 bits."""
    endowment = 2**26
    for agents in (2, 69, 800):
        wealth = [endowment - (own * own * 12_345 + own) % endowment for own in range(agents)]
        at = int(shifted_gini(wealth) * MILLION)
        yield built(
            f"Gini of {agents} fortunes",
            2,
            traced([endowment - held for held in wealth], [0] * agents),
            {"governance.concentration_monitor.gini_max": (0, at - 1, at, at + 1, MILLION)},
            num_agents=agents,
            genesis_tokens_per_agent=endowment,
            governance=monitored(0, MonitorResponse.LEVY),
        )


def levies() -> Iterator[WorldGroup]:
    """G5: levies at whole tokens and next to them, with remainders, of a balance or of stake."""
    for wealth in FORTUNES:
        for endowment in (1000, 10**7 + 19):
            yield built(
                f"levies on {wealth} of {endowment}",
                4,
                traced([1000 - held for held in wealth], [0] * len(wealth)),
                {
                    "governance.concentration_monitor.levy_share": (
                        0, 1, 1000, 99_999, 100_000, 100_001, 333_333, 500_000, 999_999, MILLION,
                    ),
                    "policy.stake_tokens": (1, 3, 5, 9, 10, 50, 100, 299, 300, 998),
                },
                policy=replace(PASSIVE, stake_period=2, stake_above=0, stake_max=ALWAYS),
                num_agents=len(wealth),
                genesis_tokens_per_agent=endowment,
                block_threshold=0,
                governance=monitored(0, MonitorResponse.LEVY),
            )  # fmt: skip


def relieved() -> Iterator[WorldGroup]:
    """G5: odd fees of the poor are halved in the next turn, and what their jobs credit."""
    for rule, cap in product(WagesRule, (None, capped(9 * MILLION))):
        governance = replace(monitored(0, MonitorResponse.RELIEF), wages=rule, fee_cap=cap)
        yield built(
            f"relief, wages {rule}, cap {cap}",
            6,
            traced((30, 0, 7, 7, 1), (1, 3, 5, 8, 13)),
            {
                "policy.job_below": (NEVER, 960, 975, 980, 990, ALWAYS),
                "governance.concentration_monitor.gini_max": (0, 0, 3000, 6000, 9000, 0),
                "governance.concentration_monitor.from_turn": (1, 2, 3, 1, 5, 6),
            },
            num_agents=5,
            signing_bonus=1,
            governance=governance,
        )


def loans() -> Iterator[WorldGroup]:
    """G3: debts at the cap and next to it, after the cooldown and a turn before it."""
    for cooldown, interest in product((0, 1, 2, 3, 50), (0, 100_000)):
        yield built(
            f"loans every {cooldown} turns at {interest}",
            9,
            traced((50, 0), (50, 200), (0, 30)),
            {
                "governance.debt_rails.debt_cap": (0, 1, 39, 40, 41, 99, 100, 101, 150, 10**9),
                "policy.job_below": (NEVER, NEVER, -100, -100, 0, 0, -50, -50, NEVER, NEVER),
            },
            num_agents=2,
            genesis_tokens_per_agent=60,
            interest_rate_per_turn=interest,
            signing_bonus_rule=SigningBonusRule.FIRST_JOB,
            governance=GovernanceConfig(debt_rails=DebtRails(cooldown_turns=cooldown)),
        )


def repayments() -> Iterator[WorldGroup]:
    """G3: parts of every inflow, rounded up: at whole tokens, one below, one above."""
    income = IncomeConfig(
        period_turns=4,
        allowance=8,
        overdraft=OverdraftRule.FORGIVEN,
        top_ups=tuple(
            TopUp(turn=turn, agent=f"agent_{own}", tokens=4 + own)
            for turn in (3, 6)
            for own in range(3)
        ),
    )
    gains = tuple(
        Shock(turn=turn, until=turn, target=GAIN, agents=("agent_0", "agent_2"), tokens=40)
        for turn in (5, 7)
    )
    variants = product(SigningBonusRule, DividendRule, (None, income), MARKETS)
    for bonus_rule, dividend_rule, granted, market in variants:
        policy, threshold = market
        governance = GovernanceConfig(
            debt_rails=DebtRails(debt_cap=0, cooldown_turns=1),
            reinvestment_rebate=ReinvestmentRebate(stake_min=1, stake_turns=1),
            concentration_monitor=replace(
                monitored(0, MonitorResponse.LEVY).concentration_monitor,  # type: ignore[type-var]
                from_turn=6,
            ),
            shocks=gains,
        )
        yield built(
            f"repayments under {bonus_rule}, {dividend_rule}, threshold {threshold}",
            11,
            traced((300, 20, 5), (80, 60, 3)),
            {
                "governance.debt_rails.repayment_share": (
                    0, 1, 249_999, 250_000, 250_001, 500_000, 999_999, MILLION,
                ),
                "policy.transfer_tokens": (1, 3, 4, 5, 8, 12, 40, 41),
                "policy.job_below": (NEVER, -900, -500, -100, 0, NEVER, -50, 50),
            },
            seeds=range(70, 78),
            policy=replace(policy, study_period=0, stake_tokens=9),
            num_agents=3,
            core_owners=(("agent_0", 1), ("agent_1", 2)),
            genesis_tokens_per_agent=200,
            interest_rate_per_turn=20_000,
            block_threshold=threshold,
            signing_bonus=13,
            signing_bonus_rule=bonus_rule,
            dividend_rule=dividend_rule,
            income=granted,
            governance=governance,
        )  # fmt: skip


def rebates() -> Iterator[WorldGroup]:
    """G2: points that begin and end, stakes next to the least, pools that do not divide."""
    for window, agents, dividend_rule in product((1, 2, 5, 2**31 - 1), (1, 2, 5), DividendRule):
        yield built(
            f"rebates of {window} turns among {agents}",
            9,
            traced([11 + own for own in range(agents)], [3 * own for own in range(agents)]),
            {
                "governance.reinvestment_rebate.rebate_share": (
                    0, 1, 199_999, 200_000, 333_333, 500_000, 999_999, MILLION,
                ),
                "governance.reinvestment_rebate.stake_min": (29, 30, 31, 60, 1, 90, 61, 30),
                "governance.reinvestment_rebate.stake_turns": (1, 2, 3, 1, 5, 2, 1, 9),
                "policy.study_above": (0, ALWAYS, 850, 900, 0, 0, 940, 900),
            },
            seeds=range(30, 38),
            policy=replace(BUSY, study_period=2),
            num_agents=agents,
            block_threshold=0,
            dividend_rule=dividend_rule,
            governance=GovernanceConfig(
                reinvestment_rebate=ReinvestmentRebate(window_turns=window)
            ),
        )  # fmt: skip


def shocks() -> Iterator[WorldGroup]:
    """G6: losses at a balance and next to it; factors at whole units; what ends is as before."""
    for tokens in (1, 59, 60, 61, 10**6):
        struck = tuple(
            Shock(turn=turn, until=turn, target=target, agents=("agent_1",), tokens=tokens)
            for turn, target in ((1, LOSS), (2, GAIN), (4, LOSS))
        )
        yield built(
            f"gains and losses of {tokens}",
            5,
            output(20),
            {"genesis_tokens_per_agent": (0, 1, 60, 61, 80, 100)},
            num_agents=2,
            governance=GovernanceConfig(shocks=struck),
        )
    for factor in (0, 1, 9999, 10_000, 499_999, 500_000, 999_999, 1_010_000, 2 * MILLION):
        for target in (USAGE, JOB_PAY):
            yield built(
                f"{target} times {factor}",
                6,
                output(100),
                {"policy.job_below": (NEVER, 900, ALWAYS), "job_credit_max": (30, 100, 101)},
                governance=GovernanceConfig(
                    shocks=(Shock(turn=2, until=4, target=target, value=factor),)
                ),
                num_agents=2,
            )
    changed = {
        "commons_threshold_per_turn": 37, "signing_bonus": 11, "study_cost": 5,
        "job_credit_max": 13, "base_inference_rate": 1_234_567, "thinking_layer_discount": 333_333,
        "interest_rate_per_turn": 77_000, "mine_base_weight": 3 * MILLION,
        "stake_weight_per_token": 900_000, "block_threshold": 2 * MILLION,
    }  # fmt: skip
    drawn = DistributedUsage(Uniform(50, 350), Uniform(0, 90))
    usages: tuple[TracedUsage | DistributedUsage, ...] = (traced((60, 41), (90, 7)), drawn)
    for (target, value), usage in product(changed.items(), usages):
        yield built(
            f"{target} of {value}, {usage}",
            7,
            usage,
            {"policy.job_below": (NEVER, 700, 800, 900)},
            policy=replace(BUSY, study_period=3),
            num_agents=2,
            interest_rate_per_turn=10_000,
            signing_bonus_rule=SigningBonusRule.FIRST_JOB,
            block_threshold=MILLION,
            governance=GovernanceConfig(
                shocks=(
                    Shock(turn=3, until=4, target=target, value=value),
                    Shock(turn=6, target=target, value=value + 1),
                )
            ),
        )


def second_chunks() -> Iterator[WorldGroup]:
    """G6: more worlds than are packed at once; the next ones begin with what genesis says."""
    yield built(
        "a shock in many worlds",
        2,
        output(20),
        {},
        seeds=range(1, CHUNK_WORLDS + 5),
        governance=GovernanceConfig(
            shocks=(Shock(turn=2, target="commons_threshold_per_turn", value=9),)
        ),
    )


def capped_limits() -> Iterator[WorldGroup]:
    """G1 and G6: bases, fees and factors that pass what 64 bits take."""
    for bonus, agents in product((2**20, 2**27 - 1), (1, 3, 12)):
        yield built(
            f"bases of bonuses of {bonus} to {agents}",
            6,
            output(2**22),
            {
                "governance.fee_cap.cap_ratio": (1, MILLION, 10**12 - 1, 10**12),
                "genesis_tokens_per_agent": (2**26,) * 4,
            },
            num_agents=agents,
            signing_bonus=bonus,
            signing_bonus_rule=SigningBonusRule.FIRST_JOB,
            governance=GovernanceConfig(fee_cap=capped(window_turns=5)),
        )
    for target, factor, units in product((USAGE, JOB_PAY), (10**6, 10**12), (1000, WRAPPED)):
        yield built(
            f"{target} times {factor} of {units}",
            3,
            output(units),
            {"job_credit_max": (10, 2**26, 2**27), "policy.job_below": (NEVER, ALWAYS, ALWAYS)},
            num_agents=2,
            governance=GovernanceConfig(
                shocks=(Shock(turn=2, until=2, target=target, value=factor),)
            ),
        )
