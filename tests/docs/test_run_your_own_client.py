"""The pages for people with clients and agents of their own, run from top to bottom."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, fenced, follow

PAGES = pytest.mark.parametrize(
    ("page", "ports"),
    [("run-your-own-client.md", ["8000"]), ("let-my-agent-join.md", ["8000", "8001"])],
)


@PAGES
def test_every_block_does_what_the_page_says(page: str, ports: list[str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    follow(ROOT / "docs" / page, tmp_path, ports)


@PAGES
def test_an_expected_output_follows_a_block_that_runs(page: str, ports: list[str]) -> None:
    languages = [block.language for block in fenced(ROOT / "docs" / page)]
    before = {languages[index - 1] for index, name in enumerate(languages) if name == "text"}
    assert before <= {"bash", "python"}
