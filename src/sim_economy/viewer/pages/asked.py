"""What a request of the viewer asks for: the names in its path, the values of its query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from sim_economy.core.errors import InputError

NUMBER_MOST: Final = 2**53
"""The greatest whole number that a browser has exactly."""


class Asked(Struct, frozen=True):
    """A request's path and query, each name once."""

    path: Mapping[str, str]
    query: Mapping[str, str]

    def number(self, name: str, default: int, low: int = 0, high: int = NUMBER_MOST) -> int:
        """A whole number of the query.

        Raises:
            InputError: It is none, or out of range.
        """
        text = self.query.get(name)
        return default if text is None else _number(name, text, low, high)

    def number_or_none(self, name: str) -> int | None:
        """A whole number of the query, None without it; raises as `number`."""
        return None if name not in self.query else self.number(name, 0)

    def in_path(self, name: str) -> int:
        """A whole number of the path; raises as `number`."""
        return _number(name, self.path[name], 0, NUMBER_MOST)

    def text(self, name: str) -> str:
        """A text of the query; empty without it."""
        return self.query.get(name, "")

    def one_of(self, name: str, *allowed: str) -> str:
        """One of some words, the first without it.

        Raises:
            InputError: It is none of them.
        """
        text = self.query.get(name, allowed[0])
        if text not in allowed:
            raise InputError(name, f"must be one of {', '.join(filter(None, allowed))}")
        return text

    def limit(self, default: int) -> int:
        """How many rows a page has; raises as `number`."""
        return self.number("limit", default, 1, 1000)


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise InputError(name, f"must be a whole number from {low} to {high}")
    return int(text)
