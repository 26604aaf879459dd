"""The notebooks of the docs: executed, they give what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import ROOT
from tests.docs.notebooks import NOTEBOOKS, code_cells, executed, read

POLICY: Final = ROOT / "docs/notebooks/your-own-policy.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_what_it_shows(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("numba")
    stored = read(path)
    again = executed(stored, tmp_path)
    for shown, given in zip(code_cells(stored), code_cells(again), strict=True):
        assert shown == given


def test_every_notebook_is_in_the_index_of_the_docs() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    assert POLICY in NOTEBOOKS
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in index] == []


def test_a_policy_takes_under_twenty_lines_and_a_sweep_fifteen_more() -> None:
    lengths = [
        len([line for line in cell["source"] if line.strip()]) for cell in code_cells(read(POLICY))
    ]
    policy, compared, grid, indices, _ = lengths
    assert policy + compared < 20
    assert grid + indices <= 15


def test_core_and_kernel_are_compared_and_found_equal() -> None:
    _, compared, grid, *_ = code_cells(read(POLICY))
    printed, value = compared["outputs"]
    assert printed["text"] == ["{'kernel': 4000} True\n"]
    assert value["data"]["text/plain"] == ["<100 rows played again by the core; none differ>"]
    assert "".join(grid["outputs"][1]["data"]["image/svg+xml"]).startswith("<?xml")
