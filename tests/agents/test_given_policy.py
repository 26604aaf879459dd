"""Policies that Python hands over as a class or a value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import sim_economy as se
from sim_economy.agents.given_policy import can_be_imported, policy_of
from sim_economy.agents.policies.simple import Miner
from sim_economy.core.errors import ScenarioError
from sim_economy.scenarios.scenario import Scenario, load_scenario


class Saver(se.Policy, frozen=True):
    """Works until it has a cushion."""

    cushion: Annotated[int, se.Parameter(se.Kind.COUNT, "tokens it wants", 1)] = 600
    candour: Annotated[int, se.Parameter(se.Kind.RATE, "how often it tells")] = 250_000

    def decide(self, view: se.View) -> se.Action | se.Move:
        poor = view.observation.accounts["balance"] < self.cushion
        return se.Job() if poor else se.Mine()


class Unlike:
    def decide(self, view: se.View) -> se.Action:
        raise NotImplementedError


class Unstated(se.Policy, frozen=True):
    bids: tuple[int, ...] = ()


def scenario(**changes: Any) -> Scenario:
    return load_scenario("as-run", {"turns": 3, **changes})


def test_a_class_plays_with_its_defaults_and_a_value_with_its_own() -> None:
    assert se.play(turns=3, policy=Saver).metrics["actions_mine"] == 24
    assert se.play(turns=3, policy=Saver(cushion=2000)).metrics["actions_job"] == 24


def test_a_policy_plays_among_named_ones_with_parameters() -> None:
    entries = (
        {"policy": Saver, "agents": 2, "cushion": 2000},
        {"policy": Saver(candour=500_000), "agents": ["agent_7"]},
        {"policy": "idle"},
    )
    given = scenario(population=entries)
    first, second, third = given.settings["population"]
    assert (first["policy"], first["cushion"], first["candour"]) == ("Saver", 2000, "0.25")
    assert (second["agents"], second["candour"]) == (["agent_7"], "0.5")
    assert third == {"policy": "idle", "agents": [f"agent_{i}" for i in range(2, 7)]}
    assert [*given.settings["policy_sources"]] == ["Saver"]


def test_settings_keep_the_digest_of_the_source_only_of_policies_that_were_given() -> None:
    assert "policy_sources" not in scenario(policy="miner").settings
    assert "policy_sources" not in scenario(policy=Miner).settings
    assert scenario(policy=Miner).settings["population"][0]["policy"] == "miner"

    def with_body(action: str) -> dict[str, str]:
        names: dict[str, Any] = {"se": se, "__name__": "__main__"}
        code = f"class P(se.Policy):\n    def decide(self, view):\n        return se.{action}()\n"
        exec(code, names)
        sources: dict[str, str] = scenario(policy=names["P"]).settings["policy_sources"]
        return sources

    assert with_body("Mine") == with_body("Mine") != with_body("Job")


def test_two_policies_of_one_name_are_refused() -> None:
    def another() -> type[se.Policy]:
        class Saver(se.Policy, frozen=True):
            pass

        return Saver

    with pytest.raises(ScenarioError, match="two policies are called Saver; rename one"):
        scenario(population=[{"policy": Saver, "agents": 2}, {"policy": another()}])


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (Unlike, "policy: Unlike is not a policy; begin it with class Unlike(Policy)"),
        (Unlike(), "policy: Unlike is not a policy; begin it with class Unlike(Policy)"),
        (Unstated, "policy: Unstated is not a valid policy: its parameter bids has no Parameter"),
        (3, "policy: must be a text that names a policy, or in Python a policy or its class"),
        (lambda view: view, "policy: must be a text that names a policy"),
        (Saver(cushion=0), "Saver.cushion: must be an integer, not 0"),
        (Saver(cushion="600"), "Saver.cushion: must be an integer, not '600'"),  # type: ignore[arg-type]
        (Saver(candour=0.5), "Saver.candour: must be a whole number of millionths"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("entry", [False, True])
def test_what_is_not_a_policy_is_one_clear_error(policy: Any, problem: str, *, entry: bool) -> None:
    changes = {"population": [{"policy": policy}]} if entry else {"policy": policy}
    with pytest.raises(ScenarioError) as caught:
        scenario(**changes)
    (found,) = caught.value.problems
    assert problem in found


def test_a_value_that_numpy_computed_is_held_as_a_file_would_hold_it() -> None:
    held = policy_of(Saver(cushion=np.int64(900)))  # type: ignore[arg-type]
    assert isinstance(held, Saver)
    assert type(held.cushion) is int


def test_a_class_is_imported_by_others_only_from_a_file() -> None:
    class Local(se.Policy, frozen=True):
        pass

    assert can_be_imported(Saver())
    assert can_be_imported(Miner())
    assert not can_be_imported(Local())


SCRIPT = """
import sim_economy as se

class Mining(se.Policy):
    def decide(self, view):
        return se.{action}()

played = se.experiment("as-run", "runs-here", runs=2, turns=2, jobs=2, policy=Mining)
print(len(played.runs), played.outcome.failures, played.outcome.resumed)
"""


def test_an_experiment_of_a_script_is_resumed_under_the_same_source_only(tmp_path: Path) -> None:
    def ended(action: str) -> subprocess.CompletedProcess[str]:
        code = SCRIPT.format(action=action)
        (tmp_path / "script.py").write_text(code)
        command = [sys.executable, "script.py"]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert ended("Mine").stdout == "2 [] 0\n"
    assert ended("Mine").stdout == "2 [] 2\n"
    changed = ended("Job")
    assert "policy_sources.Mining was " in changed.stderr
    assert "start over with --fresh (in Python, fresh=True)" in changed.stderr
    (tmp_path / "script.py").unlink()
    assert '"policy_sources"' in (tmp_path / "runs-here" / "manifest.json").read_text()
