"""The paper: what it says is what its data say."""

from __future__ import annotations

from tests.docs.blocks import ROOT
from tests.docs.paper import PAGE, PAPER, Data, page, read_runs


def test_every_number_of_the_paper_is_computed_from_the_data_that_ships() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_run_is_named_once_and_has_the_digest_of_its_state() -> None:
    rows = read_runs()
    names = {(row.behaviour, row.arm, row.turns, row.seed) for row in rows}
    assert len(names) == len(rows)
    assert all(len(row.digest) == 16 for row in rows)


def test_the_data_are_of_the_study_that_ships() -> None:
    data = Data()
    assert data.facts["study_hash"] == data.study.hash
    for behaviour in data.study.behaviours:
        for horizon in behaviour.horizons:
            assert len(data.arms[behaviour.name, "off", horizon.turns]) == horizon.seeds


def test_the_figures_and_the_citation_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("doses", "thresholds", "survival"):
        assert f"({name}.svg)" in text
        assert (PAPER / f"{name}.svg").read_text().startswith("<?xml")
    assert "title:" in (ROOT / "CITATION.cff").read_text()
