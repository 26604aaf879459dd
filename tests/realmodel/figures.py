"""What became of a run's decisions, and the tokens of its calls by turn."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sim_economy.core.actions import action_name
from sim_economy.orchestrator.record.call_log import CallLog


def figures(log: CallLog) -> dict[str, Any]:
    """What became of the decisions, and the tokens of each turn's calls."""
    refused: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    for (turn, agent_id), decided in sorted(log.decided.items()):
        first = decided.attempts == 1 and decided.idle_reason is None
        reason = log.closed[turn].rejections.get(agent_id)
        counts["decisions"] += 1
        counts["usable_at_first_reply"] += first
        counts["usable"] += decided.idle_reason is None
        counts["carried_out"] += decided.idle_reason is None and reason is None
        counts["repairs"] += decided.attempts - 1
        actions[action_name(decided.chosen.action)] += decided.idle_reason is None
        if decided.idle_reason is not None:
            problems[f"{decided.idle_reason}: {decided.detail}"] += 1
        if reason is not None:
            refused[str(reason)] += 1
    return {
        **counts,
        "refused": dict(refused),
        "unusable": dict(problems),
        "actions": {name: number for name, number in actions.items() if number},
        "turns": [_tokens(log, turn) for turn in sorted(log.closed)],
    }


def _tokens(log: CallLog, turn: int) -> dict[str, int]:
    ended = [call for (at, _, _), call in log.calls_ended.items() if at == turn]
    used = [(call.attempt, call.usage) for call in ended if call.usage is not None]
    first = [usage for attempt, usage in used if not attempt]
    return {
        "decisions": sum(at == turn for at, _ in log.decided),
        "calls": len(ended),
        "first_input": sum(usage.input_tokens for usage in first),
        "first_cached": sum(usage.cached_tokens for usage in first),
        "input": sum(usage.input_tokens for _, usage in used),
        "cached": sum(usage.cached_tokens for _, usage in used),
        "output": sum(usage.output_tokens for _, usage in used),
    }
