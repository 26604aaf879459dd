"""A study in its folder: resumed, in any number of processes, with the same bytes."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from sim_economy.core.errors import FolderError, ScenarioError
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.statistics.intervals import student_interval
from sim_economy.studies.equal_tokens import TOLERANCE, planned_matches
from sim_economy.studies.findings.study_effects import primary_effects
from sim_economy.studies.findings.study_findings import findings_of
from sim_economy.studies.findings.study_flows import incidence_table, sources_table
from sim_economy.studies.findings.study_report import write_study
from sim_economy.studies.findings.study_result_tables import spread_table
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_robustness import checked_rules
from sim_economy.studies.findings.study_window import threshold_points
from sim_economy.studies.findings.trained_effects import trained_effects
from sim_economy.studies.run_study import cells_of, run_study
from sim_economy.studies.study_folder import kept_cells
from sim_economy.studies.treatment_study import TreatmentStudy
from tests.studies.small_study import small_study


@pytest.fixture(scope="module")
def study() -> TreatmentStudy:
    return small_study()


@pytest.fixture(scope="module")
def played(study: TreatmentStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "whole"
    session = run_study(study, folder)
    assert session.is_finished
    assert session.cells == cells_of(study)
    write_study(folder, findings_of(study, folder))
    return folder


class StoppedError(Exception):
    """Raised where a test interrupts."""


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_interrupted_twice_and_in_two_processes_it_is_the_same_bytes(
    study: TreatmentStudy, played: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    stops = iter((4, 9))

    for stop in stops:
        seen = 0

        def count(cells: int, most: int = stop) -> None:
            nonlocal seen
            seen += cells
            if seen >= most:
                raise StoppedError

        with pytest.raises(StoppedError):
            run_study(study, folder, progress=count)
    last = run_study(study, folder, jobs=2)
    assert last.is_finished
    assert last.resumed >= 9
    write_study(folder, findings_of(study, folder))
    assert files_of(folder) == files_of(played)


def test_it_stops_after_its_seconds_and_goes_on(study: TreatmentStudy, tmp_path: Path) -> None:
    session = run_study(study, tmp_path / "s", seconds_max=1e-9)
    assert not session.is_finished
    with pytest.raises(FolderError, match="no finished study"):
        findings_of(study, tmp_path / "s")


def test_its_time_is_said_before_the_first_cell(study: TreatmentStudy, tmp_path: Path) -> None:
    said: list[str] = []
    run_study(study, tmp_path / "s", seconds_max=1e-9, notify=said.append)
    assert len(said) == 1
    assert "this takes about" in said[0]


def test_references_spare_or_give_as_many_tokens(study: TreatmentStudy, played: Path) -> None:
    cells = {(own.behaviour, own.arm.name): own for own in kept_cells(played)}
    found = missed = 0
    for match in planned_matches(study):
        own = cells[match.cell.behaviour.name, match.cell.arm.name]
        turns = match.cell.arm.turns
        assert turns is not None
        target = sum(
            row.granted_total for row in cells[own.behaviour, match.cell.arm.matched].at(turns)
        )
        reached = sum(row.granted_total for row in own.rows)
        if not own.rows:
            missed += bool(target)
            continue
        assert abs(reached - target) <= TOLERANCE * target
        if match.reference.key == "base_inference_rate":
            assert 0 < float(own.arm.dose) < 1
        found += 1
    assert found > 0
    assert missed < found


def test_another_studys_folder_is_refused(played: Path) -> None:
    other = small_study(horizons=[{"turns": 20, "seeds": 2}])
    with pytest.raises(FolderError, match="holds a study with other settings") as raised:
        run_study(other, played)
    assert "--fresh" in str(raised.value)


def test_a_strangers_folder_is_refused(study: TreatmentStudy, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FolderError, match="no study's"):
        run_study(study, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_damaged_cell_is_named(study: TreatmentStudy, played: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    for name, content in files_of(played).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    path = next(iter(sorted(folder.glob("runs/*/*.jsonl"))))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FolderError, match="remove it, and the same command plays it again"):
        findings_of(study, folder)


def test_an_arm_that_fits_no_scenario_is_refused_before_anything_is_played(
    tmp_path: Path,
) -> None:
    treatment = {"name": "odd", "key": "governance.fee_cap.capratio", "doses": [1], "dose": 1}
    study = small_study(treatments=[treatment], factorial=["odd"], full_factorial=["odd"])
    with pytest.raises(ScenarioError) as raised:
        run_study(study, tmp_path / "s")
    assert any("published / odd 1: " in own for own in raised.value.problems)
    assert not (tmp_path / "s").exists()


def test_agents_are_trained_on_seeds_that_the_study_does_not_play(
    study: TreatmentStudy, played: Path
) -> None:
    cells = {own.arm.name: own for own in kept_cells(played) if own.behaviour == "published"}
    trained = cells["fee cap 1.5, trained 1"]
    assert {row.seed for row in trained.rows} == {row.seed for row in cells["off"].rows}
    learned = {key for key in trained.arm.settings if key.startswith("policy.")}
    assert learned == {"policy.job_below", "policy.burn_above"}
    assert (
        trained.arm.settings["governance.fee_cap.cap_ratio"]
        == cells["fee cap 1.5"].arm.settings["governance.fee_cap.cap_ratio"]
    )
    manifests = sorted(played.glob("trainings/*/manifest.json"))
    assert len(manifests) == 6  # against none, the cap, the rails, twice each
    seeds = {row.seed for own in cells.values() for row in own.rows}
    firsts = [json.loads(path.read_text())["settings"]["seed"] + 1 for path in manifests]
    assert min(firsts) > max(seeds)
    # Repeats differ in their seeds; a rule's has those of the one against none.
    assert sorted(firsts) == [1_001_001] * 3 + [2_001_001] * 3


def test_the_file_of_the_curve_is_read_at_its_first_horizon(
    study: TreatmentStudy, played: Path
) -> None:
    lines = (played / "thresholds.csv").read_text().splitlines()[1:]
    points = threshold_points(StudyResults(study, played))
    first, later = ([own for own in points if own.turns == turns] for turns in (10, 20))
    assert [float(line.partition(",")[2]) for line in lines] == pytest.approx(
        [own.insolvent for own in first], abs=5e-5
    )
    assert [own.insolvent for own in later] != [own.insolvent for own in first]


def test_effects_of_trained_agents_are_over_worlds_and_over_trainings(
    study: TreatmentStudy, played: Path
) -> None:
    results = StudyResults(study, played)
    found = trained_effects(results)
    assert {own.trainings for own in found} == {2}
    own = next(each for each in found if (each.outcome, each.turns) == ("platform", 20))
    differences = [
        results.arm("published", f"fee cap 1.5, trained {repeat}", 20).differences(  # type: ignore[union-attr]
            results.arm("published", f"off, trained {repeat}", 20),  # type: ignore[arg-type]
            "platform",
        )
        for repeat in (1, 2)
    ]
    means = [statistics.mean(each) for each in differences]
    worlds = [statistics.mean(run) for run in zip(*differences, strict=True)]
    assert own.arm == "fee cap 1.5, trained 1"
    assert own.mean == pytest.approx(statistics.mean(means))
    assert own.student == pytest.approx(student_interval(worlds))
    assert own.over_trainings == pytest.approx(student_interval(means))
    assert own.pairs == 6


def test_the_effects_of_robustness_checks_are_read_from_their_own_worlds(
    study: TreatmentStudy, played: Path
) -> None:
    results = StudyResults(study, played)
    checked = checked_rules(results, primary_effects(results))
    assert {(own.check, own.there.insolvency.turns) for own in checked} == {
        ("twice the tariff", 20),
        ("twice the tariff", 30),
        ("waves", 20),
        ("waves", 30),
    }
    own = next(each for each in checked if each.check == "twice the tariff")
    off = results.arm("published, twice the tariff", "off", 20)
    assert off is not None
    assert own.there.insolvency.off == off.mean("insolvent_percent")
    assert off.digests != results.off("published", 20).digests[: len(off.digests)]


def test_what_the_platform_gets_less_what_it_gives_is_its_balance(
    study: TreatmentStudy, played: Path
) -> None:
    results = StudyResults(study, played)
    table = sources_table(results, "published", 30)
    assert table.columns[3:] == ("off", "fee cap 1.5", "rails 500")
    (totals,) = (row for row in table.rows if row[:2] == ("platform", "sources less uses"))
    arms = [results.arm("published", name, 30) for name in table.columns[3:]]
    assert totals[3:] == tuple(round(own.mean("platform"), 1) for own in arms if own)
    # From an agent's balance to what waits for a block is no flow.
    assert "transaction_submitted" not in {row[2] for row in table.rows}
    (agents,) = (row for row in table.rows if row[:2] == ("agents", "sources less uses"))
    # Genesis is no turn's: what agents own is what it gave them, and what came and went since.
    wealth = [statistics.mean(map(sum, own.wealth)) for own in arms if own]
    assert agents[3:] == tuple(round(own - 8 * 1000, 1) for own in wealth)


def test_incidence_says_who_paid_who_received_and_how_often(
    study: TreatmentStudy, played: Path
) -> None:
    results = StudyResults(study, played)
    own = results.arm("published", "fee cap 1.5", 30)
    assert own is not None
    rows = [
        row
        for row in incidence_table(results).rows
        if row[:3] == ("published", 30, "fee cap 1.5") and row[3] == "waived"
    ]
    waived = round(own.granted["waived"], 1)
    turns = own.fired["fee_cap"]
    expected = ("platform", "who is charged", waived, round(turns, 1), round(turns / 0.3, 1))
    assert [row[4:] for row in rows] == [expected]
    assert waived > 0
    never = [row for row in incidence_table(results).rows if row[2] == "rails 500"]
    assert {row[3:] for row in never} == {("nothing", "", "", 0.0, 0, 0)}
    effect = next(each for each in primary_effects(results) if each.run_id == own.run_id())
    assert (effect.active_turns, effect.tokens) == (turns, own.mean("granted"))


def test_spread_is_the_difference_of_each_measure(study: TreatmentStudy, played: Path) -> None:
    results = StudyResults(study, played)
    own, off = (results.arm("published", name, 30) for name in ("fee cap 1.5", "off"))
    assert own is not None
    assert off is not None
    (row,) = (
        row for row in spread_table(results).rows if row[:3] == ("published", 30, "fee cap 1.5")
    )
    assert row[3] == round(off.mean("gini_normalised"), 3)
    assert row[7] == round(off.mean("kolm_pollak"), 1)
    change = own.mean("kolm_pollak") - off.mean("kolm_pollak")
    assert str(row[8]).startswith(f"{number(change, 1)} (")
    # What, held by all, is as good lies between the least and the mean.
    for wealth, equivalent in zip(off.wealth, off.values["kolm_pollak"], strict=True):
        assert min(wealth) < equivalent < statistics.mean(wealth)
