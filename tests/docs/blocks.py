"""The blocks of a page, as a reader would run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.api.wire_client import free_port

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


def follow(page: Path, folder: Path, ports: Iterable[str]) -> None:
    """Run a page from top to bottom, each of its ports a free one, and compare what it prints.

    What it left running under a `*.pid` file is ended.
    """
    free = {port: str(free_port()) for port in ports}
    blocks = fenced(page)
    assert {block.language for block in blocks} <= {"bash", "python", "text", "json"}
    try:
        for block, following in zip(blocks, [*blocks[1:], Block("", "", 0)], strict=True):
            if block.language in {"text", "json"}:
                continue
            text = block.text
            for port, used in free.items():
                text = text.replace(port, used)
            printed = run(block.language, text, folder)
            if following.language == "text":
                assert printed.strip() == following.text.strip(), f"{page.name}:{following.line}"
    finally:
        for left in folder.glob("*.pid"):
            with suppress(OSError, ValueError):
                os.kill(int(left.read_text()), signal.SIGKILL)
