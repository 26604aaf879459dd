"""Which policies there are, shipped and installed, and what is wrong with a plug-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import pytest

import sim_economy as se
from sim_economy.agents.catalogue import (
    SHIPPED,
    policy_class,
    policy_named,
    policy_parameters,
    settings_of,
)
from sim_economy.agents.policies.published_policy import Published
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, NumberText, Parameter
from sim_economy.core.units import Millionths

PROGRAM: Final = Path(sys.executable).with_name("sim-economy")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_is_complete(name: str) -> None:
    policy = policy_named(name)
    assert type(policy) is policy_class(name)
    assert (type(policy).__doc__ or "").strip()
    for parameter, (about, default) in policy_parameters(type(policy)).items():
        assert about.meaning, (name, parameter)
        stated = settings_of(policy, every=True)[parameter]
        assert policy_named(name, {parameter: stated}) == policy
        assert getattr(policy, parameter) == default


def test_a_policy_is_found_by_its_name() -> None:
    assert policy_named("published") == Published()


def test_an_unknown_policy_is_refused_with_those_there_are() -> None:
    with pytest.raises(ScenarioError) as caught:
        policy_named("gambler")
    there_are = f"there are {', '.join(SHIPPED)}"
    assert str(caught.value) == f"policy: there is no gambler; {there_are}; did you mean member?"


# Plug-ins, in folders of their own

GOOD: Final = """
from typing import Annotated
import sim_economy as se

class Patient(se.Policy, frozen=True):
    '''Mines, but works every so often.'''

    every: Annotated[int, se.Parameter(se.Kind.COUNT, "turns from one job to the next", 1)] = 5

    def decide(self, view):
        return se.Move(se.Job() if view.open_turn % self.every == 0 else se.Mine(), speech="hm")
"""


class Ran:
    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        self.status = ended.returncode
        self.out = ended.stdout
        self.err = ended.stderr


@pytest.fixture
def plugged(tmp_path: Path) -> Callable[..., Ran]:
    """Call the program in a world of plug-ins: (distribution, entry point, source) each."""

    def called(plugins: list[tuple[str, str, str]], *arguments: str) -> Ran:
        folder = tmp_path / "site"
        for distribution, entry, source in plugins:
            module = distribution.replace("-", "_")
            info = folder / f"{module}-1.0.dist-info"
            info.mkdir(parents=True)
            metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
            (info / "METADATA").write_text(metadata)
            (info / "entry_points.txt").write_text(f"[sim_economy.policies]\n{entry}\n")
            (folder / f"{module}.py").write_text(source)
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        return Ran(
            subprocess.run(
                [PROGRAM, *arguments],
                cwd=tmp_path,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
        )

    return called


def test_an_installed_policy_plays_like_a_shipped_one(
    plugged: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        'turns = 6\n[[population]]\npolicy = "patient"\nagents = 3\nevery = 2\n'
        '[[population]]\npolicy = "miner"\nagents = "rest"\n'
    )
    plugin = ("tiny-policies", "patient = tiny_policies:Patient", GOOD)
    ran = plugged([plugin], "run", "mine.toml", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out)["metrics"]["actions_job"] == 9


def test_installed_policies_are_played_in_several_processes(
    plugged: Callable[..., Ran],
) -> None:
    plugin = ("tiny-policies", "patient = tiny_policies:Patient", GOOD)
    arguments = ("--policy", "patient", "--runs", "3", "--turns", "5", "--jobs", "2")
    ran = plugged([plugin], "experiment", "as-run", *arguments, "--no-report", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert [row["actions_job"] for row in json.loads(ran.out)["rows"]] == [8, 8, 8]


def test_the_list_names_every_policy_with_its_parameters(plugged: Callable[..., Ran]) -> None:
    plugin = ("tiny-policies", "patient = tiny_policies:Patient", GOOD)
    ran = plugged([plugin], "policies", "--json")
    listed = {offer["policy"]: offer for offer in json.loads(ran.out)}
    assert [*listed] == [*SHIPPED, "patient"]
    assert listed["patient"] == {
        "policy": "patient",
        "distribution": "tiny-policies",
        "summary": "Mines, but works every so often.",
        "parameters": [
            {
                "name": "every",
                "default": 5,
                "kind": "an integer from 1 to 2147483647",
                "meaning": "turns from one job to the next",
            }
        ],
    }
    assert "patient" in plugged([], "policies").out


def test_a_policy_of_two_distributions_is_refused_by_their_names(
    plugged: Callable[..., Ran],
) -> None:
    first = ("tiny-policies", "patient = tiny_policies:Patient", GOOD)
    second = ("other", "patient = other:Patient", GOOD)
    ran = plugged([first, second], "run", "as-run", "--policy", "patient")
    said = "policy: patient is offered by other and tiny-policies; uninstall all but one"
    assert ran.status == 2
    assert said in ran.err
    assert plugged([], "run", "as-run", "--turns", "1").status == 0
    ran = plugged([], "policies", "--json")
    assert ran.status == 1
    assert [said in offer.get("problem", "") for offer in json.loads(ran.out)].count(True) == 2


def test_a_plug_in_cannot_take_a_shipped_name(plugged: Callable[..., Ran]) -> None:
    plugin = ("tiny-policies", "published = tiny_policies:Patient", GOOD)
    ran = plugged([plugin], "reproduce", "--no-report")
    assert ran.status == 2
    assert "policy: published is offered by sim-economy and tiny-policies" in ran.err


TAKING: Final = """
from typing import Annotated
import sim_economy as se

class Patient(se.Policy, frozen=True):
    of: Annotated[str, se.Parameter(se.Kind.AGENTS, "whom it watches")] = "rest"
"""


@pytest.mark.parametrize(
    ("entry", "source", "said"),
    [
        ("patient = tiny:Patient", "import nothing_like_it",
         "cannot be loaded: ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("patient = tiny:Hasty", GOOD, "cannot be loaded: AttributeError: "),
        ("patient = tiny:Patient", "1 / 0", "cannot be loaded: ZeroDivisionError: "),
        ("patient = tiny:Patient", "class Patient: pass",
         "is not a subclass of sim_economy.Policy: tiny:Patient"),
        ("patient = tiny:Patient",
         "import sim_economy as se\nclass Patient(se.Policy, frozen=True):\n    every: int",
         "is not a valid policy: its parameter every has no default"),
        ("patient = tiny:Patient",
         "import sim_economy as se\nclass Patient(se.Policy, frozen=True):\n    who: str = 'ann'",
         "is not a valid policy: its parameter who has no Parameter that says how it is written"),
        ("patient = tiny:Patient",
         "import sim_economy as se\nclass Patient(se.Policy, frozen=True):\n    agents: int = 1",
         "is not a valid policy: its parameter agents has a name that a population uses itself"),
        ("patient = tiny:Patient",
         TAKING,
         "is not a valid policy: its parameter of must not be how many agents"),
    ],
)  # fmt: skip
def test_a_broken_plug_in_is_refused_by_the_name_of_its_distribution(
    plugged: Callable[..., Ran], entry: str, source: str, said: str
) -> None:
    ran = plugged([("tiny", entry, source)], "run", "as-run", "--policy", "patient")
    assert ran.status == 2
    assert f"policy: patient of the distribution tiny {said}" in ran.err
    assert "Traceback" not in ran.err


DECIDING: Final = """
import sim_economy as se

class Patient(se.Policy, frozen=True):
    def decide(self, view):
        {body}
"""


def test_a_policy_that_raises_is_named_with_its_agent_and_turn(
    plugged: Callable[..., Ran], tmp_path: Path
) -> None:
    source = DECIDING.format(body="return se.Mine() if view.open_turn < 3 else 1 / 0")
    arguments = ("experiment", "as-run", "--policy", "patient", "--runs", "1", "--no-report")
    ran = plugged([("tiny", "patient = tiny:Patient", source)], *arguments)
    assert ran.status == 1
    (failure,) = (tmp_path / "out/as-run/failures").iterdir()
    assert "the policy Patient failed for agent_0 in turn 3: " in failure.read_text()


@pytest.mark.parametrize("answer", ["None", "'mine'", "se.Move(None)", "se.Stake(1.5)"])
def test_a_policy_that_answers_nonsense_is_refused(
    plugged: Callable[..., Ran], answer: str
) -> None:
    source = DECIDING.format(body=f"return {answer}")
    ran = plugged([("tiny", "patient = tiny:Patient", source)], "run", "--policy", "patient")
    assert ran.status == 2
    assert ran.err.startswith("error: the policy Patient failed for agent_0 in turn 1: action")
    assert "Traceback" not in ran.err


# Parameters


class Mood(StrEnum):
    CALM = "calm"
    HASTY = "hasty"


class Many(se.Policy, frozen=True):
    tokens: Annotated[int, Parameter(Kind.COUNT, "some tokens", 1, 9)] = 5
    rate: Annotated[Millionths, Parameter(Kind.RATE, "a rate")] = Millionths(100_000)
    mood: Annotated[Mood, Parameter(Kind.VARIANT, "a mood")] = Mood.CALM
    bold: bool = False
    plain: int = 3


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim_economy.agents.catalogue.policy_class", lambda name: Many)


@pytest.mark.usefixtures("many")
def test_parameters_are_read_as_the_worlds_are() -> None:
    given = {"tokens": 9, "rate": NumberText("0.25"), "mood": "hasty", "bold": True, "plain": 0}
    policy = policy_named("many", given)
    assert policy == Many(9, Millionths(250_000), Mood.HASTY, bold=True, plain=0)
    assert settings_of(policy) == {**given, "rate": Decimal("0.25")}
    assert policy_named("many") == Many()


@pytest.mark.usefixtures("many")
def test_all_problems_of_parameters_are_found_at_once() -> None:
    given: dict[str, Any] = {
        "tokens": 10, "rate": 2, "mood": "sad", "bold": 1, "plain": "3", "tokns": 1,
    }  # fmt: skip
    with pytest.raises(ScenarioError) as caught:
        policy_named("many", given)
    assert caught.value.problems == [
        "tokens: must be an integer from 1 to 9",
        "rate: must be from 0 to 1",
        "mood: must be one of calm, hasty",
        "bold: must be true or false",
        "plain: must be an integer from 0 to 2147483647",
        "tokns: unknown key; did you mean tokens?",
    ]


class Worded(se.Policy, frozen=True):
    """Kinds that are written with a point or in words."""

    motto: Annotated[str, Parameter(Kind.TEXT, "what it says")] = "steady"
    share: Annotated[Decimal, Parameter(Kind.NUMBER, "of what it has", 0, 2)] = Decimal("0.5")
    pause: Annotated[Decimal, Parameter(Kind.SECONDS, "between two turns")] = Decimal(1)


def test_a_policy_may_have_parameters_in_words_and_with_a_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sim_economy.agents.catalogue.policy_class", lambda name: Worded)
    given = {"motto": "bold", "share": NumberText("1.25"), "pause": 2}
    policy = policy_named("worded", given)
    assert policy == Worded("bold", Decimal("1.25"), Decimal(2))
    assert policy_named("worded", settings_of(policy)) == policy
    with pytest.raises(ScenarioError, match="share: must be a number from 0 to 2"):
        policy_named("worded", {"share": 3})
