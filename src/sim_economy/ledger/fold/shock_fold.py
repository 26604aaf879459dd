"""Shocks, once more from genesis and the records alone: parameters by turn, gains and losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    ISSUANCE,
    WIDTH,
    Posting,
    PostingReason,
)
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.repayments import Received
from sim_economy.ledger.records import Genesis, TurnRecord

ONE_OFF: Final = frozenset({PostingReason.SHOCK_GAIN, PostingReason.SHOCK_LOSS})
_BEFORE: Final = frozenset(
    {
        PostingReason.STAKE_RELEASED,
        PostingReason.ALLOWANCE_EXPIRED,
        PostingReason.DEBT_LIFTED,
        PostingReason.ALLOWANCE,
        PostingReason.TOP_UP,
    }
)
"""Reasons of postings that come before those of shocks in a turn."""


class ShockFold:
    """What the shocks of a world change in each turn.

    Attributes:
        is_on: Whether the world has any.
    """

    def __init__(self, first: Genesis, agents: Mapping[str, int]) -> None:
        self._base = first.parameters
        self._agents = agents
        self._shocks = first.parameters.get("governance", {}).get("shocks", ())
        self.is_on = bool(self._shocks)

    def parameters(self, turn: int) -> Mapping[str, Any]:
        """The parameters as they are in a turn."""
        values = {own["target"]: own["value"] for own in self._acting(turn) if "value" in own}
        return {**self._base, **values}

    def usage_factor(self, turn: int) -> int:
        """What usage is multiplied by in a turn, in millionths."""
        found = [own["factor"] for own in self._acting(turn) if own["target"] == "usage"]
        return round(found[0] * 10**6) if found else 10**6

    def problems(
        self,
        record: TurnRecord,
        before: Sequence[int],
        received: Sequence[Received],
        did: Mapping[str, Any],
    ) -> Iterator[str]:
        """Name what in a turn is not what the shocks of its world do."""
        acting = list(self._acting(record.turn))
        if list(did.get("shocks", ())) != [own["target"] for own in acting]:
            yield "the shocks of the turn are not those that genesis states"
        count, end = 0, 0
        while count < len(received) and received[count].posting.reason in _BEFORE:
            count, end = count + 1, received[count].end
        accounts = list(before)
        fold_postings(accounts, record.postings[:end])
        unmet: dict[int, int] = {}
        expected = list(self._expected(acting, accounts, unmet))
        postings = [own.posting for own in received]
        found = [own for own in postings if own.reason in ONE_OFF]
        if found != expected or postings[count : count + len(expected)] != expected:
            yield "gains and losses are not those of the shocks that genesis states"
        if list(did.get("losses_unmet", ())) != [[own, unmet[own]] for own in sorted(unmet)]:
            yield "losses that met nothing are not those of the shocks that genesis states"

    def _acting(self, turn: int) -> Iterator[Mapping[str, Any]]:
        for own in self._shocks:
            last = own["turn"] if "agents" in own else own.get("until", turn)
            if own["turn"] <= turn <= last:
                yield own

    def _expected(
        self, acting: Sequence[Mapping[str, Any]], accounts: list[int], unmet: dict[int, int]
    ) -> Iterator[Posting]:
        for own in acting:
            for name in own.get("agents", ()):
                agent, tokens = self._agents[name], own["tokens"]
                balance = BALANCE + WIDTH * agent
                if own["target"] == "gain":
                    yield Posting(ISSUANCE, balance, tokens, PostingReason.SHOCK_GAIN)
                    continue
                taken = max(0, min(accounts[balance], tokens))
                if taken < tokens:
                    unmet[agent] = tokens - taken
                if taken:
                    yield Posting(balance, DESTROYED, taken, PostingReason.SHOCK_LOSS)
