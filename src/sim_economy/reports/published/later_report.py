"""Figures that a later report of the original system gives for its regimes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LATER: Final[Mapping[str, Mapping[str, float]]] = {
    "baseline": {
        "contracts_proposed": 21.4,
        "contracts_settled": 1.6,
        "contracts_defaulted": 3.7,
        "winner_hhi": 0.159,
        "turns_with_block": 30.5,
    },
    "high_compute_cost": {"fees": 41151, "interest": 2726, "gini_wealth_shifted": 0.468},
}
"""Means of a run that a later report of the original system gives for its regimes."""
