"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

from sim_economy.cli.output import LedgerType

set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting of the scenario; may be given often.",
)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


seed_option = click.option(
    "--seed",
    type=click.IntRange(1, 2**62),
    metavar="S",
    help="The first run's world has the seed S, run r's S + r - 1.  [default: the scenario's + 1]",
)


turns_option = click.option("--turns", type=int, help="Turns of a run.")


report_option = click.option(
    "--report/--no-report", default=True, help="Write report.md and report.html."
)


out_option = click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: out/NAME]"
)

fresh_option = click.option("--fresh", is_flag=True, help="Start over instead of resuming.")


ledger_argument = click.argument("ledger", type=LedgerType())


def numbers_as_changes(**numbers: int | None) -> list[str]:
    """Options that are numbers as changes of a scenario; one that is not given changes nothing.

    `--seed S` names the world of the first run; a scenario's `seed` is one less (run r adds r).
    """
    if numbers.get("seed") is not None:
        numbers["seed"] = numbers["seed"] - 1  # type: ignore[operator]
    return [f"{key}={value}" for key, value in numbers.items() if value is not None]
