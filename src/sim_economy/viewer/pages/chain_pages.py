"""The chain of a world: its end, what is remembered of it, and its check from genesis on."""

from __future__ import annotations

from time import monotonic

from sim_economy.core.errors import InputError
from sim_economy.ledger.records import BlockRecord, chained, digest
from sim_economy.ledger.sidecars.head_file import HeadFile
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import Verification
from sim_economy.viewer.answer_rows import ComparedHead, HeadFileRow
from sim_economy.viewer.answers import ChainAnswer, VerificationProgressAnswer, VerifiedAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.overview import chain_head
from sim_economy.viewer.pages.turn_pages import block_row
from sim_economy.viewer.pages.words import counted


def chain(world: ShownWorld, store: Store, asked: Asked) -> ChainAnswer:
    """The end of the chain, what the head file remembers, and a head that was kept, compared."""
    head, first = store.head(), world.first
    block = _newest_block(store, head.turn)
    world.standing(store)
    return ChainAnswer(
        world_id=first.world_id,
        genesis=world.genesis,
        rules_version=first.rules_version,
        head=chain_head(head),
        blocks=world.history.sums.blocks,
        newest_block=None if block is None else block_row(block),
        newest_block_turn=None if block is None else block.turn,
        signed=first.keys is not None,
        engine_key=None if first.keys is None else first.keys.engine,
        head_file=_head_file(world, store),
        compared=_compared(store, asked),
    )


def _newest_block(store: Store, last: int) -> BlockRecord | None:
    """The block that the last turns made; None where they made none."""
    for turn in range(last, max(-1, last - _TURNS_LOOKED_BACK), -1):
        for stored in store.read(turn, turn):
            if stored.record.block is not None:
                return stored.record.block
    return None


_TURNS_LOOKED_BACK = 64


def _head_file(world: ShownWorld, store: Store) -> HeadFileRow | None:
    sidecar = world.source.sidecar
    seen = None if sidecar is None else HeadFile.seen(sidecar)
    if seen is None:
        return None
    return HeadFileRow(turn=seen.head.turn, head=seen.head.hash, problem=seen.missing(store))


def _compared(store: Store, asked: Asked) -> ComparedHead | None:
    """A head of the query with the one that the lines of this ledger give, hashed anew."""
    turn, head = asked.number_or_none("turn"), asked.text("head").lower()
    if turn is None and not head:
        return None
    if turn is None or not (len(head) == 64 and set(head) <= set("0123456789abcdef")):
        raise InputError("head", "must be 64 hexadecimal digits, with the turn they are of")
    before, reached = digest(store.genesis_line()), -1
    for stored in store.read(0, turn):
        before, reached = chained(before, stored.line), stored.turn
    kept = before if reached == turn else None
    return ComparedHead(
        turn=turn, head=head, same=kept == head, kept=kept, words=_comparison(turn, head, kept)
    )


def _comparison(turn: int, head: str, kept: str | None) -> str:
    if kept is None:
        return f"This ledger ends before turn {turn:,}: it was cut back, or it is another one."
    if kept == head:
        return f"Up to turn {turn:,} this ledger is what it was: every record hashes to that head."
    return f"This ledger is not what it was: its records up to turn {turn:,} hash to another head."


def verification(world: ShownWorld, store: Store, asked: Asked) -> VerifiedAnswer:
    """Every hash, posting and signature, checked now; one check at a time."""
    turns = store.head().turn

    def progress(turn: int) -> None:
        world.progress = VerificationProgressAnswer(running=True, turn=turn, turns=turns)

    with world.checking:
        began = monotonic()
        progress(0)
        try:
            found = world.source.verify(progress)
        finally:
            world.progress = VerificationProgressAnswer(running=False, turn=turns, turns=turns)
    finding = found.finding
    return VerifiedAnswer(
        is_sound=found.holds,
        words=_result(found),
        turns=found.turns,
        problem=None if finding is None else finding.problem,
        problem_turn=None if finding is None else finding.turn,
        signatures=found.signatures,
        head_file=found.head_file,
        head=None if found.head is None else chain_head(found.head),
        seconds=round(monotonic() - began, 3),
        compared=_compared(store, asked) if found.holds else None,
    )


def _result(found: Verification) -> str:
    if found.finding is not None:
        return f"This ledger is not sound: {found.finding}."
    words = f"All {counted(found.turns, 'turn')} are sound: every hash and every posting"
    words += f", and {counted(found.signatures, 'signature')}" if found.signatures else ""
    return f"{words}; its head file has nothing else." if found.head_file else f"{words}."


def verification_progress(
    world: ShownWorld, store: Store, asked: Asked
) -> VerificationProgressAnswer:
    """How far a running check has come."""
    del store, asked
    return world.progress
