"""`whatif`."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.tariffs.bill_rows import BillRow
    from sim_economy.tariffs.tariff_comparison import TariffComparison

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("usage", type=_PATH, required=False, metavar="[FILE]")
@click.option("--tariff", "tariffs", type=_PATH, multiple=True, help="A tariff; give it often.")
@click.option("--allowances", type=_PATH, metavar="FILE", help="What agents may spend, and when.")
@click.option("--turn", "turn_length", default="1d", show_default=True, help="10m, 1h, 1d, 1w, 1mo")
@click.option("--timezone", default="UTC", show_default=True, help="Whose days turns follow.")
@click.option("--start", metavar="DATE", help="In the first turn.  [default: the first row's]")
@click.option("--end", metavar="DATE", help="The last one.  [default: the last row's]")
@click.option(
    "--out", type=_PATH, default=Path("out/whatif"), show_default=True, help="Folder of the report."
)
@click.option("--fail-if-dry", is_flag=True, help="Exit with 1 if an agent runs dry.")
@click.option("--example", is_flag=True, help="A shipped month of twelve agents, and two tariffs.")
@json_option
def whatif(
    usage: Path | None,
    tariffs: tuple[Path, ...],
    allowances: Path | None,
    out: Path,
    *,
    fail_if_dry: bool,
    example: bool,
    as_json: bool,
    **turns: Any,
) -> int:
    """Play measured usage, the rows of FILE, under tariffs: who runs dry, when, and who pays."""
    from sim_economy.ledger.sidecars.run_folder import claimed  # noqa: PLC0415 - not for --help
    from sim_economy.reports.played_tariffs import plain_whatif  # noqa: PLC0415
    from sim_economy.reports.whatif_report import write_whatif  # noqa: PLC0415
    from sim_economy.tariffs.example import example_files  # noqa: PLC0415
    from sim_economy.tariffs.tariff_comparison import compare_tariffs  # noqa: PLC0415

    _check_call(usage, tariffs, allowances, example=example)
    with ExitStack() as held:
        if example:
            usage, tariffs, allowances = held.enter_context(example_files())
        assert usage is not None
        found = compare_tariffs(usage, tariffs, allowances, **turns)
    with claimed(out, "what-if", _is_ours):
        written = write_whatif(out, found)
    if as_json:
        print_json({**plain_whatif(found), "report": [str(path) for path in written]})
    else:
        _show(found, written[-1])
    return 1 if fail_if_dry and found.is_dry else 0


def _check_call(
    usage: Path | None, tariffs: tuple[Path, ...], allowances: Path | None, *, example: bool
) -> None:
    if example and (usage is not None or tariffs or allowances is not None):
        raise click.UsageError("--example has its own rows, tariffs and allowances")
    if not example and usage is None:
        raise click.UsageError("name a FILE of usage rows (sim-economy usage), or --example")
    if not example and not tariffs:
        raise click.UsageError("name at least one --tariff; docs/usage.md shows one")


def _is_ours(folder: Path) -> bool:
    """Test whether the folder is empty, or holds a report of this command."""
    from sim_economy.reports.whatif_report import REPORT_BEGINNING  # noqa: PLC0415

    report = folder / "whatif.md"
    if report.exists():
        with suppress(OSError), report.open("rb") as file:
            return file.read(len(REPORT_BEGINNING)) == REPORT_BEGINNING
        return False
    return all(path.name in {".lock", "whatif.md.part"} for path in folder.iterdir())


def _show(found: TariffComparison, page: Path) -> None:
    from sim_economy.reports.page.document import plain  # noqa: PLC0415
    from sim_economy.reports.whatif_report import answer_text  # noqa: PLC0415
    from sim_economy.reports.whatif_sentences import with_less_use  # noqa: PLC0415

    for warning in found.warnings:
        say(f"warning: {warning}", err=True)
    say_wrapped(answer_text(found))
    _show_teams(found)
    _show_agents(found)
    say_wrapped(plain(with_less_use(found)))
    say(f"read {page}")


def _show_teams(found: TariffComparison) -> None:
    """What each team pays under each tariff, with its changes from the first; all at the end."""
    from sim_economy.reports.whatif_sentences import amount_cell, unit_of  # noqa: PLC0415
    from sim_economy.tariffs.bill_rows import ALL, TEAM  # noqa: PLC0415

    level = TEAM if found.log.has_teams else "agent"
    by_name: dict[str, list[BillRow]] = {}
    for row in found.rows:
        if row.level in {level, ALL}:
            by_name.setdefault("" if row.level == ALL else row.agent or row.team, []).append(row)
    rows = [
        [
            name or "all",
            *(
                amount_cell(found, own, row.fee)
                for own, row in zip(found.played, own_rows, strict=True)
            ),
            *(_percent(row.change_percent) for row in own_rows[1:]),
        ]
        for name, own_rows in _shortened(by_name, found).items()
    ]
    changes = [f"{name}, change %" for name in found.names[1:]]
    if len(changes) == 1:
        changes = ["change %"]
    columns = (level, *found.names, *changes)
    print_table(f"What each {level} pays ({unit_of(found)})", columns, rows)


_ROWS_SHOWN = 30


def _shortened(
    by_name: dict[str, list[BillRow]], found: TariffComparison
) -> dict[str, list[BillRow]]:
    """Of very many rows those that use most under some tariff; those of all last."""
    names = [name for name in by_name if name]
    if len(names) > _ROWS_SHOWN:
        asked = {
            name: max(sum(own.run.asked_fees[index] for index in columns) for own in found.played)
            for name, columns in found.log.teams.items()
        }
        say(f"\nthe {_ROWS_SHOWN} of {len(names):,} that use most; all are in whatif.csv")
        names = sorted(names, key=lambda name: (-asked[name], name))[:_ROWS_SHOWN]
    return {name: by_name[name] for name in (*names, "")}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _show_agents(found: TariffComparison) -> None:
    """The agents that run dry, the earliest first."""
    from sim_economy.reports.whatif_sentences import (  # noqa: PLC0415
        amount_cell,
        dry_agents,
        unit_of,
    )

    rows = [
        [
            row.agent,
            own.name,
            row.first_dry_date,
            row.turns_dry,
            row.next_dry_date or "-",
            "-"
            if row.sufficient_allowance is None
            else amount_cell(found, own, row.sufficient_allowance),
        ]
        for own in found.played
        for row in dry_agents(own)
    ]
    if rows:
        columns = ("agent", "tariff", "runs dry", "turns dry", "next", "would suffice")
        title = f"Who runs dry, and what would suffice ({unit_of(found)})"
        print_table(title, columns, rows[:_ROWS_SHOWN])
    if len(rows) > _ROWS_SHOWN:
        say(f"all {len(rows):,} are in whatif.csv")
