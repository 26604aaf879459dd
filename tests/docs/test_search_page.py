"""The page on searches, run from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim_economy.core.table_reader import described_parameters
from sim_economy.experiments.search.search_study import ChanceConstraint, SearchTable
from tests.docs.blocks import ROOT, follow

PAGE = ROOT / "docs/search.md"


def test_every_block_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
    follow(PAGE, tmp_path, [])
    assert (tmp_path / "out/solvent/search.html").exists()


def test_the_page_names_every_key_and_the_seeds_that_95_percent_take() -> None:
    page = PAGE.read_text("utf-8")
    named = {
        name
        for cell in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
        for name in re.findall(r"\w+", cell)
    }
    assert described_parameters(SearchTable).keys() <= named
    assert f"takes at least {ChanceConstraint(at_least=0).seeds_min} seeds" in page
