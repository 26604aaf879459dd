"""Commands called in this process, as a shell would call them."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from sim_economy.cli import main


class Ended(NamedTuple):
    """What a command wrote, and its status."""

    status: int
    output: str
    errors: str


def called(*arguments: str | Path) -> Ended:
    """A command's end; whatever it raises that no caller can handle is raised here."""
    output, errors = io.StringIO(), io.StringIO()
    status = 0
    with (
        patch.object(sys, "argv", ["sim-economy", *map(str, arguments)]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else -1
    return Ended(status, output.getvalue(), errors.getvalue())


def read_by_every_command(ledger: Path, sound: Path, folder: Path) -> dict[str, Ended]:
    """What each command that reads a ledger makes of it.

    Args:
        sound: Another ledger, to compare it with.
        folder: For what they write; emptied again.
    """
    calls: dict[str, tuple[str | Path, ...]] = {
        "verify": ("verify", ledger),
        "replay": ("replay", ledger),
        "statement": ("statement", ledger, "agent_1", "--account", "all"),
        "late statement": ("statement", ledger, "agent_0", "--from", "3", "--json"),
        "diff": ("diff", ledger, sound),
        "diff the other way": ("diff", sound, ledger, "--json"),
        "csv": ("export", ledger, "--out", folder / "csv"),
        "jsonl": ("export", ledger, "--out", folder / "jsonl", "--format", "jsonl"),
        "backup": ("backup", ledger, folder / "backup.sqlite"),
        "copy": ("copy", ledger, folder / "copy.sqlite"),
    }
    folder.mkdir()
    try:
        return {name: called(*call) for name, call in calls.items()}
    finally:
        shutil.rmtree(folder)
