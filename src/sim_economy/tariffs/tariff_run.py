"""A log played under one tariff: nobody acts, so that nothing is drawn and one run is all.

Source: docs/spec/usage.md, Q3 to Q8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.tariffs.allowance_file import AllowanceFile, income_table
from sim_economy.tariffs.column_billing import (
    AskedUsage,
    ColumnBills,
    asked_usage,
    billed_columns,
)
from sim_economy.tariffs.logged_turns import LoggedTurns
from sim_economy.tariffs.tariff import Tariff
from sim_economy.usage.traced_usage import TracedUsage, logged_usage
from sim_economy.usage.usage_notes import usage_facts, usage_warnings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TariffRun(Struct, frozen=True, kw_only=True):
    """What a log comes to under a tariff; columns are the log's agents.

    Attributes:
        thinking: Units before the discount, `[turn, agent]`.
        output: Units, `[turn, agent]`.
        config: The world that the engine would play.
        warnings: Why its numbers say less than they seem to.
        facts: What else to know of its units and turns.
    """

    tariff: Tariff
    thinking: NDArray[Any]
    output: NDArray[Any]
    config: WorldConfig
    asked: AskedUsage
    bills: ColumnBills
    warnings: Sequence[str]
    facts: Sequence[str]

    @property
    def is_limited(self) -> bool:
        """True if agents hold balances of which they may run out."""
        return self.config.income is not None

    @property
    def fees(self) -> list[int]:
        """Tokens of all turns, `[agent]`."""
        return [int(fee) for fee in self.bills.fees.sum(axis=0)]

    @property
    def asked_fees(self) -> list[int]:
        """Tokens for all that was asked for, `[agent]`."""
        return [int(fee) for fee in self.asked.fees.sum(axis=0)]

    @property
    def fees_total(self) -> int:
        """Tokens of all turns and agents."""
        return sum(self.fees)

    @property
    def dry_turns(self) -> list[list[int]]:
        """The turns in which each agent is dry, `[agent]`; nobody is without allowances."""
        if not self.is_limited:
            return [[] for _ in self.config.agent_ids]
        return [[int(turn) + 1 for turn in own.nonzero()[0]] for own in self.bills.dry.T]

    def with_less(self, tenths: int = 1) -> TariffRun:
        """The same with all use so many tenths lower."""
        kept = 10 - tenths
        thinking, output = self.thinking * kept // 10, self.output * kept // 10
        asked = asked_usage(thinking, output, self.config)
        return replace(
            self,
            thinking=thinking,
            output=output,
            asked=asked,
            bills=billed_columns(asked, self.config),
        )


def play_tariff(log: LoggedTurns, tariff: Tariff, allowances: AllowanceFile | None) -> TariffRun:
    """A log under a tariff whose prices were read for its models.

    Raises:
        ScenarioError: A model has no weights, units are too many, or allowances are wrong.
        AmountOutOfRangeError: A balance would pass 2^62.
    """
    try:
        usage = logged_usage(log.counted, tariff.units)
    except ScenarioError as error:
        raise ScenarioError([f"{tariff.name}: {problem}" for problem in error.problems]) from None
    config = _config(log, tariff, usage, allowances)
    thinking, output = _units(usage, log.turns)
    asked = asked_usage(thinking, output, config)
    return TariffRun(
        tariff=tariff,
        thinking=thinking,
        output=output,
        config=config,
        asked=asked,
        bills=billed_columns(asked, config),
        warnings=usage_warnings(usage, config.agent_ids, log.turns, config),
        facts=usage_facts(usage, config),
    )


def _config(
    log: LoggedTurns, tariff: Tariff, usage: TracedUsage, allowances: AllowanceFile | None
) -> WorldConfig:
    stated = {**tariff.parameters, "num_agents": len(log.agents)}
    if allowances is not None:
        stated |= income_table(allowances, tariff, usage, log.turns + log.ahead)
    try:
        return parse_world_config(stated, agent_ids=usage.agent_ids)
    except ScenarioError as error:
        shown = [problem.removeprefix("income.") for problem in error.problems]
        raise ScenarioError(shown, "" if allowances is None else allowances.path) from None


def _units(usage: TracedUsage, turns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Thinking and output units, `[turn, agent]`."""
    import numpy as np  # noqa: PLC0415

    column = {agent_id: index for index, agent_id in enumerate(usage.agent_ids)}
    units = np.zeros((2, turns, len(column)), dtype=np.int64)
    for turn, own in usage.rows.items():
        if turn <= turns:
            columns = [column[agent_id] for agent_id in own]
            units[:, turn - 1, columns] = np.array([*own.values()], dtype=np.int64).T
    return units[0], units[1]
