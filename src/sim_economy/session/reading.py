"""A ledger for reading: a store as it is, or a place opened as of now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim_economy.store.places import Place, place_of
from sim_economy.store.protocol import Store


@contextmanager
def reading(source: Store | Place | str | Path) -> Iterator[Store]:
    """The store of a source; one that is opened here is closed again afterwards.

    Args:
        source: A store, a place, or where a ledger is (see `place_of`).

    Raises:
        StoreError: It is missing or no ledger of this format.
    """
    if isinstance(source, str | Path):
        source = place_of(source)
    if not isinstance(source, Place):
        yield source
        return
    store = source.open(read_only=True, frozen=True)
    try:
        yield store
    finally:
        store.close()
