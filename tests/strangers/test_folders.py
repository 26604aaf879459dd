"""Folders of runs and experiments that were damaged or forged: refused by name, never a bug."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import FolderError
from sim_economy.orchestrator.record.call_folder import CALL_LOG, SETTINGS, read_run
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import mocked, play, served
from tests.strangers.commands import Ended, called
from tests.strangers.test_ledgers import STRANGE, alter

ALTERATIONS: Final = int(os.environ.get("STRANGER_FOLDERS", "1500"))
SLICE: Final = 40
TURNS: Final = 3
SCENARIO: Final = """
name = "small"
turns = 3
seed = 6
[models.m]
provider = "mock"
[[population]]
model = "m"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, beside the scenario that it plays."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.toml").write_text(SCENARIO, encoding="utf-8")
    assert called("orchestrate", folder / "small.toml", "--out", folder / "run").status == 0
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole / "run", tmp_path / "run")
    return tmp_path / "run"


def read_by_every_command(run: Path, whole: Path) -> dict[str, Ended]:
    """What each command that reads a run's folder makes of it; playing on comes last."""
    page = run.parent / "page.html"
    calls: dict[str, tuple[str | Path, ...]] = {
        "inspect": ("inspect", run),
        "agent": ("inspect", run, "--agent", "agent_1", "--prompts"),
        "json": ("inspect", run, "--json"),
        "html": ("inspect", run, "--html", page),
        "replay": ("replay", run),
        "resume": ("orchestrate", whole / "small.toml", "--out", run),
    }
    return {name: called(*call) for name, call in calls.items()}


def lines_of(run: Path) -> list[bytes]:
    return (run / CALL_LOG).read_bytes().splitlines(keepends=True)


def without(run: Path, kind: str, index: int = 0) -> None:
    """Remove one line of a kind from a record."""
    lines = lines_of(run)
    of_kind = [line for line in lines if line.startswith(f'{{"line":"{kind}"'.encode())]
    lines.remove(of_kind[index])
    (run / CALL_LOG).write_bytes(b"".join(lines))


def test_a_whole_folder_is_read_by_every_command(run: Path, whole: Path) -> None:
    ended = read_by_every_command(run, whole)
    assert {name: end.status for name, end in ended.items()} == dict.fromkeys(ended, 0)


@pytest.mark.parametrize(
    ("kind", "index"),
    [("began", 0), ("sent", 0), ("sent", -1), ("decided", 0), ("decided", -1), ("closed", 0)],
)
def test_a_record_without_one_of_its_lines_is_refused_with_a_way_on(
    run: Path, whole: Path, kind: str, index: int
) -> None:
    without(run, kind, index)
    for name, (status, _, errors) in read_by_every_command(run, whole).items():
        assert status == 2, (name, errors)
        assert "--fresh" in errors, (name, errors)
    assert called("orchestrate", whole / "small.toml", "--out", run, "--fresh").status == 0


def test_a_record_that_lost_the_end_it_had_synced_says_how_to_go_on(run: Path, whole: Path) -> None:
    lines = lines_of(run)
    firsts = [index for index, line in enumerate(lines) if line.startswith(b'{"line":"closed"')]
    (run / CALL_LOG).write_bytes(b"".join(lines[: firsts[0] + 1]))
    ended = called("orchestrate", whole / "small.toml", "--out", run)
    assert ended.status == 2
    assert "--fresh" in ended.errors
    assert called("orchestrate", whole / "small.toml", "--out", run, "--fresh").status == 0


def test_a_record_whose_first_calls_were_lost_says_how_to_go_on(tmp_path: Path) -> None:
    with ModelServer(brain=lambda *_: "no JSON") as server:
        task = served(server.address, 1, repairs=1)
        play(tmp_path, task)
        lines = lines_of(tmp_path)
        kept = [line for line in lines if b'"attempt":0' not in line]
        assert len(kept) < len(lines)
        (tmp_path / CALL_LOG).write_bytes(b"".join(kept))
        with pytest.raises(FolderError, match="--fresh") as refused:
            play(tmp_path, task)
    assert refused.value.code == "record_damaged"


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update({"minds": 5}),
        lambda kept: kept.update(world=None),
        lambda kept: kept.update(world=[]),
        lambda kept: kept.update(agent_ids="agent_0"),
        lambda kept: kept.update(agent_ids=[1, 2]),
        lambda kept: kept["agent_ids"].pop(),
        lambda kept: kept["minds"].clear(),
        lambda kept: kept["minds"]["agent_0"].update(model="another"),
        lambda kept: kept.update(models=None),
        lambda kept: kept["models"]["m"].update(max_output_tokens="x"),
        lambda kept: kept["orchestrator"].update(retries=None),
        lambda kept: kept.update(turns="three"),
        lambda kept: kept.update(name=None),
        lambda kept: kept.update(rules_version=5),
        lambda kept: kept.pop("rules_version"),
        lambda kept: kept.pop("world"),
        lambda kept: kept.pop("prompt_version"),
        lambda kept: kept.update(format=None),
    ],
)
def test_altered_settings_are_refused_by_name(
    run: Path, whole: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    kept = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
    change(kept)
    (run / SETTINGS).write_text(json.dumps(kept), encoding="utf-8")
    for name, (status, _, errors) in read_by_every_command(run, whole).items():
        if name != "resume" or status:
            assert status in {1, 2}, (name, errors)
            assert errors.startswith(("error: ", '{"error"')) or status == 1, errors
    assert called("orchestrate", whole / "small.toml", "--out", run, "--fresh").status == 0


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\0" * 99, "[" * 100_000, "\ud800"])
@pytest.mark.parametrize("file", [SETTINGS, CALL_LOG])
def test_files_that_are_no_json_are_refused_with_a_way_on(
    run: Path, whole: Path, file: str, text: str
) -> None:
    ends = "\n" if file == CALL_LOG else ""
    (run / file).write_bytes((text + ends).encode(errors="surrogatepass"))
    for name, (status, _, errors) in read_by_every_command(run, whole).items():
        assert status in {0, 1, 2}, (name, errors)
        if file == SETTINGS:
            assert status == 2, (name, errors)
            assert "--fresh" in errors
    assert called("orchestrate", whole / "small.toml", "--out", run, "--fresh").status == 0


def forge(run: Path, draws: random.Random) -> None:
    """Change a value, a line or the settings of a run's folder."""
    lines = lines_of(run)
    for _ in range(draws.choice((1, 1, 2))):
        index = draws.randrange(len(lines))
        match draws.randrange(8):
            case 0:
                del lines[index]
            case 1:
                lines.insert(draws.randrange(len(lines)), lines[index])
            case 2:
                lines = lines[:index]
            case 3:
                settings = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
                alter(settings, draws)
                (run / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
            case _:
                value = json.loads(lines[index])
                alter(value, draws)
                lines[index] = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        if not lines:
            break
    (run / CALL_LOG).write_bytes(b"".join(lines))


def read_forged(whole: Path, folder: Path, seed: int) -> None:
    run = folder / "forged"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole / "run", run)
    forge(run, random.Random(seed))
    try:
        ended = read_by_every_command(run, whole)
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert {end.status for end in ended.values()} <= {0, 1, 2}, (seed, ended)


def test_some_forged_records_are_refused_or_read_without_a_traceback(
    whole: Path, tmp_path: Path
) -> None:
    for seed in range(SLICE):
        read_forged(whole, tmp_path, seed)


@pytest.mark.nightly
def test_many_forged_records_are_refused_or_read_without_a_traceback(
    whole: Path, tmp_path: Path
) -> None:
    for seed in range(SLICE, ALTERATIONS):
        read_forged(whole, tmp_path, seed)


EXPERIMENT: Final = (
    "experiment",
    "as-run",
    "--runs",
    "2",
    "--turns",
    "3",
    "--no-report",
    "--ledgers",
)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment") / "out"
    assert called(*EXPERIMENT, "--out", folder).status == 0
    return folder


def forge_experiment(folder: Path, draws: random.Random) -> None:
    """Change a file of an experiment's folder: a value of it, its bytes, or that it is there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    path = draws.choice([*files, *[folder / "manifest.json"] * len(files)])
    match draws.randrange(5):
        case 0:
            path.unlink()
        case 1:
            path.write_bytes(draws.randbytes(200))
        case 2:
            path.write_bytes(path.read_bytes()[: draws.randrange(200)])
        case 3:
            path.write_bytes(b"[" * 100_000)
        case _ if path.name == "manifest.json":
            value = json.loads(path.read_text(encoding="utf-8"))
            alter(value, draws)
            path.write_text(json.dumps(value), encoding="utf-8")
        case _:
            path.write_text(json.dumps(draws.choice(STRANGE[:-8])), encoding="utf-8")


def play_forged(experiment: Path, to: Path, seed: int) -> None:
    folder = to / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(experiment, folder)
    forge_experiment(folder, random.Random(seed))
    try:
        ended = called(*EXPERIMENT, "--out", folder)
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert ended.status in {0, 2}, (seed, ended)
    if ended.status == 0:
        for name in ("run_metrics.csv", "summary.json", "run_measures.csv"):
            assert (folder / name).read_bytes() == (experiment / name).read_bytes(), seed


def test_some_damaged_experiments_are_played_to_the_same_files_or_refused(
    experiment: Path, tmp_path: Path
) -> None:
    for seed in range(SLICE):
        play_forged(experiment, tmp_path, seed)


@pytest.mark.nightly
def test_many_damaged_experiments_are_played_to_the_same_files_or_refused(
    experiment: Path, tmp_path: Path
) -> None:
    for seed in range(SLICE, ALTERATIONS):
        play_forged(experiment, tmp_path, seed)


def test_a_run_is_read_with_all_its_decisions(run: Path) -> None:
    _, log = read_run(run)
    assert len(log.decided) == 8 * TURNS
    assert mocked(TURNS).turns == TURNS
