"""Worlds as the kernel's arrays.

What one world's numbers are outside the kernel's range marks that world; what the kernel has no
rule for is refused for the whole batch.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from sim_economy.batch import lanes
from sim_economy.batch import shape as at
from sim_economy.batch.arrays import Shared
from sim_economy.batch.decisions.behaviour_packing import kernel_table, least_values, parameter_rows
from sim_economy.batch.decisions.family import NUMBERS, PERIODS
from sim_economy.batch.governance.governance_arrays import Shocks
from sim_economy.batch.governance.governance_packing import (
    DOSES,
    governance_refusal,
    packed_doses,
    packed_rules,
)
from sim_economy.batch.governance.shock_packing import (
    changes_parameters,
    packed_shocks,
)
from sim_economy.batch.lanes import GROUP, LANES, LIMIT, POLICY
from sim_economy.batch.steps.exact_lanes import LONG_PRICE, SCALED_BITS, UP
from sim_economy.batch.steps.income_lanes import (
    CLIP_RULE,
    DEBT_RULE,
    FIRST_PERIOD,
    LATER_PERIOD,
    NO_PERIOD,
    STOP_RULE,
)
from sim_economy.batch.steps.short_lottery_lanes import SHORT_AGENTS_MAX
from sim_economy.batch.steps.usage_lanes import (
    LISTED,
    PART_BITS,
    TABLE_SIZE,
    TABLED,
    UNIFORM,
)
from sim_economy.batch.world_batch import (
    BehaviourPolicy,
    FamilyPolicy,
    ListedUsage,
    TabledUsage,
    UniformUsage,
    WorldBatch,
)
from sim_economy.core.income_config import EmptyRule, OverdraftRule
from sim_economy.core.units import MILLION, compounded
from sim_economy.core.world_config import (
    DividendRule,
    JobRule,
    LotteryRule,
    SigningBonusRule,
    UnstakeWithoutAmount,
    UsageRule,
)

Values = Any
"""One number for all worlds, or `[world]`."""

TOKENS: Final = {
    lanes.GENESIS: "genesis_tokens_per_agent",
    lanes.COMMONS: "commons_threshold_per_turn",
    lanes.BONUS: "signing_bonus",
    lanes.STUDY_COST: "study_cost",
    lanes.CREDIT_MAX: "job_credit_max",
}
WEIGHTS: Final = {
    lanes.MINE_WEIGHT: "mine_base_weight",
    lanes.STAKE_WEIGHT: "stake_weight_per_token",
    lanes.BURN_WEIGHT_RATE: "burn_weight_per_token",
    lanes.THRESHOLD: "block_threshold",
    lanes.UNIT_PRICE: "base_inference_rate",
}
VARIED: Final = frozenset(
    {
        *TOKENS.values(),
        *WEIGHTS.values(),
        "thinking_layer_discount",
        "interest_rate_per_turn",
        "study_discount",
        "burn_decay_rate",
        "carryover_max",
        "allowance",
        "fixed_thinking_units",
        "fixed_output_units",
    }
)
"""Parameters that may differ between the worlds of a batch."""

NEVER: Final = (1 << 31) - 1


class Packed:
    """A batch as rows of numbers, each one value or one a world.

    Attributes:
        integers: Of `parameters`, by row; `floats` of `rates`.
        beyond: Worlds whose numbers are outside the kernel's range, `[world]`.
        rules: What the worlds share of their interventions; None where they have none.
        doses: As `integers`, of interventions.
    """

    def __init__(self, batch: WorldBatch, *, every_turn: bool = False) -> None:
        unknown = sorted({*batch.varied} - VARIED - {*DOSES})
        assert not unknown, unknown
        self.batch = batch
        self.worlds = len(batch.seeds)
        self.beyond = np.zeros(self.worlds, np.bool_)
        self.integers: dict[int, Values] = {}
        self.usage: dict[int, Values] = {}
        self.floats: dict[int, Values] = {}
        self._pack_tokens()
        self._pack_rates()
        self._pack_policy()
        self._pack_usage()
        self.shared = _shared(batch)
        self.shared.shape[at.EVERY_TURN] = every_turn
        self.shared.shape[at.SUMS_EVERY_TURN] |= every_turn
        self._pack_charges()
        self._pack_ticket_unit()
        self.rules: Any = None
        self.shocks: Shocks | None = None
        self.doses: dict[int, Values] = {}
        if (governance := batch.config.governance) is not None:
            refused = governance_refusal(batch.config, batch.turns)
            assert refused is None, refused
            self.rules = packed_rules(governance, batch.turns)
            self.doses = packed_doses(batch)
            self.shocks = packed_shocks(batch.config, batch.turns)
            if changes_parameters(governance):
                # Scaled prices hold for one price, and for as much free as at genesis.
                self.shared.shape[at.PRICE_MOST] = LONG_PRICE
                # Tickets in 32 bits are weighed as at genesis.
                self.shared.shape[at.TICKET_UNIT] = 0
            # A governed bill adds up the flows of each turn.
            self.shared.shape[at.SUMS_EVERY_TURN] = True

    def _value(self, name: str) -> Values:
        config = self.batch.config
        held = config.income if name in {"allowance", "carryover_max"} else config
        return self.batch.varied.get(name, getattr(held, name, 0))

    def _bounded(self, values: Values, low: int, high: int) -> Values:
        """The values, those of worlds outside the bounds marked and replaced."""
        outside = (np.asarray(values) < low) | (np.asarray(values) > high)
        if not np.any(outside):
            return values
        self.beyond |= outside
        return np.where(outside, low, values)

    def _pack_tokens(self) -> None:
        for row in (lanes.GENESIS, lanes.BONUS):
            self.integers[row] = self._bounded(self._value(TOKENS[row]), 0, LIMIT - 1)
        # No balance and no fee reaches the limit, so what lies above it decides as the limit does.
        for row in (lanes.STUDY_COST, lanes.CREDIT_MAX):
            self.integers[row] = np.minimum(self._value(TOKENS[row]), LIMIT)
        self.integers[lanes.COMMONS] = np.minimum(self._value(TOKENS[lanes.COMMONS]), 2 * LIMIT)
        self.integers[lanes.CARRYOVER] = np.minimum(self._value("carryover_max"), LIMIT)

    def _pack_rates(self) -> None:
        for row, name in WEIGHTS.items():
            self.floats[row] = np.float64(self._value(name))
        self.floats[lanes.THINKING_RATE] = _biased(self._value("thinking_layer_discount"))
        self.floats[lanes.INTEREST_RATE] = _biased(self._value("interest_rate_per_turn"))
        self.floats[lanes.STUDY_KEEP] = np.float64(MILLION - self._value("study_discount"))
        decay = self._value("burn_decay_rate")
        self.floats[lanes.BURN_KEEP] = np.float64(MILLION - decay) / MILLION
        # What is lost in a turn decays too: together no more than a turn's over the decay.
        turns = np.minimum(self.batch.turns, MILLION / np.maximum(decay, 1) + 1)
        lost = turns * BURN_ROUNDING * (np.float64(decay) > 0)
        self.floats[lanes.BURN_ERROR] = lost * self.floats[lanes.BURN_WEIGHT_RATE]
        maturity = self.batch.config.burn_maturity_turns
        self.integers[lanes.SPENT_AGE] = _by_value(
            decay, lambda rate: _spent_age(rate, maturity, self.batch.turns)
        )

    def _pack_policy(self) -> None:
        policy = plain_policy(self.batch)
        if isinstance(policy, FamilyPolicy):
            numbers = {**PUBLISHED, **policy.numbers, **policy.varied}
            rows = [(name, np.clip(numbers[name], -LIMIT, LIMIT)) for name in NUMBERS]
        else:
            rows = list(parameter_rows(policy.behaviour, policy.varied))
        self.policy_rows = len(rows)
        least = LEAST
        if isinstance(policy, BehaviourPolicy):
            least = least_values(policy.behaviour.tables[0]) if policy.varied else {}
        for index, (name, values) in enumerate(rows):
            low = least.get(name, -NEVER)
            self.integers[POLICY + LANES * index] = self._bounded(values, low, NEVER)

    def _pack_usage(self) -> None:
        usage = self.batch.usage
        thinking = output = (0, 0)
        if self.batch.config.usage_source is UsageRule.FIXED:
            thinking = (self._value("fixed_thinking_units"),) * 2
            output = (self._value("fixed_output_units"),) * 2
        elif isinstance(usage, UniformUsage):
            thinking, output = usage.thinking, usage.output
        self._pack_range(lanes.THINKING_LOW, lanes.THINKING_COUNT, thinking)
        self._pack_range(lanes.OUTPUT_LOW, lanes.OUTPUT_COUNT, output)
        self.integers[lanes.USAGE_INDEX] = 0
        if isinstance(usage, ListedUsage):
            self.integers[lanes.USAGE_INDEX] = np.asarray(usage.index, np.int32)
            listed = np.asarray(usage.units)[:, : self.batch.turns]
            large = np.any(listed >= LIMIT, axis=(1, 2, 3))
            self.beyond |= large[self.integers[lanes.USAGE_INDEX]]
        elif isinstance(usage, TabledUsage):
            self.beyond |= max(np.max(usage.thinking), np.max(usage.output)) >= LIMIT

    def _pack_range(self, first: int, counted: int, bounds: tuple[Values, Values]) -> None:
        low, high = bounds
        self._bounded(high, 0, LIMIT - 1)
        self.integers[first] = np.minimum(low, LIMIT)
        self.integers[counted] = np.minimum(np.asarray(high) - low + 1, LIMIT)

    def _pack_charges(self) -> None:
        """What draws and charges usage in 64 bits, where all of its numbers are small."""
        rate = self._value("thinking_layer_discount")
        part = -(-(np.asarray(rate, np.int64) << PART_BITS) // MILLION)
        rows = self.integers
        self.usage = {
            lanes.THINKING_FROM: rows[lanes.THINKING_LOW],
            lanes.THINKING_SPAN: rows[lanes.THINKING_COUNT],
            lanes.OUTPUT_LESS_FREE: np.subtract(rows[lanes.OUTPUT_LOW], rows[lanes.COMMONS]),
            lanes.OUTPUT_SPAN: rows[lanes.OUTPUT_COUNT],
            lanes.THINKING_PART: part,
            lanes.FREE_UNITS: rows[lanes.COMMONS],
        }
        thinking, output = self._most_usage()
        units = int(np.max(thinking * np.maximum(rate, MILLION) // MILLION) + np.max(output)) + 1
        shape = self.shared.shape
        decimals = next((own for own in (12, 11, 10) if units * 10**own < 1 << SCALED_BITS), 0)
        usable = decimals and shape[at.EMPTY_RULE] != CLIP_RULE
        shape[at.PRICE_DIVISOR] = 10 ** (18 - decimals)
        shape[at.PRICE_MOST] = (1 << 62) // units if usable else LONG_PRICE

    def _pack_ticket_unit(self) -> None:
        """What divides all weights and thresholds, so that few bits hold them."""
        if self.batch.config.num_agents > SHORT_AGENTS_MAX:
            return
        rows = (lanes.MINE_WEIGHT, lanes.STAKE_WEIGHT, lanes.BURN_WEIGHT_RATE, lanes.THRESHOLD)
        divisors = [np.gcd.reduce(np.ravel(self._value(WEIGHTS[row]))) for row in rows]
        self.shared.shape[at.TICKET_UNIT] = max(int(np.gcd.reduce(divisors)), 1)

    def _most_usage(self) -> tuple[Values, Values]:
        """Units of thinking and output that no agent passes in a turn."""
        kind, units, rows = self.shared.shape[at.USAGE_KIND], self.shared.usage, self.integers
        if kind == TABLED:
            return np.max(units[:TABLE_SIZE]), np.max(units[TABLE_SIZE:])
        if kind == LISTED:
            return np.max(units[::2]), np.max(units[1::2])
        thinking = np.add(rows[lanes.THINKING_LOW], rows[lanes.THINKING_COUNT], dtype=np.int64)
        output = np.add(rows[lanes.OUTPUT_LOW], rows[lanes.OUTPUT_COUNT], dtype=np.int64)
        return thinking, output

    def allowances(self) -> list[Values]:
        """What each agent is granted a period, `[agent]`; empty without income."""
        income = self.batch.config.income
        if income is None:
            return []
        named = dict(income.allowances)
        usual = self._bounded(self._value("allowance"), 0, LIMIT - 1)
        ids = self.batch.config.agent_ids
        return [self._bounded(named.get(agent_id, usual), 0, LIMIT - 1) for agent_id in ids]


BURN_ROUNDING: Final = 1.1e-12
"""What a burned token's weight is off by after a turn, in tokens: rounding down at 10^-12, and
floats."""
LEAST: Final = {"stake_tokens": 1, "burn_tokens": 1, "transfer_tokens": 1, "transfer_fee": 0}
"""The least values of parameters of the published family that have one."""
PUBLISHED: Final = {
    "job_below": -180, "stake_above": 360, "stake_max": 220, "stake_tokens": 80,
    "burn_above": 600, "burn_tokens": 50, "transfer_above": 450, "transfer_tokens": 20,
    "transfer_fee": 1, "study_above": 250,
    "unstake_period": 15, "stake_period": 7, "burn_period": 11, "transfer_period": 13,
    "study_period": 10,
}  # fmt: skip


def _biased(rate: Values) -> Values:
    return np.float64(rate) / MILLION * (1.0 + UP)


def _by_value(values: Values, function: Callable[[int], int]) -> Values:
    """A function of each value, evaluated once for each that differs."""
    different, inverse = np.unique(np.asarray(values), return_inverse=True)
    found = np.array([function(int(value)) for value in different], np.int32)
    return found[inverse].reshape(np.shape(values))


def _spent_age(rate: int, maturity: int, turns: int) -> int:
    """Turns after which a burn has decayed to nothing; beyond all turns where it has not."""
    low, high = 0, turns + 1
    if rate == 0 or compounded(rate, high) > 0:
        return NEVER
    while low < high:
        middle = (low + high) // 2
        if compounded(rate, middle) == 0:
            high = middle
        else:
            low = middle + 1
    return min(maturity + low, NEVER)


def plain_policy(batch: WorldBatch) -> FamilyPolicy | BehaviourPolicy:
    """The policy of a batch in the form that is played fastest."""
    policy = batch.policy
    return policy.plain() if isinstance(policy, BehaviourPolicy) else policy


def _shared(batch: WorldBatch) -> Shared:
    config = batch.config
    owners = dict(config.core_owners or ())
    cores = [owners.get(agent_id, 0) for agent_id in config.agent_ids]
    policy = plain_policy(batch)
    numbers, table = PUBLISHED, np.zeros(1, np.int32)
    if isinstance(policy, FamilyPolicy):
        numbers = {**PUBLISHED, **policy.numbers}
    else:
        table = kernel_table(policy.behaviour, policy.varied)
    kind, units, stride = _usage(batch)
    income = config.income
    periods = np.zeros(batch.turns + 1, np.uint8)
    top_ups: list[int] = []
    if income is not None:
        for number in range(1, batch.turns + 1):
            period = income.period_in(number)
            periods[number] = (
                NO_PERIOD if period is None else FIRST_PERIOD if period == 1 else LATER_PERIOD
            )
        order = {agent_id: index for index, agent_id in enumerate(config.agent_ids)}
        for given in income.top_ups:
            top_ups += [given.turn, order[given.agent], min(given.tokens, LIMIT)]
    return Shared(
        shape=_shape(batch, kind, stride),
        periods=np.array([numbers[name] for name in PERIODS], np.int32),
        clocks=_clocks([numbers[name] for name in PERIODS], batch.turns + config.num_agents),
        table=table,
        usage=units,
        income=periods,
        top_ups=np.array(top_ups, np.int64),
        cores=np.array(cores, np.int32),
    )


def _clocks(periods: Sequence[int], most: int) -> Any:
    """Which periods each number up to the greatest is due in; a period of 0 never is."""
    clocks = np.zeros(most + 1, np.uint8)
    for bit, period in enumerate(periods):
        if period > 0:
            clocks[::period] |= 1 << bit
    return clocks


def _usage(batch: WorldBatch) -> tuple[int, Any, int]:
    usage = batch.usage
    fixed = batch.config.usage_source is UsageRule.FIXED
    if fixed or isinstance(usage, UniformUsage):
        return UNIFORM, np.zeros(1, np.int32), 0
    if isinstance(usage, TabledUsage):
        both = np.concatenate([np.asarray(usage.thinking), np.asarray(usage.output)])
        return TABLED, np.minimum(both, LIMIT).astype(np.int32), 0
    listed = np.minimum(np.asarray(usage.units), LIMIT).astype(np.int32)
    return LISTED, np.ascontiguousarray(listed).reshape(-1), listed.shape[1] * listed.shape[2]


EMPTY_RULES: Final = {
    EmptyRule.DEBT: DEBT_RULE, EmptyRule.STOP: STOP_RULE, EmptyRule.CLIP: CLIP_RULE,
}  # fmt: skip


def _shape(batch: WorldBatch, usage_kind: int, stride: int) -> Any:
    config = batch.config
    income = config.income
    shape = np.zeros(at.SHAPE, np.int64)
    values: Mapping[int, int] = {
        at.AGENTS: config.num_agents,
        at.TURNS: batch.turns,
        at.ENDS: batch.ends,
        at.CORE_SHARES: config.num_cores,
        at.MATURITY: config.burn_maturity_turns,
        at.DELAY: config.unstake_delay_turns,
        at.WINDOW: min(config.signature_window, NEVER),
        at.CREDITS_USAGE: config.job_rule is JobRule.CREDIT_USAGE,
        at.BONUS_PER_BLOCK: config.signing_bonus_rule is SigningBonusRule.PER_BLOCK,
        at.SEPARATE_TICKETS: config.lottery_rule is LotteryRule.MINE_STAKE_BURN,
        at.ALL_STAKE: config.unstake_without_amount is UnstakeWithoutAmount.ALL,
        at.SHARES_BY_CLAIM: config.dividend_rule is DividendRule.STAKE_AND_BURN,
        at.AUCTION: config.core_owners is None,
        at.EMPTY_RULE: EMPTY_RULES[config.when_empty],
        at.HAS_INCOME: income is not None,
        at.FORGIVEN: income is not None and income.overdraft is OverdraftRule.FORGIVEN,
        at.SUMS_EVERY_TURN: config.num_agents > GROUP or income is not None,
        at.USAGE_KIND: usage_kind,
        at.USAGE_STRIDE: stride,
        at.BY_TABLE: isinstance(plain_policy(batch), BehaviourPolicy),
    }
    for index, value in values.items():
        shape[index] = value
    return shape
