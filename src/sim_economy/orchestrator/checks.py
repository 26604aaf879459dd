"""Checks of values of a scenario file; a ValueError says what one must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sim_economy.agents.catalogue import offers
from sim_economy.core.world_config import NumberText
from sim_economy.orchestrator.dialogue.messages import Money
from sim_economy.orchestrator.prices import parse_money

Check = Callable[[Any], Any]
"""The value as it is kept; ValueError says what it must be."""


def whole(low: int, high: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"must be an integer from {low} to {high}")
        return value

    return check


def seconds(value: Any) -> Decimal:
    """A time, at most a day."""
    number = Decimal(str(value)) if isinstance(value, int | NumberText) else Decimal(-1)
    if isinstance(value, bool) or not 0 < number <= 86_400:
        raise ValueError("must be seconds, above 0 and at most 86400")
    return number


def money(value: Any) -> Money:
    """An amount of money, exact."""
    amount = parse_money(value)
    if amount is None:
        raise ValueError("must be an amount of money, such as 2.50")
    return amount


def one_of(*known: str) -> Check:
    """One of several words."""

    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return str(value)

    return check


def plays(value: Any) -> str:
    """A policy or talk that a mock may play."""
    return one_of("talk", *offers())(value)  # type: ignore[no-any-return]


def text(value: Any) -> str:
    """A text with something in it."""
    if type(value) is not str or not value or "\0" in value:
        raise ValueError("must be a text")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def number(value: Any) -> str:
    """A number, kept as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | NumberText):
        raise ValueError("must be a number")
    return str(value)


def address(value: Any) -> str:
    """The address of a server, without secrets."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/@]+(/[^\s@?#]*)?", value):
        raise ValueError(
            "must be an address such as http://127.0.0.1:11434/v1, without user or query"
        )
    return value.rstrip("/")


def variable(value: Any) -> str:
    """The name of an environment variable."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise ValueError("must be the name of an environment variable, not the key itself")
    return value


def extra(value: Any) -> dict[str, Any]:
    """A table of what else a server understands."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a table")
    return {str(key): _unquoted(part) for key, part in value.items()}


def _unquoted(value: Any) -> Any:
    match value:
        case NumberText():
            return float(value)
        case Mapping():
            return {str(key): _unquoted(part) for key, part in value.items()}
        case list():
            return [_unquoted(part) for part in value]
        case bool() | int() | str():
            return value
        case _:
            raise ValueError("may hold texts, numbers, true, false, lists and tables")
