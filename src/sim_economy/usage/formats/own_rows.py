"""Usage rows themselves, as the import writes them, and traces of turns."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from sim_economy.usage.usage_form import KINDS, UsageForm

_ROWS: Final = UsageForm(
    name="rows",
    signs=(
        ("time", "agent", "input", "output"),
        ("turn", "agent", "input", "output"),
        ("turn", "agent", "thinking", "output"),
    ),
    time=("time",),
    turn=("turn",),
    agent=("agent",),
    team=("team",),
    model=("model",),
    id=("id",),
    cost=("cost",),
    calls=("calls",),
    input=("input",),
    cache_read=("cache_read",),
    cache_write=("cache_write",),
    thinking=("thinking",),
    output=("output",),
    length=("seconds",),
    cache_apart=True,
    thinking_apart=True,
)

_WRITTEN: Final = ("agent", "team", "model", "id", "calls", *KINDS, "cost", "seconds")

FORMS: Final = (
    replace(_ROWS, signs=(("time", *_WRITTEN), ("turn", *_WRITTEN)), escaped=True),
    _ROWS,
)
