"""One run of a real model by the code of one checkout, and its figures as JSON.

python models_work.py FOLDER ADDRESS OUTPUT AGENTS TURNS SEED
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.actions import action_name
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.record.call_folder import CALL_LOG
from sim_economy.orchestrator.record.call_log import CallLog, read_call_log
from sim_economy.orchestrator.session import orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.orchestrator.turn_loop import Progress


def task(address: str, output: str, agents: int, turns: int, seed: int) -> Task:
    config = parse_world_config({"num_agents": agents, "seed": seed})
    model = {
        "provider": "openai-compatible",
        "model": "gemma-3-270m",
        "base_url": address,
        "output": output,
        "max_output_tokens": 256,
        "temperature": 0.7,
        "extra": {"seed": seed},
    }
    limits = {"call_deadline_seconds": 600, "turn_deadline_seconds": 3000, "in_flight": agents}
    tables = {"orchestrator": limits, "models": {"m": model}, "minds": [{"model": "m"}]}
    plan = parse_plan(tables, config, Path())
    return Task(name="models", turns=turns, config=config, plan=plan, usage={})


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


def main() -> None:
    folder, address, output, *numbers = sys.argv[1:]
    agents, turns, seed = map(int, numbers)
    ends = [time.perf_counter()]

    def show(progress: Progress) -> None:
        if not progress.decided:
            ends.append(time.perf_counter())

    wanted = task(address, output, agents, turns, seed)
    asyncio.run(orchestrate(Path(folder), wanted, PublishedUsage(), show=show))
    log, _ = read_call_log(Path(folder) / CALL_LOG)
    found = figures(log)
    seconds = [round(after - before, 2) for before, after in pairwise(ends)]
    print(json.dumps({**found, "seconds": seconds}))


if __name__ == "__main__":
    main()
