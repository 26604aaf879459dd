"""A real model under the prompts of this checkout and of another, in turns: tokens and seconds.

    python -m benchmarks.models CHECKOUT [--output native] [--agents 8] [--turns 10] [--rounds 1]

Needs `requirements/realmodel.lock`. Every run has a server of its own, with a slot for each agent
and nothing kept from the run before. Tokens are as the server reports them, a decision's first
call alone, so that repairs are told apart; figures of a turn are means over decisions and rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from sim_economy.orchestrator.record.call_folder import CALL_LOG
from sim_economy.orchestrator.record.call_log import read_call_log
from tests.realmodel.figures import figures
from tests.realmodel.llama_server import LlamaServer, weights

HERE: Final = Path(__file__).resolve().parent
COUNTS: Final = ("decisions", "usable_at_first_reply", "usable", "carried_out", "repairs")


def played(checkout: Path, folder: Path, file: Path, options: argparse.Namespace, seed: int) -> Any:
    """The figures of one run by the code of a checkout."""
    with LlamaServer(file, slots=options.agents, threads=options.threads) as server:
        numbers = map(str, (options.agents, options.turns, seed))
        command = [sys.executable, HERE / "models_work.py", folder, server.address, options.output]
        printed = subprocess.run(
            [*command, *numbers],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout}"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        counted = server.counted()
    log, _ = read_call_log(folder / CALL_LOG)
    return {**figures(log), "seconds": json.loads(printed), "counted": counted}


def means(runs: list[Any], turn: int) -> tuple[float, float, float, float]:
    """Uncached and all input, output, of a decision; seconds of the turn."""
    rows = [run["turns"][turn] for run in runs]
    decisions = sum(row["decisions"] for row in rows)
    uncached = sum(row["first_input"] - row["first_cached"] for row in rows)
    return (
        uncached / decisions,
        sum(row["first_input"] for row in rows) / decisions,
        sum(row["output"] for row in rows) / decisions,
        statistics.median(run["seconds"][turn] for run in runs),
    )


def show(found: dict[str, list[Any]], turns: int) -> None:
    """Print each turn, both sides, and what became of the decisions."""
    for side, runs in found.items():
        print(
            f"\n{side:>6} {'uncached':>9} {'input':>9} {'cached':>7} {'output':>7} {'seconds':>8}"
        )
        for turn in range(turns):
            uncached, whole, output, seconds = means(runs, turn)
            share = 100 * (1 - uncached / whole)
            print(
                f"{turn + 1:6} {uncached:9.0f} {whole:9.0f} {share:6.1f}% "
                f"{output:7.0f} {seconds:8.1f}"
            )
        print(", ".join(f"{name} {sum(run[name] for run in runs)}" for name in COUNTS))
        for name in ("refused", "unusable", "actions"):
            print(f"{name}: {_added(runs, name)}")
        print(f"server counted: {_added(runs, 'counted')}")


def _added(runs: list[Any], name: str) -> dict[str, int]:
    keys = sorted({key for run in runs for key in run[name]})
    return {key: sum(run[name].get(key, 0) for run in runs) for key in keys}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="of the commit to compare with")
    parser.add_argument("--output", default="native", choices=("native", "tool", "prompted"))
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    sides = {"before": options.checkout.resolve(), "after": HERE.parent}
    found: dict[str, list[Any]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        file = weights(Path(name))
        for seed in range(1, options.rounds + 1):
            for side, checkout in sides.items():
                folder = Path(name) / f"{side}-{seed}"
                found[side].append(played(checkout, folder, file, options, seed))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    show(found, options.turns)


if __name__ == "__main__":
    main()
