"""The page on studies: its file is one, and it names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from sim_economy.core.table_reader import read_toml
from sim_economy.studies.equal_tokens import TOLERANCE, TRIES_MAX
from sim_economy.studies.findings.study_effects import Verdict
from sim_economy.studies.study_arms import planned_cells
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_reader import parse_treatment_study
from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs/studies.md").read_text(encoding="utf-8")


def test_the_file_of_the_page_is_a_study() -> None:
    block = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    study = parse_treatment_study(read_toml(block[1]), Path())
    assert [own.name for own in study.behaviours] == ["published", "cautious"]
    names = {cell.arm.name for cell in planned_cells(study)}
    for name in (
        "off",
        "fee cap 1.5",
        "fee cap 1.5, full wages",
        "fee cap 1.5, behaviour held fixed",
    ):
        assert name in names
        assert f"| `{name}` |" in TEXT


def test_the_page_names_every_outcome_and_verdict() -> None:
    for name in OUTCOMES:
        assert f"`{name}`" in TEXT, name
    for verdict in Verdict:
        assert f"| {verdict} |" in TEXT
    assert f"within {100 * TOLERANCE:g} % of the tokens" in TEXT
    assert f"at most {TRIES_MAX} tries" in TEXT
