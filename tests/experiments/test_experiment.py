"""The output folder: whole, resumable, its own, and the same bytes however it came about."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import FolderError
from sim_economy.experiments.experiment import Outcome, run_experiment
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.replay import replay

SMALL: Final = {"turns": 6, "runs": 3}
LONG: Final = ("experiment", "as-run", "--no-report", "--turns", "400", "--runs", "8")
"""Long enough to be stopped in the middle."""


def command(*arguments: str, out: Path) -> list[str]:
    call = "import sys; sys.argv[0] = 'sim-economy'; from sim_economy.cli import main; main()"
    return [sys.executable, "-c", call, *arguments, "--out", str(out)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a finished experiment but locks and ledgers."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".lock", ".sqlite"} and path.name != ".lock"
    }


def small(folder: Path, *, fresh: bool = False, ledgers: bool = False, **changes: Any) -> Outcome:
    scenario = load_scenario("as-run", {**SMALL, **changes})
    return run_experiment(scenario, folder, fresh=fresh, ledgers=ledgers)


def refusal(call: Callable[[], object]) -> FolderError:
    with pytest.raises(FolderError) as caught:
        call()
    return caught.value


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def finished_runs(folder: Path) -> int:
    return len([*folder.glob("runs/run-*.json")])


@contextmanager
def started(*arguments: str, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command(*arguments, out=out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the long experiment in one go."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "out"
    subprocess.run(command(*LONG, out=folder), check=True, capture_output=True)
    return contents(folder)


# What it holds


def test_an_experiment_writes_its_files(tmp_path: Path) -> None:
    outcome = small(tmp_path / "deep" / "out")
    assert [run.run for run in outcome.runs] == [1, 2, 3]
    assert (outcome.failures, outcome.resumed, outcome.missing) == ([], 0, [])
    assert {*contents(tmp_path / "deep" / "out")} >= {
        "environment.txt",
        "manifest.json",
        "measures_summary.csv",
        "run_measures.csv",
        "run_metrics.csv",
        "runs/run-0001.json",
        "runs/run-0002.json",
        "runs/run-0003.json",
        "series.parquet",
        "summary.json",
        "tables.md",
    }
    assert [*(tmp_path / "deep" / "out" / "tables").glob("*.csv")]


def test_the_manifest_names_settings_seeds_and_heads(tmp_path: Path) -> None:
    outcome = small(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["failures"] == []
    assert manifest["runs"] == [
        {"run": run.run, "seed": run.seed, "head": run.head, "state_digest": run.state_digest}
        for run in outcome.runs
    ]
    settings = manifest["settings"]
    assert (settings["turns"], settings["runs"], settings["seed"]) == (6, 3, 1000)
    assert settings["rules_version"] == "3"
    assert settings["world"]["interest_rate_per_turn"] == "0.01"


def test_one_run_alone_is_an_experiment(tmp_path: Path) -> None:
    assert len(small(tmp_path, runs=1).rows) == 1


def test_the_same_scenario_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    small(tmp_path / "one")
    small(tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_two_processes_give_the_bytes_of_one(
    uninterrupted: dict[str, bytes], tmp_path: Path
) -> None:
    subprocess.run(
        command(*LONG, "--jobs", "2", out=tmp_path / "out"), check=True, capture_output=True
    )
    assert contents(tmp_path / "out") == uninterrupted


def test_kept_ledgers_verify_and_replay_to_the_manifests_heads(tmp_path: Path) -> None:
    small(tmp_path, ledgers=True)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for run in manifest["runs"]:
        store = SQLiteStore.open(tmp_path / f"runs/run-{run['run']:04d}.sqlite", read_only=True)
        found = verify(store)
        assert found.holds
        assert found.head is not None
        assert found.head.hash == replay(store).hash == run["head"]
        store.close()


def test_a_missing_ledger_is_played_again(tmp_path: Path) -> None:
    small(tmp_path, ledgers=True)
    before = contents(tmp_path)
    (tmp_path / "runs/run-0002.sqlite").unlink()
    assert small(tmp_path, ledgers=True).resumed == 2
    assert (tmp_path / "runs/run-0002.sqlite").exists()
    assert contents(tmp_path) == before


# Interrupted and resumed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_experiment_goes_on_to_the_same_bytes(
    uninterrupted: dict[str, bytes], tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    with started(*LONG, out=folder) as process:
        wait_for(lambda: finished_runs(folder) >= 2, process)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=30)
    held = finished_runs(folder)
    assert 2 <= held < 8
    assert not (folder / "run_metrics.csv").exists()
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert b"Traceback" not in complaint
    again = subprocess.run(command(*LONG, "--json", out=folder), check=True, capture_output=True)
    assert json.loads(again.stdout)["resumed"] == held
    assert contents(folder) == uninterrupted


def test_a_finished_experiment_is_resumed_without_playing(tmp_path: Path) -> None:
    small(tmp_path)
    before = contents(tmp_path)
    heard: list[int] = []
    outcome = run_experiment(load_scenario("as-run", SMALL), tmp_path, progress=heard.append)
    assert outcome.resumed == 3
    assert heard == [1, 2, 3]
    assert contents(tmp_path) == before


def test_a_fresh_start_plays_every_run_again(tmp_path: Path) -> None:
    small(tmp_path, runs=5)
    outcome = small(tmp_path, fresh=True)
    assert outcome.resumed == 0
    assert finished_runs(tmp_path) == 3
    other = tmp_path / "other"
    small(other)
    assert (tmp_path / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()


def test_a_fresh_start_leaves_no_results_of_the_experiment_before(tmp_path: Path) -> None:
    small(tmp_path)
    scenario = load_scenario("as-run", {**FAILING, "turns": 340, "runs": 1})
    assert run_experiment(scenario, tmp_path, fresh=True).rows == []
    assert not (tmp_path / "run_metrics.csv").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[: len(text) // 2],
        lambda text: b"\xff" + text,
        lambda text: b"{}",
        lambda text: text.replace(b'"run":2', b'"run":3'),
        lambda text: text.replace(b'"run":2', b'"run":"2"'),
        pytest.param(lambda text: text.replace(b'"token_supply":[', b'"token_supply":[1')),
        pytest.param(lambda text: re.sub(rb'"staked":\[.*?\]\]', b'"staked":[]', text)),
    ],
    ids=[
        "empty",
        "half",
        "no text",
        "no run",
        "another run",
        "wrong type",
        "another figure",
        "a series too short",
    ],
)
def test_a_damaged_run_file_is_played_again(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    small(tmp_path)
    before = contents(tmp_path)
    path = tmp_path / "runs/run-0002.json"
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    assert small(tmp_path).resumed == 2
    assert contents(tmp_path) == before


def test_a_run_file_of_fewer_turns_is_played_again(tmp_path: Path) -> None:
    small(tmp_path)
    before = contents(tmp_path)
    small(tmp_path / "shorter", turns=5)
    (tmp_path / "shorter/runs/run-0002.json").replace(tmp_path / "runs/run-0002.json")
    assert small(tmp_path).resumed == 2
    assert {name: text for name, text in contents(tmp_path).items() if "shorter" not in name} == (
        before
    )


# Failed


FAILING: Final = {
    "turns": 170,
    "runs": 4,
    "policy": "idle",
    "seed": 25,
    "num_agents": 1,
    "interest_rate_per_turn": 1,
    "base_inference_rate": 1_000_000,
    "usage.source": "distribution",
    "usage.thinking.distribution": "uniform",
    "usage.thinking.low": 0,
    "usage.thinking.high": 0,
    "usage.output.distribution": "uniform",
    "usage.output.low": 1_900_000_000,
    "usage.output.high": 2_147_483_647,
}
"""A debt that doubles each turn, then grows by fees alone: it passes 2^62 in run 1 and no other."""


def test_a_failed_run_is_recorded_and_the_others_finish(tmp_path: Path) -> None:
    outcome = run_experiment(load_scenario("as-run", FAILING), tmp_path)
    (failure,) = outcome.failures
    assert failure.run == 1
    assert failure.error.startswith("sim_economy.core.errors.AmountOutOfRangeError: turn 169 ")
    recorded = Path(failure.path).read_text()
    assert Path(failure.path) == tmp_path / "failures/run-0001.txt"
    assert recorded.startswith("Traceback (most recent call last):")
    assert recorded.strip().endswith(failure.error)
    assert [row["run_id"] for row in outcome.rows] == [2, 3, 4]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["failures"] == [{"run": 1, "error": failure.error}]
    assert [run["run"] for run in manifest["runs"]] == [2, 3, 4]
    metrics = (tmp_path / "run_metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in metrics] == ["run_id", "2", "3", "4"]


def test_a_failed_run_is_tried_again_and_fails_alike(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", FAILING)
    first = run_experiment(scenario, tmp_path)
    before = contents(tmp_path)
    again = run_experiment(scenario, tmp_path)
    assert (first.resumed, again.resumed) == (0, 3)
    assert again.failures == first.failures
    assert contents(tmp_path) == before


def test_the_exit_code_tells_of_a_failed_run_in_any_number_of_processes(tmp_path: Path) -> None:
    changes = [f"--set={key}={value}" for key, value in FAILING.items()]
    ended = subprocess.run(
        command("experiment", *changes, "--no-report", "--jobs", "2", out=tmp_path / "two"),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "run 1 failed: sim_economy.core.errors.AmountOutOfRangeError" in ended.stderr
    assert "Traceback" not in ended.stderr
    run_experiment(load_scenario("as-run", FAILING), tmp_path / "one")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.pop("failures/run-0001.txt")
    assert two.pop("failures/run-0001.txt")
    assert one == two


def test_a_failure_that_was_mended_is_forgotten(tmp_path: Path) -> None:
    small(tmp_path / "never", ledgers=True)
    folder = tmp_path / "out"
    small(folder, ledgers=True)
    (folder / "runs/run-0002.json").unlink()
    ledger = folder / "runs/run-0002.sqlite"
    ledger.unlink()
    ledger.mkdir()
    (failure,) = small(folder, ledgers=True).failures
    assert failure.run == 2
    ledger.rmdir()
    assert small(folder, ledgers=True).failures == []
    assert contents(folder) == contents(tmp_path / "never")


def test_an_experiment_of_which_every_run_failed_has_no_results(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {**FAILING, "turns": 340, "runs": 2})
    outcome = run_experiment(scenario, tmp_path)
    assert [failure.run for failure in outcome.failures] == [1, 2]
    assert (outcome.runs, outcome.rows) == ([], [])
    assert not (tmp_path / "run_metrics.csv").exists()


# Refused


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"turns": 7}, "turns was 6, is now 7"),
        ({"runs": 2}, "runs was 3, is now 2"),
        ({"seed": 5}, "seed was 1000, is now 5"),
        ({"study_cost": 51}, "world.study_cost was 50, is now 51"),
    ],
)
def test_a_resume_under_changed_settings_is_refused_and_names_the_change(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    small(tmp_path)
    before = contents(tmp_path)
    error = refusal(lambda: small(tmp_path, **changes))
    assert error.code == "settings_changed"
    assert named in str(error)
    assert "--fresh" in str(error)
    assert contents(tmp_path) == before


def test_more_runs_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    small(tmp_path / "grown")
    outcome = small(tmp_path / "grown", runs=5)
    assert (outcome.resumed, len(outcome.runs)) == (3, 5)
    small(tmp_path / "whole", runs=5)
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")


def test_every_changed_setting_is_named(tmp_path: Path) -> None:
    small(tmp_path)
    message = str(refusal(lambda: small(tmp_path, ledgers=True, turns=7, num_cores=5)))
    assert "ledgers was False, is now True" in message
    assert "turns was 6, is now 7" in message
    assert "world.num_cores was 4, is now 5" in message


def test_a_second_runner_in_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with started("experiment", "--no-report", "--turns", "5000", out=folder) as process:
        wait_for((folder / "manifest.json").exists, process)
        before = contents(folder)
        assert refusal(lambda: small(folder, fresh=True)).code == "folder_in_use"
        assert process.poll() is None
        assert contents(folder).items() >= {
            (name, text) for name, text in before.items() if not name.endswith(".part")
        }
    assert small(folder, fresh=True).resumed == 0


def test_a_lock_left_by_a_killed_runner_holds_nobody_up(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with started("experiment", "--no-report", "--turns", "5000", out=folder) as process:
        wait_for((folder / "manifest.json").exists, process)
        process.kill()
        process.wait()
    assert (folder / ".lock").exists()
    assert len(small(folder, fresh=True).runs) == 3


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"},
        {"runs/run-0001.json": "mine"},
        {".lock": "", "notes.txt": "mine"},
        pytest.param({"manifest.json": "{"}, id="damaged manifest"),
        pytest.param({"manifest.json": '{"name": "app"}'}, id="another program's manifest"),
        pytest.param({"manifest.json": '{"settings": []}'}, id="settings of something else"),
    ],
)
def test_a_foreign_folder_is_refused_and_left_alone(
    tmp_path: Path, files: dict[str, str], fresh: bool
) -> None:
    folder = tmp_path / "out"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = contents(folder)
    assert refusal(lambda: small(folder, fresh=fresh)).code == "folder_foreign"
    assert contents(folder) == before


def test_a_file_instead_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("mine")
    assert refusal(lambda: small(path)).code == "folder_unwritable"
    assert path.read_text() == "mine"


def test_a_kill_while_the_first_manifest_is_written_leaves_a_folder_to_start_in(
    tmp_path: Path,
) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "manifest.json.part").write_text('{"settings": {')
    assert len(small(tmp_path).runs) == 3


def test_no_process_outlives_a_killed_experiment(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with started(*LONG, "--jobs", "2", out=folder) as process:
        wait_for(lambda: finished_runs(folder) >= 1, process)
        # The error stream is inherited: it ends when the last process of the experiment does.
        process.kill()
        process.communicate(timeout=5)
