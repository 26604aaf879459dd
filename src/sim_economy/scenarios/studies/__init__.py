"""Studies that ship: which points of a scenario a sweep plays."""

from __future__ import annotations

from importlib import resources
from typing import Final

STUDIES: Final = ("tariff-caution", "paper-sensitivity")
"""The shipped studies by name."""


def study_text(name: str) -> str:
    """The shipped file of a study."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
