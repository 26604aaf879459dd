"""Tables of usage as files: cells of CSV with their lines, Parquet through polars."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sim_economy.core.errors import ScenarioError

if TYPE_CHECKING:
    import polars

PROBLEMS_SHOWN: Final = 20

Cell: TypeAlias = Callable[[str, Any], Any]
"""The value of a cell of a column; a ValueError says what it must be."""


def check_file(path: Path) -> None:
    """Check that a table is there.

    Raises:
        ScenarioError: It is not.
    """
    if not path.is_file():
        raise ScenarioError([f"usage.path: there is no file {path}"])


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        ScenarioError: It is no CSV or Parquet file.
    """
    check_file(path)
    if path.suffix == ".parquet":
        return list(scanned(path).collect_schema())
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file, strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []  # whoever reads its rows says what is wrong


def check_columns(path: Path, columns: Sequence[str], needed: Collection[str]) -> None:
    """Check that columns are there, once each.

    Raises:
        ScenarioError: Which are not.
    """
    missing = [column for column in needed if column not in columns]
    if missing:
        raise ScenarioError([f"usage.path: {path} lacks the columns {', '.join(missing)}"])
    twice = [column for column, times in Counter(columns).items() if times > 1 and column]
    if twice:
        raise ScenarioError([f"usage.path: {path} has the columns {', '.join(twice)} twice"])


def csv_rows(
    path: Path, columns: Sequence[str], cell: Cell, problems: list[str]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The cells of each row that is right, with its line.

    Args:
        columns: Those that are read; they must be there.
        problems: Gets what is wrong with the other rows.

    Raises:
        ScenarioError: It is no CSV file, or lacks columns.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            check_columns(path, header, columns)
            indices = [(column, header.index(column)) for column in columns]
            for cells in filter(None, reader):
                line = f"line {reader.line_num}"
                try:
                    if len(cells) != len(header):
                        raise ValueError(f"has {len(cells)} cells, the header {len(header)}")
                    row = tuple([cell(column, cells[at]) for column, at in indices])
                except ValueError as error:
                    problems.append(f"{line}: {error}")
                else:
                    yield line, row
        except (UnicodeDecodeError, csv.Error) as error:
            where = f", line {reader.line_num}" if reader.line_num else ""
            problem = f"usage.path: {path} is not a CSV file{where}: {error}"
            raise ScenarioError([problem]) from None


def is_whole_number(value: Any) -> bool:
    """Test whether a float or decimal has no fraction."""
    return isinstance(value, float | Decimal) and value % 1 == 0


def scanned(path: Path) -> polars.LazyFrame:
    """A Parquet file as polars reads it, when asked.

    Raises:
        ScenarioError: It is none, or polars is not installed.
    """
    try:
        import polars  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ScenarioError(
            [f"usage.path: {path} needs polars; pip install 'sim-economy[usage]'"]
        ) from None
    try:
        frame = polars.scan_parquet(path, glob=False)
        frame.collect_schema()
    except (polars.exceptions.PolarsError, OSError) as error:
        raise ScenarioError([f"usage.path: {path} is not a Parquet file: {error}"]) from None
    return frame


def collected(path: Path, frame: polars.LazyFrame) -> polars.DataFrame:
    """What polars reads of a file, block by block.

    Raises:
        ScenarioError: It is damaged.
    """
    import polars  # noqa: PLC0415

    try:
        return frame.collect(engine="streaming")
    except (polars.exceptions.PolarsError, OSError) as error:
        raise ScenarioError([f"usage.path: {path} cannot be read: {error}"]) from None


def raise_problems(path: Path, problems: Sequence[str]) -> None:
    """Raise what is wrong with rows, the first ones shown and the rest counted.

    Raises:
        ScenarioError: If anything is.
    """
    if problems:
        named = [f"usage.path: {path}, {problem}" for problem in problems[:PROBLEMS_SHOWN]]
        left = len(problems) - PROBLEMS_SHOWN
        raise ScenarioError(named + ([f"usage.path: and {left} more"] if left > 0 else []))
