"""A consistent copy of a ledger, taken while it may be written."""

from __future__ import annotations

from pathlib import Path

from sim_economy.core.errors import StoreError
from sim_economy.session.reading import reading
from sim_economy.session.verify import verify
from sim_economy.store.records import Head
from sim_economy.store.sqlite import SQLiteStore
from sim_economy.store.witness import Witness


def back_up(ledger: Path, target: Path) -> Head:
    """Copy a ledger as of one turn, verify the copy, and give it its own head file.

    Returns:
        The head of the copy, to keep elsewhere.

    Raises:
        StoreError: There is no such ledger, the target is there already, or the copy does not
            hold; then there is no target.
    """
    if target.exists():
        raise StoreError("ledger_exists", str(target), "exists already; name another file")
    part = target.with_name(target.name + ".part")
    source = SQLiteStore.open(ledger, read_only=True)
    try:
        source.copy(part)
    finally:
        source.close()
    try:
        with reading(part) as copy:
            found, head = verify(copy), copy.head()
        if found.finding is not None:
            raise StoreError("ledger_damaged", str(ledger), found.finding.problem)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    witness = Witness.beside(target)
    witness.write(head)
    witness.close()
    return head
