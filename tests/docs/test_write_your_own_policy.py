"""The page on policies of one's own, followed from its first line to its last."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

import pytest

from sim_economy.agents.policy import View
from tests.docs.blocks import ROOT, fenced

PAGE: Final = ROOT / "docs/write-your-own-policy.md"
PROGRAM: Final = "#!{python}\nimport sys\nfrom sim_economy.cli import main\nsys.exit(main())\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A Python of its own that sees what is installed here, and installs to itself, offline."""
    home = tmp_path / "environment"
    venv.create(home, symlinks=True)
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    scripts, packages = Path(paths["scripts"]), Path(paths["purelib"])
    (packages / "here.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
    )
    program = scripts / "sim-economy"
    program.write_text(PROGRAM.format(python=scripts / "python"))
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def test_the_page_works_from_top_to_bottom(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    printed = ""
    for block in fenced(PAGE):
        named = re.fullmatch(r"`([\w./-]+)`:", lines[block.line - 3])
        if named is not None:
            path = folder / named[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            continue
        assert block.language == "bash", block
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, (block, ended.stdout, ended.stderr)
        printed += ended.stdout
    assert "my-policies" in printed
    assert "tokens it wants to hold" in printed
    assert (folder / "out/savers/run_metrics.csv").exists()
    assert "my_policies" not in sys.modules


def test_the_page_names_what_a_view_has() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| of `view`")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)(?:\([^)]*\))?`", table.replace("`below`", "")))
    public = {name for name in dir(View) if not name.startswith("_")}
    assert named == public
