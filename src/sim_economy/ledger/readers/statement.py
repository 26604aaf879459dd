"""An agent's statement: every posting on its accounts with its reason, opening to closing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from sim_economy.core.accounts import FIRST, WIDTH, Holding, Posting, account_name
from sim_economy.core.errors import InputError
from sim_economy.core.world_config import agent_index, genesis_order
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.readers.reading import (
    LedgerSource,
    accounts_before,
    config_of,
    genesis_record,
    reading,
)


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

    def __repr__(self) -> str:
        """Whose it is, and from what to what; its lines are too many to be shown."""
        opening, closing = sum(self.opening.values()), sum(self.closing.values())
        return (
            f"<Statement of {self.agent_id}: turns {self.first_turn} to {self.last_turn}, "
            f"{len(self.lines)} postings, from {opening} to {closing} tokens>"
        )

    def _repr_html_(self) -> str:
        """Its postings as a table, for a notebook."""
        rows = [asdict(line).values() for line in self.lines]
        return html_table(repr(self).strip("<>"), StatementLine.__struct_fields__, rows)


def statement(
    source: LedgerSource,
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
        _check_span(first_turn, last_turn, store.head().turn)
        first = genesis_record(store)
        agent = agent_index(genesis_order(config_of(first)), agent_id)
        shown = {FIRST + WIDTH * agent + holding: holding.name.lower() for holding in accounts}
        first_turn = max(0, first_turn)
        held = accounts_before(store, first_turn)
        opening = {name: held[number] for number, name in shown.items()}
        lines: list[StatementLine] = []
        turn = 0
        for stored in store.read(first_turn, last_turn):
            turn = stored.turn
            for posting in stored.record.postings:
                if posting.source in shown or posting.target in shown:
                    fold_postings(held, (posting,))
                    lines += _lines(turn, posting, shown, held, first.agent_ids)
    closing = {name: held[number] for number, name in shown.items()}
    totals: Counter[str] = Counter()
    moved: Counter[str] = Counter(opening)
    for line in lines:
        totals[line.reason] += line.amount
        moved[line.account] += line.amount
    assert moved == closing, (moved, closing)
    return Statement(
        agent_id=agent_id,
        first_turn=first_turn,
        last_turn=turn,
        opening=opening,
        closing=closing,
        lines=tuple(lines),
        totals=dict(totals),
    )


def _check_span(first_turn: int, last_turn: int | None, head_turn: int) -> None:
    if last_turn is not None and last_turn < first_turn:
        raise InputError("last_turn", "must not be before the first")
    if first_turn > head_turn:
        raise InputError("first_turn", f"must not be after turn {head_turn}, the last one")


def _lines(
    turn: int,
    posting: Posting,
    shown: Mapping[int, str],
    held: Sequence[int],
    agent_ids: Sequence[str],
) -> Iterator[StatementLine]:
    """A posting as each shown account sees it, from what all hold after it."""
    for own, other, amount in (
        (posting.source, posting.target, -posting.amount),
        (posting.target, posting.source, posting.amount),
    ):
        if own in shown:
            yield StatementLine(
                turn=turn,
                account=shown[own],
                amount=amount,
                reason=str(posting.reason),
                counterpart=account_name(other, agent_ids),
                after=held[own],
            )
