"""The batch kernel against its peers, on the same rules: `python -m benchmarks.kernel`.

Contenders take turns, and medians are compared. Every peer's final balances are held against the
core's first. `--plot FILE` draws the cost of an agent-turn by the number of agents; `--avx2` runs
the kernel's own rows once more, compiled for processors without AVX-512.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from benchmarks import array_model, draw_bound, mesa_model, radcad_model
from benchmarks.kernel_rows import (
    AGENTS,
    TURNS,
    agents_batch,
    batches,
    play,
)
from sim_economy.agents.usage_model import DistributedUsage, PublishedUsage, Uniform
from sim_economy.batch.compiling import instruction_set
from sim_economy.core.state import State
from sim_economy.runs.policy_loop import play as play_world
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World

AS_RUN = load_scenario("as-run")
UNIFORM = DistributedUsage(Uniform(50, 350), Uniform(40, 280))
SEEDS = [AS_RUN.seed + run for run in range(1, AS_RUN.runs + 1)]
ARRAY_WORLDS = 512
BOUND_WORLDS = 64 * 64
PEERS = ("Mesa 3", "radCAD", "the core, no records", "NumPy over worlds", "bound: draws and fee")
PLOTTED = (2, 3, 4, 8, 16, 32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 1_000_000)
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt"}


class Contender(NamedTuple):
    """Work to be timed.

    Attributes:
        threads: Of one, the processor's time is taken, which others on the machine lengthen less;
            of more, the time that passes.
    """

    work: Callable[[], object]
    agent_turns: int
    threads: int = 1


def peers(runs: int) -> dict[str, Contender]:
    """All but the kernel; the first three play so many runs one after another."""
    seeds, arrays = SEEDS[:runs], np.arange(ARRAY_WORLDS, dtype=np.uint64)
    bound, sums = np.arange(BOUND_WORLDS, dtype=np.uint64), np.empty(BOUND_WORLDS, np.int64)
    each = TURNS * AGENTS

    def mesa() -> None:
        for seed in seeds:
            mesa_model.play(seed)

    def core() -> None:
        for seed in seeds:
            played_by_core(seed, PublishedUsage())

    works: Sequence[tuple[Callable[[], object], int]] = (
        (mesa, runs),
        (lambda: radcad_model.play(seeds), runs),
        (core, runs),
        (lambda: array_model.play(arrays), ARRAY_WORLDS),
        (lambda: draw_bound.charge_worlds(bound, TURNS, AGENTS, sums), BOUND_WORLDS),
    )
    return {
        name: Contender(work, worlds * each)
        for name, (work, worlds) in zip(PEERS, works, strict=True)
    }


def played_by_core(seed: int, usage: Any) -> State:
    config = replace(AS_RUN.config, seed=seed)
    world = World(config, recorded=False)
    for _ in play_world(world, AS_RUN.policies, usage.turns(config), TURNS):
        pass
    return world.state


def check_peers() -> None:
    """Mesa, radCAD and NumPy end with the balances of the core, the bound with its fees."""
    seeds = SEEDS[:6]
    by_radcad = radcad_model.play(seeds)
    by_arrays = array_model.play(np.array(seeds, np.uint64))
    for index, seed in enumerate(seeds):
        published = played_by_core(seed, PublishedUsage()).balances
        assert [agent.balance for agent in mesa_model.play(seed).agents] == published
        assert by_radcad[index]["balances"] == published
        assert list(by_arrays.balances[index]) == played_by_core(seed, UNIFORM).balances
    sums = np.empty(64, np.int64)
    draw_bound.charge_worlds(np.arange(64, dtype=np.uint64), TURNS, AGENTS, sums)
    assert sums[7] == fees_by_core(7)


def fees_by_core(seed: int) -> int:
    """What all usage of a world would cost if nobody studied or worked."""
    usage = UNIFORM.turns(replace(AS_RUN.config, seed=seed))
    turns = [next(usage) for _ in range(TURNS)]
    return sum(max(0, used // 10 + said - 100) for turn in turns for used, said in turn)


def kernel_contenders(worlds: int) -> dict[str, Contender]:
    return {
        row.name: Contender(partial(play, row), len(row.batch.seeds) * TURNS * AGENTS, row.threads)
        for row in batches(worlds)
    }


def rates(contenders: dict[str, Contender], rounds: int) -> dict[str, float]:
    """Millions of agent-turns a second of each: medians, all of them taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for own in contenders.values():
        own.work()
    for _ in range(rounds):
        for name, own in contenders.items():
            seconds[name].append(timed(own))
    return {
        name: own.agent_turns / statistics.median(seconds[name]) / 1e6
        for name, own in contenders.items()
    }


def timed(contender: Contender) -> float:
    """Seconds of one round, over as many repetitions as take a twentieth of a second."""
    clock = time.process_time if contender.threads == 1 else time.perf_counter
    repetitions, start = 0, clock()
    past = 0.0
    while past < 0.05:
        contender.work()
        repetitions += 1
        past = clock() - start
    return past / repetitions


def on_avx2(arguments: Sequence[str]) -> dict[str, float]:
    """The kernel's own rows from a process that compiles for AVX2."""
    command = [sys.executable, "-m", "benchmarks.kernel", "--kernel-alone", "--json", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **AVX2}, check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)["rates"]
    return {f"{name}, AVX2": rate for name, rate in found.items()}


def draw_plot(path: Path, worlds: int, agents_max: int) -> None:
    """Nanoseconds of an agent-turn by the number of agents."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    found = by_agents(worlds, agents_max)
    figure, axes = pyplot.subplots(figsize=(7, 4))
    axes.plot([agents for agents, _ in found], [cost for _, cost in found], marker="o")
    axes.set(xscale="log", xlabel="agents of a world", ylabel="ns per agent-turn")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


def by_agents(worlds: int, agents_max: int) -> list[tuple[int, float]]:
    """The cost of an agent-turn in nanoseconds, from 2 agents on."""
    found = []
    for agents in (own for own in PLOTTED if own <= agents_max):
        row = agents_batch(agents, worlds)
        own = Contender(partial(play, row), row.batch.turns * agents * len(row.batch.seeds))
        found.append((agents, 1e3 / rates({row.name: own}, 3)[row.name]))
        print(f"{agents:>9,} agents  {found[-1][1]:8.3f} ns per agent-turn", file=sys.stderr)
    return found


def machine() -> str:
    """Processor, instruction set and versions."""
    import numba  # noqa: PLC0415

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor()
    bits = draw_bound.vector_width()
    return (
        f"{name}, {os.cpu_count()} processors, {instruction_set()}, bound in {bits}-bit registers; "
        f"Python {platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}"
    )


def print_table(found: dict[str, float]) -> None:
    mesa, bound = found[PEERS[0]], found[PEERS[-1]]
    print(f"{'':46} {'M agent-turns/s':>15} {'x Mesa 3':>10} {'of bound':>9} {'ns per 64':>10}")
    for name, rate in found.items():
        shares = f"{rate / mesa:10,.1f} {rate / bound:9.2%}"
        print(f"{name:46} {rate:15,.3f} {shares} {64_000 / rate:10,.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="fewer runs and worlds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--kernel-alone", action="store_true")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--agents-max", type=int, default=1_000_000, help="in the plot")
    options = parser.parse_args()
    worlds, runs = (4_096, 4) if options.quick else (32_768, 24)
    contenders = kernel_contenders(worlds)
    if not options.kernel_alone:
        check_peers()
        contenders = peers(runs) | contenders
    found = rates(contenders, 3 if options.quick else options.rounds)
    if options.avx2:
        found |= on_avx2(["--quick"] if options.quick else ["--rounds", str(options.rounds)])
    if options.json:
        print(json.dumps({"machine": machine(), "rates": found}))
    else:
        print(machine())
        print_table(found)
    if options.plot:
        draw_plot(options.plot, worlds, options.agents_max)


if __name__ == "__main__":
    main()
