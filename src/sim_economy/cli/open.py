"""`open`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.options import json_option, report_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.experiments.sweeps.compared_rows import ComparedRows
    from sim_economy.experiments.sweeps.opened_row import OpenedRow

_PATH = click.Path(path_type=Path)


@click.command("open")
@click.argument("folder", type=_PATH)
@click.option("--row", type=int, help="The row's number.")
@click.option(
    "--at", multiple=True, metavar="KEY=VALUE", help="Or its point: each varied key; give it often."
)
@click.option(
    "--replicate", type=int, help="With --at: which of the point's runs.  [default: the first]"
)
@click.option(
    "--check",
    type=click.IntRange(1),
    metavar="COUNT",
    help="Or so many rows at random: only compared, without a ledger.",
)
@click.option("--out", type=_PATH, help="Folder for the ledger.  [default: FOLDER/opened/row-N]")
@report_option
@json_option
def open(  # noqa: A001 - the command's name
    folder: Path,
    row: int | None,
    at: tuple[str, ...],
    replicate: int | None,
    check: int | None,
    out: Path | None,
    report: bool,
    as_json: bool,
) -> int:
    """Play a row of the sweep in FOLDER again, by the core with its ledger, and prove it.

    Exits with 5 if the core ends in another state than the row's digest names, or, with --check, in
    another number.
    """
    from sim_economy.experiments.sweeps.compared_rows import compare_rows  # noqa: PLC0415
    from sim_economy.experiments.sweeps.opened_row import open_row, row_at  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep_folder import kept_study  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep_plan import SweepPlan  # noqa: PLC0415

    if check is not None:
        if row is not None or at or replicate is not None or out is not None:
            raise click.UsageError("--check draws its rows and keeps nothing; leave out the rest")
        compared = compare_rows(SweepPlan(kept_study(folder)), folder, check)
        return _show_compared(compared, as_json=as_json)
    if (row is None) == (not at):
        raise click.UsageError(
            "name a row with --row N, its point with --at KEY=VALUE, or how many with --check COUNT"
        )
    if replicate is not None and not at:
        raise click.UsageError("--replicate goes with --at; a row has its own")
    coordinates = dict(map(_coordinate, at))
    plan = SweepPlan(kept_study(folder))
    if row is None:
        row = row_at(plan, coordinates, replicate or 1)
    opened = open_row(plan, folder, row, out, report=report)
    if as_json:
        print_json(
            {
                "row": opened.row,
                "point": opened.point,
                "replicate": opened.replicate,
                "seed": opened.seed,
                "at": opened.settings,
                "digest": f"{opened.digest:016x}",
                "head": opened.run.head,
                "answer": opened.answer,
                "files": [str(path) for path in opened.files],
            }
        )
    else:
        _show(opened)
    return 0


def _coordinate(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise click.UsageError(f"--at {text}: must be KEY=VALUE")
    return key.strip(), value.strip().strip('"')


def _show_compared(compared: ComparedRows, *, as_json: bool) -> int:
    """What comparing found, and the exit status."""
    if as_json:
        print_json({"rows": compared.rows, "differing": compared.differing})
    else:
        say_wrapped(repr(compared).strip("<>"))
    return 5 if compared.differing else 0


def _show(opened: OpenedRow) -> None:
    say_wrapped(opened.answer)
    at = [[key, value] for key, value in opened.settings.items()]
    title = f"row {opened.row}: point {opened.point}, replicate {opened.replicate}"
    print_table(title, ("key", "value"), [*at, ["seed", opened.seed]])
    digest = f"digest {opened.digest:016x} is the sweep's; the ledger is sound"
    say_wrapped(f"{digest}, head {opened.run.head}")
    ledger, statement, *page = opened.files
    say(f"ledger {ledger}")
    say_wrapped(f"statement of {opened.agent_id}, who ends lowest: {statement}")
    if page:
        say(f"read {page[0]}")
