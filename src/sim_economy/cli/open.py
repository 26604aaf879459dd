"""`open`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.options import json_option, report_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.experiments.sweeps.compared_rows import ComparedPoint, ComparedRows
    from sim_economy.experiments.sweeps.opened_row import OpenedRow
    from sim_economy.experiments.sweeps.sweep_plan import SweepPlan

_PATH = click.Path(path_type=Path)


@click.command("open")
@click.argument("folder", type=_PATH)
@click.option("--row", type=int, help="The row's number.")
@click.option(
    "--at", multiple=True, metavar="KEY=VALUE", help="Or its point: each varied key; give it often."
)
@click.option("--point", type=int, help="Or its point by number.")
@click.option("--replicate", type=int, help="Of a point: which of its runs.  [default: the first]")
@click.option(
    "--every-seed",
    is_flag=True,
    help="Every run of the point: only compared with the sweep, and the means too.",
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
    point: int | None,
    replicate: int | None,
    every_seed: bool,
    check: int | None,
    out: Path | None,
    report: bool,
    as_json: bool,
) -> int:
    """Play a row of the sweep in FOLDER again, by the core with its ledger, and prove it.

    With --every-seed, prove the means of its point instead: all its runs are played again.

    Exits with 5 if the core ends in another state than the row's digest names, or, with --check, in
    another number.
    """
    from sim_economy.experiments.sweeps.compared_rows import compare_rows  # noqa: PLC0415
    from sim_economy.experiments.sweeps.opened_row import open_row  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep_folder import kept_study  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep_plan import SweepPlan  # noqa: PLC0415

    if check is not None:
        if every_seed or [own for own in (row, point, replicate, out) if own is not None] or at:
            raise click.UsageError("--check draws its rows and keeps nothing; leave out the rest")
        compared = compare_rows(SweepPlan(kept_study(folder)), folder, check)
        return _show_compared(compared, as_json=as_json)
    if sum((row is not None, bool(at), point is not None)) != 1:
        raise click.UsageError(
            "name a row with --row N, its point with --at KEY=VALUE or --point N, or how many "
            "with --check COUNT"
        )
    if replicate is not None and row is not None:
        raise click.UsageError("--replicate goes with --at or --point; a row has its own")
    if every_seed and (replicate is not None or out is not None):
        raise click.UsageError("--every-seed plays all runs and keeps nothing; leave out the rest")
    coordinates = dict(map(_coordinate, at))
    plan = SweepPlan(kept_study(folder))
    if row is None:
        row = _row_of(plan, coordinates, point, replicate or 1)
    if every_seed:
        return _compare_point(plan, folder, row, as_json=as_json)
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
                "point_runs": opened.point_means.runs,
                "point_insolvent_percent": opened.point_means.insolvent_percent,
                "point_platform_final": opened.point_means.platform_final,
                "files": [str(path) for path in opened.files],
            }
        )
    else:
        _show(opened)
    return 0


def _row_of(plan: SweepPlan, coordinates: dict[str, str], point: int | None, replicate: int) -> int:
    """The row of a point, by its coordinates or by its number."""
    from sim_economy.core.errors import InputError  # noqa: PLC0415 - not for --help
    from sim_economy.experiments.sweeps.opened_row import row_at  # noqa: PLC0415

    if point is None:
        return row_at(plan, coordinates, replicate)
    if not 0 <= point < plan.points:
        raise InputError("point", f"must be from 0 to {plan.points - 1}")
    if not 1 <= replicate <= plan.study.seeds:
        raise InputError("replicate", f"must be from 1 to {plan.study.seeds}")
    return point * plan.study.seeds + replicate - 1


def _compare_point(plan: SweepPlan, folder: Path, row: int, *, as_json: bool) -> int:
    """All runs of a row's point played again, what was found, and the exit status."""
    from sim_economy.cli.output import rate_bar  # noqa: PLC0415 - not for --help
    from sim_economy.experiments.sweeps.compared_rows import compare_point  # noqa: PLC0415

    point = plan.point_of(row)
    with rate_bar(f"point {point}", plan.study.seeds, "runs") as progress:
        found = compare_point(plan, folder, point, progress)
    differing = found.compared.differing
    if as_json:
        means = {
            name: {"sweep": kept, "core": again} for name, (kept, again) in found.means.items()
        }
        print_json(
            {
                "point": point,
                "at": found.settings,
                "seeds": list(found.seeds),
                "rows": found.compared.rows,
                "differing": differing,
                "means": means,
                "answer": found.answer,
            }
        )
    else:
        _show_point(found)
    return 5 if differing else 0


def _show_point(found: ComparedPoint) -> None:
    say_wrapped(found.answer)
    first, last = found.seeds
    rows = [[key, value] for key, value in found.settings.items()]
    print_table(f"point {found.point}", ("key", "value"), [*rows, ["seeds", f"{first} to {last}"]])


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
    say_wrapped(opened.point_means.sentence)
    digest = f"digest {opened.digest:016x} is the sweep's; the ledger is sound"
    say_wrapped(f"{digest}, head {opened.run.head}")
    ledger, statement, *page = opened.files
    say(f"ledger {ledger}")
    say_wrapped(f"statement of {opened.agent_id}, who ends lowest: {statement}")
    if page:
        say(f"read {page[0]}")
