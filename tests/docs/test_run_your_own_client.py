"""The page for people with a client of their own, run from top to bottom."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, fenced, run_page
from tests.engine.client import free_port

PAGE = ROOT / "docs/run-your-own-client.md"


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    assert {block.language for block in fenced(PAGE)} == {"bash", "python", "text"}
    run_page(PAGE, tmp_path, free_port())


def test_an_expected_output_follows_a_block_that_runs() -> None:
    languages = [block.language for block in fenced(PAGE)]
    before = {languages[place - 1] for place, name in enumerate(languages) if name == "text"}
    assert before <= {"bash", "python"}
