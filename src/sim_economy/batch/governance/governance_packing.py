"""Interventions as rows of numbers; those that the kernel has no rule for are the core's.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sim_economy.batch.governance import governance_lanes as rows
from sim_economy.batch.governance.shock_packing import shock_refusal
from sim_economy.batch.world_batch import WorldBatch
from sim_economy.core.governance_config import (
    CapBase,
    GovernanceConfig,
    MonitorResponse,
    WagesRule,
)
from sim_economy.core.world_config import WorldConfig

DOSES: Final[Mapping[str, int]] = {
    "governance.fee_cap.cap_ratio": rows.CAP_RATIO,
    "governance.concentration_monitor.gini_max": rows.GINI_MAX,
    "governance.concentration_monitor.from_turn": rows.FROM_TURN,
    "governance.concentration_monitor.levy_share": rows.LEVY_SHARE,
    "governance.debt_rails.debt_cap": rows.DEBT_CAP,
    "governance.debt_rails.cooldown_turns": rows.COOLDOWN,
    "governance.debt_rails.repayment_share": rows.REPAYMENT_SHARE,
    "governance.reinvestment_rebate.rebate_share": rows.REBATE_SHARE,
    "governance.reinvestment_rebate.stake_min": rows.STAKE_MIN,
    "governance.reinvestment_rebate.stake_turns": rows.STAKE_TURNS,
}
"""Doses that may differ between the worlds of a batch, with their rows."""


MEMORY_MAX: Final = 1 << 22
"""Agents times turns of studies that are remembered at once, a row each: 256 MiB."""


def governance_refusal(config: WorldConfig, turns: int) -> str | None:
    """What of a world's interventions the kernel has no rule for; None where there is nothing."""
    if config.governance is None:
        return None
    rules = config.governance
    if rules.arbitration_subsidy is not None or rules.contract_matching is not None:
        return "interventions in contracts are the core's"
    rebate = rules.reinvestment_rebate
    if rebate is not None and min(rebate.window_turns, turns) * config.num_agents > MEMORY_MAX:
        return f"points of {rebate.window_turns:,} turns for so many agents are the core's"
    return shock_refusal(rules)


def packed_rules(governance: GovernanceConfig, turns: int) -> Any:
    """What the worlds of a batch share of their interventions."""
    rules = np.zeros(rows.RULES, np.int64)
    rules[rows.WAGES_FOLLOW] = governance.wages is WagesRule.FOLLOW
    if (cap := governance.fee_cap) is not None:
        rules[rows.CAPS_FEES] = 1
        rules[rows.CAPS_BY_SURPLUS] = cap.base is CapBase.PRODUCTIVE_SURPLUS
        rules[rows.CAP_WINDOW] = cap.window_turns
        rules[rows.CAP_SLOTS] = min(cap.window_turns, turns)
    if (monitor := governance.concentration_monitor) is not None:
        rules[rows.WATCHES] = 1
        rules[rows.RELIEVES] = monitor.response is MonitorResponse.RELIEF
        rules[rows.LEVIES] = monitor.response is MonitorResponse.LEVY
    if (rebate := governance.reinvestment_rebate) is not None:
        rules[rows.REBATES] = 1
        rules[rows.REBATE_SLOTS] = min(rebate.window_turns, turns)
    rules[rows.LENDS] = governance.debt_rails is not None
    return rules


def packed_doses(batch: WorldBatch) -> dict[int, Any]:
    """The doses of a batch by row, each one value or one a world."""
    found = {}
    for name, row in DOSES.items():
        _, rule, key = name.split(".")
        shared = getattr(getattr(batch.config.governance, rule), key, 0)
        found[row] = batch.varied.get(name, shared)
    return found
