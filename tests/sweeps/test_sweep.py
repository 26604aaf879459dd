"""A sweep played: every row the core's, the same bytes however it came about."""

from __future__ import annotations

import statistics
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars
import pytest

import sim_economy as se
from sim_economy.batch.state_digest import state_digest
from sim_economy.core.errors import FolderError, InputError, ScenarioError
from sim_economy.experiments.sweeps import sweep as sweeps
from sim_economy.experiments.sweeps import sweep_plan
from sim_economy.experiments.sweeps.kept_rows import forget_failed_rows
from sim_economy.experiments.sweeps.kernel_player import SMALL_ROWS, kernel_player
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.reports.sweep_files import read_sweep
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.row_metrics import ROW_METRICS, WHOLE
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.world.world import World
from tests.sweeps import failing_policies
from tests.sweeps.failing_policies import Fragile
from tests.sweeps.small_studies import files_of, small_plan, small_study


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    outcome = run_sweep(small_study(), folder)
    assert (outcome.rows, outcome.played, outcome.resumed) == (18, 18, 0)
    assert (outcome.is_finished, outcome.statuses) == (True, {"core": 18})
    return folder


def rows_of(folder: Path) -> polars.DataFrame:
    return polars.concat(
        [polars.read_parquet(path) for path in sorted((folder / "rows").glob("*.parquet"))]
    )


def test_every_row_is_the_run_of_its_point_and_seed(played: Path) -> None:
    plan, rows = small_plan(), rows_of(played)
    assert rows["row"].to_list() == list(range(18))
    assert rows["point"].to_list() == [row // 3 for row in range(18)]
    assert rows["replicate"].to_list() == [1, 2, 3] * 6
    assert rows["seed"].to_list() == [1001, 1002, 1003] * 6
    assert set(rows["status"]) == {"core"}
    for row in rows.to_dicts():
        scenario = plan.scenario_of(row["row"])
        store = MemoryStore()
        known = run_metrics(play_run(scenario, 1, store))
        for metric in known.keys() & row.keys():
            assert row[metric] == known[metric], (row["row"], metric)
        world = World.open(store)
        assert world.config.seed == row["seed"]
        assert row["digest"] == state_digest(world.state, world.config)
        assert scenario.config.base_inference_rate == int(row["base_inference_rate"] * 10**6)
        assert {policy.work_below for policy in scenario.policies} == {  # type: ignore[attr-defined]
            row["policy.work_below"]
        }
    assert rows["digest"].n_unique() > 12
    assert rows["negative_agent_turns"].sum() > 0


def test_columns_are_in_the_order_of_the_contract(played: Path) -> None:
    keys = ["base_inference_rate", "policy.work_below"]
    first = ["row", "point", "replicate", "seed"]
    assert rows_of(played).columns == [*first, *keys, *ROW_METRICS, "status", "digest"]
    assert rows_of(played)["digest"].dtype == polars.UInt64


@pytest.mark.parametrize(
    "ways",
    [
        {"chunk_rows": 1},
        {"chunk_rows": 5},
        {"chunk_rows": 1000},
        {"jobs": 2, "chunk_rows": 4},
        {"executor": ThreadPoolExecutor(3), "chunk_rows": 2},
    ],
    ids=["chunks of 1", "chunks of 5", "one chunk", "two processes", "threads"],
)
def test_the_bytes_are_the_same_in_any_chunks_and_processes(
    played: Path, tmp_path: Path, ways: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "CHUNK_ROWS", 4)
    run_sweep(small_study(), tmp_path / "own", **ways)
    assert files_of(tmp_path / "own") == files_of(played)


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)], ids=["alone", "threads"])
@pytest.mark.parametrize("after", [0, 1, 4, 7])
@pytest.mark.parametrize("part_rows", [sweep_plan.PART_ROWS, 5])
def test_an_interrupted_sweep_goes_on_to_the_same_bytes(
    tmp_path: Path,
    after: int,
    part_rows: int,
    executor: ThreadPoolExecutor | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_plan, "PART_ROWS", part_rows)
    for module in ("sweep_folder", "kept_rows"):
        monkeypatch.setattr(f"sim_economy.experiments.sweeps.{module}.PART_ROWS", part_rows)
    whole = tmp_path / "whole"
    run_sweep(small_study(), whole)
    own = tmp_path / "own"
    calls: Counter[str] = Counter()

    def interrupt(rows: int) -> None:
        calls["chunks"] += 1
        if calls["chunks"] > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(small_study(), own, chunk_rows=2, executor=executor, progress=interrupt)
    assert not (own / "points.parquet").exists()
    reported: list[int] = []
    outcome = run_sweep(small_study(), own, chunk_rows=3, progress=reported.append)
    assert outcome.resumed > 0
    assert outcome.resumed + outcome.played == sum(reported) == 18
    assert files_of(own) == files_of(whole)
    again = run_sweep(small_study(), own)
    assert (again.resumed, again.played) == (18, 0)
    assert files_of(own) == files_of(whole)


def test_time_that_is_up_stops_a_sweep_that_goes_on(played: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    outcome = run_sweep(small_study(), own, seconds_max=1e-9)
    assert (outcome.played, outcome.is_finished, outcome.statuses) == (0, False, {})
    assert not (own / "points.parquet").exists()
    with ThreadPoolExecutor(2) as pool:
        assert not run_sweep(small_study(), own, executor=pool, seconds_max=0.001).is_finished
    assert run_sweep(small_study(), own).is_finished
    assert files_of(own) == files_of(played)


def test_a_damaged_file_of_rows_is_played_again(played: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    run_sweep(small_study(), own)
    part = own / "rows" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-40])
    assert run_sweep(small_study(), own).played == 18
    assert files_of(own) == files_of(played)


def test_a_row_that_fails_is_reported_and_the_others_finish(tmp_path: Path) -> None:
    study = load_study(
        {
            "turns": 4,
            "seeds": 2,
            "per_turn": True,
            "histograms": True,
            "set": {"policy": Fragile},
            "vary": {"policy.limit": [5, 6]},
        }
    )
    outcome = run_sweep(study, tmp_path / "own")
    rows = rows_of(tmp_path / "own")
    assert outcome.statuses == {"core": 3, "failed": 1}
    assert rows["status"].to_list() == ["core", "core", "core", "failed"]
    assert rows.select("digest", "fees_total", "mean_debt").row(3) == (None, None, None)
    (trace,) = (tmp_path / "own" / "failures").iterdir()
    assert trace.name == "row-0000000003.txt"
    assert "over the limit" in trace.read_text(encoding="utf-8")
    points = polars.read_parquet(tmp_path / "own" / "points.parquet")
    assert points["runs"].to_list() == [2, 1]
    assert points["fees_total_mean"][1] == rows["fees_total"][2]
    assert points["fees_total_variance"][1] is None
    turns = polars.read_parquet(tmp_path / "own" / "turns.parquet")
    assert turns["count"].to_list() == [2] * 4 + [1] * 4
    again = run_sweep(study, tmp_path / "own")
    assert (again.resumed, again.played, again.failed) == (3, 1, 1)


@pytest.mark.parametrize("limits", [[5, 6], [6, 7]], ids=["some", "all"])
@pytest.mark.parametrize("seeds", [1, 4])
def test_rows_that_failed_are_played_again_by_the_same_call(
    limits: list[int], seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"turns": 4, "seeds": seeds, "seed": 1, "per_turn": True, "histograms": True}
    study = load_study({**given, "set": {"policy": Fragile}, "vary": {"policy.limit": limits}})
    own, whole = tmp_path / "own", tmp_path / "whole"
    failed = run_sweep(study, own).failed
    assert failed == len(list((own / "failures").iterdir())) > 0
    # A session that ends between keeping the others and taking the part away changes nothing.
    part = (own / "rows/part-00000.parquet").read_bytes()
    forget_failed_rows(own)
    (own / "rows/part-00000.parquet").write_bytes(part)
    monkeypatch.setattr(failing_policies, "IS_BROKEN", False)
    again = run_sweep(study, own)
    assert (again.played, again.failed) == (failed, 0)
    run_sweep(study, whole)
    assert files_of(own) == files_of(whole)


def test_a_sweep_with_failed_rows_that_is_stopped_again_is_not_finished(tmp_path: Path) -> None:
    given = {"turns": 4, "seeds": 2, "set": {"policy": Fragile}, "vary": {"policy.limit": [6]}}
    run_sweep(load_study(given), tmp_path / "own")
    stopped = run_sweep(load_study(given), tmp_path / "own", seconds_max=1e-9)
    assert (stopped.resumed, stopped.is_finished) == (1, False)
    with pytest.raises(FolderError, match="is not finished"):
        read_sweep(tmp_path / "own")


def test_seeds_alone_are_a_sweep_of_one_point(tmp_path: Path) -> None:
    for given in ({}, {"design": "list"}):
        played = se.sweep({"turns": 5, "seeds": 6, **given}, tmp_path / f"own{len(given)}")
        assert played.points["runs"].to_list() == [6]
        assert played.frame()["seed"].to_list() == [*range(1001, 1007)]
        assert played.answer.startswith("Agents and platform are solvent, on average over 6 seeds")
        assert played.report().exists()
        assert played.check().differing == ()
        assert played.open(3, report=False).settings == {}
        with pytest.raises(InputError, match="name a key in"):
            played.picture()


def test_presets_are_varied_as_a_setting_changes_them(tmp_path: Path) -> None:
    vary = {"preset": ["as-run", "as-written"], "study_cost": [50, 70]}
    study = {"turns": 30, "seeds": 2, "set": {"dividend_rule": "core_owners"}, "vary": vary}
    played = se.sweep(study, tmp_path / "own")
    plan = SweepPlan(played.study)
    for row in (1, 4, 6):
        config = plan.scenario_of(row).config
        name, cost = played.frame()["preset", "study_cost"].row(row)
        assert config.job_rule == se.preset(name).job_rule
        assert (config.study_cost, config.dividend_rule) == (cost, "core_owners")
    assert played.check().differing == ()
    alone = se.play(
        "as-run",
        seed=1002,
        turns=30,
        preset="as-written",
        study_cost=50,
        dividend_rule="core_owners",
    )
    row = played.row_at(replicate=2, preset="as-written", study_cost=50)
    assert alone.metrics["fees_total"] == played.frame()["fees_total"][row]


def test_a_sweep_of_which_every_row_fails_ends_all_the_same(tmp_path: Path) -> None:
    given = {"turns": 4, "seeds": 1, "seed": 1, "per_turn": True, "histograms": True}
    study = load_study({**given, "set": {"policy": Fragile}, "vary": {"policy.limit": [6, 7]}})
    outcome = run_sweep(study, tmp_path / "own")
    assert (outcome.is_finished, outcome.failed) == (True, 2)
    points = polars.read_parquet(tmp_path / "own" / "points.parquet")
    assert points["fees_total_mean"].to_list() == [None, None]


def test_points_are_the_moments_of_their_rows(played: Path) -> None:
    rows, points = rows_of(played), polars.read_parquet(played / "points.parquet")
    assert points["point"].to_list() == list(range(6))
    for point in points.to_dicts():
        own = rows.filter(polars.col("point") == point["point"])
        assert point["runs"] == 3
        assert point["base_inference_rate"] == own["base_inference_rate"][0]
        for metric in ROW_METRICS:
            values = own[metric].to_list()
            assert point[f"{metric}_mean"] == pytest.approx(statistics.mean(values), rel=1e-15)
            spread = statistics.variance(values)
            assert point[f"{metric}_variance"] == pytest.approx(spread, rel=1e-12)
            if metric in WHOLE:
                assert point[f"{metric}_sum"] == sum(values)
                squares = sum(value * value for value in values)
                assert point[f"{metric}_sum_of_squares"] == squares


def test_turns_add_up_the_replicates_of_a_point(played: Path) -> None:
    turns = polars.read_parquet(played / "turns.parquet")
    plan = small_plan()
    assert turns.height == 6 * 5
    for point in (0, 5):
        runs = [play_run(plan.scenario_of(3 * point + index), 1) for index in range(3)]
        own = turns.filter(polars.col("point") == point)
        assert own["turn"].to_list() == [1, 2, 3, 4, 5]
        for turn, row in enumerate(own.to_dicts()):
            balances = [run.series.balances[turn] for run in runs]
            found = {
                "insolvent_agents": [sum(held < 0 for held in each) for each in balances],
                "debt_tokens": [-sum(min(0, held) for held in each) for each in balances],
                "platform": [run.series.platform[turn] for run in runs],
                "token_supply": [run.series.token_supply[turn] for run in runs],
            }
            assert row["count"] == 3
            for metric, values in found.items():
                assert row[f"{metric}_sum"] == sum(values)
                assert row[f"{metric}_sum_of_squares"] == sum(value**2 for value in values)


def test_histograms_count_every_value(played: Path) -> None:
    rows, counted = rows_of(played), polars.read_parquet(played / "histograms.parquet")
    assert set(counted["metric"]) == WHOLE
    for metric in ("actions_mine", "platform_final"):
        own = counted.filter(polars.col("metric") == metric)
        known = Counter(rows.select("point", metric).rows())
        assert {(row[1], row[2]): row[3] for row in own.rows()} == known
    by_metric = counted.group_by("metric").agg(polars.col("count").sum())
    assert set(by_metric["count"]) == {18}


def test_turns_may_be_varied(tmp_path: Path) -> None:
    study = load_study(
        {"seeds": 1, "per_turn": True, "vary": {"turns": [2, 4], "num_agents": [2, 3]}}
    )
    run_sweep(study, tmp_path / "own")
    turns = polars.read_parquet(tmp_path / "own" / "turns.parquet")
    assert turns.group_by("point").len().sort("point")["len"].to_list() == [2, 2, 4, 4]
    rows = rows_of(tmp_path / "own")
    assert (rows["actions_mine"] == rows["turns"] * rows["num_agents"]).all()


def test_more_runs_than_allowed_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"6 points with 3 seeds each are 18 runs, more than 5"):
        run_sweep(small_study(), tmp_path / "own", runs_max=5)
    assert not (tmp_path / "own").exists()


def test_a_folder_of_another_study_or_program_is_refused(played: Path, tmp_path: Path) -> None:
    before = files_of(played)
    with pytest.raises(FolderError, match=r"other settings: seeds was 3, is now 2") as raised:
        run_sweep(small_study(seeds=2), played)
    assert raised.value.code == "settings_changed"
    assert files_of(played) == before
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FolderError, match="no sweep's"):
        run_sweep(small_study(), tmp_path)


def test_starting_over_leaves_nothing_of_the_study_before(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    run_sweep(small_study(seeds=1), own)
    run_sweep(small_study(), own, fresh=True)
    run_sweep(small_study(), other)
    assert files_of(own) == files_of(other)


def test_a_few_runs_are_never_the_kernels() -> None:
    reason = kernel_player(small_plan())
    assert isinstance(reason, str)
    assert "18 runs" in reason
    assert SMALL_ROWS > 18


def test_an_interrupt_says_how_many_runs_are_kept(tmp_path: Path) -> None:
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        run_sweep(small_study(), tmp_path / "own", chunk_rows=4, progress=interrupt)
    (note,) = raised.value.__notes__
    assert note.startswith(f"4 of 18 runs are kept in {tmp_path / 'own'}")
    assert run_sweep(small_study(), tmp_path / "own").resumed == 4
