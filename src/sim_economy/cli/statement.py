"""`statement`."""

from __future__ import annotations

import click
from msgspec import to_builtins

from sim_economy.cli.options import json_option, ledger_argument
from sim_economy.cli.output import print_json, print_table
from sim_economy.core.accounts import Holding
from sim_economy.ledger.readers import statement as statements
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.sidecars.locations import LedgerLocation


@click.command()
@ledger_argument
@click.argument("agent")
@click.option("--from", "first", type=click.IntRange(0), default=0, help="First turn shown.")
@click.option("--to", "last", type=click.IntRange(0), help="Last turn shown.")
@click.option(
    "--account",
    type=click.Choice([*(holding.name.lower() for holding in Holding), "all"]),
    default="balance",
    show_default=True,
    help="Which of the agent's accounts.",
)
@click.option("--summary", is_flag=True, help="Only the totals by reason.")
@json_option
def statement(
    ledger: LedgerLocation,
    agent: str,
    first: int,
    last: int | None,
    account: str,
    summary: bool,
    as_json: bool,
) -> int:
    """Show what moved AGENT's tokens in LEDGER, opening to closing."""
    chosen = tuple(Holding) if account == "all" else (Holding[account.upper()],)
    with reading(ledger) as store:
        shown = statements.statement(
            store, agent, accounts=chosen, first_turn=first, last_turn=last
        )
    if as_json:
        print_json(to_builtins(shown))
        return 0
    title = f"{agent}, turns {shown.first_turn} to {shown.last_turn}"
    if not summary:
        rows = [
            [line.turn, line.account, line.reason, line.counterpart, line.amount, line.after]
            for line in shown.lines
        ]
        print_table(title, ("turn", "account", "reason", "other side", "tokens", "after"), rows)
    rows = [
        ["opening", sum(shown.opening.values())],
        *([reason, tokens] for reason, tokens in shown.totals.items()),
        ["closing", sum(shown.closing.values())],
    ]
    print_table(f"{title}: totals", ("reason", "tokens"), rows)
    return 0
