"""How much longer a turn takes than its calls must: one slow server, many agents.

    python -m benchmarks.orchestrator

The server, in a process of its own, replies after 300 ms. The ideal is what the replies alone would
take: one latency for all agents at once, five for a hundred agents with twenty calls in flight.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.session import orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.orchestrator.turn_loop import Progress

LATENCY: Final = 0.3
TURNS: Final = 6
SERVER: Final = f"""
import time
from tests.orchestrator.server import ModelServer
answer = '{{"action": "mine", "speech": "hm"}}'
with ModelServer(latency={LATENCY}, brain=lambda *_: answer) as server:
    print(server.address, flush=True)
    time.sleep(600)
"""


def turn_seconds(address: str, agents: int, in_flight: int) -> list[float]:
    """Seconds of each turn but the first, which also opens the connections."""
    config = parse_world_config({"num_agents": agents})
    tables = {
        "orchestrator": {"in_flight": in_flight},
        "models": {"m": {"provider": "openai-compatible", "model": "small", "base_url": address}},
        "minds": [{"model": "m"}],
    }
    plan = parse_plan(tables, config, Path())
    task = Task(name="bench", turns=TURNS, config=config, plan=plan, usage={})
    ends = [time.perf_counter()]

    def show(progress: Progress) -> None:
        if not progress.decided:
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(orchestrate(Path(folder) / "run", task, PublishedUsage(), show=show))
    return [after - before for before, after in pairwise(ends[1:])]


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            for agents, in_flight, calls, bound in ((8, 20, 1, 1.5), (100, 20, 5, 1.35)):
                seconds = turn_seconds(address, agents, in_flight)
                ideal = LATENCY * calls
                ratio = statistics.median(seconds) / ideal
                print(
                    f"{agents} agents, {in_flight} in flight: {statistics.median(seconds):.3f} s a "
                    f"turn, {ratio:.2f} x the ideal of {ideal:.1f} s (at most {bound}), "
                    f"worst {max(seconds) / ideal:.2f}"
                )
        finally:
            server.kill()


if __name__ == "__main__":
    main()
