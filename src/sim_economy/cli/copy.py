"""`copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sim_economy.cli.output import LedgerType, progress_bar, say

if TYPE_CHECKING:
    from sim_economy.ledger.sidecars.locations import LedgerLocation


@click.command()
@click.argument("source", type=LedgerType())
@click.argument("target", type=LedgerType())
def copy(source: LedgerLocation, target: LedgerLocation) -> int:
    """Copy the ledger SOURCE to TARGET, record by record, and verify both.

    Either is a file or the URI of a PostgreSQL database; an engine may be writing SOURCE.
    """
    from sim_economy.ledger.stores.backup import copy_ledger  # noqa: PLC0415

    with progress_bar("copy", None) as progress:
        head = copy_ledger(source, target, progress)
    say(f"wrote {target.name}: turn {head.turn}, head {head.hash}")
    return 0
