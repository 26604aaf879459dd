"""The page for people with a client of their own, run from top to bottom."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, fenced, run
from tests.engine.client import free_port

PAGE = ROOT / "docs/run-your-own-client.md"


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    blocks = fenced(PAGE)
    assert {block.language for block in blocks} == {"bash", "python", "text"}
    port = str(free_port())
    try:
        for block, following in zip(blocks, [*blocks[1:], Block("", "", 0)], strict=True):
            if block.language == "text":
                continue
            printed = run(block.language, block.text.replace("8000", port), tmp_path)
            if following.language == "text":
                assert printed.strip() == following.text.strip(), f"{PAGE.name}:{following.line}"
    finally:
        with suppress(OSError, ValueError):
            os.kill(int((tmp_path / "engine.pid").read_text()), signal.SIGKILL)


def test_an_expected_output_follows_a_block_that_runs() -> None:
    languages = [block.language for block in fenced(PAGE)]
    before = {languages[place - 1] for place, name in enumerate(languages) if name == "text"}
    assert before <= {"bash", "python"}
