"""Debt rails, once more from genesis and the records alone: who was lent what, and repaid it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sim_economy.core.accounts import FIRST, PLATFORM, WIDTH, Posting, PostingReason
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.repayments import Received
from sim_economy.ledger.records import TurnRecord

_INFLOWS: Final = frozenset(
    [
        "transfer",
        "tip",
        "dividend",
        "levy",
        "rebate",
        "signing_bonus",
        "contract_price",
        "forward_price",
        "insurance_premium",
        "insurance_payout",
        "loan_principal",
        "loan_repayment",
        "loan_premium",
        "loan_recovery",
        "collateral_forfeited",
        "arbitrator_fee",
        "arbitration_subsidy",
        "allowance",
        "top_up",
        "shock_gain",
    ]
)
_WITHHELD: Final = frozenset({"dividend", "rebate", "signing_bonus", "arbitration_subsidy"})


class DebtFold:
    """What debt rails must have done in each turn, and what they remember.

    Attributes:
        memory: Of each agent: uncovered fees, tokens given, receivable, turn of its last loan.
    """

    def __init__(self, rails: Mapping[str, Any], agents: int) -> None:
        self._debt_cap = rails["debt_cap"]
        self._cooldown = rails["cooldown_turns"]
        self._share = round(rails["repayment_share"] * 10**6)
        self.memory = [[0, 0, 0, 0] for _ in range(agents)]

    def problems(
        self,
        record: TurnRecord,
        before: Sequence[int],
        received: Sequence[Received],
        did: Mapping[str, Any],
        lending: int | None,
    ) -> Iterator[str]:
        """Fold a turn in, and name what in it debt rails do not do.

        Args:
            before: The accounts before the turn.
            did: What the record says that interventions did.
            lending: The index of the first posting of T8; None where it cannot be told.
        """
        accounts = list(before)
        self._fold_debts(record.postings[:lending], accounts)
        expected = [] if lending is None else self._loans(accounts, record.turn)
        first = lending or 0
        if list(record.postings[first : first + len(expected)]) != expected:
            yield "the loans of debt rails are not those that debts call for"
        loans = [own for own in record.postings if own.reason is PostingReason.DEBT_RESTRUCTURED]
        if loans != expected:
            yield "debt rails lent what no debt calls for"
        rows = [[agent, 0, 0, 0, 0] for agent in range(len(self.memory))]
        yield from self._repaid(received, rows)
        for row, known in zip(rows, self.memory, strict=True):
            row[4] = known[2]
        if [row for row in rows if any(row[1:])] != list(did.get("debts", ())):
            yield "what agents were lent, repaid and owe is not what the postings say"

    def _fold_debts(self, postings: Sequence[Posting], accounts: list[int]) -> None:
        """Move tokens; note what nothing covered of a fee, and what lifted a debt."""
        for posting in postings:
            if posting.reason is PostingReason.INFERENCE_FEE:
                held = max(0, accounts[posting.source])
                owed = self.memory[(posting.source - FIRST) // WIDTH]
                owed[0] += max(0, posting.amount - held)
            elif posting.reason is PostingReason.DEBT_LIFTED:
                self.memory[(posting.target - FIRST) // WIDTH][1] += posting.amount
            fold_postings(accounts, (posting,))

    def _loans(self, accounts: Sequence[int], turn: int) -> list[Posting]:
        expected = []
        for agent, (uncovered, given, _, last) in enumerate(self.memory):
            first = FIRST + WIDTH * agent
            depth = -self._debt_cap - sum(accounts[first : first + WIDTH])
            tokens = min(depth, uncovered - given)
            if tokens > 0 and (not last or last + self._cooldown <= turn):
                reason = PostingReason.DEBT_RESTRUCTURED
                expected.append(Posting(PLATFORM, first, tokens, reason))
                self.memory[agent][1] += tokens
                self.memory[agent][3] = turn
        return expected

    def _repaid(self, received: Sequence[Received], rows: Sequence[list[int]]) -> Iterator[str]:
        """Every inflow of a debtor repays its share."""
        for posting, _, repaid in received:
            agent = (posting.target - FIRST) // WIDTH
            if posting.reason is PostingReason.DEBT_RESTRUCTURED:
                self.memory[agent][2] += posting.amount
                rows[agent][1] += posting.amount
            if posting.reason is PostingReason.DEBT_REPAYMENT:
                yield "a repayment belongs to no inflow"
            own = posting.source >= FIRST and (posting.source - FIRST) // WIDTH == agent
            if posting.reason not in _INFLOWS or own:
                if repaid:
                    yield "something was repaid out of what is no inflow"
                continue
            due = -(-posting.amount * self._share // 10**6)
            if repaid != min(self.memory[agent][2], due):
                yield f"agent {agent} repaid another share of what it received"
            self.memory[agent][2] -= repaid
            rows[agent][3 if posting.reason in _WITHHELD else 2] += repaid
