"""`sensitivity`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.reports.sensitivity.swept_outcomes import SweepSensitivity

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("folder", type=_PATH)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="METRIC",
    help="A further metric; give it often.",
)
@click.option("--out", type=_PATH, help="Folder of the report.  [default: FOLDER/sensitivity]")
@json_option
def sensitivity(folder: Path, outcomes: tuple[str, ...], out: Path | None, *, as_json: bool) -> int:
    """Estimate which input of the sweep in FOLDER decides which outcome, and how sure that is.

    The sweep's design must be sobol or morris.
    """
    from sim_economy.ledger.sidecars.run_folder import claimed  # noqa: PLC0415 - not for --help
    from sim_economy.reports.sensitivity.sensitivity_report import (  # noqa: PLC0415
        conclusions,
        write_sensitivity,
    )
    from sim_economy.reports.sensitivity.swept_outcomes import sensitivity_of_sweep  # noqa: PLC0415
    from sim_economy.reports.sweep_files import read_sweep  # noqa: PLC0415

    found = sensitivity_of_sweep(read_sweep(folder), outcomes)
    into = out or folder / "sensitivity"
    with claimed(into, "sensitivity", _is_ours):
        written = write_sensitivity(into, found)
    if as_json:
        print_json(
            {
                "conclusions": conclusions(found),
                "points": found.points,
                "runs": found.runs,
                "failed": found.failed,
                "report": str(written[-1]),
            }
        )
        return 0
    for sentence in conclusions(found):
        say_wrapped(sentence)
    _show(found)
    say(f"read {written[-1]}")
    return 0


def _is_ours(folder: Path) -> bool:
    """Test whether the folder is empty, or holds a report of this command."""
    from sim_economy.reports.sensitivity.sensitivity_report import REPORT_BEGINNING  # noqa: PLC0415

    report = folder / "sensitivity.md"
    if report.exists():
        with suppress(OSError), report.open("rb") as file:
            return file.read(len(REPORT_BEGINNING)) == REPORT_BEGINNING
        return False
    return {path.name for path in folder.iterdir()} <= {".lock", "sensitivity.md.part"}


def _show(found: SweepSensitivity) -> None:
    """How much each input matters, a column for each outcome: alone, and with interactions."""
    from sim_economy.reports.sensitivity.sensitivity_sentences import (  # noqa: PLC0415
        number,
        outcome_word,
        ranked,
        share_text,
    )

    shown = [own for own in found.outcomes if ranked(own)]
    if not shown:
        return
    columns = ("input", *(outcome_word(own.metric) for own in shown))
    inputs = [*enumerate(found.inputs)]
    if shown[0].sobol is None:
        moved = [own.morris for own in shown if own.morris is not None]
        rows = [[name, *(number(own[index].size) for own in moved)] for index, name in inputs]
        print_table("Mean size of effects", columns, rows)
        return
    indexed = [own.sobol for own in shown if own.sobol is not None]
    alone = [
        [name, *(share_text(own[index].first, own[index].first_half) for own in indexed)]
        for index, name in inputs
    ]
    total = [
        [name, *(share_text(own[index].total, own[index].total_half) for own in indexed)]
        for index, name in inputs
    ]
    print_table("Share of variance alone, % (95 %)", columns, alone)
    print_table("Share of variance with interactions, % (95 %)", columns, total)
