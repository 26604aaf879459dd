"""An agent's statement: every posting on its accounts with its reason, opening to closing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sim_economy.core.accounts import FIRST, WIDTH, Holding, account_name
from sim_economy.core.errors import InputError
from sim_economy.core.world_config import agent_index, genesis_order
from sim_economy.ledger.readers.reading import config_of, genesis_record, reading
from sim_economy.ledger.records import read_record
from sim_economy.ledger.stores.protocol import Store


class StatementLine(Struct, frozen=True, kw_only=True):
    """One posting as its account sees it.

    Attributes:
        amount: Below zero where tokens left.
        counterpart: The account on the other side.
        after: What the account holds then.
    """

    turn: int
    account: str
    amount: int
    reason: str
    counterpart: str
    after: int


class Statement(Struct, frozen=True, kw_only=True):
    """The postings of one agent over a span of turns.

    Attributes:
        opening: By account, before the first turn of the span.
        closing: By account, after the last.
        lines: In posting order.
        totals: Net tokens by reason over the shown accounts.
    """

    agent_id: str
    first_turn: int
    last_turn: int
    opening: dict[str, int]
    closing: dict[str, int]
    lines: tuple[StatementLine, ...]
    totals: dict[str, int]


def statement(
    source: Store | str | Path,
    agent_id: str,
    *,
    accounts: tuple[Holding, ...] = (Holding.BALANCE,),
    first_turn: int = 0,
    last_turn: int | None = None,
) -> Statement:
    """The postings on an agent's accounts, with their reasons.

    Args:
        source: A store, or a ledger file.
        accounts: Which of the five to show.
        first_turn: Turns before it make the opening.
        last_turn: The end of the ledger when None.

    Raises:
        InputError: No such agent, or the last turn before the first.
        StoreError: The ledger cannot be read.
    """
    with reading(source) as store:
        if last_turn is not None and last_turn < first_turn:
            raise InputError("last_turn", "must not be before the first")
        if first_turn > store.head().turn:
            raise InputError(
                "first_turn", f"must not be after turn {store.head().turn}, the last one"
            )
        first = genesis_record(store)
        agent = agent_index(genesis_order(config_of(first)), agent_id)
        shown = {FIRST + WIDTH * agent + holding: holding.name.lower() for holding in accounts}
        held = dict.fromkeys(shown.values(), 0)
        opening = dict(held)
        lines: list[StatementLine] = []
        turn = 0
        for turn, line in _lines(store, shown, first.agent_ids, last_turn, held):
            if line is None:
                continue
            if turn < first_turn:
                opening[line.account] = line.after
            else:
                lines.append(line)
        totals: dict[str, int] = {}
        for line in lines:
            totals[line.reason] = totals.get(line.reason, 0) + line.amount
        for account, tokens in opening.items():
            moved = sum(line.amount for line in lines if line.account == account)
            assert tokens + moved == held[account], account
        return Statement(
            agent_id=agent_id,
            first_turn=first_turn,
            last_turn=turn,
            opening=opening,
            closing=held,
            lines=tuple(lines),
            totals=totals,
        )


def _lines(
    store: Store,
    shown: dict[int, str],
    agent_ids: tuple[str, ...],
    last_turn: int | None,
    held: dict[str, int],
) -> Iterator[tuple[int, StatementLine | None]]:
    """Each line with its turn, and each turn once without a line, so that empty turns count."""
    for stored in store.read(0, last_turn):
        yield stored.turn, None
        for posting in read_record(stored.line).postings:
            for own, other, amount in (
                (posting.source, posting.target, -posting.amount),
                (posting.target, posting.source, posting.amount),
            ):
                if own in shown:
                    account = shown[own]
                    held[account] += amount
                    counterpart = account_name(other, agent_ids)
                    yield (
                        stored.turn,
                        StatementLine(
                            turn=stored.turn,
                            account=account,
                            amount=amount,
                            reason=str(posting.reason),
                            counterpart=counterpart,
                            after=held[account],
                        ),
                    )
