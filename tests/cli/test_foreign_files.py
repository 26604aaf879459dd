"""Folders and files of others: nothing outside the output folder, nothing foreign written over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.ledger.sidecars.run_folder import folder_name
from tests.cli.shell import complaint, json_of, sim_economy

NAMES: Final = (
    "../../x", "/tmp/x", "..", ".", "a/b", "a\\b", "-rf", ".hidden", "a b", "ü漢", "x\n y",
    "x" * 300, "con.", "a:b", "*",
)  # fmt: skip
DIARY: Final = "dear diary\n"


@given(st.text(min_size=1, max_size=200))
def test_a_folders_name_is_one_step_and_its_own(name: str) -> None:
    found = folder_name(name)
    assert Path("out", found).resolve().parent == Path("out").resolve()
    assert found.isascii()
    assert len(found) <= 80
    assert not found.startswith(("-", "."))
    assert folder_name(found) == found
    assert found == name or folder_name(name + "'") != found


def scenario(folder: Path, name: str, stem: str = "own") -> Path:
    path = folder / f"{stem}.toml"
    path.write_text(f"name = {json.dumps(name)}\nturns = 2\nruns = 2\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_no_scenarios_name_leaves_the_output_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "deep" / "down"
    inside.mkdir(parents=True)
    path = scenario(inside, name)
    made = json_of(sim_economy("experiment", path, "--no-report", "--json", cwd=inside))["folder"]
    assert (inside / made).resolve().parent == inside / "out"
    assert {*inside.iterdir()} == {path, inside / "out"}
    assert {*tmp_path.iterdir()} == {tmp_path / "deep"}


def test_a_comparison_of_odd_names_stays_in_its_folder(tmp_path: Path) -> None:
    paths = [scenario(tmp_path, name, f"s{index}") for index, name in enumerate(NAMES[:4])]
    assert sim_economy("compare", *paths, "--out", "c", "--json", cwd=tmp_path).returncode == 0
    assert {*tmp_path.iterdir()} == {*paths, tmp_path / "c"}
    folders = {path.name for path in (tmp_path / "c").iterdir() if path.is_dir()}
    assert len(folders - {"figures", "tables"}) == 4


@pytest.mark.parametrize("first", ["experiment", "orchestrate"])
def test_an_experiment_and_a_run_of_models_of_one_name_do_not_collide(
    tmp_path: Path, first: str
) -> None:
    path = scenario(tmp_path, "same")
    calls = {
        "experiment": ("experiment", path, "--no-report", "--json"),
        "orchestrate": ("orchestrate", path, "--mock", "--json"),
    }
    order = [first, *(calls.keys() - {first})]
    folders = [json_of(sim_economy(*calls[name], cwd=tmp_path))["folder"] for name in order]
    assert folders[0] == "out/same"
    assert folders[1] != folders[0]
    again = [json_of(sim_economy(*calls[name], cwd=tmp_path))["folder"] for name in order]
    assert again == folders


@pytest.mark.parametrize("foreign", ["comparison.md", "notes.txt", "comparison.csv"])
def test_compare_refuses_a_folder_that_is_not_its_own(tmp_path: Path, foreign: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / foreign).write_text(DIARY, encoding="utf-8")
    ended = sim_economy("compare", "--runs", "2", "--turns", "2", "--out", own)
    assert "is not empty and no comparison's" in complaint(ended)
    assert [(path.name, path.read_text(encoding="utf-8")) for path in own.iterdir()] == [
        (foreign, DIARY)
    ]


def test_compare_goes_on_in_its_own_folder(tmp_path: Path) -> None:
    call = ("compare", "--runs", "2", "--turns", "2", "--out", tmp_path / "c")
    assert sim_economy(*call).returncode == 0
    (tmp_path / "c" / "notes.txt").write_text(DIARY, encoding="utf-8")
    assert sim_economy(*call).returncode == 0
    assert (tmp_path / "c" / "notes.txt").read_text(encoding="utf-8") == DIARY
    unfinished = tmp_path / "c"
    for path in unfinished.iterdir():
        if path.is_file() and path.name != ".lock":
            path.unlink()
    for name in ("figures", "tables"):
        shutil.rmtree(unfinished / name)
    assert sim_economy(*call).returncode == 0


def test_starting_over_removes_what_the_experiment_wrote_alone(tmp_path: Path) -> None:
    call = ("experiment", "as-run", "--runs", "2", "--turns", "2", "--out", tmp_path / "e")
    assert sim_economy(*call).returncode == 0
    foreign = [tmp_path / "e" / name for name in ("mine.csv", "report.docx", "runs/run-notes")]
    for path in foreign:
        path.write_text(DIARY, encoding="utf-8")
    assert sim_economy(*call, "--fresh").returncode == 0
    assert [path.read_text(encoding="utf-8") for path in foreign] == [DIARY] * 3


def test_reproduce_starts_over_in_no_other_experiment(tmp_path: Path) -> None:
    call = ("experiment", "as-run", "--runs", "2", "--turns", "2", "--out", tmp_path / "e")
    assert sim_economy(*call, "--no-report").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "e" / "runs").iterdir()}
    assert "holds another experiment" in complaint(
        sim_economy("reproduce", "--out", tmp_path / "e")
    )
    assert {path: path.read_bytes() for path in (tmp_path / "e" / "runs").iterdir()} == before


def test_a_page_is_written_over_no_file_but_an_earlier_page(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert (
        sim_economy("orchestrate", "as-run", "--mock", "--turns", "1", "--out", run).returncode == 0
    )
    diary, link, page = tmp_path / "diary.html", tmp_path / "link.html", tmp_path / "page.html"
    diary.write_text(DIARY, encoding="utf-8")
    assert sim_economy("inspect", run, "--html", page).returncode == 0
    assert sim_economy("inspect", run, "--html", page).returncode == 0
    link.symlink_to(page)
    for path in (diary, link, run / "calls.jsonl", run / "ledger.sqlite", run):
        ended = sim_economy("inspect", run, "--html", path)
        assert "is there already" in complaint(ended), path
    assert diary.read_text(encoding="utf-8") == DIARY
    assert sim_economy("replay", run).returncode == 0
