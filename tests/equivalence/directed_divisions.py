"""Worlds at the edge of every division: a product that is a multiple, one below it, one above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import gcd
from typing import Any

from msgspec.structs import replace

from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.usage_model import (
    Constant,
    DistributedUsage,
    Distribution,
    Exponential,
    Lognormal,
    Uniform,
    UsageSource,
)
from sim_economy.core.income_config import EmptyRule, IncomeConfig
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths, compounded
from sim_economy.core.world_config import DividendRule, JobRule, WorldConfig
from sim_economy.usage.traced_usage import TracedUsage
from tests.equivalence.aimed_draws import (
    HALF,
    misleading_rates,
    multipliers,
    near_multiples,
    seeds_with_halves,
)
from tests.equivalence.world_groups import WorldGroup

AROUND = (-1, 0, 1)
PRICE_MAX = MILLION * MILLION
NEVER = -100_000_000
ALWAYS = 100_000_000
WITHIN = 2**26
"""Tokens that stay within the kernel's exact range, so that it is what is asked."""
PASSIVE = Published(
    job_below=NEVER,
    unstake_period=0,
    stake_period=0,
    burn_period=0,
    transfer_period=0,
    study_period=0,
)
"""Mines, whatever comes."""
WHOLE = (100, 7_000, 30_000, 10**6, 3 * 10**6, 2**20 * 50, 7 * 10**6)
"""Amounts of which many rates are a whole number of tokens."""
BARE: Mapping[str, Any] = {
    "num_agents": 1,
    "commons_threshold_per_turn": 0,
    "thinking_layer_discount": 0,
    "base_inference_rate": MILLION,
    "interest_rate_per_turn": 0,
    "block_threshold": PRICE_MAX,
}
"""Every unit costs a token, nothing is free, and there is no block."""


def built(
    name: str,
    turns: int,
    usage: UsageSource,
    varied: Mapping[str, Sequence[int]],
    *,
    policy: Published = PASSIVE,
    seeds: Sequence[int] = (),
    **own: Any,
) -> WorldGroup:
    """A group of bare worlds with their own numbers; the values of `varied` are `[world]`."""
    values = {**BARE, **own}
    agents = tuple(f"agent_{index}" for index in range(values["num_agents"]))
    worlds = len(seeds) or max(map(len, varied.values()))
    return WorldGroup(
        name=name,
        config=replace(WorldConfig(), agent_ids=agents, **values),
        turns=turns,
        seeds=tuple(seeds or range(1, worlds + 1)),
        varied={key: tuple(of_world) for key, of_world in varied.items()},
        policy=policy,
        usage=usage,
    )


def output(units: int) -> DistributedUsage:
    """The same output every turn, and no thinking."""
    return DistributedUsage(Constant(0), Constant(units))


def by_world(names: Sequence[str], rows: Sequence[Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Rows of values as columns."""
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def fees() -> Iterator[WorldGroup]:
    """B3: floor(rate x units x factor), without and with studies."""
    for units in (1, 2, 3, 7, 99, 1001, 65_537, 999_999, 2**21 - 1, 2**25 + 1, WITHIN - 1):
        rates = multipliers(units, MILLION, AROUND, min(PRICE_MAX, 2**25 * MILLION // units))
        yield built(
            f"fee of {units} units",
            2,
            output(units),
            {"base_inference_rate": rates},
            genesis_tokens_per_agent=WITHIN,
        )
    student = replace(PASSIVE, study_period=1, study_above=NEVER)
    for units, discount in product((1, 3, 241, 10_007, 999_983), (1, 50_000, 333_333, 999_999)):
        for studies in (1, 2, 3, 4, 6):
            factor = compounded(Millionths(discount), studies)
            high = min(PRICE_MAX, 2**23 * MILLION // units)
            yield built(
                f"fee of {units} units after {studies} studies at {discount}",
                studies,
                output(units),
                {"base_inference_rate": near_multiples(units * factor, 10**18, high)},
                policy=student,
                genesis_tokens_per_agent=WITHIN,
                study_cost=0,
                study_discount=discount,
            )


def scaled_fees() -> Iterator[WorldGroup]:
    """B1 and B3: prices of few decimals by which drawn units are charged in whole numbers."""
    student = replace(PASSIVE, study_period=1, study_above=NEVER)
    rates = (1, 61_035, 500_000, 950_000, MILLION, 7_999_999, 8 * MILLION, 8 * MILLION + 1)
    rows = list(product(rates, (1, 50_000, 333_333, 500_000), (0, 1, 100_000, MILLION)))
    varied = by_world(("base_inference_rate", "study_discount", "thinking_layer_discount"), rows)
    for most in (20, 139, 140, 1_406, 1_407, 14_073, 14_074, 200_000):
        yield built(
            f"thinking and output up to {most} units",
            9,
            DistributedUsage(Uniform(0, most), Uniform(0, most)),
            varied,
            policy=student,
            genesis_tokens_per_agent=WITHIN,
            study_cost=0,
        )
    for units, rate in ((20, MILLION), (8_192, 15_625), (16_384, 15_625)):
        yield built(
            f"whole fees of {units} units",
            9,
            DistributedUsage(Uniform(0, 0), Uniform(units, units)),
            {"base_inference_rate": [rate, rate * 2], "study_discount": [500_000, 50_000]},
            policy=student,
            genesis_tokens_per_agent=WITHIN,
            study_cost=0,
        )


def thinking() -> Iterator[WorldGroup]:
    """B1: floor(thinking x discount)."""
    for units in (1, 3, 77, 350, 10_001, 999_999, 2**24 + 1, WITHIN - 1):
        yield built(
            f"{units} units of thinking",
            1,
            DistributedUsage(Constant(units), Constant(0)),
            {"thinking_layer_discount": multipliers(units, MILLION, AROUND, MILLION)},
            genesis_tokens_per_agent=2**20,
        )
    for units in WHOLE:
        yield built(
            f"{units} units of thinking, a part of which is whole",
            1,
            DistributedUsage(Constant(units), Constant(0)),
            {"thinking_layer_discount": misleading_rates(units)},
            genesis_tokens_per_agent=WITHIN,
        )


def interest() -> Iterator[WorldGroup]:
    """B5: floor(debt x rate), again on what it made."""
    for debt in (1, 9, 101, 999_999, 2**21 - 1, 2**21 + 1, 2**25 + 1, WITHIN // 4 - 1):
        rates = multipliers(debt, MILLION, (*AROUND, 2, -2), MILLION)
        yield built(
            f"interest on {debt}",
            2,
            output(debt + 1),
            {"interest_rate_per_turn": rates},
            genesis_tokens_per_agent=1,
        )
    for debt in WHOLE:
        yield built(
            f"whole interest on {debt}",
            1,
            output(debt + 1),
            {"interest_rate_per_turn": misleading_rates(debt)},
            genesis_tokens_per_agent=1,
        )


def relief() -> Iterator[WorldGroup]:
    """J2: floor(what is owed after the credit x rate)."""
    worker = replace(PASSIVE, job_below=0)
    for units in (1000, 99_991, 2**20 + 7, 2**25 - 1):
        rows = []
        for rate in (1, 3, 10_000, 10_007, 333_333, 999_999):
            owed = (units - 1) + (units - 1) * rate // MILLION
            wanted = multipliers(rate, MILLION, AROUND, owed)
            rows += [(rate, owed - left) for left in wanted if owed - units <= left]
        yield built(
            f"relief from a debt of {units}",
            3,
            output(units),
            by_world(("interest_rate_per_turn", "job_credit_max"), rows),
            policy=worker,
            genesis_tokens_per_agent=1,
        )


def dividends() -> Iterator[WorldGroup]:
    """C3: floor(pool / cores), and floor(pool x claim / whole)."""
    for cores in (1, 2, 3, 7, 10, 49, 64, 103, 107, 12_345, 2**21 + 1, INPUT_LIMIT):
        pools = sorted(
            {
                cores * times + off
                for times in (0, 1, 2, 9, 99_999, 2**20, 2**20 + 1, 2**24 // cores)
                for off in AROUND
                if 0 < cores * times + off < 2**25
            }
        )
        yield built(
            f"dividends on {cores} cores",
            2,
            output(1),
            {"base_inference_rate": [min(PRICE_MAX, pool * MILLION) for pool in pools]},
            genesis_tokens_per_agent=WITHIN,
            num_cores=cores,
            core_owners=(("agent_0", min(cores, 3)),),
        )
        yield built(
            f"dividends of many units on {cores} cores",
            2,
            output(997),
            {
                "base_inference_rate": [MILLION * pool // 997 + 1 for pool in pools],
                "genesis_tokens_per_agent": pools,
            },
            num_cores=cores,
            core_owners=(("agent_0", min(cores, 3)),),
        )
    saver = replace(PASSIVE, stake_period=2, stake_above=0, stake_max=1)
    for endowment in (1009, 65_537, 999_983, 2**21 - 9, 2**24 + 43, WITHIN - 5):
        rows = []
        for pool in (1, 2, 3, 5, 7, 11, 101, 997, endowment // 5, endowment // 7, endowment // 9):
            claims = multipliers(pool, endowment, AROUND, endowment - 4 * pool)
            rows += [(claim, pool * MILLION) for claim in claims if claim]
        yield built(
            f"dividends on stakes of {endowment}",
            4,
            output(1),
            by_world(
                ("policy.stake_tokens", "base_inference_rate"),
                [r for r in rows if r[1] <= PRICE_MAX],
            ),
            policy=saver,
            genesis_tokens_per_agent=endowment,
            dividend_rule=DividendRule.STAKE_AND_BURN,
            block_threshold=0,
        )


def uneven_pools() -> Iterator[WorldGroup]:
    """C3: pools and claims whose product passes 2^50 and is one below a multiple of the whole."""
    agents, endowment = 8, 2**27 - 1
    whole, units = agents * endowment, agents + 1
    rows = []
    for price in range(2**23 + 1, 2**23 + 4001, 2):
        for remainder in (-1, 0, 1):
            if gcd(price * units, whole) == 1:
                claim = remainder * pow(price * units, -1, whole) % whole
                if 2**24 < claim < 2**26:
                    rows.append((claim, price * MILLION // 100))
    used = {f"agent_{own}": (0, 200 if own == 0 else 100) for own in range(agents)}
    yield built(
        "uneven pools shared by stake",
        1,
        TracedUsage(path="trace.csv", rows={1: used}, last=1, repeat=True),
        by_world(("policy.stake_tokens", "base_inference_rate"), rows),
        policy=replace(PASSIVE, stake_period=2, stake_above=0, stake_max=1),
        num_agents=agents,
        genesis_tokens_per_agent=endowment,
        dividend_rule=DividendRule.STAKE_AND_BURN,
        block_threshold=0,
    )


def clipped() -> Iterator[WorldGroup]:
    """I8: the most units that the funds pay, at funds of just a fee, one below, one above."""
    for units, paid in ((1000, 1), (1000, 333), (10_007, 9_999), (2**21, 2**20 + 1)):
        rows = []
        for rate in (1, 3, 7_000, 333_333, 999_999, MILLION, 1_000_001, 2_500_000):
            fee = rate * paid // MILLION
            rows += [(rate, fee + off) for off in AROUND if fee + off >= 0]
        yield built(
            f"{units} units clipped near {paid}",
            3,
            output(units),
            by_world(("base_inference_rate", "genesis_tokens_per_agent"), rows),
            income=IncomeConfig(when_empty=EmptyRule.CLIP),
        )


def quantiles() -> Iterator[WorldGroup]:
    """L8: draws at the knots of a table of quantiles, at its ends, at the steps of a uniform."""
    tables: tuple[Distribution, ...] = (
        Exponential(Decimal(120)),
        Exponential(Decimal("0.5")),
        Lognormal(Decimal(100), Decimal(1)),
        Lognormal(Decimal(1000), Decimal(3)),
    )
    knots = (0, 1, 2, 77, 32_767, 32_768, 65_533, 65_534, 65_535)
    edges = {
        half
        for knot in knots
        for off in (-(2**15) - 1, -(2**15), -1, 0, 1, 2**15 - 1, 2**15, 2**15 + 1)
        if 0 <= (half := knot * 2**16 + off) < HALF
    } | {HALF - 1, HALF - 2**15, HALF - 2**15 - 1}
    seeds = _seeds_of_halves(sorted(edges))
    for table in tables:
        yield built(
            f"{table}",
            2,
            DistributedUsage(table, table),
            {},
            seeds=seeds,
            thinking_layer_discount=MILLION,
        )
    for low, high in (
        (50, 350),
        (0, 1),
        (5, 5),
        (0, 2**20 + 2),
        (0, INPUT_LIMIT),
        (1, INPUT_LIMIT),
    ):
        uniform, width = Uniform(low, high), high - low + 1
        steps = {
            half
            for step in (0, 1, 2, width // 2, width - 1, width)
            for off in AROUND
            if 0 <= (half := -(-step * HALF // width) + off) < HALF
        }
        yield built(
            f"{uniform}",
            2,
            DistributedUsage(uniform, uniform),
            {},
            seeds=_seeds_of_halves(sorted(steps)),
            thinking_layer_discount=MILLION,
        )


def _seeds_of_halves(halves: Sequence[int]) -> list[int]:
    """Seeds whose first usage has such a half above and another below; half of them exist."""
    return [
        seed
        for shift in (0, 1, 3, 7)
        for index, upper in enumerate(halves)
        for seed in seeds_with_halves(upper, halves[(index + shift) % len(halves)], 1, "usage")
    ]


def first_jobs() -> Iterator[WorldGroup]:
    """J1 and J4: a credit at its limit, one below, one above; a bonus once."""
    worker = replace(PASSIVE, job_below=ALWAYS)
    for rule in JobRule:
        yield built(
            f"jobs under {rule}",
            4,
            output(50),
            {
                "job_credit_max": (0, 1, 49, 50, 51, INPUT_LIMIT),
                "signing_bonus": (0, 1, 50, 7, 50, 50),
            },
            policy=worker,
            job_rule=rule,
        )
