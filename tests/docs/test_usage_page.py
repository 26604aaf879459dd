"""The page on real usage, run from top to bottom; it lists every form and every sample."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim_economy.usage.form_catalogue import known_forms
from tests.docs.blocks import ROOT, follow
from tests.usage.raw_logs import SAMPLES

PAGE = ROOT / "docs/usage.md"


def test_every_block_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
    follow(PAGE, tmp_path, [])


def test_the_page_lists_every_form() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Forms")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == set(known_forms())


def test_the_page_lists_every_sample() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The samples")[2]
    listed = set(re.findall(r"`([\w/-]+\.(?:csv|jsonl?))`", section))
    there = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.*")}
    assert listed == there - {"README.md"}
