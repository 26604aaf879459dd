"""`backup`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.output import LedgerType, progress_bar, say

if TYPE_CHECKING:
    from sim_economy.ledger.sidecars.locations import LedgerLocation


@click.command()
@click.argument("ledger", type=LedgerType())
@click.argument("target", type=click.Path(path_type=Path))
def backup(ledger: LedgerLocation, target: Path) -> int:
    """Copy LEDGER to the file TARGET while an engine may be writing it, and verify the copy."""
    from sim_economy.ledger.sidecars.locations import SQLiteLocation, location_of  # noqa: PLC0415
    from sim_economy.ledger.stores.backup import copy_ledger  # noqa: PLC0415

    location_of(target)  # An address is no file to make.
    with progress_bar("backup", None) as progress:
        head = copy_ledger(ledger, SQLiteLocation(target), progress)
    say(f"wrote {target}: turn {head.turn}, head {head.hash}")
    return 0
