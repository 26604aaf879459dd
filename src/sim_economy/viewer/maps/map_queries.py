"""What a page asks of a map, read from the names and values of its query."""

from __future__ import annotations

from collections.abc import Sequence

from sim_economy.core.errors import InputError
from sim_economy.viewer.maps.planes import PlaneChoice
from sim_economy.viewer.maps.swept_rows import SweptRows
from sim_economy.viewer.sources import Query

_DIGITS_MAX = 18


def whole_of(query: Query, name: str, default: int | None = None, least: int = 0) -> int:
    """A whole number of a query.

    Raises:
        InputError: It is missing without a default, or is none.
    """
    text = query.get(name, "")
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX) or int(text) < least:
        raise InputError(name, f"must be a whole number from {least} on")
    return int(text)


def sweep_of(query: Query, sweeps: Sequence[SweptRows]) -> SweptRows:
    """The sweep that a query names.

    Raises:
        InputError: There is none of this index.
    """
    index = whole_of(query, "sweep", 0)
    if index >= len(sweeps):
        raise InputError("sweep", f"must be from 0 to {len(sweeps) - 1}")
    return sweeps[index]


def choice_of(query: Query, rows: SweptRows) -> PlaneChoice:
    """The plane that a query asks for.

    Raises:
        InputError: `held` has not an entry for each axis, or one that is no step.
    """
    names = [axis.name for axis in rows.axes]
    texts = query.get("held", "," * (len(names) - 1)).split(",")
    if len(texts) != len(names):
        raise InputError("held", f"must have {len(names)} entries: {', '.join(names)}")
    return PlaneChoice(
        across=query.get("across", ""),
        up=query.get("up", ""),
        metric=query.get("metric", "solvency"),
        held={
            name: whole_of({"held": text}, "held")
            for name, text in zip(names, texts, strict=True)
            if text
        },
    )
