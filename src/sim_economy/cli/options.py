"""Arguments and options that several commands take."""

from __future__ import annotations

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


turns_option = click.option("--turns", type=int, help="Turns of a run.")


report_option = click.option(
    "--report/--no-report", default=True, help="Write report.md and report.html."
)


ledger_argument = click.argument("ledger", type=LedgerType())
