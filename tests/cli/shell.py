"""The command line as a shell calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CALL: Final = "import sys; sys.argv[0] = 'sim-economy'; from sim_economy.cli import main; main()"

Ended = subprocess.CompletedProcess[str]


def sim_economy(*arguments: str | Path, cwd: Path | None = None) -> Ended:
    """The command `sim-economy` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", CALL, *map(str, arguments)],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def json_of(ended: Ended, status: int = 0) -> Any:
    """What a command printed with `--json`."""
    assert ended.returncode == status, ended.stderr
    assert ended.stderr == ""
    return json.loads(ended.stdout)


def complaint(ended: Ended, status: int = 2) -> str:
    """The one clear message of a command that could not do what was asked."""
    assert ended.returncode == status, (ended.stdout, ended.stderr)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()
    return ended.stderr
