"""A ledger for reading: a store as it is, or a file opened as of now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim_economy.store.protocol import Store
from sim_economy.store.sqlite import SQLiteStore


@contextmanager
def reading(source: Store | str | Path) -> Iterator[Store]:
    """The store of a source; a file is closed again afterwards.

    Raises:
        StoreError: The file is missing or no ledger of this format.
    """
    if not isinstance(source, str | Path):
        yield source
        return
    store = SQLiteStore.open(source, read_only=True, frozen=True)
    try:
        yield store
    finally:
        store.close()
