"""`train` and `search` as a shell calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import complaint, json_of, sim_economy

TRAINING = """
turns = 5
generations = 2
candidates = 4
seeds = 1
holdout_seeds = 2
numbers = { job_below = { from = 0, to = 2000 } }
set = { num_agents = 2 }
"""
SEARCH = """
turns = 5
generations = 2
points = 4
seeds = 1
holdout_seeds = 2
objectives = [{ metric = "platform_final" }]
vary = { study_cost = { from = 1, to = 90 } }
set = { num_agents = 2 }
"""


@pytest.mark.parametrize(("command", "file"), [("train", TRAINING), ("search", SEARCH)])
def test_a_session_stops_goes_on_and_says_so(command: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(file)
    call = (command, "one.toml", "--json")
    stopped = json_of(sim_economy(*call, "--seconds-max", "1e-9", cwd=tmp_path), 3)
    assert (stopped["generations"], stopped["finished"], stopped["answer"]) == (0, False, None)
    found = json_of(sim_economy(*call, "--no-report", cwd=tmp_path))
    assert (found["generations"], found["finished"], found["report"]) == (2, True, None)
    said = sim_economy(command, "one.toml", cwd=tmp_path)
    assert " ".join(said.stdout.split()).startswith(found["answer"])
    assert "2 generations were there already" in said.stdout
    assert list((tmp_path / "out/one").glob("*.html"))
    refused = complaint(sim_economy(*call[:2], "--set", "seeds=2", cwd=tmp_path))
    assert "seeds was 1, is now 2" in refused
    again = json_of(sim_economy(*call, "--set", "seeds=2", "--fresh", cwd=tmp_path))
    assert (again["resumed"], again["folder"]) == (0, "out/one")


@pytest.mark.parametrize("command", ["train", "search"])
def test_a_file_that_is_missing_or_no_toml_is_refused(command: str, tmp_path: Path) -> None:
    assert "no.toml: no such file" in complaint(sim_economy(command, "no.toml", cwd=tmp_path))
    (tmp_path / "bad.toml").write_text("a = = 1")
    assert "bad.toml: not valid TOML" in complaint(sim_economy(command, "bad.toml", cwd=tmp_path))


@pytest.mark.parametrize("command", ["train", "search"])
def test_a_folder_of_something_else_is_left_alone(command: str, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(TRAINING if command == "train" else SEARCH)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/manifest.json").write_text("{}")
    said = complaint(sim_economy(command, "one.toml", "--out", "mine", cwd=tmp_path))
    assert "is not empty and no" in said
    assert (tmp_path / "mine/manifest.json").read_text() == "{}"
