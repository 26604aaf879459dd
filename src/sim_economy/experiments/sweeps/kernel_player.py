"""The player that asks the batch kernel, where it is installed and can play a study exactly."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from sim_economy.experiments.sweeps.played_rows import Player
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan

SMALL_ROWS: Final = 2_000
"""Rows up to which a sweep stays on the core: loading compiled code takes longer."""


def kernel_player(plan: SweepPlan) -> Player | str:
    """The kernel as a player of a plan, or why it cannot play it.

    Whether a sweep is small is a matter of the whole study, so that one that is resumed goes on
    with the player that it began with.
    """
    if plan.rows <= SMALL_ROWS:
        return f"{plan.rows} runs are played sooner without it"
    if find_spec("numba") is None:
        return "numba is not installed: pip install 'sim-economy[batch]'"
    return "it is not attached to sweeps yet"
