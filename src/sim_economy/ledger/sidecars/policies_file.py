"""Who decided in a world, kept beside its ledger: which policies, and where their usage came from.

Each line that is not empty is a JSON object with the world's genesis hash, the turns it is about,
and what decided in them. It proves nothing and no hash covers it: it says how to play them again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import DecodeError, json

from sim_economy.core.table_reader import NumberText
from sim_economy.ledger.sidecars.ledger_files import (
    open_sidecar,
    read_sidecar,
    writable,
    write_private,
)


def kept_policies(sidecar: Path, genesis: str) -> Mapping[str, Any] | None:
    """What decided last in the world of a genesis hash, or None where nothing is known of it.

    Args:
        sidecar: The ledger's file, or what stands for it.

    Raises:
        StoreError: A link is in the file's place.
    """
    found = None
    for line in _lines(_path(sidecar)):
        try:
            kept = json.decode(line)
        except (DecodeError, RecursionError):
            continue
        if isinstance(kept, dict) and kept.get("world") == genesis:
            found = kept
    return found


def keep_policies(
    sidecar: Path, genesis: str, turns: tuple[int, int], decided: Mapping[str, Any]
) -> None:
    """Add what decides in the turns from one to another, on the disk when this returns.

    Args:
        sidecar: The ledger's file, or what stands for it.
        decided: `policy` or `population`, `usage`, and the scenario they are of.

    Raises:
        StoreError: It cannot be written.
    """
    path = _path(sidecar)
    first, last = turns
    line = {
        "world": genesis,
        "from_turn": first,
        "to_turn": last,
        **_plain(decided),
        "sim_economy": version("sim-economy"),
    }
    with writable(path):
        descriptor = open_sidecar(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, "ab") as file:
            # A crash may have cut the last line short; a new one must not continue it.
            file.write(b"\n" + json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _plain(value: Any) -> Any:
    """Values as JSON has them; numbers that a file writes with a point become numbers."""
    match value:
        case NumberText() | Decimal():
            return float(value)
        case Mapping():
            return {key: _plain(held) for key, held in value.items()}
        case list() | tuple():
            return [_plain(held) for held in value]
        case _:
            return value


def _lines(path: Path) -> list[bytes]:
    try:
        return read_sidecar(path).splitlines()
    except OSError:
        return []


def _path(sidecar: Path) -> Path:
    return Path(f"{sidecar}.policies")


def carry_policies(source: Path, target: Path) -> None:
    """Lay what decided in a world beside a copy of its ledger, unless something is there.

    Raises:
        StoreError: It cannot be written, or a link is in a file's place.
    """
    if _path(source).is_file() and not _path(target).exists():
        with writable(_path(source), "read"):
            text = read_sidecar(_path(source))
        write_private(_path(target), text)
