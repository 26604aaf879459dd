"""Tables in narrow terminals: no word is cut, nothing is lost, nothing is wider than the line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sim_economy.cli.table_layout import TableLayout, layouts
from tests.cli.shell import CALL

WIDTHS: Final = (120, 80, 60)
SENTENCES: Final = ("head ", "folder ", "see ", "ledger ")
"""What lines below a table begin with; the terminal wraps them."""

words = st.text("abc_é漢", min_size=1, max_size=12)
texts = st.lists(words, max_size=4).map(" ".join)


def total(layout: TableLayout) -> int:
    return sum(layout.widths) + 3 * (len(layout.widths) - 1) + 2


def longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def cells_of(parts: Sequence[TableLayout], columns: Sequence[str]) -> set[tuple[str, str, str]]:
    """Each cell with the name of its column and the first cell of its row, as parts have them."""
    found = set()
    for part in parts:
        for row in part.rows:
            for head, cell in zip(part.columns[1:], row[1:], strict=True):
                turned = head not in columns[1:]
                found.add((head, row[0], cell) if turned else (row[0], head, cell))
    return found


@given(
    st.integers(3, 6),
    st.lists(st.lists(texts, min_size=6, max_size=6), min_size=1, max_size=9),
    st.data(),
)
def test_every_cell_is_there_and_no_word_is_wider_than_its_column(
    count: int, given_rows: list[list[str]], data: st.DataObject
) -> None:
    width = data.draw(st.integers(20, 100))
    columns = [f"column {index}" for index in range(count)]
    rows = [[f"row{index}", *row[1:count]] for index, row in enumerate(given_rows)]
    parts = layouts(columns, rows, width)
    wanted = {
        (row[0], column, cell)
        for row in rows
        for column, cell in zip(columns[1:], row[1:], strict=True)
    }
    assert cells_of(parts, columns) == wanted
    for part in parts:
        for index, own in enumerate(part.widths):
            column = [part.columns[index], *(row[index] for row in part.rows)]
            assert own >= max(map(longest_word, column))
        assert total(part) <= width or len(part.columns) == 2


def shown(width: int, folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        env={**os.environ, "COLUMNS": str(width)},
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ended.stdout


@pytest.mark.parametrize("width", WIDTHS)
def test_the_tables_of_commands_fit(tmp_path: Path, width: int) -> None:
    ledger = ("--ledger", f"{width}.sqlite")
    calls = (
        ("experiment", "market", "--runs", "8", "--turns", "5", "--no-report", "--out", "e"),
        ("compare", "--runs", "2", "--turns", "2", "--out", "c"),
        ("policies",),
        ("run", "market", "--turns", "9", *ledger),
        ("statement", f"{width}.sqlite", "agent_3"),
        ("orchestrate", "as-run", "--mock", "--turns", "1", "--out", "o"),
        ("inspect", "o"),
    )
    for call in calls:
        text = shown(width, tmp_path, *call)
        for line in text.splitlines():
            assert cell_len(line) <= width or line.startswith(SENTENCES), call
        if call[0] == "experiment":
            for name in ("negative_balance_agents", "gini_wealth_shifted", "token_supply_final"):
                assert name in text
        if call[0] == "compare":
            for name in ("coordination_push", "high_compute_cost"):
                assert name in text


def test_rows_that_begin_alike_are_numbered_where_a_table_is_parted() -> None:
    columns = ["turn", "reason", "other side", "tokens", "after"]
    rows = [["4", "loan_principal", f"agent_{index}:balance", "-200", "478"] for index in range(9)]
    whole, *more = layouts(columns, rows, 200)
    assert (whole.columns, more) == (columns, [])
    parts = layouts(columns, rows, 40)
    assert len(parts) > 1
    numbers = [str(number) for number in range(1, 10)]
    assert all(part.columns[0] == "row" for part in parts)
    assert all([row[0] for row in part.rows] == numbers for part in parts)
