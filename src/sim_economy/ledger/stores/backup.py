"""Consistent copies of a ledger, taken while it may be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim_economy.core.errors import StoreError
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.reading import genesis_record, reading
from sim_economy.ledger.records import Ends, Head, Receipt, digest
from sim_economy.ledger.sidecars.head_file import HeadFile
from sim_economy.ledger.sidecars.ledger_files import remove_ledger, sync_folder
from sim_economy.ledger.sidecars.ledger_lock import LedgerLock
from sim_economy.ledger.sidecars.locations import LedgerLocation, SQLiteLocation
from sim_economy.ledger.sidecars.policies_file import carry_policies
from sim_economy.ledger.stores.old_layout import OLD_LAYOUT
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sqlite import end_write_ahead_log, layout_of
from sim_economy.ledger.verify import verify

_Progress = Callable[[int], None]


def copy_ledger(
    source: LedgerLocation, target: LedgerLocation, progress: _Progress = lambda turn: None
) -> Head:
    """Copy a ledger as of one turn, while it may be written, with a head file of its own.

    Args:
        progress: Called with each copied turn.

    Returns:
        The head of both.

    Raises:
        StoreError: The source is not sound, something is at the target already, or a head file
            there saw a turn that the source does not hold; nothing is left there.
    """
    head, ends, genesis_hash = _copied(source, target, progress)
    target.sidecar.parent.mkdir(parents=True, exist_ok=True)
    head_file = HeadFile.of(target.sidecar)
    head_file.write(head, ends)
    head_file.name_world(genesis_hash)
    carry_policies(source.sidecar, target.sidecar)
    head_file.close()
    return head


def convert(path: Path) -> None:
    """Bring a ledger file of the old layout into the present one, in its place or not at all.

    Raises:
        StoreError: It is not sound, in use, or cannot be written; it is as it was then.
    """
    if layout_of(path) != OLD_LAYOUT:
        return
    ledger = SQLiteLocation(path)
    path = ledger.path
    part = path.with_name(path.name + ".part")
    lock = LedgerLock.taken(path)
    try:
        remove_ledger(part)
        _copied(ledger, SQLiteLocation(part), lambda turn: None)
        end_write_ahead_log(path)
        part.replace(path)
        sync_folder(path.parent)
    finally:
        lock.release()


def copy(source: Store, target: Store, progress: _Progress = lambda turn: None) -> None:
    """Write a store's records into an empty one as they are; no rule is asked.

    Records outside the chain get new checksums: verify the source before.

    Raises:
        StoreError: One cannot be read, or the other not be written.
    """
    first = genesis_record(source)
    states = {snapshot.turn: snapshot.state for snapshot in source.snapshots()}
    receipts: dict[int, Receipt] = {}
    for receipt, _ in source.receipts():
        if receipts.setdefault(receipt.turn, receipt) is not receipt:
            problem = f"turn {receipt.turn} has more than one stored answer"
            raise StoreError("ledger_damaged", source.name, problem)
    for stored in source.read():
        if stored.turn == 0:
            fold = Fold(first)
            for problem in fold.problems(stored.record):
                raise StoreError("ledger_damaged", source.name, f"turn 0: {problem}")
            target.create(first, stored, fold.text().decode())
        else:
            state = states.get(stored.turn)
            target.append(stored, receipt=receipts.get(stored.turn), state=state)
        progress(stored.turn)
    for submission in source.submissions():
        target.accept(submission)


def _copied(
    source: LedgerLocation, target: LedgerLocation, progress: _Progress
) -> tuple[Head, Ends, str]:
    with reading(source) as store:
        _hold(store, source)
        head = store.head()
        _check_remembered(target, store)
        copied = target.new()
        try:
            with copied.one_commit():
                copy(store, copied, progress)
            assert copied.head() == head, (copied.head(), head)
            _hold(copied, source)
            ends, genesis_hash = copied.ends(), digest(copied.genesis_line())
        except BaseException:
            copied.discard()
            raise
        if isinstance(target, SQLiteLocation):
            # While it is still held: whoever locks the ledger next makes a file of its own.
            Path(f"{target.path}.lock").unlink(missing_ok=True)
        copied.close()
    return head, ends, genesis_hash


def _check_remembered(target: LedgerLocation, store: Store) -> None:
    seen = HeadFile.seen(target.sidecar)
    if seen is None:
        return
    turn, seen_hash = seen.head.turn, seen.head.hash
    if not any(stored.head_hash == seen_hash for stored in store.read(turn, turn)):
        raise StoreError(
            "ledger_rolled_back",
            f"{target.sidecar}.head",
            f"saw a turn {turn} that the source does not hold; copy to another target, or "
            "move the files away that remember that world (.head, .tokens, .key)",
        )


def _hold(store: Store, ledger: LedgerLocation) -> None:
    found = verify(store)
    if found.finding is not None:
        raise StoreError("ledger_damaged", ledger.name, found.finding.problem)
