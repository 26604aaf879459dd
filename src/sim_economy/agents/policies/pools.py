"""Pools: an organiser carries the fees of its members, by forwards."""

from __future__ import annotations

from typing import Annotated

from sim_economy.agents.policies.phrases import FORWARD, Offer, Phrase, Seek
from sim_economy.agents.policies.trader import SIGNING_TURNS, MarketView, Trader, part
from sim_economy.core.actions import Action, Mine
from sim_economy.core.contracts import ContractKind, Deal, Role, Stage
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import Millionths


class Organiser(Trader, frozen=True):
    """Runs a pool: each member pays a price, and the pool carries its fees up to a cap.

    What the caps leave is the organiser's.
    """

    rate: Annotated[Millionths, Parameter(Kind.RATE, "price it asks, by the cap")] = Millionths(
        800_000
    )
    cap_max: Annotated[int, Parameter(Kind.COUNT, "most it carries for a member", 1)] = 400
    members_max: Annotated[int, Parameter(Kind.COUNT, "members at once", 1)] = 3

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers places while the pool has some."""
        return [Offer(FORWARD, part(100, self.rate))] if self._has_room(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Offers the most it can carry at its rate."""
        if not self._has_room(market):
            return []
        cap = min(self.cap_max, market.free - self.reserve)
        return [Need(ContractKind.FORWARD, NeedSide.OFFER, cap, part(cap, self.rate))]

    def business(self, market: MarketView) -> Action | None:
        """A place for who it is matched with, or for somebody who seeks one."""
        if not self._has_room(market):
            return None
        if market.shows_matches:
            return self.matched_proposal(market, FORWARD)
        for member, (cap, turns) in self.customers(market, FORWARD):
            if 0 < cap <= min(self.cap_max, market.free - self.reserve) and turns > 0:
                start_turn = market.turn + SIGNING_TURNS
                return self.proposal(
                    market,
                    FORWARD,
                    member,
                    price=part(cap, self.rate),
                    cap=cap,
                    start_turn=start_turn,
                    due_turn=start_turn + turns - 1,
                )
        return None

    def _has_room(self, market: MarketView) -> bool:
        few = len(market.of_kind(Role.PROPOSER, FORWARD)) < self.members_max
        return few and market.free > self.reserve


class Member(Trader, frozen=True):
    """Has a pool carry its fees for a price, and mines while it does."""

    cap: Annotated[int, Parameter(Kind.COUNT, "fees it wants carried", 1)] = 250
    turns: Annotated[int, Parameter(Kind.COUNT, "turns it wants them carried", 1)] = 5
    rate_max: Annotated[
        Millionths, Parameter(Kind.RATE, "highest price it agrees to, by the cap")
    ] = Millionths(900_000)

    def words(self, market: MarketView) -> list[Phrase]:
        """Seeks a place while it has none and can pay one."""
        return [Seek(FORWARD, (self.cap, self.turns))] if self._is_free(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Seeks the cap that it speaks of, at the highest price it agrees to."""
        need = Need(ContractKind.FORWARD, NeedSide.SEEK, self.cap, part(self.cap, self.rate_max))
        return [need] if self._is_free(market) else []

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """A place it can pay; one at a time."""
        return (
            deal.kind is ContractKind.FORWARD
            and deal.price <= part(deal.cap, self.rate_max)
            and deal.start_turn > market.turn + 1
            and not market.of_kind(Role.COUNTERPARTY, FORWARD)
        )

    def _is_free(self, market: MarketView) -> bool:
        able = market.free - self.reserve >= part(self.cap, self.rate_max)
        return able and not market.of_kind(Role.COUNTERPARTY, FORWARD)

    def living(self, market: MarketView) -> Action:
        """Mines while its fees are carried."""
        carried = any(
            own.deal.kind is ContractKind.FORWARD and own.deal.start_turn <= market.turn
            for own in market.contracts(Role.COUNTERPARTY, Stage.ACTIVE)
        )
        return Mine() if carried and market.balance >= 0 else super().living(market)
