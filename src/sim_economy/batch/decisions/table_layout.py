"""How tables of behaviour lie in the kernel's array of integers.

    needs poorest · start of the policy of each agent · policies

A policy begins with its kind and with where its numbers begin among the parameters. Then:

    family      the periods
    rules       how many · rules · conditions; first and end of a rule count conditions
    linear      how many actions · how many columns · actions · the columns that weigh anything
    function    its address, low 32 bits first

Indices of numbers are multiplied with the lanes; `ABSENT` stays.
"""

from __future__ import annotations

from typing import Final

NEEDS_POOREST: Final = 0
FIRST_AGENT: Final = 1

FAMILY: Final = 0
RULES: Final = 1
LINEAR: Final = 2
FUNCTION: Final = 3
"""Kinds of policies."""

KIND: Final = 0
NUMBERS_AT: Final = 1
CONTENT: Final = 2
"""Where a policy's own layout begins."""

RULE_SIZE: Final = 6
"""First and end of its conditions, action, amount, fee, target."""
CONDITION_SIZE: Final = 4
"""Feature, comparison, operand, modulus."""
ACTION_SIZE: Final = 4
"""Code, amount, fee, target."""
