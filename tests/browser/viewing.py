"""`sim-economy view` in a process of its own, for a browser to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def viewed(what: Path) -> Iterator[tuple[str, int]]:
    """The address at which something is shown, and the process that shows it."""
    command = [sys.executable, "-c", "from sim_economy.cli import main; main()"]
    with subprocess.Popen(
        [*command, "view", str(what), "--no-open", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "}" not in said and process.poll() is None:
            said += process.stdout.readline()
        try:
            yield json.loads(said)["address"], process.pid
        finally:
            process.terminate()
