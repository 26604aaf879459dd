"""The paper: what it says is what its data say."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sim_economy.experiments.sweeps.study_changes import read_study_file
from sim_economy.scenarios.studies import TREATMENT_STUDIES
from sim_economy.studies.run_study import run_study
from sim_economy.studies.study_reader import read_treatment_study
from sim_economy.studies.treatment_study import TreatmentStudy
from tests.docs.blocks import ROOT
from tests.docs.paper import PAGE, PAPER, page, shipped
from tests.docs.paper_data import Data, collect, read_runs
from tests.docs.paper_tables import contrasts


def test_every_number_of_the_paper_is_computed_from_the_data_that_ships() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(Data(shipped(), PAPER))


def test_every_run_is_named_once_and_has_the_digest_of_its_state() -> None:
    rows = read_runs(PAPER)
    names = {(row.behaviour, row.arm, row.turns, row.seed) for row in rows}
    assert len(names) == len(rows)
    assert all(len(row.digest) == 16 for row in rows)


def test_the_data_are_of_the_study_that_ships() -> None:
    data = Data(shipped(), PAPER)
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


@pytest.fixture(scope="module")
def small() -> TreatmentStudy:
    """The shipped study with short runs, two behaviours and two worlds to compare with."""
    given: dict[str, Any] = deepcopy(
        read_study_file("paper-questions", "study", TREATMENT_STUDIES)[0]
    )
    given["horizons"] = [{"turns": 20, "seeds": 3}, {"turns": 30, "seeds": 2}]
    given["behaviours"] = [given["behaviours"][0], {**given["behaviours"][-1], "turns_max": 20}]
    given["shocks"] = [
        {"name": "a loss", "entries": [{**given["shocks"][1]["entries"][0], "turn": 9}]}
    ]
    given["robustness"] = given["robustness"][:2]
    given["training"] |= {"repeats": 2, "turns": 10, "generations": 1, "seeds": 2}
    given["threshold"] |= {"values": [-180, 200], "seeds": 2, "turns": 10, "window_turns": 20}
    given["threshold"]["window_seeds"] = 2
    for own in given["treatments"]:
        own["doses"] = [own["dose"]]
    return read_treatment_study(given)


def test_the_page_is_written_from_any_study_of_its_form(
    small: TreatmentStudy, tmp_path: Path
) -> None:
    assert run_study(small, tmp_path / "study").is_finished
    collect(small, tmp_path / "study", tmp_path)
    data = Data(small, tmp_path)
    text = page(data)
    assert data.facts["answer"] in text
    own, other = (data.trained("fee cap 1.5", 30, "insolvent_percent") for _ in range(2))
    assert own == other
    assert [len(each) for each in own] == [2, 2]
    found = contrasts(data, data.first, 30)
    assert len(found) == 2**4 - 1
    off = data.mean(data.first.name, "off", 30, "insolvent_percent")
    assert f"{off:.1f} % over 30 turns" in text
    assert "2 trainings" in text
    for name in ("half the usage", "the economy as written"):
        assert name in text
