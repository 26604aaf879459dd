"""The page on sensitivity and the map, run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.reports.maps.solvency_cells import INSOLVENT_MIN
from sim_economy.reports.sensitivity.swept_outcomes import OUTCOMES
from tests.docs.blocks import ROOT, follow

PAGE = ROOT / "docs/sensitivity.md"


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sim_economy.experiments.sweeps.sweep")
    monkeypatch.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
    follow(PAGE, tmp_path, [])
    assert (tmp_path / "out/which/sensitivity/sensitivity.html").exists()
    assert (tmp_path / "out/plane-map/map.html").exists()


def test_the_page_names_every_outcome_and_the_threshold() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for metric, (word, _) in OUTCOMES.items():
        assert f"| {word} | `{metric}`" in text
    assert f"at least {INSOLVENT_MIN:g} % of agent-turns" in text
