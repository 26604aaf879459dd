"""The `[governance]` table: interventions, each off where its own table is missing.

Source: docs/spec/economy.md, section 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.shock_config import Known, Shock, parse_shocks, shock_values
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    described_parameters,
    read_struct,
    read_table,
    written,
)
from sim_economy.core.units import Millionths


class WagesRule(StrEnum):
    """Whether the pay of a job follows fees that an intervention lowers (G1, G5)."""

    FOLLOW = "follow"
    FULL = "full"


class CapBase(StrEnum):
    """What the fee cap is a multiple of (G1)."""

    BLOCK_REVENUE = "block_revenue"
    PRODUCTIVE_SURPLUS = "productive_surplus"


class MonitorResponse(StrEnum):
    """What follows where wealth is concentrated (G5)."""

    NONE = "none"
    RELIEF = "relief"
    LEVY = "levy"


class FeeCap(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.fee_cap]`."""

    cap_ratio: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "fees charged in a window, at most, for 1 of its base")
    ]
    base: Annotated[CapBase, Parameter(Kind.VARIANT, "what the cap is a multiple of")] = (
        CapBase.BLOCK_REVENUE
    )
    window_turns: Annotated[int, Parameter(Kind.COUNT, "turns of a window", 1)] = 10


class DebtRails(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.debt_rails]`."""

    debt_cap: Annotated[int, Parameter(Kind.COUNT, "tokens of debt that nothing is lent for")] = 500
    cooldown_turns: Annotated[
        int, Parameter(Kind.COUNT, "turns from a loan to the agent's next one")
    ] = 20
    repayment_share: Annotated[
        Millionths, Parameter(Kind.RATE, "part of an inflow that repays loans")
    ] = Millionths(250_000)


class ConcentrationMonitor(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.concentration_monitor]`."""

    gini_max: Annotated[
        Millionths, Parameter(Kind.RATE, "shifted Gini of balance and stake that is not too high")
    ] = Millionths(400_000)
    from_turn: Annotated[int, Parameter(Kind.COUNT, "the first turn that is watched", 1)] = 20
    response: Annotated[
        MonitorResponse, Parameter(Kind.VARIANT, "what follows where wealth is concentrated")
    ] = MonitorResponse.NONE
    levy_share: Annotated[
        Millionths, Parameter(Kind.RATE, "part of what the wealthiest has above the median")
    ] = Millionths(100_000)


class ReinvestmentRebate(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.reinvestment_rebate]`."""

    rebate_share: Annotated[
        Millionths, Parameter(Kind.RATE, "part of the pool that is rebated")
    ] = Millionths(200_000)
    window_turns: Annotated[
        int, Parameter(Kind.COUNT, "turns for which studies and contracts have points", 1)
    ] = 10
    stake_min: Annotated[int, Parameter(Kind.COUNT, "tokens of stake that have a point", 1)] = 100
    stake_turns: Annotated[int, Parameter(Kind.COUNT, "turns that they must be staked", 1)] = 5


class ArbitrationSubsidy(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.arbitration_subsidy]`."""

    small_value: Annotated[
        int, Parameter(Kind.COUNT, "highest value of a contract that is subsidised")
    ] = 100


class MatchesRule(StrEnum):
    """Whether agents see what they are matched for (G4)."""

    SHOWN = "shown"
    COUNTED = "counted"


class ContractMatching(Struct, frozen=True, kw_only=True):
    """The keys of `[governance.contract_matching]`."""

    matches: Annotated[
        MatchesRule, Parameter(Kind.VARIANT, "whether matches are shown, or only counted")
    ] = MatchesRule.SHOWN
    needs_max: Annotated[
        int, Parameter(Kind.COUNT, "needs of a kind and side that are matched in a turn", 1, 200)
    ] = 50
    term_turns: Annotated[
        int,
        Parameter(Kind.COUNT, "turns of a contract after those to sign it, by template", 1),
    ] = 6
    bond_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "collateral of a service's parties, by the price")
    ] = Millionths(500_000)
    arbitrator_fee: Annotated[
        int, Parameter(Kind.COUNT, "of a service by its template, at most its collateral")
    ] = 10


class GovernanceConfig(Struct, frozen=True, kw_only=True):
    """The interventions of a world; None, or empty, where one is off."""

    wages: Annotated[
        WagesRule, Parameter(Kind.VARIANT, "whether job pay follows fees that a rule lowers")
    ] = WagesRule.FOLLOW
    fee_cap: Annotated[FeeCap | None, Parameter(Kind.TABLE, "a cap on the fees of a window")] = None

    reinvestment_rebate: Annotated[
        ReinvestmentRebate | None, Parameter(Kind.TABLE, "a part of the pool for who reinvests")
    ] = None
    debt_rails: Annotated[
        DebtRails | None, Parameter(Kind.TABLE, "loans to debtors, repaid from what they receive")
    ] = None
    arbitration_subsidy: Annotated[
        ArbitrationSubsidy | None,
        Parameter(Kind.TABLE, "a part of the rent for arbitrators of small contracts"),
    ] = None
    contract_matching: Annotated[
        ContractMatching | None, Parameter(Kind.TABLE, "needs that agents state are matched")
    ] = None
    concentration_monitor: Annotated[
        ConcentrationMonitor | None, Parameter(Kind.TABLE, "a watch on how wealth is spread")
    ] = None

    shocks: Annotated[
        tuple[Shock, ...], Parameter(Kind.TABLES, "what changes in which turns, an entry each")
    ] = ()

    @property
    def lowers_fees(self) -> bool:
        """True if some rule may lower a fee, and so a wage."""
        monitor = self.concentration_monitor
        relieves = monitor is not None and monitor.response is MonitorResponse.RELIEF
        return self.fee_cap is not None or relieves


RULES: Final[Mapping[str, type[Struct]]] = {
    "fee_cap": FeeCap,
    "reinvestment_rebate": ReinvestmentRebate,
    "debt_rails": DebtRails,
    "arbitration_subsidy": ArbitrationSubsidy,
    "contract_matching": ContractMatching,
    "concentration_monitor": ConcentrationMonitor,
}
"""The struct of each rule's table, by its key."""


GOVERNANCE_WORDS: Final = frozenset({"wages", "base", "response", "target", "agents", "matches"})
"""Keys of these tables whose texts are no numbers."""


def governance_values(governance: GovernanceConfig, known: Known) -> dict[str, Any]:
    """The values of a table that `parse_governance` reads back unchanged."""
    values: dict[str, Any] = {}
    if governance.lowers_fees:
        values["wages"] = str(governance.wages)
    for name in RULES:
        if (rule := getattr(governance, name)) is not None:
            values[name] = _written(rule)
    if governance.shocks:
        values["shocks"] = shock_values(governance.shocks, known)
    return values


def _written(table: Struct) -> dict[str, Any]:
    described = described_parameters(type(table)).items()
    return {
        key: written(parameter, getattr(table, field.name)) for key, (parameter, field) in described
    }


def parse_governance(
    given: Any, agent_ids: Sequence[str], known: Known, problems: list[str]
) -> GovernanceConfig | None:
    """The checked table; None where it switches no rule on, or something is wrong.

    Args:
        agent_ids: In genesis order; empty where they are not known, and no name is checked then.
        known: The parameters that shocks may change.
        problems: Gets everything that is wrong.
    """
    found: list[str] = []
    values = read_table(GovernanceConfig, given, "governance", found)
    for name, table in RULES.items():
        if values[name] is not None:
            values[name] = read_struct(table, values[name], f"governance.{name}", found)
    values["shocks"] = parse_shocks(values["shocks"], agent_ids, known, found)
    problems += found
    if found:
        return None
    governance = GovernanceConfig(**values)
    if not governance.lowers_fees:
        governance = replace(governance, wages=WagesRule.FOLLOW)
    return None if governance == GovernanceConfig() else governance
