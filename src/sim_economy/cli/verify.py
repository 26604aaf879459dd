"""`verify`."""

from __future__ import annotations

import click
from msgspec import to_builtins

from sim_economy.cli.options import json_option, ledger_argument
from sim_economy.cli.output import print_json, progress_bar, say
from sim_economy.ledger import verify as verifications
from sim_economy.ledger.sidecars.locations import LedgerLocation


@click.command()
@ledger_argument
@json_option
def verify(ledger: LedgerLocation, as_json: bool) -> int:
    """Check every hash and posting of LEDGER from genesis; exits with 1 if anything is wrong."""
    with progress_bar("verify", None) as progress:
        found = verifications.verify(ledger, progress)
    if as_json:
        print_json({"holds": found.holds, **to_builtins(found)})
    elif found.finding is None:
        assert found.head is not None
        signed = f"{found.signatures} signatures, " if found.signatures else ""
        summary = f"{found.turns} turns, {signed}head {found.head.hash}"
        say(f"{ledger.name} is sound: {summary}")
    else:
        say(f"{ledger.name} is not sound: {found.finding}", err=True)
    return 0 if found.holds else 1
