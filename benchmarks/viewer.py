"""The viewer in a real browser: `python -m benchmarks.viewer [pages] [maps] [memory] [turns]`.

`pages`: seconds until a ledger's first screen says its answer and draws its chart, and until an
agent is open, in ledgers of 8 x 60, 20 x 60 with contracts and 1,000 x 1,000; `--large` adds
1,000 x 10,000. `maps`: seconds until a sweep's field is drawn, until another metric is, and from a
click to a verified world; `--large` adds a million cells. `memory`: what engine and page hold over
live turns with 49 event streams and a browser; `--turns 10000` for all of them. `turns`: a turn's
time with and without those who look, alternating in blocks on one engine. Needs Chromium; every
figure is of one run of this program.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from benchmarks.engine import AGENTS, Connection
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import Scenario, load_scenario
from tests.api.wire_client import PARAMETERS, EngineProcess, inputs_of
from tests.browser.chromium import MISSING, program, running
from tests.browser.viewing import viewed

STREAMS: Final = 49
READING_MS: Final = 600_000
"""Until a ledger of ten million agent-turns is read, and the page asks for nothing more."""
CHART: Final = ".plot canvas"
ANSWER: Final = "main .answer"
DRAINING: Final = """
import select, socket, sys
port, count = map(int, sys.argv[1:])
asked = b"GET /events HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAccept: text/event-stream\\r\\n\\r\\n"
streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for stream in streams:
    stream.sendall(asked)
    assert stream.recv(65536).startswith(b"HTTP/1.1 200")
print("reading", flush=True)
while streams:
    for stream in select.select(streams, [], [])[0]:
        if not stream.recv(65536):
            streams.remove(stream)
"""


def scenarios(*, large: bool) -> dict[str, Scenario]:
    """The worlds that are shown, by name."""
    found = {
        "8 x 60": load_scenario("as-run", {"runs": 1}),
        "20 x 60, contracts": load_scenario("market", {"runs": 1}),
        "1,000 x 1,000": load_scenario("as-run", {"num_agents": 1000, "turns": 1000, "runs": 1}),
    }
    if large:
        settings = {"num_agents": 1000, "turns": 10_000, "runs": 1}
        found["1,000 x 10,000"] = load_scenario("as-run", settings)
    return found


def written_ledger(scenario: Scenario, path: Path) -> None:
    with closing(SQLiteStore.new(path)) as store, store.one_commit():
        play_run(scenario, 1, store)


def memory(pid: int) -> float:
    """Megabytes that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def heap(page: Page) -> float:
    """Megabytes of JavaScript values in a page, once garbage is collected."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 2**20


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def pages(browser: Browser, folder: Path, *, large: bool) -> dict[str, dict[str, float]]:
    """Seconds, and megabytes in the end, by ledger."""
    found = {}
    for name, scenario in scenarios(large=large).items():
        ledger = folder / "pages.sqlite"
        ledger.unlink(missing_ok=True)
        written_ledger(scenario, ledger)
        began = time.perf_counter()
        with viewed(ledger) as (address, pid):
            figures = {"server": time.perf_counter() - began, **first_screens(browser, address)}
            found[name] = {**figures, "server MB": memory(pid)}
        report(name, found[name])
    return found


def first_screens(browser: Browser, address: str) -> dict[str, float]:
    """A first look at a ledger nobody has read yet, then one more, then an agent and a turn."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    figures: dict[str, float] = {}
    for look in ("first", "again"):
        start = time.perf_counter()
        page.goto(address)
        page.wait_for_selector(ANSWER)
        figures[f"answer, {look}"] = time.perf_counter() - start
        page.wait_for_selector(CHART)
        figures[f"chart, {look}"] = time.perf_counter() - start
        page.wait_for_load_state("networkidle", timeout=READING_MS)
        figures[f"quiet, {look}"] = time.perf_counter() - start
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        figures[f"paint, {look}"] = page.evaluate(paint) / 1000
    figures["agent"] = timed(lambda: opened(page, "#/agents/agent_1", "agent_1"))
    figures["statement"] = timed(lambda: opened(page, "#/agents/agent_1/statement", "tatement"))
    figures["turn"] = timed(lambda: opened(page, "#/turns/30", "urn 30"))
    figures["agents"] = timed(lambda: opened(page, "#/agents?order=balance", "gents"))
    figures["page MB"] = heap(page)
    page.close()
    return figures


def opened(page: Page, link: str, heading: str) -> None:
    """Go to a place, and wait until its heading and what it shows are there."""
    page.evaluate("link => { location.hash = link; }", link)
    page.wait_for_function(
        "heading => document.querySelector('main h1')?.textContent.includes(heading)"
        " && document.querySelector('main .waiting') === null",
        arg=heading,
    )


def maps(browser: Browser, folder: Path, *, large: bool) -> None:
    """Seconds to a sweep's field, to another metric, and from a click to a world."""
    studies = {"1,015 cells": {"seeds": 1, "vary.turns": [60]}}
    if large:
        million = {"vary.base_inference_rate": {"from": 0.004, "to": 4, "steps": 1000}}
        million["vary.policy.job_below"] = {"from": -500, "to": 499, "steps": 1000}
        studies["1,000,000 cells"] = {"seeds": 1, "vary.turns": [12], **million}
    for number, (name, changes) in enumerate(studies.items()):
        sweep = folder / f"sweep-{number}"
        run_sweep(load_study("tariff-caution", changes), sweep)
        with viewed(sweep) as (address, pid):
            report(name, {**map_seconds(browser, address), "server MB": memory(pid)})


def map_seconds(browser: Browser, address: str) -> dict[str, float]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(".map-legend")
    figures = {"field": time.perf_counter() - start}
    start = time.perf_counter()
    page.get_by_role("combobox", name="Colour by").select_option("fees_total")
    page.wait_for_selector(".map-scale")
    figures["metric"] = time.perf_counter() - start
    start = time.perf_counter()
    page.click(".map-field", position={"x": 300, "y": 120})
    page.wait_for_selector(".played-row")
    page.wait_for_selector(CHART)
    figures["click to world"] = time.perf_counter() - start
    page.close()
    return figures


@contextmanager
def event_streams(port: int) -> Iterator[None]:
    """Clients of the event stream, in a process of their own."""
    with subprocess.Popen(
        [sys.executable, "-c", DRAINING, str(port), str(STREAMS)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        try:
            yield
        finally:
            process.kill()


@contextmanager
def live_world(folder: Path) -> Iterator[tuple[EngineProcess, Callable[[], float]]]:
    """An engine with a world of eight agents, and what closes a turn of it and says how long."""
    with EngineProcess(folder / "live.sqlite") as engine:
        engine.wait()
        config = {**PARAMETERS, "seed": 1001}
        engine.call("/init", {"config": config, "agent_ids": AGENTS})
        draws, connection = random.Random(1), Connection(engine.port)

        def close_turn() -> float:
            state = engine.call("/state")
            inputs = inputs_of(state["turn"] + 1, state, draws)
            return connection.post("/turn", json.dumps({"inputs": inputs}).encode())[0]

        yield engine, close_turn
        connection.close()


def watched(browser: Browser, port: int) -> Page:
    """A browser that follows the world."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector(CHART)
    return page


def held_memory(browser: Browser, folder: Path, turns: int) -> list[dict[str, float]]:
    """What engine and page hold at ten times of a live run."""
    found = []
    with live_world(folder) as (engine, close_turn), event_streams(engine.port):
        close_turn()
        page = watched(browser, engine.port)
        for part in range(1, 11):
            for _ in range(turns // 10):
                close_turn()
            page.wait_for_timeout(1000)
            held = {"engine MB": memory(engine.process.pid), "page MB": heap(page)}
            found.append({"turn": part * turns // 10, **held})
            report("live", found[-1])
        shown = page.locator(".bar .link").inner_text()
        assert f"{turns + 1:,}" in shown, shown
        page.close()
    for name, most in (("engine MB", 8), ("page MB", 4)):
        assert found[-1][name] - found[1][name] < most, f"{name} grow with turns: {found}"
    return found


def turn_times(browser: Browser, folder: Path, blocks: int, size: int) -> None:
    """A turn's milliseconds, alone, with event streams, and with a browser too.

    On a machine that does other work too the tenth percentile says more than the median.
    """
    taken: dict[str, list[float]] = {"alone": [], "49 streams": [], "and a browser": []}
    worked = dict.fromkeys(taken, 0.0)
    with live_world(folder) as (engine, close_turn):
        for _ in range(size):
            close_turn()
        for block in range(blocks):
            for name in sorted(taken, key=lambda name: (block, name), reverse=block % 2 == 1):
                with ExitStack() as held:
                    if name != "alone":
                        held.enter_context(event_streams(engine.port))
                    if name == "and a browser":
                        held.callback(watched(browser, engine.port).close)
                    time.sleep(0.3)
                    began = processor(engine.process.pid)
                    taken[name] += [close_turn() for _ in range(size)]
                    worked[name] += processor(engine.process.pid) - began
    turns = blocks * size
    report("processor ms a turn", {name: 1000 * used / turns for name, used in worked.items()})
    for figure, share in (("median", 0.5), ("tenth", 0.1)):
        ms = {name: 1000 * sorted(times)[int(share * len(times))] for name, times in taken.items()}
        ratios = {f"{name} / alone": ms[name] / ms["alone"] for name in (*taken,)[1:]}
        report(f"turn, ms, {figure}", {**ms, **ratios})


def report(name: str, figures: dict[str, float]) -> None:
    shown = "  ".join(f"{key} {value:,.3f}" for key, value in figures.items())
    print(f"{name:22} {shown}", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parts", nargs="*", default=["pages", "maps", "memory", "turns"])
    asked.add_argument("--large", action="store_true", help="1,000 x 10,000, a million cells")
    asked.add_argument("--turns", type=int, default=1000, help="live turns of `memory`")
    asked.add_argument("--blocks", type=int, default=12, help="blocks of `turns`")
    asked.add_argument("--size", type=int, default=100, help="turns of a block")
    options = asked.parse_args()
    if program() is None:
        print(MISSING)
        return
    with tempfile.TemporaryDirectory(prefix="bench-viewer-") as name, running() as browser:
        folder = Path(name)
        if "pages" in options.parts:
            pages(browser, folder, large=options.large)
        if "maps" in options.parts:
            maps(browser, folder, large=options.large)
        if "memory" in options.parts:
            held_memory(browser, folder, options.turns)
            (folder / "live.sqlite").unlink()
        if "turns" in options.parts:
            fresh = folder / "turns"
            fresh.mkdir()
            turn_times(browser, fresh, options.blocks, options.size)


if __name__ == "__main__":
    main()
