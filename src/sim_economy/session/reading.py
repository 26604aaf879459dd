"""A ledger for reading: a store as it is, or a place opened as of now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim_economy.store.places import place_of
from sim_economy.store.protocol import Store


@contextmanager
def reading(source: Store | str | Path) -> Iterator[Store]:
    """The store of a source; one that is opened here is closed again afterwards.

    Args:
        source: A store, or where a ledger is (see `place_of`).

    Raises:
        StoreError: It is missing or no ledger of this format.
    """
    if not isinstance(source, str | Path):
        yield source
        return
    store = place_of(source).open(read_only=True, frozen=True)
    try:
        yield store
    finally:
        store.close()
