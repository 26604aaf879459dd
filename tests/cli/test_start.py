"""Help, completion, and how little a start costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from sim_economy.cli import cli
from tests.cli.shell import CALL, complaint, sim_economy

COMMANDS = (
    "reproduce",
    "run",
    "experiment",
    "compare",
    "sweep",
    "open",
    "map",
    "study",
    "sensitivity",
    "train",
    "search",
    "usage",
    "whatif",
    "orchestrate",
    "inspect",
    "init",
    "policies",
    "view",
    "verify",
    "replay",
    "statement",
    "diff",
    "export",
    "serve",
    "reader",
    "backup",
    "copy",
    "mcp",
    "key",
    "completion",
)


def test_the_help_lists_every_command() -> None:
    ended = sim_economy("--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in ended.stdout
    assert cli.list_commands(click.Context(cli)) == [*COMMANDS]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_for_itself_and_each_option(command: str) -> None:
    ended = sim_economy(command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Usage: sim-economy {command} ")
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert found.help
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert max(parameter.opts, key=len) in ended.stdout


def test_the_version_is_the_packages() -> None:
    assert version("sim-economy") in sim_economy("--version").stdout


def test_an_unknown_command_is_refused() -> None:
    assert "there is no command fly\n" in complaint(sim_economy("fly"))


def test_a_misspelt_command_is_refused_with_the_one_meant() -> None:
    assert "there is no command vrify; did you mean verify?\n" in complaint(sim_economy("vrify"))


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", "complete -o nosort -F _sim_economy_completion sim-economy"),
        ("zsh", "#compdef sim-economy"),
        ("fish", "complete --no-files --command sim-economy"),
    ],
)
def test_a_shell_gets_its_completion_script(shell: str, words: str) -> None:
    ended = sim_economy("completion", shell)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert words in ended.stdout
    assert "_SIM_ECONOMY_COMPLETE=" + shell + "_complete" in ended.stdout


def test_an_unknown_shell_gets_the_names_of_those_there_are() -> None:
    message = complaint(sim_economy("completion", "tcsh"))
    assert all(shell in message for shell in ("bash", "zsh", "fish"))


def test_a_scenario_completes_to_the_presets() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CALL],
        env={
            "_SIM_ECONOMY_COMPLETE": "bash_complete",
            "COMP_WORDS": "sim-economy run as-",
            "COMP_CWORD": "2",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert "plain,as-run" in ended.stdout.splitlines()
    assert "plain,as-written" in ended.stdout.splitlines()


HEAVY = (
    "rich",
    "numpy",
    "numba",
    "polars",
    "matplotlib",
    "scipy",
    "msgspec",
    "sqlite3",
    "filelock",
)


def imported(words: tuple[str, ...], *arguments: str) -> tuple[str, list[str]]:
    """What a command prints, and which of these modules it imports."""
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print(*({{*{words!r}}} & {{*sys.modules}}), file=sys.stderr))\n"
        f"sys.argv = ['sim-economy', *{arguments!r}]\n"
        "from sim_economy.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return ended.stdout, ended.stderr.split()


def test_the_help_of_the_whole_imports_nothing_heavy() -> None:
    output, found = imported(HEAVY, "--help")
    assert "Commands:" in output
    assert found == []


def test_a_run_imports_no_library_of_the_report() -> None:
    _, found = imported(("numpy", "polars", "matplotlib", "scipy"), "run", "--turns", "1")
    assert found == []


def test_no_command_that_plays_a_few_runs_imports_the_kernel(tmp_path: Path) -> None:
    few = ("--seeds", "1", "--set", "vary.turns=[1]", "--set", "base_inference_rate=1")
    for arguments in (("reproduce",), ("sweep", "tariff-caution", *few)):
        rest = ("--no-report", "--out", str(tmp_path / arguments[0]))
        _, found = imported(("numba", "llvmlite", "SALib"), *arguments, *rest)
        assert found == []
