"""Versions of the rules: a world is played to its end under the one its genesis names."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class RulesVersion(StrEnum):
    """A version that these rules can play."""

    V2 = "2"
    V3 = "3"


RULES_VERSION: Final = RulesVersion.V3
"""New worlds name it; it changes whenever the same inputs could give another ledger."""


KNOWN: Final = " and ".join(RulesVersion)
"""For messages."""


def known_rules_version(text: str) -> RulesVersion | None:
    """The version that a genesis record names, or None where these rules do not know it."""
    return next((version for version in RulesVersion if version == text), None)
