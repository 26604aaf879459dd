"""Ledgers of this checkout against those of another: `python -m benchmarks.before CHECKOUT`.

With `--start`, only how long commands take that do little or nothing with one. The other checkout
has its own environment in `.venv`. Both take turns; every figure is a median.
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

from tests.postgres import PostgresServer, is_available

HERE = Path(__file__).resolve().parent


def work(
    python: Path | str, checkout: Path, kept: Path, server: PostgresServer | None, script: str
) -> str:
    """What one round of work prints, by the code of a checkout."""
    kept.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout}"}
    if server is not None:
        environment |= {"BENCH_POSTGRES": server.location(), "SIM_ENGINE_STATE": str(kept)}
    return subprocess.run(
        [python, HERE / script, kept],
        cwd=checkout,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="of the commit to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    parser.add_argument("--start", action="store_true", help="only starting")
    options = parser.parse_args()
    script = "start_work.py" if options.start else "ledger_work.py"
    sides = {
        "before": (options.checkout / ".venv/bin/python", options.checkout.resolve()),
        "after": (sys.executable, HERE.parent),
    }
    found: dict[str, dict[str, list[float]]] = {side: {} for side in sides}
    server = PostgresServer() if is_available() and not options.start else None
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for _ in range(options.rounds):
                for side, (python, checkout) in sides.items():
                    figures = json.loads(
                        work(python, checkout, Path(folder) / side, server, script)
                    )
                    for name, figure in figures.items():
                        found[side].setdefault(name, []).append(figure)
    finally:
        if server is not None:
            server.remove()
    print(f"{'':62} {'before':>12} {'after':>12} {'ratio':>7}")
    for name in found["before"]:
        one, other = (statistics.median(found[side][name]) for side in ("before", "after"))
        print(f"{name:62} {one:12,.2f} {other:12,.2f} {other / one:7.2f}")


if __name__ == "__main__":
    main()
