"""Output of commands: tables for people, JSON for scripts, progress on the error stream."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from sim_economy.core.errors import ScenarioError, SimEconomyError, UsageLogError
from sim_economy.ledger.readers.plain_text import visible
from sim_economy.ledger.sidecars.database_address import without_passwords

if TYPE_CHECKING:
    from sim_economy.ledger.sidecars.locations import LedgerLocation


class LedgerType(click.ParamType):  # type: ignore[type-arg]
    """A ledger argument: a file, which shells complete, or the URI of a PostgreSQL database."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> LedgerLocation:
        """The location that was named."""
        from sim_economy.ledger.sidecars.locations import LedgerLocation, location_of  # noqa: PLC0415

        del param, ctx
        return value if isinstance(value, LedgerLocation) else location_of(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The files there are."""
        return click.Path().shell_complete(ctx, param, incomplete)


def print_json(value: Any) -> None:
    """One JSON document on the output."""
    click.echo(json.dumps(value, indent=2, default=str))


def say(text: str, *, err: bool = False) -> None:
    """Lines for people; whatever agents or strangers wrote in them is plain text."""
    click.echo(shown_error(text) if err else visible(text), err=err)


def say_wrapped(text: str, *, err: bool = False) -> None:
    """A sentence on as many lines as the terminal needs, broken between words."""
    width = shutil.get_terminal_size(fallback=(_WIDTH, 0)).columns
    lines = textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    say("\n".join(lines), err=err)


def shown_error(text: str) -> str:
    """A message as it may be shown: plain text, and no password of an address that was given."""
    return visible(without_passwords(text))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table that fits the terminal; numbers to the right, what agents wrote as plain text."""
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from sim_economy.cli.table_layout import layouts  # noqa: PLC0415

    width = shutil.get_terminal_size(fallback=(_WIDTH, 0)).columns
    shape = box.SIMPLE if any(columns) else None
    cells = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
    if title:
        Console(width=width, highlight=False).print(
            f"\n{visible(title)}", style="bold", markup=False
        )
    for layout in layouts([*map(visible, columns)], cells, width):
        table = Table(box=shape, header_style="bold", pad_edge=False, show_header=any(columns))
        for column, own, right in zip(layout.columns, layout.widths, layout.rights, strict=True):
            table.add_column(Text(column), justify="right" if right else "left", width=own)
        for row in layout.rows:
            table.add_row(*map(Text, row))
        # A word that is wider than the terminal is the terminal's to break.
        needed = sum(layout.widths) + 4 * len(layout.widths)
        Console(width=max(width, needed), highlight=False).print(table)


_WIDTH: Final = 10_000
"""Of tables that no terminal shows: a row is a line."""


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar for long work on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    bar = progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(visible(label), total=total)
        yield lambda _: bar.advance(task)


@contextmanager
def rate_bar(label: str, total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A progress bar for very many things that are done several at a time, with their rate.

    Yields:
        What is called with how many more are done.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    bar = progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(None),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}", markup=False),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    with bar:
        task = bar.add_task(visible(label), total=total, rate="")

        def advance(done: int) -> None:
            bar.advance(task, done)
            speed = bar.tasks[0].speed
            bar.update(task, rate="" if speed is None else f"{speed:,.0f} {what}/s")

        yield advance


def show_error(error: Exception, *, as_json: bool) -> bool:
    """Print what the caller can correct; False for anything else, which is a bug."""
    if isinstance(error, OSError) and error.strerror is not None:
        where = f"{error.filename}: " if error.filename is not None else ""
        code, message = "file_unusable", f"{where}{error.strerror}"
    elif isinstance(error, SimEconomyError):
        code, message = error.code, str(error)
    else:
        return False
    message = without_passwords(message)
    problems, file = [message], ""
    if isinstance(error, ScenarioError):
        problems, file = error.problems, error.file
    elif isinstance(error, UsageLogError):
        problems = error.problems
    if as_json:
        described = {"code": code, **({"file": file} if file else {}), "problems": problems}
        click.echo(json.dumps({"error": described}), err=True)
    elif len(problems) == 1:
        say(f"error: {message}", err=True)
    else:
        where = f" in {file}" if file else ""
        say(f"error: these need fixing{where}:", err=True)
        for problem in problems:
            say(f"  - {problem}", err=True)
    return True
