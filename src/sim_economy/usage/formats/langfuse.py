"""Langfuse: observations, as its exports and its API write them."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

_OLD: Final = "usage_details"
_NEW: Final = "usageDetails"
_READ: Final = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read")
_WRITE: Final = (
    "cache_creation_input_tokens",
    "input_cache_creation",
    "cache_write_input_tokens",
)
_THINKING: Final = ("output_reasoning_tokens", "reasoning_tokens", "output_reasoning")


def _both(*names: str) -> tuple[tuple[str, ...], ...]:
    """The types of usage in either spelling; of one spelling they are added up."""
    return tuple(tuple(f"{holder}/{name}" for name in names) for holder in (_OLD, _NEW))


FORMS: Final = (
    UsageForm(
        name="langfuse",
        signs=(("type", "start_time", _OLD), ("type", "startTime", _NEW)),
        levels=("data",),
        time=("start_time", "startTime"),
        agent=("name",),
        team=("user_id", "userId"),
        model=("provided_model_name", "model"),
        id=("id",),
        trace=("trace_id", "traceId"),
        cost=("total_cost", "totalCost", "calculatedTotalCost"),
        input=_both("input*"),
        cache_read=_both(*_READ),
        cache_write=_both(*_WRITE),
        thinking=_both(*_THINKING),
        output=_both("output*"),
        only={"type": ("GENERATION", "EMBEDDING")},
        sums={"type": ("AGENT", "CHAIN", "TOOL", "SPAN")},
        failed={"level": ("ERROR",)},
        timezone="UTC",
        cache_apart=True,
        thinking_apart=True,
    ),
)
