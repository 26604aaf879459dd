"""The blocks of a page, as a reader would run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block, and the line it stands on."""

    language: str
    text: str
    line: int


def fenced(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in _FENCED.finditer(text)
    ]


def run(language: str, text: str, folder: Path, seconds: float = 120) -> str:
    """What a block prints; it must succeed. What it starts in the background may go on."""
    command = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed, complaints = folder / "printed.txt", folder / "complaints.txt"
    with printed.open("wb") as out, complaints.open("wb") as err:
        ended = subprocess.run(
            [*command[language], text],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            check=False,
            timeout=seconds,
        )
    assert ended.returncode == 0, f"{text}\n{complaints.read_text(encoding='utf-8')}"
    return printed.read_text(encoding="utf-8")


def run_page(page: Path, folder: Path, port: int) -> None:
    """Run every block from top to bottom; a text block is what the one before it prints."""
    blocks = fenced(page)
    try:
        for block, following in zip(blocks, [*blocks[1:], Block("", "", 0)], strict=True):
            if block.language == "text":
                continue
            printed = run(block.language, block.text.replace("8000", str(port)), folder)
            if following.language == "text":
                place = f"{page.name}:{following.line}"
                assert (place, printed.strip()) == (place, following.text.strip())
    finally:
        with suppress(OSError, ValueError):
            os.kill(int((folder / "engine.pid").read_text()), signal.SIGKILL)
