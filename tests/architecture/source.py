"""The source of this project, as text and as syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import sim_economy

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = Path(sim_economy.__file__).parent
CORE: Final = PACKAGE / "core"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.py"))
    assert found, folder
    return found


def nodes(folder: Path) -> Iterator[tuple[str, ast.AST]]:
    """Every node with its place, `turn.py:12`."""
    for path in modules(folder):
        for node in ast.walk(tree(path)):
            yield f"{path.relative_to(folder)}:{getattr(node, 'lineno', 0)}", node


@cache
def tracked() -> tuple[Path, ...]:
    """Files that are or will be under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no checkout")
    return tuple(path for name in listed.stdout.split("\0") if (path := ROOT / name).is_file())
