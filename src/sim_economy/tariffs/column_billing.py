"""A log billed column by column: the rules of fees and income for agents that only think.

Agents that are idle share nothing, so that each column is one agent's whole run. Tests hold this
against the engine, turn by turn.

Source: docs/spec/usage.md, Q3; docs/spec/economy.md, sections 4 and 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.income_config import EmptyRule, IncomeConfig, OverdraftRule
from sim_economy.core.units import ACCOUNT_LIMIT, MILLION
from sim_economy.core.world_config import WorldConfig

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[int64]
    """Whole numbers of numpy; Python's own where those would not hold them."""

_FAST_LIMIT: Final = 2**62


class AskedUsage(Struct, frozen=True, kw_only=True):
    """What a log asks for under a tariff, `[turn, agent]`.

    Attributes:
        units: Thinking after its discount, and output.
        billable: Those that are not free.
        fees: Tokens for all of them.
    """

    units: Numbers
    billable: Numbers
    fees: Numbers

    def during(self, first: int, last: int) -> AskedUsage:
        """The turns from `first` to `last`."""
        turns = slice(first - 1, last)
        return AskedUsage(
            units=self.units[turns], billable=self.billable[turns], fees=self.fees[turns]
        )


class ColumnBills(Struct, frozen=True, kw_only=True):
    """What becomes of it, `[turn, agent]`.

    Attributes:
        billed: Units that are paid for.
        denied: Units that are refused, free ones too under `stop`.
        fees: Tokens.
        held: The balance before T4, from which fees are paid.
        balances: At the end of the turn.
        dry: Whether units were refused, or the fee was above what the balance held.
    """

    billed: Numbers
    denied: Numbers
    fees: Numbers
    held: Numbers
    balances: Numbers
    dry: NDArray[Any]


def asked_usage(thinking: Numbers, output: Numbers, config: WorldConfig) -> AskedUsage:
    """The usage of whole units, counted and priced.

    Args:
        thinking: Units before the discount, `[turn, agent]`.

    Source: docs/spec/economy.md, B1 to B3.
    """
    import numpy as np  # noqa: PLC0415

    rate = int(config.base_inference_rate)
    units = thinking * int(config.thinking_layer_discount) // MILLION + output
    billable = np.maximum(units - config.commons_threshold_per_turn, 0)
    if rate * (int(billable.max(initial=0)) + 1) + MILLION > _FAST_LIMIT:
        billable = billable.astype(object)
    fees = billable * rate // MILLION
    if int(fees.max(initial=0)) * (len(fees) + 1) > _FAST_LIMIT:
        fees = fees.astype(object)
    return AskedUsage(units=units, billable=billable, fees=fees)


def billed_columns(
    asked: AskedUsage,
    config: WorldConfig,
    *,
    grants: Sequence[int] | None = None,
    opening: Sequence[int] | None = None,
    first_turn: int = 1,
) -> ColumnBills:
    """The log played to its end.

    Args:
        config: Its agents are those of the columns; it has no interventions.
        grants: Allowances instead of those of the configuration, `[agent]`.
        opening: Balances before the first turn; those of genesis when None.
        first_turn: The number of the first row.

    Raises:
        AmountOutOfRangeError: A balance would pass 2^62.
    """
    import numpy as np  # noqa: PLC0415

    assert config.governance is None, config.governance
    agents = asked.units.shape[1]
    start = [config.genesis_tokens_per_agent] * agents if opening is None else opening
    income = GrantedIncome(config, _numbers(config, asked, grants))
    balance = income.as_numbers(start)
    turns: list[tuple[Any, ...]] = []
    for index in range(len(asked.units)):
        held = income.paid(balance, first_turn + index)
        row = (asked.units[index], asked.billable[index], asked.fees[index])
        billed, denied, fees = _used(held, *row, config)
        dry = (denied > 0) | (fees > np.maximum(held, 0))
        balance = _with_interest(held - fees, config)
        turns.append((billed, denied, fees, held, balance, dry))
    columns = [np.array(column).reshape(len(turns), agents) for column in zip(*turns, strict=True)]
    if not turns:
        columns = [np.zeros((0, agents), dtype=np.int64) for _ in range(6)]
    billed, denied, fees, held, balances, dry = columns
    _check_range(balances, first_turn)
    return ColumnBills(
        billed=billed,
        denied=denied,
        fees=fees,
        held=held,
        balances=balances,
        dry=dry.astype(bool),
    )


def _numbers(config: WorldConfig, asked: AskedUsage, grants: Sequence[int] | None) -> _Amounts:
    """The allowances, in numbers that hold all that may come of them."""
    income = config.income
    given = [0] * asked.units.shape[1] if income is None else income.granted(config.agent_ids)
    allowances = given if grants is None else [int(own) for own in grants]
    topped_up = 0 if income is None else sum(own.tokens for own in income.top_ups)
    most = max(allowances, default=0) * (len(asked.units) + 1) + topped_up
    is_large = object in (asked.fees.dtype, asked.billable.dtype)
    slow = is_large or bool(config.interest_rate_per_turn) or most > _FAST_LIMIT // 2
    return _Amounts(allowances, object if slow else "int64")


class _Amounts(Struct, frozen=True):
    allowances: Sequence[int]
    dtype: Any


class GrantedIncome:
    """What balances are given as a turn begins (I1 to I5), for all agents at once."""

    def __init__(self, config: WorldConfig, amounts: _Amounts) -> None:
        self._amounts = amounts
        self._income = config.income
        self._order = {agent_id: index for index, agent_id in enumerate(config.agent_ids)}
        self._allowances = self.as_numbers(amounts.allowances)

    @classmethod
    def of(cls, config: WorldConfig, agents: int) -> GrantedIncome:
        """That of a configuration, in numbers that hold anything."""
        income = config.income
        granted = [0] * agents if income is None else income.granted(config.agent_ids)
        return cls(config, _Amounts(granted, object))

    def as_numbers(self, values: Sequence[int]) -> Numbers:
        """Values by agent in the numbers that this is worked out with."""
        import numpy as np  # noqa: PLC0415

        return np.array([int(value) for value in values], dtype=self._amounts.dtype)

    def paid(self, balance: Numbers, turn: int) -> Numbers:
        """Balances after T2; agents are along the last axis."""
        if self._income is None:
            return balance
        if (period := self._income.period_in(turn)) is not None:
            if period > 1:
                balance = self._closed(balance, self._income)
            balance = balance + self._allowances
        for top_up in self._income.top_ups_in(turn):
            balance = balance.copy()
            balance[..., self._order[top_up.agent]] += top_up.tokens
        return balance

    def _closed(self, balance: Numbers, income: IncomeConfig) -> Numbers:
        import numpy as np  # noqa: PLC0415

        closed = np.minimum(balance, income.carryover_max)
        if income.overdraft is OverdraftRule.FORGIVEN:
            closed = np.maximum(closed, 0)
        return np.where(self._allowances > 0, closed, balance)


def _used(
    held: Numbers, units: Numbers, billable: Numbers, fees: Numbers, config: WorldConfig
) -> tuple[Numbers, Numbers, Numbers]:
    """Units billed and denied, and the fees, of one turn (I6 to I8)."""
    import numpy as np  # noqa: PLC0415

    rate = int(config.base_inference_rate)
    match config.when_empty:
        case EmptyRule.STOP:
            stopped = held <= 0
            return (
                np.where(stopped, 0, billable),
                np.where(stopped, units, 0),
                np.where(stopped, 0, fees),
            )
        case EmptyRule.CLIP if rate:
            # Of more than the fee nothing is needed, and less does not overflow.
            payable = ((np.minimum(held, fees) + 1) * MILLION - 1) // rate
            billed = np.where(held < 0, 0, np.minimum(billable, payable))
            return billed, billable - billed, billed * rate // MILLION
        case _:
            return billable, np.zeros_like(billable), fees


def _with_interest(balance: Numbers, config: WorldConfig) -> Numbers:
    import numpy as np  # noqa: PLC0415

    rate = int(config.interest_rate_per_turn)
    return balance - np.maximum(-balance, 0) * rate // MILLION if rate else balance


def _check_range(balances: Numbers, first_turn: int) -> None:
    for index, row in enumerate(_outside(balances)):
        if row:
            raise AmountOutOfRangeError(first_turn + index, "a balance")


def _outside(balances: Numbers) -> Iterator[bool]:
    for row in balances:
        yield bool(((row > ACCOUNT_LIMIT) | (row < -ACCOUNT_LIMIT)).any())
