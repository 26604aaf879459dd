"""The way back: from a row to a ledger that ends in the state the row names."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import polars
import pytest

from sim_economy.batch.state_digest import state_digest
from sim_economy.core.errors import FolderError, InputError
from sim_economy.experiments.sweeps.compared_rows import compare_point
from sim_economy.experiments.sweeps.opened_row import DigestDiffersError, open_row, row_at
from sim_economy.experiments.sweeps.row_frames import write_frame
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from sim_economy.experiments.sweeps.sweep_folder import kept_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.ledger.verify import verify
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.sweeps.failing_policies import Fragile
from tests.sweeps.small_studies import small_plan, small_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("opened") / "sweep"
    run_sweep(small_study(), found)
    return found


def test_a_row_opened_is_the_row_played(folder: Path) -> None:
    rows = polars.read_parquet(folder / "rows" / "part-00000.parquet")
    plan = SweepPlan(kept_study(folder))
    for row in (0, 10, 17):
        opened = open_row(plan, folder, row, report=False)
        known = rows.row(row, named=True)
        assert opened.ledger == folder / "opened" / f"row-{row}" / "world.sqlite"
        assert (opened.point, opened.replicate) == (known["point"], known["replicate"])
        assert opened.digest == known["digest"]
        assert opened.settings["policy.work_below"] == str(known["policy.work_below"])
        metrics = run_metrics(opened.run)
        for metric in metrics.keys() & known.keys():
            assert metrics[metric] == known[metric]
        assert verify(opened.ledger).holds
        replay(opened.ledger)
        with World.open(opened.ledger, read_only=True) as world:
            assert world.config.seed == known["seed"]
            assert state_digest(world.state, world.config) == known["digest"]


def test_its_statement_and_report_are_written(folder: Path, tmp_path: Path) -> None:
    opened = open_row(small_plan(), folder, 16, tmp_path / "here")
    ledger, statement, page = opened.files
    assert ledger.parent == statement.parent == page.parent == tmp_path / "here"
    with statement.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert lines[0]["reason"] == "genesis"
    balances = opened.run.series.balances[-1]
    assert int(lines[-1]["after"]) == min(balances)
    assert opened.agent_id == opened.run.agent_ids[balances.index(min(balances))]
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert opened.answer in repr(opened) or str(opened.ledger) in repr(opened)
    again = open_row(small_plan(), folder, 16, tmp_path / "here", report=False)
    assert again.files == [ledger, statement]


def test_a_digest_that_differs_is_an_error_of_its_own(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "sweep"
    shutil.copytree(folder, own, ignore=shutil.ignore_patterns("opened"))
    part = own / "rows" / "part-00000.parquet"
    rows = polars.read_parquet(part)
    other = polars.when(polars.col("row") == 4).then(polars.col("digest").shift(1))
    write_frame(part, rows.with_columns(other.otherwise(polars.col("digest")).alias("digest")))
    open_row(small_plan(), own, 5, report=False)
    with pytest.raises(DigestDiffersError, match="row 4: the sweep holds the digest") as raised:
        open_row(small_plan(), own, 4)
    error = raised.value
    assert (error.code, error.row) == ("digest_differs", 4)
    assert error.recorded == rows["digest"][3]
    assert error.played == rows["digest"][4]
    assert not (own / "opened" / "row-4" / "report.html").exists()


def test_a_row_is_found_by_its_coordinates() -> None:
    plan = small_plan()
    at = {"base_inference_rate": "2.25", "policy.work_below": "400"}
    assert row_at(plan, at, 2) == 3 * 3 + 1
    assert row_at(plan, {"base_inference_rate": 2.25, "policy.work_below": 400}, 1) == 9
    assert plan.shown(3) == at


@pytest.mark.parametrize(
    ("at", "replicate", "problem"),
    [
        (
            {"base_inference_rate": "2", "policy.work_below": "390"},
            1,
            "the nearest one is --at base_inference_rate=2.25 --at policy.work_below=400",
        ),
        ({"base_inference_rate": "much", "policy.work_below": "0"}, 1, "the nearest one is"),
        ({"base_inference_rate": "4"}, 1, "policy.work_below: is missing"),
        ({"base_inference_rat": "4"}, 1, "did you mean base_inference_rate?"),
        ({"base_inference_rate": "4", "policy.work_below": "0"}, 4, "must be from 1 to 3"),
    ],
)
def test_coordinates_of_no_point_are_refused_with_the_nearest(
    at: dict[str, str], replicate: int, problem: str
) -> None:
    with pytest.raises(InputError) as raised:
        row_at(small_plan(), at, replicate)
    assert problem in str(raised.value)


def test_labels_are_coordinates() -> None:
    vary = {"job_rule": ["credit_usage", "waive_usage"], "slash_both_on_timeout": [True, False]}
    plan = SweepPlan(load_study({"seeds": 1, "vary": vary}))
    at = {"job_rule": "waive_usage", "slash_both_on_timeout": True}
    assert row_at(plan, at, 1) == 2


def test_a_row_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row: must be from 0 to 17"):
        open_row(small_plan(), folder, 18)
    own = tmp_path / "own"
    run_sweep(small_study(), own, seconds_max=1e-9)
    with pytest.raises(InputError, match="0 has not been played yet"):
        open_row(small_plan(), own, 0)
    with pytest.raises(FolderError, match=f"holds no sweep; name {own}"):
        kept_study(tmp_path)
    with pytest.raises(FolderError, match="holds no sweep; `sim-economy sweep` makes one"):
        kept_study(own / "tables")


def test_a_row_of_an_unfinished_sweep_can_be_opened(tmp_path: Path) -> None:
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(small_study(), tmp_path, chunk_rows=4, progress=interrupt)
    assert open_row(small_plan(), tmp_path, 2, report=False).row == 2


def test_a_row_that_failed_is_refused_with_its_traceback(tmp_path: Path) -> None:
    given = {"turns": 4, "seeds": 1, "seed": 1, "set": {"policy": Fragile}}
    study = load_study({**given, "vary": {"policy.limit": [0, 7]}})
    run_sweep(study, tmp_path / "own")
    open_row(SweepPlan(study), tmp_path / "own", 0, report=False)
    with pytest.raises(InputError, match=r"1 failed; see .*failures/row-0000000001\.txt"):
        open_row(SweepPlan(study), tmp_path / "own", 1)
    with pytest.raises(FolderError, match="came from Python"):
        kept_study(tmp_path / "own")


def test_what_a_folder_keeps_needs_no_file_of_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'turns = 3\npolicy = "miner"\n[usage]\nsource = "distribution"\n'
        "thinking = {distribution = 'constant', value = 70}\n"
        "output = {distribution = 'constant', value = 60}\n"
        "[world]\nburn_decay_rate = 0.125\n",
        encoding="utf-8",
    )
    study = tmp_path / "study.toml"
    study.write_text(
        'scenario = "own.toml"\nseeds = 1\n[vary]\nstudy_discount = [0.25, 0.5]\n', "utf-8"
    )
    loaded = load_study(study)
    assert loaded.hash
    run_sweep(loaded, tmp_path / "out")
    path.unlink()
    kept = kept_study(tmp_path / "out")
    assert kept.settings == loaded.settings
    opened = open_row(SweepPlan(kept), tmp_path / "out", 1, report=False)
    assert opened.settings == {"study_discount": "0.5"}


def test_a_report_of_a_row_names_its_sweep_and_gives_a_command_that_works(
    folder: Path, tmp_path: Path
) -> None:
    opened = open_row(small_plan(), folder, 16, tmp_path / "here")
    text = (opened.files[-1].parent / "report.md").read_text("utf-8")
    assert text.startswith("# Row 16 of the sweep small: base_inference_rate = 4")
    assert "replicate 2 with seed 1002" in text
    assert "sim-economy run . " not in text
    assert "`sim-economy replay world.sqlite`" in text
    replay(opened.files[-1].parent / "world.sqlite")


def test_a_row_says_what_the_mean_of_its_point_is(folder: Path, tmp_path: Path) -> None:
    rows = polars.read_parquet(folder / "rows" / "part-00000.parquet")
    own = rows.filter(polars.col("point") == 5)
    opened = open_row(small_plan(), folder, 16, tmp_path / "here", report=False)
    found = opened.point_means
    assert (found.point, found.runs) == (5, 3)
    assert found.insolvent_percent == pytest.approx(sum(own["insolvent_percent"]) / 3)
    assert found.platform_final == pytest.approx(sum(own["platform_final"]) / 3)


def test_every_run_of_a_point_is_compared_and_its_mean_too(folder: Path, tmp_path: Path) -> None:
    runs: list[int] = []
    found = compare_point(small_plan(), folder, 4, runs.append)
    assert (found.compared.rows, found.compared.differing, sum(runs)) == ((12, 13, 14), (), 3)
    points = polars.read_parquet(folder / "points.parquet").row(4, named=True)
    for name in ("insolvent_percent", "platform_final", "fees_total"):
        assert found.means[name] == (points[f"{name}_mean"],) * 2
    own = tmp_path / "own"
    shutil.copytree(folder, own, ignore=shutil.ignore_patterns("opened"))
    part = own / "rows" / "part-00000.parquet"
    rows = polars.read_parquet(part)
    other = polars.when(polars.col("row") == 13).then(polars.col("fees_total") + 3)
    write_frame(part, rows.with_columns(other.otherwise(polars.col("fees_total"))))
    damaged = compare_point(small_plan(), own, 4)
    assert damaged.compared.differing == (13,)
    kept, again = damaged.means["fees_total"]
    assert kept == pytest.approx(again + 1)
    with pytest.raises(InputError, match="point: must be from 0 to 5"):
        compare_point(small_plan(), folder, 6)


def test_a_key_with_one_value_need_not_be_a_coordinate() -> None:
    plan = SweepPlan(load_study({"seeds": 2, "vary": {"turns": [7], "study_cost": [20, 60]}}))
    assert row_at(plan, {"study_cost": "60"}, 1) == 2
