"""The page on training, run from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim_economy.core.table_reader import described_parameters
from sim_economy.experiments.training.training_study import TrainingTable
from tests.docs.blocks import ROOT, follow

PAGE = ROOT / "docs/training.md"


def test_every_block_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
    follow(PAGE, tmp_path, [])
    assert (tmp_path / "out/against-the-cap/training.html").exists()
    assert (tmp_path / "compared.txt").read_text("utf-8").strip()


def test_the_page_names_every_key() -> None:
    named = {
        name
        for cell in re.findall(r"^\| (`.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
        for name in re.findall(r"\w+", cell)
    }
    assert described_parameters(TrainingTable).keys() <= named
