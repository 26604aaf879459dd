"""The page for operators, run from top to bottom, and the files it speaks of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sim_economy.api.server import LEVELS
from sim_economy.core.errors import ExtraMissingError, ReplayError, StoreError
from sim_economy.world.access import AUTH_MODES
from tests.docs.blocks import ROOT, fenced, follow

PAGE = ROOT / "docs/operations.md"
UNIT = ROOT / "deploy/sim-engine.service"
IMAGE = ROOT / "deploy/Containerfile"
INSTALLED = "/opt/sim-economy/bin/sim-engine"


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    follow(PAGE, tmp_path, ["8000"])


def test_an_expected_output_follows_a_block_that_runs() -> None:
    languages = [block.language for block in fenced(PAGE)]
    before = {languages[index - 1] for index, name in enumerate(languages) if name == "text"}
    assert before <= {"bash", "python"}


def test_the_page_says_what_to_do_about_every_refusal_of_a_start() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    of_a_start = StoreError.CODES - {"ledger_missing", "ledger_exists"}
    assert named == of_a_start | {ReplayError.code, ExtraMissingError.code}


def settings(text: str) -> dict[str, str]:
    """NAME=VALUE pairs."""
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", text))


@pytest.mark.parametrize(
    ("path", "line"), [(UNIT, r"^Environment=(.*)$"), (IMAGE, r"^ENV (.*)$")], ids=["unit", "image"]
)
def test_the_settings_of_a_deployment_are_the_engines_and_ask_for_tokens(
    path: Path, line: str
) -> None:
    found = re.search(line, path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    given = settings(found[1])
    assert given["SIM_ENGINE_AUTH"] in set(AUTH_MODES) - {"open"}
    assert given["SIM_ENGINE_LOG"] in LEVELS
    assert set(given) == {"HOST", "PORT", "DB_PATH", "SIM_ENGINE_AUTH", "SIM_ENGINE_LOG"}


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the engine of this environment in place of an installed one."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze: the unit cannot be checked")
    path = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    assert text.count(INSTALLED) == 1
    engine = str(Path(sys.executable).with_name("sim-engine"))
    path.write_text(text.replace(INSTALLED, engine), encoding="utf-8")
    return path


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    ended = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_systemd_rates_the_unit_as_hardly_exposed(unit: Path) -> None:
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_the_image_is_of_two_stages_pinned_and_run_by_nobody_special() -> None:
    text = IMAGE.read_text(encoding="utf-8")
    stages = text.split("\nFROM ")[1:]
    assert len(stages) == 2
    assert "--require-hashes" in stages[0]
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split()), source
    last = stages[1]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert last.index("USER") < last.index("ENTRYPOINT")
    for word in ("VOLUME /state", "STOPSIGNAL SIGTERM", "HEALTHCHECK"):
        assert word in last
    assert "UNTESTED" in text
    assert "untested" in PAGE.read_text(encoding="utf-8")


def test_neither_deployment_is_part_of_the_wheel() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    assert built["build"]["targets"]["wheel"] == {"packages": ["src/sim_economy"]}
