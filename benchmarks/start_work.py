"""What starting takes, as JSON; `benchmarks.before --start` runs it in two checkouts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

COMMAND = "import sys; from sim_economy.cli import main; sys.argv[0] = 'sim-economy'; main()"
WORKS = {
    "import sim_economy, ms": ("import sim_economy",),
    "sim-economy --help, ms": (COMMAND, "--help"),
    "sim-economy run as-run --turns 1, ms": (COMMAND, "run", "as-run", "--turns", "1"),
    "sim-economy reproduce --no-report, ms": (COMMAND, "reproduce", "--no-report"),
}


def milliseconds(arguments: tuple[str, ...], folder: Path) -> float:
    """A process from its start to its end."""
    start = time.perf_counter()
    command = [sys.executable, "-c", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    home = Path(sys.argv[1])
    print(json.dumps({name: milliseconds(work, home) for name, work in WORKS.items()}))
