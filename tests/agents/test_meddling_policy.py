"""A plug-in that writes to everything its view leads to: nothing comes out otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.wire_client import EngineProcess

PROGRAM: Final = Path(sys.executable).with_name("sim-economy")
POLICIES: Final = '''
import statistics
from contextlib import suppress

import sim_economy as se


class Quiet(se.Policy, frozen=True):
    def decide(self, view):
        return se.Mine()


class Meddler(se.Policy, frozen=True):
    def decide(self, view):
        meddle(view)
        return se.Mine()


class Careless(se.Policy, frozen=True):
    def decide(self, view):
        return se.Mine() if statistics.mean([]) else se.Job()


class Rude(se.Policy, frozen=True):
    def decide(self, view):
        view.state.studies[0] += 1
        return se.Mine()


def meddle(value, depth=6):
    """Read all that can be reached without an underscore, and write to all of it."""
    if depth == 0 or isinstance(value, (int, str, type(None))):
        return
    if isinstance(value, dict):
        parts = [*value.values()]
        value.clear()
        value["meddled"] = 1
    elif isinstance(value, (list, tuple)):
        parts = [*value]
        with suppress(AttributeError):
            value.clear()
        with suppress(TypeError, IndexError):
            value[0] = 7
    else:
        parts = []
        for name in dir(value):
            if name.startswith("_"):
                continue
            with suppress(Exception):
                parts.append(getattr(value, name))
            with suppress(AttributeError, TypeError):
                setattr(value, name, 7)
            # Python 3.13 lets this past any class that freezes itself, see ADR 0016.
            if __import__("sys").version_info < (3, 12):
                with suppress(AttributeError, TypeError):
                    object.__setattr__(value, name, 7)
    parts = [part for part in parts if not callable(part)]
    for part in parts:
        meddle(part, depth - 1)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a distribution of three policies."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "meddling-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: meddling\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sim_economy.policies]\nquiet = meddling:Quiet\nmeddler = meddling:Meddler\n"
        "rude = meddling:Rude\ncareless = meddling:Careless\n"
    )
    (folder / "meddling.py").write_text(POLICIES)
    return folder


def ended(site: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments, "--json"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site)},
        check=False,
        capture_output=True,
        text=True,
    )


def played(site: Path, *arguments: str, cwd: Path) -> Any:
    process = ended(site, *arguments, cwd=cwd)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


SOCIETY: Final = """
name = "society"
turns = 12
runs = 2
[world]
num_agents = 10
[[population]]
policy = "{policy}"
agents = ["agent_0", "agent_4"]
[[population]]
policy = "lender"
agents = 2
[[population]]
policy = "borrower"
agents = 2
[[population]]
policy = "published"
"""
MODELS: Final = """
[models.mock]
provider = "mock"
[[population]]
model = "mock"
agents = 2
"""


def test_a_run_comes_out_as_without_it(site: Path, tmp_path: Path) -> None:
    heads = set()
    for policy in ("quiet", "meddler"):
        (tmp_path / "society.toml").write_text(SOCIETY.format(policy=policy))
        heads.add(played(site, "run", "society.toml", cwd=tmp_path)["head"])
    assert len(heads) == 1


def test_an_experiment_comes_out_as_without_it(site: Path, tmp_path: Path) -> None:
    rows = []
    for policy in ("quiet", "meddler"):
        (tmp_path / "society.toml").write_text(SOCIETY.format(policy=policy))
        arguments = ("experiment", "society.toml", "--no-report", "--out", policy)
        rows.append(played(site, *arguments, cwd=tmp_path)["rows"])
    assert rows[0] == rows[1]


def test_a_run_inside_an_engine_comes_out_as_without_it(site: Path, tmp_path: Path) -> None:
    heads = set()
    for policy in ("quiet", "meddler"):
        with EngineProcess(tmp_path / f"{policy}.db", PYTHONPATH=str(site)) as engine:
            engine.call("/run", {"config": {"seed": 5}, "policy": policy, "turns": 8})
            heads.add(engine.call("/head")["hash"])
    assert len(heads) == 1


def test_a_run_with_models_comes_out_as_without_it(site: Path, tmp_path: Path) -> None:
    heads = set()
    for policy in ("quiet", "meddler"):
        (tmp_path / "society.toml").write_text(SOCIETY.format(policy=policy) + MODELS)
        arguments = ("orchestrate", "society.toml", "--out", policy)
        heads.add(played(site, *arguments, cwd=tmp_path)["head"])
    assert len(heads) == 1


@pytest.mark.parametrize("command", ["run", "orchestrate"])
def test_a_write_that_nobody_catches_is_refused_with_its_line(
    site: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "society.toml").write_text(SOCIETY.format(policy="rude"))
    process = ended(site, command, "society.toml", cwd=tmp_path)
    assert process.returncode == 2
    error = json.loads(process.stderr)["error"]
    assert error["code"] == "policy_failed"
    assert "the policy Rude failed for agent_0 in turn 1: TypeError" in error["problems"][0]
    assert "(meddling.py line 26)" in error["problems"][0]


def test_a_failure_in_a_library_names_the_line_of_the_policy(site: Path, tmp_path: Path) -> None:
    process = ended(site, "run", "as-run", "--policy", "careless", cwd=tmp_path)
    (problem,) = json.loads(process.stderr)["error"]["problems"]
    assert "StatisticsError" in problem
    assert problem.endswith("(meddling.py line 21)")
