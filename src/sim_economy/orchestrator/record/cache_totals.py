"""Input that providers read from their caches, by turn: its share, and what it saved."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from sim_economy.orchestrator.dialogue.messages import Money
from sim_economy.orchestrator.limits.budget import NOTHING
from sim_economy.orchestrator.record.call_log import CallEnded, CallLog


class CachedInput(Struct, frozen=True, kw_only=True):
    """The input of calls, as far as providers reported it.

    Attributes:
        calls: Those that reported what they took; replies kept here are none.
        cached_tokens: Part of the input that was read from caches.
        saved: What that part would have cost more as other input, by the prices of the run.
    """

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    saved: Money = NOTHING

    @property
    def share(self) -> float | None:
        """The part of the input that was read from caches; None without input."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else None


def cached_input(log: CallLog) -> CachedInput:
    """The input of a whole run."""
    return _sum(log.calls_ended.values())


def cached_input_by_turn(log: CallLog) -> dict[int, CachedInput]:
    """The input of each turn in which a call was made."""
    turns: dict[int, list[CallEnded]] = {}
    for (turn, _, _), ended in log.calls_ended.items():
        turns.setdefault(turn, []).append(ended)
    return {turn: _sum(turns[turn]) for turn in sorted(turns)}


def _sum(calls: Iterable[CallEnded]) -> CachedInput:
    made = [ended for ended in calls if not ended.cache_hit]
    used = [ended.usage for ended in made if ended.usage is not None]
    return CachedInput(
        calls=len(used),
        input_tokens=sum(usage.input_tokens for usage in used),
        cached_tokens=sum(min(usage.cached_tokens, usage.input_tokens) for usage in used),
        saved=sum((ended.saved for ended in made), NOTHING),
    )
