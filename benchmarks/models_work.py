"""One run of a real model by the code of one checkout; prints the seconds of each turn.

python models_work.py FOLDER ADDRESS OUTPUT AGENTS TURNS SEED
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.session import orchestrate
from sim_economy.orchestrator.settings import ModelSetting, parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.orchestrator.turn_loop import Progress


def task(address: str, output: str, agents: int, turns: int, seed: int) -> Task:
    config = parse_world_config({"num_agents": agents, "seed": seed})
    model: dict[str, Any] = {
        "provider": "openai-compatible",
        "model": "gemma-3-270m",
        "base_url": address,
        "output": output,
        "max_output_tokens": 256,
        "temperature": 0.7,
        "extra": {"seed": seed},
    }
    if "schema" in ModelSetting.__struct_fields__:
        model["schema"] = "llama.cpp"
    limits = {"call_deadline_seconds": 3000, "turn_deadline_seconds": 9000, "in_flight": agents}
    tables = {"orchestrator": limits, "models": {"m": model}, "minds": [{"model": "m"}]}
    plan = parse_plan(tables, config, Path())
    return Task(name="models", turns=turns, config=config, plan=plan, usage={})


def main() -> None:
    folder, address, output, *numbers = sys.argv[1:]
    agents, turns, seed = map(int, numbers)
    ends = [time.perf_counter()]

    def show(progress: Progress) -> None:
        if not progress.decided:
            ends.append(time.perf_counter())

    wanted = task(address, output, agents, turns, seed)
    asyncio.run(orchestrate(Path(folder), wanted, PublishedUsage(), show=show))
    print(json.dumps([round(after - before, 2) for before, after in pairwise(ends)]))


if __name__ == "__main__":
    main()
