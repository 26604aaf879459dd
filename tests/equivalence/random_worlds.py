"""Random groups of worlds: both presets, every variant, odd sizes, plain and extreme numbers.

A group is a pure function of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policy import Policy
from sim_economy.agents.usage_model import (
    Constant,
    DistributedUsage,
    Distribution,
    Exponential,
    Lognormal,
    PublishedUsage,
    Uniform,
    UsageSource,
)
from sim_economy.core.income_config import EmptyRule, IncomeConfig, OverdraftRule, TopUp
from sim_economy.core.units import INPUT_LIMIT, MILLION
from sim_economy.core.world_config import (
    DividendRule,
    JobRule,
    LotteryRule,
    SigningBonusRule,
    UnstakeWithoutAmount,
    UsageRule,
    WorldConfig,
)
from sim_economy.scenarios.presets import preset
from sim_economy.usage.traced_usage import TracedUsage
from tests.equivalence.random_behaviour import (
    numbers_of,
    random_population,
    random_rules,
    random_weights,
)
from tests.equivalence.world_groups import OF_POLICY, WorldGroup

Value = Callable[[Random], int]

WEIGHT_MAX: Final = MILLION * MILLION
AGENT_TURNS_MAX: Final = 2_500
"""Agent-turns of one group, all worlds together."""


def _mixed(
    typical: Value, odd: Sequence[int], extreme: Sequence[int], *, extremes: float = 0.02
) -> Value:
    def value(random: Random) -> int:
        lot = random.random()
        if lot < extremes:
            return random.choice(extreme)
        return random.choice(odd) if lot < 0.25 else typical(random)

    return value


def _up_to(high: int, low: int = 0) -> Value:
    return lambda random: random.randint(low, high)


_RATES: Final = (0, 1, 999_999, MILLION, 333_333)

VALUES: Final[dict[str, Value]] = {
    "genesis_tokens_per_agent": _mixed(
        lambda random: random.randint(20, random.choice((300, 1000, 3000))),
        (1, 7, 100, 1000),
        (INPUT_LIMIT, 2**28 - 1, 2**28, 2**28 + 1, 10**6),
    ),
    "commons_threshold_per_turn": _mixed(_up_to(120), (0, 1, 100), (INPUT_LIMIT, 10_000)),
    "base_inference_rate": _mixed(
        _up_to(4 * MILLION),
        (0, 1, MILLION, 999_999, 500_000),
        (WEIGHT_MAX, 1000 * MILLION, 40_000_001),
    ),
    "thinking_layer_discount": _mixed(_up_to(400_000), (100_000, 0, 1), (MILLION, 999_999)),
    "mine_base_weight": _mixed(
        _up_to(20_000_000), (10_000_000, 0, 1, 10_000_001), (WEIGHT_MAX, WEIGHT_MAX - 1)
    ),
    "stake_weight_per_token": _mixed(
        _up_to(2_000_000), (10_000, 0, 1, MILLION), (WEIGHT_MAX, 10**9 + 7)
    ),
    "burn_weight_per_token": _mixed(
        _up_to(500_000), (50_000, 0, 1, MILLION), (WEIGHT_MAX, 10**9 + 7)
    ),
    "burn_decay_rate": _mixed(_up_to(300_000), (20_000, 0, 1, 500_000), (MILLION, 999_999)),
    "interest_rate_per_turn": _mixed(_up_to(150_000), (10_000, 0, 1), (MILLION, 999_999)),
    "signing_bonus": _mixed(_up_to(120), (50, 0, 1), (INPUT_LIMIT, 2**21)),
    "block_threshold": _mixed(
        _up_to(12_000_000), (0, 1, 10_000_000, 20_000_000), (WEIGHT_MAX, 10**9)
    ),
    "study_cost": _mixed(_up_to(120), (50, 0, 1), (INPUT_LIMIT, 5000)),
    "study_discount": _mixed(_up_to(500_000), (50_000, *_RATES), (MILLION, 1)),
    "job_credit_max": _mixed(_up_to(400), (1000, 0, 1), (INPUT_LIMIT, 10**6)),
    "fixed_thinking_units": _mixed(_up_to(400), (0, 1), (INPUT_LIMIT, 2**28)),
    "fixed_output_units": _mixed(_up_to(400), (0, 1, 100), (INPUT_LIMIT, 2**28)),
}
"""How each parameter is drawn that may differ from world to world."""

_LEVEL: Final = _mixed(_up_to(1100, -400), (0, -1, -180, 360, 1000), (INPUT_LIMIT, -INPUT_LIMIT))
_TOKENS: Final = _mixed(_up_to(150, 1), (1, 2, 50, 80), (INPUT_LIMIT, 2000, 2**28))

POLICY_VALUES: Final[dict[str, Value]] = {
    "job_below": _mixed(_up_to(300, -400), (-180, 0, 1), (INPUT_LIMIT, -INPUT_LIMIT)),
    "stake_above": _LEVEL,
    "stake_max": _mixed(_up_to(400), (220, 0, 1), (INPUT_LIMIT,)),
    "stake_tokens": _TOKENS,
    "burn_above": _LEVEL,
    "burn_tokens": _TOKENS,
    "transfer_above": _LEVEL,
    "transfer_tokens": _TOKENS,
    "transfer_fee": _mixed(_up_to(12), (0, 1), (INPUT_LIMIT, 1000)),
    "study_above": _LEVEL,
}
"""How each number of the published family is drawn that may differ from world to world."""

_PERIODS: Final = ("unstake", "stake", "burn", "transfer", "study")

VARIANTS: Final[dict[str, tuple[Any, ...]]] = {
    "job_rule": tuple(JobRule),
    "signing_bonus_rule": tuple(SigningBonusRule),
    "lottery_rule": tuple(LotteryRule),
    "unstake_without_amount": tuple(UnstakeWithoutAmount),
    "dividend_rule": tuple(DividendRule),
}

_DISTRIBUTIONS: Final[tuple[Distribution, ...]] = (
    Constant(0),
    Constant(101),
    Uniform(50, 350),
    Uniform(0, 0),
    Uniform(0, 1),
    Uniform(40, 280),
    Uniform(0, 1000),
    Exponential(Decimal(120)),
    Exponential(Decimal("0.5")),
    Lognormal(Decimal(100), Decimal(1)),
    Lognormal(Decimal("7.25"), Decimal("0.3")),
)
_EXTREME_DISTRIBUTIONS: Final[tuple[Distribution, ...]] = (
    Constant(INPUT_LIMIT),
    Constant(2**28),
    Uniform(0, INPUT_LIMIT),
    Uniform(INPUT_LIMIT, INPUT_LIMIT),
    Lognormal(Decimal(1000), Decimal(3)),
)


def random_group(number: int) -> WorldGroup:
    """The group of a number."""
    random = Random(number)
    agents, turns = _size(random)
    worlds = max(
        1, min(random.choice((1, 7, 63, 64, 65, 100)), AGENT_TURNS_MAX // (agents * turns))
    )
    config = _structure(random, agents, turns)
    seeds = tuple(_seed(random) for _ in range(worlds))
    varied = _varied(random, config, worlds)
    group = WorldGroup(
        name=f"random_group({number})",
        config=config,
        turns=turns,
        seeds=seeds,
        usage=_usage(random, config, turns),
    )
    return _with_policy(random, replace(group, varied=varied))


def random_large_group(number: int) -> WorldGroup:
    """The group of a number whose worlds are large; their agents follow the published family."""
    random = Random(-1 - number)
    agents = random.choice((1, 63, 64, 65, 127, 128, 129, 191, 192, random.randint(65, 300)))
    turns = random.choice((1, 2, 3, 5, 7, 9, 12, 15))
    config = _structure(random, agents, turns)
    worlds = random.randint(1, 3)
    policy, of_policy = _family(random, worlds)
    if random.random() < 0.2:
        policy, of_policy = Published(), {}
    return WorldGroup(
        name=f"random_large_group({number})",
        config=config,
        turns=turns,
        seeds=tuple(_seed(random) for _ in range(worlds)),
        varied={**_varied(random, config, worlds), **of_policy},
        policy=policy,
        usage=_usage(random, config, turns),
    )


def random_groups(first: int, worlds: int) -> Iterator[WorldGroup]:
    """Groups from a number on, until they hold so many worlds together."""
    number, left = first, worlds
    while left > 0:
        group = random_group(number)
        yield group
        number += 1
        left -= len(group.seeds)


def _size(random: Random) -> tuple[int, int]:
    if random.random() < 0.06:
        return random.choice((6, 8, 11, 12, 17, 70)), random.randint(1, 25)
    if random.random() < 0.05:
        return random.randint(1, 5), random.randint(16, 60)
    return random.randint(1, 5), random.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15))


def _seed(random: Random) -> int:
    if random.random() < 0.02:
        return random.choice((0, 1, 2**63 - 1, 2**62, 2**31, 2**32))
    return random.choice((random.randrange(5000), random.randrange(2**63)))


def _structure(random: Random, agents: int, turns: int) -> WorldConfig:
    names = tuple(f"agent_{index}" for index in range(agents))
    base = preset(random.choice(("as-run", "as-written")))
    config = replace(
        base,
        num_agents=agents,
        agent_ids=names,
        num_cores=random.choice((1, 2, 3, 4, 4, 7, 64, INPUT_LIMIT)),
        burn_maturity_turns=random.choice((0, 1, 1, 2, 3, 3, 5, INPUT_LIMIT)),
        unstake_delay_turns=random.choice((1, 1, 1, 2, 2, 3, 5, INPUT_LIMIT)),
        signature_window=random.choice((1, 1, 2, 3, 5, INPUT_LIMIT)),
    )
    if random.random() < 0.7:
        config = replace(config, **{name: random.choice(found) for name, found in VARIANTS.items()})
    if random.random() < 0.1:
        config = replace(config, usage_source=UsageRule.FIXED)
    if random.random() < 0.5:
        config = replace(config, core_owners=_owners(random, names, config.num_cores))
    if random.random() < 0.35:
        config = replace(config, income=_income(random, names, turns))
    every = random.random() < 0.5
    drawn = {
        name: value(random) for name, value in VALUES.items() if every or random.random() < 0.15
    }
    return replace(config, **drawn)


def _owners(random: Random, names: Sequence[str], num_cores: int) -> tuple[tuple[str, int], ...]:
    left = min(num_cores, 12)
    owners = {}
    for name in random.sample(names, random.randint(0, len(names))):
        if left:
            owners[name] = random.randint(1, left)
            left -= owners[name]
    return tuple(sorted(owners.items()))


_CARRIED: Final = (0, 1, 100, 500, 10_000, INPUT_LIMIT)


def _income(random: Random, names: Sequence[str], turns: int) -> IncomeConfig:
    empty = random.choice(tuple(EmptyRule))
    shortest = 2 if empty is EmptyRule.STOP else 1
    tokens = _mixed(_up_to(400), (0, 1, 100), (INPUT_LIMIT, 10**6))
    periods: dict[str, Any] = {}
    if random.random() < 0.6:
        periods = {"period_turns": random.choice((shortest, 2, 3, 5, INPUT_LIMIT))}
    elif random.random() < 0.7:
        starts = sorted(random.sample(range(1, turns + 2), random.randint(1, min(4, turns + 1))))
        periods = {"period_starts": tuple(starts[:: 1 if shortest == 1 else len(starts)])}
    named = random.sample(names, random.randint(0, len(names)))
    allowed: dict[str, Any] = {
        "allowance": random.choice((0, tokens(random))),
        "allowances": tuple(sorted((name, tokens(random)) for name in named)),
    }
    given = sorted((random.randint(1, turns), random.randrange(len(names))) for _ in range(3))
    return IncomeConfig(
        **(allowed if periods else {}),
        **periods,
        carryover_max=random.choice(_CARRIED),
        overdraft=random.choice(tuple(OverdraftRule)),
        top_ups=tuple(
            TopUp(turn=turn, agent=names[agent], tokens=max(1, tokens(random)))
            for turn, agent in given[: random.randint(0, 3)]
        ),
        when_empty=empty,
    )


def _usage(random: Random, config: WorldConfig, turns: int) -> UsageSource:
    lot = random.random()
    if lot < 0.15:
        return PublishedUsage()
    if lot < 0.3:
        return _trace(random, config, turns)
    if lot < 0.34:
        return DistributedUsage(
            random.choice((*_DISTRIBUTIONS, *_EXTREME_DISTRIBUTIONS)),
            random.choice(_EXTREME_DISTRIBUTIONS),
        )
    return DistributedUsage(random.choice(_DISTRIBUTIONS), random.choice(_DISTRIBUTIONS))


def _trace(random: Random, config: WorldConfig, turns: int) -> TracedUsage:
    units = _mixed(_up_to(500), (0, 1, 100, 1000), (INPUT_LIMIT, 2**28), extremes=0.003)
    last = random.randint(1, turns)
    rows = {
        turn: {
            name: (units(random), units(random))
            for name in config.agent_ids
            if random.random() < 0.8
        }
        for turn in range(1, last + 1)
    }
    return TracedUsage(path="trace.csv", rows=rows, last=last, repeat=True)


def _varied(random: Random, config: WorldConfig, worlds: int) -> dict[str, tuple[int, ...]]:
    """Numbers by world: of no parameter, of a few, or of all."""
    share = random.choice((0, 0.2, 0.2, 1))
    varied = {
        name: tuple(value(random) for _ in range(worlds))
        for name, value in VALUES.items()
        if random.random() < share
    }
    if config.income is not None and random.random() < 0.3:
        varied["carryover_max"] = tuple(random.choice(_CARRIED) for _ in range(worlds))
        if config.income.period_turns or config.income.period_starts:
            varied["allowance"] = tuple(random.randint(0, 300) for _ in range(worlds))
    if random.random() < 0.4:
        weights = varied.get("mine_base_weight", (config.mine_base_weight,) * worlds)
        varied["block_threshold"] = tuple(_near(random, weight, config) for weight in weights)
    return varied


def _near(random: Random, weight: int, config: WorldConfig) -> int:
    """A threshold at what some miners weigh together, or next to it."""
    near = random.randint(1, min(2, config.num_agents)) * weight + random.choice((-1, 0, 0, 0, 1))
    return min(WEIGHT_MAX, max(0, near))


def _with_policy(random: Random, group: WorldGroup) -> WorldGroup:
    """The published policy, one of its family, rules, weights, or agents that differ."""
    lot = random.random()
    if lot < 0.1:
        return group
    if lot < 0.25:
        return replace(group, others=random_population(random, group.config.num_agents))
    if lot < 0.35:
        return replace(group, policy=random_weights(random))
    worlds = len(group.seeds)
    policy, varied = _family(random, worlds) if lot < 0.6 else _rules(random, worlds)
    return replace(group, policy=policy, varied={**group.varied, **varied})


def _rules(random: Random, worlds: int) -> tuple[Policy, dict[str, tuple[int, ...]]]:
    """A table of rules; its numbers vary in half of the groups."""
    policy = random_rules(random)
    numbers = [dict(numbers_of(random)) for _ in range(worlds)]
    varied = {
        OF_POLICY + name: tuple(own[name] for own in numbers) for name in dict(policy.numbers)
    }
    return policy, varied if random.random() < 0.5 else {}


def _family(random: Random, worlds: int) -> tuple[Policy, dict[str, tuple[int, ...]]]:
    periods = {f"{name}_period": random.choice((0, 2, 2, 3, 3, 4, 5, 7)) for name in _PERIODS}
    plain = {name: value(random) for name, value in POLICY_VALUES.items()}
    share = random.choice((0, 0.3, 1))
    varied = {
        OF_POLICY + name: tuple(value(random) for _ in range(worlds))
        for name, value in POLICY_VALUES.items()
        if random.random() < share
    }
    return replace(Published(), **periods, **plain), varied
