"""What a provider reports of a call's tokens, normalised: the one place, for every shape.

Read from the bytes of an answer, so that one that cannot be read otherwise still says what it took.
Source: docs/spec/billing.md, whose rows are executed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Final

import httpx2
from msgspec import Struct
from msgspec.structs import asdict, replace

from sim_economy.orchestrator.dialogue.messages import ModelUsage, UsageNote


class UsageReport(Struct, frozen=True, kw_only=True):
    """The figures of one report as they stand in it; None where it does not name one.

    Attributes:
        cached: Input read from the provider's cache; inside `input` or beside it.
        written: Input written into that cache; inside `input` or beside it.
        reasoning: Inside `output` or beside it.
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cached: int | None = None
    written: int | None = None
    reasoning: int | None = None

    def then(self, later: UsageReport) -> UsageReport:
        """The report after a later one of the same answer: figures are cumulative, the last counts.

        A total is of its own report alone.
        """
        stated = {name: value for name, value in asdict(later).items() if value is not None}
        return replace(self, **{"total": None, **stated})


def usage_in(body: bytes, provider: str, *, complete: bool = True) -> ModelUsage | None:
    """The usage that an answer reports; None where it reports none, or is a part of a stream.

    Args:
        body: All bytes that arrived: JSON, or server-sent events.
        provider: As in `[models]`; it decides what the figures include.
        complete: Whether the connection brought the answer to its end.
    """
    whole = _parsed(body)
    values = _streamed(body, complete=complete) if whole is None else _objects([whole])
    report = UsageReport()
    for found in filter(None, map(_report_in, values)):
        report = report.then(found)
    return _settled(report, provider)


def _parsed(text: str | bytes) -> Any:
    """A JSON value; None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    """The objects among values, those of a list too."""
    flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
    return [part for part in flat if isinstance(part, dict)]


def _streamed(body: bytes, *, complete: bool) -> list[dict[str, Any]]:
    """The objects of a stream; none of one that broke off: what it took is not in it."""
    texts = [event.data.strip() for event in _events(body)]
    values = _objects([_parsed(text) for text in texts])
    if any(value.get("error") for value in values):
        return []
    marked = "[DONE]" in texts or any(value.get("type") == "message_stop" for value in values)
    return values if marked or (complete and _reports_the_end(values)) else []


def _reports_the_end(values: list[dict[str, Any]]) -> bool:
    """Test whether a stream without a mark of its end reports usage once a reply is finished."""
    finish = next((at for at, value in enumerate(values) if _finishes(value)), len(values))
    return any(_report_in(value) for value in values[finish:])


def _events(body: bytes) -> httpx2.EventSource:
    request = httpx2.Request("POST", "http://model")
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    response = httpx2.Response(200, headers=headers, content=body + b"\n\n", request=request)
    return httpx2.EventSource(response, max_event_size=None)


def _finishes(value: Mapping[str, Any]) -> bool:
    """Test whether a part of a stream says that the reply is finished."""
    return any(
        end.get(name)
        for end in _objects([value.get(name) for name in ("choices", "candidates", "delta")])
        for name in ("finish_reason", "finishReason", "stop_reason")
    )


def _report_in(value: Mapping[str, Any]) -> UsageReport | None:
    """The figures that an answer, or a part of a stream, names."""
    holders = [value, value.get("message"), value.get("x_groq"), value.get("choices")]
    for holder in _objects(holders):
        for usage in (holder.get("usage"), holder.get("usageMetadata")):
            if isinstance(usage, Mapping):
                return _report_of(usage)
    return None


_INPUT: Final = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUTPUT: Final = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_TOTAL: Final = ("total_tokens", "totalTokenCount")
_TOOL_INPUT: Final = ("toolUsePromptTokenCount",)
_CACHED: Final = (
    "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "cache_read_tokens",
    "cachedContentTokenCount",
)  # fmt: skip
_WRITTEN: Final = (
    "cache_creation_input_tokens", "cache_creation_tokens", "cached_creation_tokens",
    "cache_write_tokens", "cache_write_input_tokens",
)  # fmt: skip
_WRITTEN_PARTS: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_REASONING: Final = ("reasoning_tokens", "thinking_tokens", "thoughtsTokenCount")


def _report_of(usage: Mapping[str, Any]) -> UsageReport:
    """Figures under every name in use, those of details where the top may have them too."""
    details = [part for part in usage.values() if isinstance(part, Mapping)]
    tables = [usage, *details]
    asked, tool = _figure([usage], _INPUT), _figure([usage], _TOOL_INPUT)
    parts = [_figure(details, (name,)) or 0 for name in _WRITTEN_PARTS]
    return UsageReport(
        input=asked if tool is None else (asked or 0) + tool,
        output=_figure([usage], _OUTPUT),
        total=_figure([usage], _TOTAL),
        cached=_figure(tables, _CACHED),
        written=_figure(tables, _WRITTEN) or sum(parts) or None,
        reasoning=_figure(tables, _REASONING),
    )


def _figure(tables: list[Mapping[str, Any]], names: tuple[str, ...]) -> int | None:
    """The largest whole number under one of the names; None where there is none."""
    return max(_whole_numbers(tables, names), default=None)


def _whole_numbers(tables: list[Mapping[str, Any]], names: tuple[str, ...]) -> Iterator[int]:
    for table in tables:
        for name in names:
            figure = table.get(name)
            if type(figure) is int or (isinstance(figure, float) and figure.is_integer()):
                yield int(figure)


_OUTSIDE: Final[Mapping[str, tuple[bool, bool]]] = {
    "anthropic": (True, False),
    "google": (False, True),
}
"""Whether cached input lies beside the input, and reasoning beside the output, as published."""


def _settled(report: UsageReport, provider: str) -> ModelUsage | None:
    """The usage behind figures: the published reading, unless the total says another one."""
    report = _with_the_rest(report, google=provider == "google")
    if report.input is None or report.output is None or not (report.input or report.output):
        return None
    published = _OUTSIDE.get(provider, (False, False))
    others = (reading for reading in product((False, True), repeat=2) if reading != published)
    usages = [_reading(report, *outside) for outside in (published, *others)]
    if report.total is None:
        return _chosen(usages, _has_room, UsageNote.PART_OUTSIDE) or usages[0]
    total = report.total
    decided = _chosen(usages, lambda usage: _sum(usage) == total, UsageNote.TOTAL_DECIDED)
    return _within(decided) if decided else _unexplained(usages[0], total)


def _within(usage: ModelUsage) -> ModelUsage:
    """A usage whose parts are no larger than the total leaves them."""
    if _has_room(usage):
        return usage
    written = min(usage.cache_write_tokens, usage.input_tokens)
    return replace(
        usage,
        reasoning_tokens=min(usage.reasoning_tokens, usage.output_tokens),
        cached_tokens=min(usage.cached_tokens, usage.input_tokens - written),
        cache_write_tokens=written,
        note=UsageNote.TOTAL_DECIDED,
    )


def _chosen(
    usages: list[ModelUsage], fits: Callable[[ModelUsage], bool], note: UsageNote
) -> ModelUsage | None:
    """The first reading that fits; any but the published one with a note."""
    found = next(filter(fits, usages), None)
    return found if found is None or found is usages[0] else replace(found, note=note)


def _with_the_rest(report: UsageReport, *, google: bool) -> UsageReport:
    """A report whose missing part is what the total leaves for it; Gemini leaves out zeros."""
    known, total = (report.input, report.output), report.total
    if google and any(figure is not None for figure in (*known, total)):
        return replace(report, input=report.input or 0, output=report.output or 0)
    match known:
        case int(), None if total is not None:
            return replace(report, output=max(0, total - known[0]))
        case None, int() if total is not None:
            return replace(report, input=max(0, total - known[1]))
        case _:
            return report


def _reading(report: UsageReport, cache_outside: bool, reasoning_outside: bool) -> ModelUsage:
    cached, written, reasoning = (
        max(0, part or 0) for part in (report.cached, report.written, report.reasoning)
    )
    assert report.input is not None, report
    assert report.output is not None, report
    return ModelUsage(
        report.input + (cached + written if cache_outside else 0),
        report.output + (reasoning if reasoning_outside else 0),
        reasoning,
        cached,
        written,
    )


def _sum(usage: ModelUsage) -> int:
    return usage.input_tokens + usage.output_tokens


def _has_room(usage: ModelUsage) -> bool:
    """Test whether no part is larger than what it is said to be a part of."""
    cached = usage.cached_tokens + usage.cache_write_tokens
    return cached <= usage.input_tokens and usage.reasoning_tokens <= usage.output_tokens


def _unexplained(usage: ModelUsage, total: int) -> ModelUsage:
    """Tokens of a total that no part names are output; a total below its parts lowers none."""
    missing = total - _sum(usage)
    if missing < 0:
        return replace(usage, note=UsageNote.TOTAL_BELOW)
    return replace(usage, output_tokens=usage.output_tokens + missing, note=UsageNote.TOTAL_DECIDED)
