"""Shocks as tables by turn; those that the kernel has no rule for are the core's.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from sim_economy.batch import lanes
from sim_economy.batch.governance.governance_arrays import Shocks
from sim_economy.batch.lanes import LIMIT
from sim_economy.batch.steps.exact_lanes import UP
from sim_economy.core.governance_config import GovernanceConfig
from sim_economy.core.shock_config import GAIN, JOB_PAY, ONE_OFF, USAGE, Shock
from sim_economy.core.units import MILLION
from sim_economy.core.world_config import WorldConfig


def _biased(rate: int) -> float:
    return rate / MILLION * (1.0 + UP)


def _up_to(limit: int) -> Callable[[int], float]:
    return lambda value: float(min(value, limit))


INTEGERS: Final[Mapping[str, tuple[int, Callable[[int], float]]]] = {
    "commons_threshold_per_turn": (lanes.COMMONS, _up_to(2 * LIMIT)),
    "signing_bonus": (lanes.BONUS, float),
    "study_cost": (lanes.STUDY_COST, _up_to(LIMIT)),
    "job_credit_max": (lanes.CREDIT_MAX, _up_to(LIMIT)),
}
RATES: Final[Mapping[str, tuple[int, Callable[[int], float]]]] = {
    "base_inference_rate": (lanes.UNIT_PRICE, float),
    "thinking_layer_discount": (lanes.THINKING_RATE, _biased),
    "interest_rate_per_turn": (lanes.INTEREST_RATE, _biased),
    "mine_base_weight": (lanes.MINE_WEIGHT, float),
    "stake_weight_per_token": (lanes.STAKE_WEIGHT, float),
    "block_threshold": (lanes.THRESHOLD, float),
}
"""Parameters that shocks may change in the kernel: their rows, and a value as it lies there."""
CHANGED: Final = {**INTEGERS, **RATES}


def shock_refusal(governance: GovernanceConfig) -> str | None:
    """What of a world's shocks the kernel has no rule for; None where there is nothing."""
    for shock in governance.shocks:
        if shock.target in ONE_OFF or shock.target in {USAGE, JOB_PAY}:
            continue
        if shock.target not in CHANGED:
            return f"a shock of {shock.target} is the core's; the kernel has no rule for it"
        if shock.target == "signing_bonus" and shock.value >= LIMIT:
            return f"a shock to a signing bonus of {shock.value:,} is the core's"
    return None


def changes_parameters(governance: GovernanceConfig) -> bool:
    """Test whether some shock changes a parameter."""
    return any(shock.target in CHANGED for shock in governance.shocks)


def packed_shocks(config: WorldConfig, turns: int) -> Shocks:
    """The shocks of a batch, by turn from 0 on."""
    shocks = () if config.governance is None else config.governance.shocks
    targets = [name for name in CHANGED if any(shock.target == name for shock in shocks)]
    values = np.full((turns + 1, len(targets)), -1.0)
    for shock in shocks:
        if shock.target in targets:
            first, last = shock.turn, shock.until or turns
            value = CHANGED[shock.target][1](shock.value)
            values[first : last + 1, targets.index(shock.target)] = value
    return Shocks(
        one_off=_one_off(shocks, config.agent_ids),
        usage=_factors(shocks, USAGE, turns),
        job_pay=_factors(shocks, JOB_PAY, turns),
        rows=np.array([CHANGED[name][0] for name in targets], np.int64),
        is_rate=np.array([name in RATES for name in targets], np.uint8),
        values=values.reshape(-1),
        kept=np.zeros(0),
    )


def _one_off(shocks: Sequence[Shock], agent_ids: Sequence[str]) -> Any:
    """Turn, agent and tokens of each gain and loss, in order."""
    order = {agent_id: index for index, agent_id in enumerate(agent_ids)}
    entries: list[int] = []
    for shock in shocks:
        if shock.target in ONE_OFF:
            tokens = min(shock.tokens, LIMIT)
            for name in shock.agents:
                entries += [shock.turn, order[name], tokens if shock.target == GAIN else -tokens]
    return np.array(entries, np.int64)


def _factors(shocks: Sequence[Shock], target: str, turns: int) -> Any:
    """What usage or job pay is multiplied by, in millionths, `[turn]`."""
    found = np.full(turns + 1, MILLION, np.int64)
    for shock in shocks:
        if shock.target == target:
            found[shock.turn : (shock.until or turns) + 1] = shock.value
    return found
