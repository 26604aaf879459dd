"""`reproduce`, `run`, `experiment` and `init`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from sim_economy.core.errors import StoreError
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.world import World
from tests.cli.shell import CALL, complaint, json_of, sim_economy
from tests.experiments.test_experiment import FAILING

SHORT: Final = ("--turns", "4")
ANSWERS = {"answer", "contracts", "agents", "policies", "collectors"}


# reproduce


def test_reproduce_finds_every_published_cell(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = json_of(sim_economy("reproduce", "--no-report", "--json", "--out", out))
    assert {*found} == {
        "cells",
        "exact",
        "informative_cells",
        "informative_columns",
        "first_difference",
        "summary_equal",
        "failures",
        "folder",
        "report",
        "answer",
    }
    assert found["answer"].startswith("All 792 published cells came out again")
    assert (found["exact"], found["cells"], found["informative_cells"]) == (792, 792, 432)
    assert (found["first_difference"], found["summary_equal"]) == (None, True)
    assert (found["failures"], found["report"], found["folder"]) == ([], [], str(out))
    assert (out / "run_metrics.csv").exists()


# run


def test_a_run_is_told_in_json(tmp_path: Path) -> None:
    ledger = tmp_path / "run.sqlite"
    arguments = ("--policy", "miner", "--set", "num_agents=2", "--seed", "7", "--ledger", ledger)
    found = json_of(sim_economy("run", *SHORT, *arguments, "--json"))
    assert {*found} == {
        "name",
        "seed",
        "metrics",
        "balances",
        "head",
        "state_digest",
        "ledger",
        *ANSWERS,
    }
    assert [own["agent_id"] for own in found["agents"]] == ["agent_0", "agent_1"]
    assert found["answer"].startswith(
        "None of the 2 agents goes broke (lowest balance of any turn: "
    )
    assert (found["name"], found["seed"], found["ledger"]) == ("as-run", 7, str(ledger))
    assert found["metrics"]["turns"] == 4
    assert found["metrics"]["actions_mine"] == 8
    assert [*found["balances"]] == ["agent_0", "agent_1"]
    with World.open(ledger) as world:
        assert world.head.hash == found["head"]
        assert world.config.seed == 7


def test_a_run_is_shown_as_tables_with_its_head(tmp_path: Path) -> None:
    ended = sim_economy("run", *SHORT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "as-run, seed 1001: after turn 4" in ended.stdout
    assert "agent_7" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("head ")


def test_a_run_stopped_early_is_resumed_to_the_same_head(location: str) -> None:
    arguments = ("run", "--turns", "30000", "--ledger", location)
    process = subprocess.Popen(
        [sys.executable, "-c", CALL, *arguments], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while turns_of(location) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()
    with World.open(location) as world:  # The server may still be about the last turn it was sent.
        reached = world.turn_number
    more = str(reached + 3)
    resumed = sim_economy("run", "--turns", more, "--ledger", location, "--resume", "--json")
    found = json_of(resumed)
    assert {*found} == {"ledger", "resumed_after_turn", "turns", "head", "balances"}
    assert (found["resumed_after_turn"], found["turns"]) == (reached, reached + 3)
    again = json_of(sim_economy("run", "--turns", more, "--json"))
    assert (again["head"], again["balances"]) == (found["head"], found["balances"])


def test_a_run_that_is_finished_says_so(tmp_path: Path) -> None:
    ledger = tmp_path / "run.sqlite"
    assert sim_economy("run", *SHORT, "--ledger", ledger).returncode == 0
    ended = sim_economy("run", *SHORT, "--ledger", ledger, "--resume")
    assert ended.stdout.startswith("nothing to play: the run is finished, turn 4 was its last; ")
    assert ended.returncode == 0


TRACED: Final = """
turns = 3
runs = 2
[world]
agent_ids = ["ann", "bob"]
[usage]
source = "trace"
path = "spent.csv"
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "traced.toml"),
        ("run", "traced.toml", "--json"),
        ("run", "traced.toml", "--ledger", "finished.sqlite", "--resume"),
        ("experiment", "traced.toml", "--json"),
        ("compare", "traced.toml", "as-run"),
        ("orchestrate", "traced.toml", "--mock"),
    ],
)
def test_every_command_reports_the_gaps_of_a_trace(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "spent.csv").write_text("turn,agent,thinking,output\n1,ann,1,1\n3,bob,1,1\n")
    (tmp_path / "traced.toml").write_text(TRACED)
    if "--resume" in arguments:
        sim_economy("run", "traced.toml", "--ledger", "finished.sqlite", cwd=tmp_path)
    ended = sim_economy(*arguments, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    said = "spent.csv has no row for 4 of 6 agent-turns; they count as no usage"
    assert said in ended.stderr.splitlines()[0]
    for page in tmp_path.glob("out/*/*.md"):
        assert page.name == "tables.md" or said in page.read_text().replace("\\", "")


def turns_of(location: str) -> int:
    """Closed turns; -1 before there is a ledger."""
    try:
        store = location_of(location).open(read_only=True)
    except StoreError:
        return -1
    try:
        return store.head().turn
    finally:
        store.close()


def test_an_existing_ledger_is_never_written_over(tmp_path: Path) -> None:
    ledger = tmp_path / "run.sqlite"
    ledger.write_text("mine")
    message = complaint(sim_economy("run", *SHORT, "--ledger", ledger))
    assert message == f"error: {ledger}: exists already; name another file or remove it\n"
    assert ledger.read_text() == "mine"


def test_a_run_is_resumed_only_with_its_own_settings(tmp_path: Path) -> None:
    ledger = tmp_path / "run.sqlite"
    sim_economy("run", *SHORT, "--ledger", ledger)
    message = complaint(sim_economy("run", *SHORT, "--seed", "5", "--ledger", ledger, "--resume"))
    assert "holds a run of another scenario or seed" in message
    message = complaint(sim_economy("run", "--turns", "5", "--ledger", ledger, "--resume"))
    assert "the run ended with turn 4" in message
    store = SQLiteStore.open(ledger, read_only=True)
    assert verify(store).turns == 4
    store.close()


def test_a_turn_that_cannot_be_kept_is_an_error_and_not_a_traceback() -> None:
    changes = [f"--set={key}={value}" for key, value in FAILING.items() if key != "runs"]
    message = complaint(sim_economy("run", *changes))
    assert message.startswith("error: turn 169 ")
    assert "beyond 2^62 tokens; nothing was written" in message


@pytest.mark.parametrize("command", ["run", "experiment"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.toml",), "nowhere.toml: no such scenario file; shipped are as-run,"),
        (("--policy", "gambler"), "policy: there is no gambler; there are published,"),
        (("--turns", "-1"), "turns: must be an integer from 1 to 10000000"),
        (("--set", "stud_cost=1"), "stud_cost: unknown key; did you mean study_cost?"),
    ],
)
def test_a_bad_call_is_one_clear_message_and_nothing_written(
    tmp_path: Path, command: str, arguments: tuple[str, ...], words: str
) -> None:
    target = {"run": "--ledger", "experiment": "--out"}[command]
    ended = sim_economy(command, *arguments, target, tmp_path / "out", cwd=tmp_path)
    message = complaint(ended)
    assert message.startswith(f"error: {words}")
    assert message.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--turns", "many"), "'many' is not a valid integer"),
        (("--resume",), "--resume needs --ledger"),
        (("--colour",), "No such option"),
    ],
)
def test_a_call_of_a_wrong_shape_is_refused(arguments: tuple[str, ...], words: str) -> None:
    assert words in complaint(sim_economy("run", *arguments))


@pytest.mark.parametrize("seed", ["-5", str(2**63)])
def test_a_seed_beyond_its_bounds_is_refused(tmp_path: Path, seed: str) -> None:
    ledger = tmp_path / "run.sqlite"
    assert "--seed" in complaint(
        sim_economy("run", "--turns", "1", "--seed", seed, "--ledger", ledger)
    )
    assert not ledger.exists()


def test_all_problems_of_a_scenario_file_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("turns = 0\nruns = 0\n[world]\nstudy_cost = -1\n")
    message = complaint(sim_economy("run", path))
    assert message.splitlines() == [
        f"error: these need fixing in {path}:",
        "  - turns: must be an integer from 1 to 10000000",
        "  - runs: must be an integer from 1 to 1000000",
        "  - world.study_cost: must be an integer from 0 to 2147483647",
    ]
    ended = sim_economy("run", path, "--json")
    error = json.loads(complaint(ended))["error"]
    assert (error["code"], len(error["problems"])) == ("scenario_invalid", 3)


def test_a_trace_of_unknown_agents_leaves_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("turn,agent,thinking,output\n1,bob,1,1\n")
    path = tmp_path / "traced.toml"
    path.write_text('turns = 1\n[usage]\nsource = "trace"\npath = "t.csv"\n')
    ended = sim_economy("run", path, "--ledger", tmp_path / "run.sqlite")
    assert "names agents that are not in the world: bob" in complaint(ended)
    assert not (tmp_path / "run.sqlite").exists()


# experiment


def test_an_experiment_is_told_in_json(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("experiment", *SHORT, "--runs", "2", "--no-report", "--out", out, "--json")
    found = json_of(sim_economy(*arguments))
    files = {"folder", "runs", "resumed", "failures", "missing", "report", "rows"}
    assert {*found} == files | ANSWERS
    assert [own["runs"] for own in found["agents"]] == [2] * 8
    assert found["collectors"][0]["role"] == "platform"
    assert (found["folder"], found["runs"], found["resumed"]) == (str(out), 2, 0)
    assert (found["failures"], found["missing"], found["report"]) == ([], [], [])
    assert [row["run_id"] for row in found["rows"]] == [1, 2]
    assert json_of(sim_economy(*arguments))["resumed"] == 2


def test_an_experiment_is_named_after_its_file_and_written_below_out(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("turns = 2\nruns = 2\n")
    ended = sim_economy("experiment", "mine.toml", "--no-report", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "mine: 2 runs of 2 turns" in ended.stdout
    assert (tmp_path / "out" / "mine" / "run_metrics.csv").exists()


def test_an_experiment_writes_its_report(tmp_path: Path) -> None:
    arguments = ("experiment", *SHORT, "--runs", "2", "--out", tmp_path, "--json")
    found = json_of(sim_economy(*arguments))
    assert found["report"]
    assert all(Path(path).stat().st_size for path in found["report"])


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("experiment", "--no-report", "--turns", "5000", "--out", str(out))
    process = subprocess.Popen([sys.executable, "-c", CALL, *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not (out / "manifest.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        message = complaint(sim_economy(*arguments))
    finally:
        process.kill()
        process.wait()
    wait = "another experiment is writing here; wait for it or name another folder"
    assert message == f"error: {out}: {wait}\n"


def test_changed_settings_are_refused_and_a_fresh_start_takes_them(tmp_path: Path) -> None:
    arguments = ("experiment", "--runs", "2", "--no-report", "--out", tmp_path / "out")
    sim_economy(*arguments, "--turns", "3")
    message = complaint(sim_economy(*arguments, "--turns", "4"))
    assert "turns was 3, is now 4" in message
    assert sim_economy(*arguments, "--turns", "4", "--fresh").returncode == 0


def test_the_answer_comes_first_and_many_runs_do_not_flood_the_terminal(tmp_path: Path) -> None:
    arguments = ("experiment", "--turns", "2", "--no-report", "--out", "e", "--runs")
    many = sim_economy(*arguments, "200", cwd=tmp_path).stdout
    assert many.startswith("None of the 8 agents goes broke in any of the 200 runs (lowest")
    assert "metrics over 200 runs; run_metrics.csv has each" in many
    assert len(many.splitlines()) < 45
    assert sim_economy("run", *SHORT).stdout.startswith("None of the 8 agents goes broke (lowest")
    assert sim_economy("reproduce", "--no-report", cwd=tmp_path).stdout.startswith("All 792 ")


def test_a_run_of_an_experiments_folder_is_played_again_to_its_head(tmp_path: Path) -> None:
    changed = ("--set", "study_cost=7", "--set", "base_inference_rate=1.5", "--policy", "random")
    first = ("experiment", "--turns", "9", "--runs", "3", *changed, "--no-report", "--out", "e")
    shown = sim_economy(*first, cwd=tmp_path).stdout
    heads = json.loads((tmp_path / "e/manifest.json").read_text(encoding="utf-8"))["runs"]
    again = ("run", ".", "--seed", "1003", "--ledger", "run-0003.sqlite", "--json")
    assert json_of(sim_economy(*again, cwd=tmp_path / "e"))["head"] == heads[2]["head"]
    replayed = sim_economy("replay", "run-0003.sqlite", cwd=tmp_path / "e")
    assert replayed.returncode == 0, replayed.stderr
    command = "sim-economy run e --seed 1001 --ledger run-0001.sqlite &&"
    assert command in shown
    assert (
        "3 runs were there already"
        in sim_economy("experiment", "e", "--no-report", cwd=tmp_path).stdout
    )


# init


def test_a_new_scenario_file_plays_as_its_preset_does(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    ended = sim_economy("init", path, "--preset", "as-written")
    assert (ended.returncode, ended.stderr) == (0, "")
    text = path.read_text()
    assert 'name = "mine"' in text
    assert 'preset = "as-written"' in text
    for source in ("trace", "distribution"):
        assert f'#     source = "{source}"' in text
    mine = json_of(sim_economy("run", path, *SHORT, "--json"))
    shipped = json_of(sim_economy("run", "as-written", *SHORT, "--json"))
    assert mine["name"] == "mine"
    assert mine["state_digest"] == shipped["state_digest"]


def test_a_scenario_file_is_written_over_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert f"{path} exists already" in complaint(sim_economy("init", path))
    assert path.read_text() == "mine"
    assert sim_economy("init", path, "--force").returncode == 0
    assert path.read_text() != "mine"


def test_a_scenario_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "mine.toml"
    assert complaint(sim_economy("init", path)).startswith(f"error: {path}: ")


def test_a_seed_is_the_first_runs_in_every_command(tmp_path: Path) -> None:
    seeded = ("--seed", "5", "--turns", "2", "--json")
    played = json_of(sim_economy("run", "as-run", *seeded))
    assert played["seed"] == 5
    out = tmp_path / "experiment"
    sim_economy("experiment", "as-run", "--runs", "2", "--no-report", "--out", out, *seeded)
    runs = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["runs"]
    assert [run["seed"] for run in runs] == [5, 6]
    assert runs[0]["head"] == played["head"] != runs[1]["head"]
    out = tmp_path / "compare"
    sim_economy("compare", "as-run", "as-written", "--runs", "2", "--out", out, *seeded)
    for name in ("as-run", "as-written"):
        runs = json.loads((out / name / "manifest.json").read_text(encoding="utf-8"))["runs"]
        assert [run["seed"] for run in runs] == [5, 6]
    out = tmp_path / "orchestrate"
    sim_economy("orchestrate", "--mock", "--out", out, *seeded)
    settings = json.loads((out / "settings.json").read_text(encoding="utf-8"))
    assert settings["world"]["seed"] == 5
