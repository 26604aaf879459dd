"""A sweep as a notebook plays it, and as a shell does."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import sim_economy as se
from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.experiments.sweeps.study import load_study
from tests.cli.shell import CALL, complaint, json_of, sim_economy
from tests.sweeps.small_studies import files_of

STUDY = """
name = "small"
scenario = "as-run"
turns = 5
seeds = 3
per_turn = true
histograms = true

[set]
policy = "investor"

[vary]
base_inference_rate = { from = 0.5, to = 4, steps = 3 }
policy.work_below = [0, 400]
"""


def given() -> dict[str, Any]:
    return {
        "name": "small",
        "turns": 5,
        "seeds": 3,
        "per_turn": True,
        "histograms": True,
        "set": {"policy": "investor"},
        "vary": {"base_inference_rate": np.linspace(0.5, 4, 3), "policy.work_below": [0, 400]},
    }


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> se.PlayedSweep:
    return se.sweep(given(), tmp_path_factory.mktemp("out") / "small")


def test_a_sweep_from_python_is_the_one_from_the_shell(
    played: se.PlayedSweep, tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    shown = json_of(sim_economy("sweep", "small.toml", "--no-report", "--json", cwd=tmp_path))
    assert shown["rows"] == shown["played"] == 18
    assert shown["study_hash"] == played.study.hash
    assert shown["answer"] == played.answer
    assert (shown["folder"], shown["statuses"]) == ("out/small", {"core": 18})
    own, other = files_of(tmp_path / "out/small"), files_of(played.folder)
    assert {name: own[name] for name in other if name.endswith(".parquet")} == {
        name: held for name, held in other.items() if name.endswith(".parquet")
    }
    again = json_of(sim_economy("sweep", "small.toml", "--json", "--jobs", "2", cwd=tmp_path))
    assert (again["resumed"], again["played"]) == (18, 0)
    assert Path(tmp_path, again["report"]).exists()


def test_frames_have_the_names_that_other_tools_use(played: se.PlayedSweep) -> None:
    tidy = played.frame()
    assert tidy.height == 18
    mesa = played.frame(names="mesa")
    assert mesa.columns[:3] == ["RunId", "iteration", "Step"]
    assert mesa["RunId"].to_list() == tidy["row"].to_list()
    assert mesa["Step"].unique().to_list() == [5]
    radcad = played.frame(names="radcad")
    assert radcad.columns[:5] == ["simulation", "subset", "run", "substep", "timestep"]
    assert radcad["subset"].to_list() == tidy["point"].to_list()
    assert radcad["run"].to_list() == tidy["replicate"].to_list()
    assert mesa["fees_total"].to_list() == radcad["fees_total"].to_list()
    with pytest.raises(InputError, match="must be one of tidy, mesa, radcad"):
        played.frame(names="netlogo")


def test_points_turns_and_histograms_are_data_frames(played: se.PlayedSweep) -> None:
    assert played.points.height == 6
    assert played.turns.height == 30
    assert played.histograms["count"].sum() > 0
    assert se.PlayedSweep.read(played.folder).points.equals(played.points)
    assert "6 points" in played._repr_html_()
    assert str(played.folder) in repr(played)


def test_the_answer_says_which_share_of_points_is_solvent(played: se.PlayedSweep) -> None:
    points = played.points
    solvent = points.filter(
        (polars.col("insolvent_percent_mean") < 5) & (polars.col("platform_final_mean") >= 0)
    )
    assert 0 < solvent.height < 6
    assert played.answer.startswith(f"{solvent.height} of 6 points (")
    most = points.sort("insolvent_percent_mean")["insolvent_percent_mean"][-1]
    assert f"the most, {most:.1f} % at base_inference_rate = 4" in played.answer


def test_what_is_not_there_yet_is_refused(tmp_path: Path) -> None:
    unfinished = se.sweep(given(), tmp_path / "own", seconds_max=1e-9)
    for name in ("points", "turns", "histograms", "answer"):
        with pytest.raises(InputError, match="must be finished"):
            getattr(unfinished, name)
    with pytest.raises(InputError, match="no rows are finished"):
        unfinished.frame()
    with pytest.raises(InputError, match="from 1 on"):
        se.sweep(given(), tmp_path / "own", jobs=0)
    with pytest.raises(ScenarioError, match="did you mean base_inference_rate"):
        se.sweep({"vary": {"base_inference_rte": [1]}})
    plain = se.sweep(given(), tmp_path / "plain", per_turn=False)
    with pytest.raises(InputError, match="its study needs per_turn = true"):
        _ = plain.turns


def test_a_row_is_opened_from_python_and_from_the_shell(
    played: se.PlayedSweep, tmp_path: Path
) -> None:
    row = played.row_at(replicate=2, base_inference_rate=4, **{"policy.work_below": 400})
    opened = played.open(row, tmp_path / "here", report=False)
    assert opened.digest == played.frame()["digest"][row]
    at = ["--at", "base_inference_rate=4", "--at", "policy.work_below=400", "--replicate", "2"]
    into = ["--out", str(tmp_path / "shell"), "--no-report"]
    shown = json_of(sim_economy("open", played.folder, *at, *into, "--json"))
    assert (shown["row"], shown["seed"]) == (row, opened.seed)
    assert shown["digest"] == f"{opened.digest:016x}"
    assert shown["head"] == opened.run.head
    said = sim_economy("open", played.folder, "--row", str(row), *into)
    assert said.returncode == 0, said.stderr
    assert "".join(said.stdout.split()).startswith("".join(opened.answer.split()))
    with pytest.raises(InputError, match="must be an integer"):
        played.open("3")  # type: ignore[arg-type]


def test_a_digest_that_differs_has_an_exit_status_of_its_own(
    played: se.PlayedSweep, tmp_path: Path
) -> None:
    own = se.sweep(given(), tmp_path / "own")
    part = own.folder / "rows" / "part-00000.parquet"
    rows = polars.read_parquet(part)
    rows.with_columns(polars.col("digest").reverse()).write_parquet(part)
    said = complaint(sim_economy("open", own.folder, "--row", "2"), status=5)
    assert "row 2: the sweep holds the digest" in said
    shown = sim_economy("open", own.folder, "--row", "2", "--json")
    assert json.loads(shown.stderr)["error"]["code"] == "digest_differs"


def test_rows_at_random_are_compared_from_python_and_from_the_shell(
    played: se.PlayedSweep,
) -> None:
    some, others = played.check(5), played.check(5, seed=1)
    assert len({*some.rows}) == len(some.rows) == 5
    assert some.rows != others.rows
    assert some == played.check(5)
    assert some.differing == others.differing == ()
    assert repr(some) == "<5 rows played again by the core; none differ>"
    assert played.check().rows == tuple(range(18))
    shown = json_of(sim_economy("open", played.folder, "--check", "5", "--json"))
    assert shown == {"rows": list(some.rows), "differing": []}
    said = sim_economy("open", played.folder, "--check", "400")
    assert said.stdout.strip() == "18 rows played again by the core; none differ"
    with pytest.raises(InputError, match="an integer from 1 on"):
        played.check(0)


@pytest.mark.parametrize("name", ["digest", "fees_total", "gini_wealth_shifted"])
def test_a_row_with_another_number_is_found(name: str, tmp_path: Path) -> None:
    own = se.sweep(given(), tmp_path / "own")
    part = own.folder / "rows" / "part-00000.parquet"
    rows = polars.read_parquet(part)
    other = polars.when(polars.col("row") == 7).then(polars.col(name) + 1)
    rows.with_columns(other.otherwise(polars.col(name)).alias(name)).write_parquet(part)
    assert own.check().differing == (7,)
    found = sim_economy("open", own.folder, "--check", "18")
    assert found.returncode == 5
    assert "18 rows played again by the core; row 7 differs" in found.stdout


def test_rows_of_an_unfinished_sweep_are_compared_and_no_rows_are_refused(tmp_path: Path) -> None:
    stopped = se.sweep(given(), tmp_path / "own", seconds_max=1e-9)
    with pytest.raises(InputError, match="no rows are finished"):
        stopped.check()
    whole = se.sweep(given(), tmp_path / "own")
    rows = whole.frame().head(4)
    (whole.folder / "rows/part-00000.parquet").unlink()
    (whole.folder / "unfinished").mkdir()
    rows.write_parquet(whole.folder / "unfinished/rows-0000000000.parquet")
    assert whole.check().rows == (0, 1, 2, 3)


def test_a_picture_shows_the_metric_that_is_named(played: se.PlayedSweep, tmp_path: Path) -> None:
    shown = played.picture("platform_final")
    assert "platform balance" in shown.caption.lower()
    assert shown._repr_svg_().startswith("<?xml")
    assert repr(shown) == f"<Figure map: {shown.caption}>"
    usual = sim_economy("sweep", "small.toml", cwd=_with_study(tmp_path / "usual"))
    other = sim_economy(
        "sweep", "small.toml", "--picture", "platform_final", cwd=_with_study(tmp_path / "other")
    )
    assert usual.returncode == other.returncode == 0, other.stderr
    drawn = [tmp_path / name / "out/small/figures/map.svg" for name in ("usual", "other")]
    assert drawn[0].read_text("utf-8") == played.picture()._repr_svg_()
    assert drawn[1].read_text("utf-8") == shown._repr_svg_()
    with pytest.raises(InputError, match="did you mean platform_final"):
        played.picture("platform_fina")


def _with_study(folder: Path) -> Path:
    folder.mkdir()
    (folder / "small.toml").write_text(STUDY, encoding="utf-8")
    return folder


def test_sensitivity_is_asked_of_the_sweep_itself(tmp_path: Path) -> None:
    vary = {"base_inference_rate": {"from": 0.5, "to": 2}, "study_cost": {"from": 40, "to": 60}}
    sample = {"design": "sobol", "size": 8, "turns": 10, "seeds": 2, "vary": vary}
    played = se.sweep({**sample, "set": {"policy": "investor"}}, tmp_path / "own")
    found = played.sensitivity(["platform_final"])
    assert found.conclusions == se.sensitivity(played.folder, ["platform_final"]).conclusions
    picture = found.picture()
    assert picture is not None
    assert picture._repr_svg_().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["sweep", "small.toml", "--picture", "gini"], "there is no gini in this sweep"),
        (["open", ".", "--check", "2", "--row", "1"], "--check draws its rows"),
        (["open", ".", "--check", "2"], "holds no sweep"),
        (["sweep", "missing.toml"], "no such study file"),
        (["sweep", "tarif-caution"], "did you mean tariff-caution?"),
        (["sweep", "small.toml", "--runs-max", "4"], "18 runs, more than 4"),
        (["sweep", "small.toml", "--set", "vary.num_core=[1]"], "did you mean num_cores?"),
        (["open", "."], "name a row with --row N, its point with --at KEY=VALUE"),
        (["open", ".", "--row", "1"], "holds no sweep"),
        (["open", ".", "--row", "1", "--replicate", "2"], "--replicate goes with --at"),
        (["open", ".", "--at", "job_rule"], "must be KEY=VALUE"),
    ],
)
def test_a_call_that_must_be_corrected_says_how(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    assert problem in complaint(sim_economy(*arguments, cwd=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_time_that_is_up_exits_with_3(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    stopped = sim_economy("sweep", "small.toml", "--seconds-max", "0.000001", cwd=tmp_path)
    assert stopped.returncode == 3
    assert "stopped after 0 of 18 runs; run it again to go on" in stopped.stdout


def test_a_failed_run_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "wild.toml").write_text(
        """
        turns = 40
        seeds = 1
        [set]
        policy = "idle"
        interest_rate_per_turn = 1.0
        [set.usage]
        source = "distribution"
        thinking = { distribution = "constant", value = 0 }
        output = { distribution = "constant", value = 2147483647 }
        [vary]
        base_inference_rate = [0.0, 1000000.0]
        """,
        encoding="utf-8",
    )
    failed = sim_economy("sweep", "wild.toml", cwd=tmp_path)
    assert failed.returncode == 1, failed.stderr
    assert "1 run failed; see out/wild/failures; the same command" in failed.stderr
    (trace,) = (tmp_path / "out/wild/failures").iterdir()
    assert "debt_token_turns is" in trace.read_text(encoding="utf-8")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_command_goes_on(jobs: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    call = ["sweep", "small.toml", "--turns", "60", "--seeds", "48", "--no-report", "--json"]
    command = [sys.executable, "-c", CALL, *call, "--jobs", jobs]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for _ in range(400):
            if (tmp_path / "out/small/problem.json").exists():
                break
            time.sleep(0.05)
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    if out:
        pytest.skip("it was done before it could be interrupted")
    assert process.returncode == 130, (process.returncode, err)
    assert b" of 288 runs are kept in out/small; the same command goes on" in err
    ended = json_of(sim_economy(*call, cwd=tmp_path))
    assert ended["resumed"] + ended["played"] == 288
    if jobs == "1":
        assert ended["resumed"] > 0
        study = load_study(tmp_path / "small.toml", {"turns": 60, "seeds": 48})
        whole = se.sweep(study, tmp_path / "other")
        assert files_of(whole.folder) == files_of(tmp_path / "out/small")


@pytest.mark.parametrize("width", [120, 80, 60])
def test_what_is_said_fits_the_terminal(
    played: se.PlayedSweep, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    (tmp_path / "small.toml").write_text(STUDY, encoding="utf-8")
    swept = sim_economy("sweep", "small.toml", "--no-report", cwd=tmp_path)
    opened = sim_economy("open", "out/small", "--row", "3", "--no-report", cwd=tmp_path)
    for said in (swept, opened):
        assert said.returncode == 0, said.stderr
        lines = [line.rstrip() for line in said.stdout.splitlines()]
        # A hash is one word: the terminal breaks it.
        assert max(len(line) for line in lines if not _HASH.search(line)) <= width, said


_HASH = re.compile("[0-9a-f]{64}")
