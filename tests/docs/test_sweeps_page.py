"""The page on sweeps, run from top to bottom; it lists every design and every metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim_economy.experiments.sweeps.study import DESIGNS
from sim_economy.runs.row_metrics import ROW_METRICS
from sim_economy.scenarios.studies import STUDIES
from tests.docs.blocks import ROOT, follow

PAGE = ROOT / "docs/sweeps.md"


def test_every_block_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
    follow(PAGE, tmp_path, [])
    assert "is the sweep's; the ledger is sound" in (tmp_path / "opened.txt").read_text("utf-8")
    assert "row-42/world.sqlite is sound" in (tmp_path / "verified.txt").read_text("utf-8")


def test_the_page_lists_every_design_metric_and_study() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE))
    assert set(DESIGNS) < rows.keys()
    assert {name: rows[name] for name in ROW_METRICS} == {**ROW_METRICS}
    assert all(f"`{name}`" in page for name in STUDIES)
