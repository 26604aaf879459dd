"""Studies that ship: what a sweep plays, and which treatments are compared."""

from __future__ import annotations

from importlib import resources
from typing import Final

STUDIES: Final = ("tariff-caution", "paper-sensitivity")
"""The shipped studies of sweeps by name."""
TREATMENT_STUDIES: Final = ("paper-questions",)
"""The shipped studies of treatments by name."""


def study_text(name: str) -> str:
    """The shipped file of a study."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
