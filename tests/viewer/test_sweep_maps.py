"""The map of a sweep: a cell is what its rows say, and a row that is opened is the row played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

from sim_economy.core.errors import FolderError, InputError, WorldUnknownError
from sim_economy.experiments.sweeps.row_frames import write_frame
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.verify import verify
from sim_economy.reports.maps.solvency_cells import facets_of
from sim_economy.viewer.known_sources import source_of
from sim_economy.viewer.maps.map_answers import (
    CellAnswer,
    MapAnswer,
    PlaneAnswer,
    PlayedRowAnswer,
)
from sim_economy.viewer.maps.map_words import CLASSES
from sim_economy.viewer.maps.planes import SOLVENCY, UNPLAYED, PlaneChoice, plane_of
from sim_economy.viewer.maps.sweep_source import SweepSource
from sim_economy.viewer.maps.swept_rows import SweptRows
from tests.sweeps.small_studies import files_of, small_study

ACROSS, UP = "base_inference_rate", "policy.work_below"
TARIFFS = {"base_inference_rate": {"from": 0.5, "to": 4, "steps": 5}}
VARIED = {**TARIFFS, UP: [0, 200, 400], "study_cost": [20, 80]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty points of three runs each, over three keys."""
    found = tmp_path_factory.mktemp("maps") / "sweep"
    run_sweep(small_study(vary=VARIED, turns=12), found)
    return found


@pytest.fixture
def source(folder: Path) -> Iterator[SweepSource]:
    found = source_of(folder)
    assert isinstance(found, SweepSource)
    yield found
    found.close()


def asked(source: SweepSource, path: str, **query: object) -> Any:
    (route,) = [route for route in source.routes if route.path == path]
    assert query.keys() <= {*route.query}
    found = route.work({name: str(value) for name, value in query.items()})
    assert isinstance(found, route.answer)
    return found


def choice(**held: int) -> PlaneChoice:
    return PlaneChoice(across=ACROSS, up=UP, metric=SOLVENCY, held=held)


def rows_of(folder: Path) -> polars.DataFrame:
    return polars.concat(polars.read_parquet(path) for path in folder.glob("rows/*.parquet"))


def test_cells_are_those_of_the_report(folder: Path) -> None:
    frame = rows_of(folder).filter(polars.col("study_cost") == 80)
    (facet,) = facets_of(frame, ACROSS, UP, turns=12, agents=8)
    plane = plane_of(SweptRows(folder), choice(study_cost=1))
    assert (plane.width, plane.height) == (5, 3)
    below, ends = plane.columns
    for index, cell in enumerate(facet.flat()):
        assert CLASSES[plane.classes[index]] is cell.solvency
        assert plane.runs[index] == cell.runs
        assert plane.rows[index] == cell.row
        assert plane.agreement[index] == round(100 * cell.agreement)
        assert bool(plane.noisy[index]) is cell.is_noisy
        assert below.means[index] == pytest.approx(cell.insolvent_percent)
        assert below.halves[index] == pytest.approx(cell.insolvent_half)
        assert ends.means[index] == pytest.approx(cell.platform_final)
        assert ends.halves[index] == pytest.approx(cell.platform_half)
    assert len({*plane.classes.tolist()}) > 1


def test_what_is_not_held_is_averaged_over(folder: Path) -> None:
    rows = SweptRows(folder)
    metric = "fees_total"
    plane = plane_of(rows, PlaneChoice(across=ACROSS, up="", metric=metric, held={"seed": 1}))
    frame = rows_of(folder).filter(polars.col("replicate") == 2)
    means = frame.group_by(ACROSS).agg(polars.col(metric).mean()).sort(ACROSS)[metric]
    assert plane.columns[0].means.tolist() == pytest.approx(means.to_list())
    assert plane.runs.tolist() == [6] * 5


def test_along_the_seeds_every_world_is_a_cell(folder: Path) -> None:
    plane = plane_of(
        SweptRows(folder),
        PlaneChoice(across="seed", up=UP, metric=SOLVENCY, held={ACROSS: 4, "study_cost": 0}),
    )
    frame = rows_of(folder).filter(polars.col(ACROSS) == 4, polars.col("study_cost") == 20)
    assert plane.runs.tolist() == [1] * 9
    assert plane.rows.tolist() == frame.sort(UP, "replicate")["row"].to_list()
    assert set(plane.agreement.tolist()) == {100}


def test_a_drawn_design_is_shown_in_spans_that_hold_all_its_runs(tmp_path: Path) -> None:
    drawn = {ACROSS: {"from": 0.5, "to": 4}, UP: {"from": 0, "to": 400}}
    study = small_study(design="latin_hypercube", size=72, seeds=1, vary=drawn)
    run_sweep(study, tmp_path / "drawn")
    rows = SweptRows(tmp_path / "drawn")
    plane = plane_of(rows, choice())
    assert plane.width == plane.height == 3
    assert plane.runs.sum() == 72
    tariffs = rows_of(tmp_path / "drawn")[ACROSS].to_numpy()
    for step, text in enumerate(rows.axis(ACROSS).texts):
        low, high = map(float, text.split(" to "))
        within = (tariffs >= low) & (tariffs <= high)
        assert within.sum() == (rows.steps(ACROSS) == step).sum() > 0


def test_failed_and_unplayed_runs_count_nowhere_and_are_said(tmp_path: Path, folder: Path) -> None:
    begun = tmp_path / "begun"
    (begun / "rows").mkdir(parents=True)
    (begun / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    frame = rows_of(folder).filter(polars.col("row") < 40)
    failed = polars.col("row").is_in([0, 1, 2, 7])
    hidden = [*frame.columns[7:-2], "digest"]
    frame = frame.with_columns(
        polars.when(failed).then(polars.lit("failed")).otherwise("status").alias("status"),
        *(
            polars.when(failed).then(None).otherwise(polars.col(each)).alias(each)
            for each in hidden
        ),
    )
    write_frame(begun / "unfinished" / "rows-0000000000.parquet", frame)
    source = SweepSource(begun)
    plane = asked(source, "map/plane", across=ACROSS, up=UP, held=",,0,")
    assert isinstance(plane, PlaneAnswer)
    assert (plane.failed, plane.unplayed) == (4, 24)
    classes = np.frombuffer(plane.classes, np.uint8)
    runs = np.frombuffer(plane.runs, "<i4")
    assert classes[0] == UNPLAYED
    assert (runs == 0).tolist() == (classes == UNPLAYED).tolist()
    assert runs.sum() == 45 - 24 - 4
    cell = asked(source, "map/cell", across=ACROSS, up=UP, held=",,0,", cell=0)
    assert (cell.representative, [row.played_by for row in cell.rows]) == (None, ["failed"] * 3)
    with pytest.raises(InputError, match="has not been played yet"):
        asked(source, "map/world", row=80)
    with pytest.raises(InputError, match="failed"):
        asked(source, "map/world", row=0)
    source.close()


def test_the_first_sentence_is_the_answer(source: SweepSource) -> None:
    plane = asked(source, "map/plane", across=ACROSS, up=UP, held=",,1,")
    classes = np.frombuffer(plane.classes, np.uint8)
    share = 100 * (classes == 0).sum() / 15
    assert plane.answer.startswith(
        f"After 12 turns, with study_cost 80, agents and platform are both solvent in {share:.1f} %"
    )
    insolvent = 100 * (classes == 1).sum() / 15
    assert f"; agents alone are insolvent in {insolvent:.1f} %" in plane.answer
    metric = asked(source, "map/plane", across=ACROSS, up=UP, held=",,1,", metric="fees_total")
    assert metric.answer == plane.answer
    (column,) = metric.columns
    means = np.frombuffer(column.means, "<f4")
    assert column.least == pytest.approx(means.min())
    assert metric.metric_answer.startswith("Fees charged: from ")


def test_the_scenarios_own_world_is_marked_where_it_lies(source: SweepSource) -> None:
    (sweep,) = asked(source, "map").sweeps
    assert sweep.mark == "as-run as it stands"
    own = {axis.name: axis.own for axis in sweep.axes}
    assert own[ACROSS] == pytest.approx((1 - 0.5) / 0.875)
    assert own["study_cost"] == pytest.approx(0.5)


def test_the_papers_world_is_named_where_nothing_else_is_set(tmp_path: Path) -> None:
    vary = {"base_inference_rate": [1, 2], "policy.job_below": [-180, 0]}
    run_sweep(small_study(set={}, vary=vary, turns=2, seeds=1), tmp_path / "paper")
    source = SweepSource(tmp_path / "paper")
    found: MapAnswer = asked(source, "map")
    assert found.sweeps[0].mark == "the paper's world"
    assert [axis.own for axis in found.sweeps[0].axes] == [0, 0]
    plane = asked(source, "map/plane", across=ACROSS, up="policy.job_below", held=",")
    assert "; in the paper's world " in plane.answer
    source.close()


def test_the_runs_of_a_cell_come_in_pages_with_their_numbers(
    source: SweepSource, folder: Path
) -> None:
    query = {"across": ACROSS, "up": UP, "metric": "fees_total", "held": ",,,", "cell": 7}
    first: CellAnswer = asked(source, "map/cell", **query, limit=4)
    second: CellAnswer = asked(source, "map/cell", **query, after=first.next)
    shown = [*first.rows, *second.rows]
    assert (first.total, first.next, second.next) == (6, 4, None)
    frame = rows_of(folder)
    for row in shown:
        known = frame.row(row.row, named=True)
        assert row.seed == known["seed"]
        assert row.values == (str(known["fees_total"]),)
        assert row.digest == f"{known['digest']:016x}"
        assert row.played_by == known["status"]
    assert first.representative in {row.row for row in shown}


def test_a_click_plays_the_row_and_no_file_of_the_sweep_changes(
    source: SweepSource, folder: Path
) -> None:
    before = files_of(folder)
    played: PlayedRowAnswer = asked(source, "map/world", row=17)
    digest = rows_of(folder).row(17, named=True)["digest"]
    assert (played.recorded, played.played) == (f"{digest:016x}",) * 2
    assert played.same
    assert played.sound
    assert f"digest {digest:016x}, as in the sweep" in played.answer
    world = source.world(played.world_id)
    ledger = world.location.path  # type: ignore[attr-defined]
    assert folder not in ledger.parents
    assert verify(ledger).holds
    with reading(ledger) as store:
        assert (store.head().turn, store.head().hash) == (12, played.head)
    assert [listed.world_id for listed in source.catalogue().worlds] == ["row-17"]
    assert files_of(folder) == before
    source.close()
    assert not ledger.exists()


def test_a_rows_address_plays_it_when_it_is_opened(source: SweepSource) -> None:
    assert source.world("row-5").read(lambda store: store.head().turn) == 12
    assert source.world("row-5") is source.world("row-5")
    for name in ("row-90", "row-05", "row--1", "sweep-1-row-5", "sweep-2-row-5", "", "row-5x"):
        with pytest.raises(WorldUnknownError):
            source.world(name)


def test_another_digest_than_the_sweeps_is_said(tmp_path: Path, folder: Path) -> None:
    forged = tmp_path / "forged"
    (forged / "rows").mkdir(parents=True)
    for name in ("manifest.json", "problem.json"):
        (forged / name).write_bytes((folder / name).read_bytes())
    frame = rows_of(folder).with_columns(polars.col("digest") ^ polars.lit(1, polars.UInt64))
    write_frame(forged / "rows" / "part-00000.parquet", frame)
    source = SweepSource(forged)
    played: PlayedRowAnswer = asked(source, "map/world", row=3)
    assert not played.same
    assert played.sound
    assert f"the sweep holds {played.recorded}" in played.answer
    source.close()


def test_the_horizons_of_a_maps_folder_are_sweeps_of_one_source(tmp_path: Path) -> None:
    for turns in (2, 12):
        vary = {ACROSS: [1, 2], UP: [0, 400], "turns": [turns]}
        study = load_study({"seeds": 1, "set": {"policy": "investor"}, "vary": vary})
        run_sweep(study, tmp_path / f"turns-{turns}")
    source = source_of(tmp_path)
    assert isinstance(source, SweepSource)
    assert [sweep.name for sweep in asked(source, "map").sweeps] == ["2 turns", "12 turns"]
    played: PlayedRowAnswer = asked(source, "map/world", sweep=1, row=0)
    assert (played.world_id, played.turns) == ("sweep-2-row-0", 12)
    plane = asked(source, "map/plane", sweep=0, across=ACROSS, up=UP, held=",,")
    assert plane.answer.startswith("After 2 turns ")
    source.close()


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("map/plane", {"across": "nothing"}, "axis: is not varied"),
        ("map/plane", {"across": UP, "up": UP}, "is the other axis already"),
        ("map/plane", {"across": UP, "held": ",0,,"}, "cannot be held too"),
        ("map/plane", {"held": ",,2,"}, "study_cost has the steps 0 to 1"),
        ("map/plane", {"held": ",,"}, "must have 4 entries"),
        ("map/plane", {"held": ",,x,"}, "must be a whole number"),
        ("map/plane", {"metric": "joy"}, "was not kept"),
        ("map/plane", {"sweep": "1"}, "must be from 0 to 0"),
        ("map/cell", {"across": ACROSS, "up": UP, "cell": "15"}, "must be from 0 to 14"),
        ("map/cell", {"across": ACROSS, "cell": "1" * 30}, "must be a whole number"),
        ("map/world", {"row": "90"}, "must be from 0 to 89"),
        ("map/world", {}, "must be a whole number"),
    ],
)
def test_a_query_that_cannot_be_is_refused(
    source: SweepSource, path: str, query: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        asked(source, path, **query)


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds no sweep"):
        SweepSource(tmp_path)


def test_every_seed_of_the_only_point_is_a_cell_where_nothing_varies(tmp_path: Path) -> None:
    run_sweep(small_study(vary={}, seeds=7), tmp_path / "seeds")
    source = SweepSource(tmp_path / "seeds")
    (sweep,) = asked(source, "map").sweeps
    assert (sweep.across, sweep.up) == ("seed", "")
    plane = asked(source, "map/plane", across="seed", held="")
    assert (plane.width, plane.height) == (7, 1)
    source.close()
