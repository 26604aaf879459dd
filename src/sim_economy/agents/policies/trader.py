"""Behaviour shared by all traders: keep promises, sign what suits them, make a living."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated

from msgspec import UNSET, convert
from msgspec.structs import asdict

from sim_economy.agents.policies.phrases import (
    ARBITRATION,
    FORWARD,
    INSURANCE,
    KINDS,
    LOAN,
    SERVICE,
    Done,
    Heard,
    Offer,
    Phrase,
    Seek,
    gathered,
    proof,
    spoken,
    understood,
)
from sim_economy.agents.policy import Move, Policy, View
from sim_economy.core.actions import (
    Action,
    ArbitratorRuling,
    ConfirmDelivery,
    DisputeDelivery,
    Job,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.contracts import (
    Contract,
    ContractKind,
    Deal,
    Favoured,
    Reputation,
    Role,
    Settlement,
    Stage,
    Terms,
)
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.observation import OwnMatch
from sim_economy.core.rules.agreement import dues
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths

SIGNING_TURNS = 4
"""Turns a trader leaves for signatures before a contract has to mean something."""


class MarketView:
    """One agent's observation, read as a trader reads it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.agent = view.agent
        self.turn = view.open_turn
        self.seen = view.observation
        self.balance = self.seen.accounts["balance"]

    @property
    def wealth(self) -> int:
        """All five own accounts."""
        return sum(self.seen.accounts.values())

    @cached_property
    def free(self) -> int:
        """The balance without what own signatures may soon take."""
        promised = 0
        for contract in self.seen.contracts:
            if contract.stage is Stage.PROPOSED and self.has_signed(contract):
                promised += dues(contract.deal)[self.role(contract)]
        return self.balance - promised

    def role(self, contract: Contract) -> Role:
        """The own part in a contract."""
        return Role(contract.seats.index(self.agent))

    def has_signed(self, contract: Contract) -> bool:
        """Test whether the agent has signed; a proposer has."""
        match self.role(contract):
            case Role.PROPOSER:
                return True
            case Role.COUNTERPARTY:
                return contract.counterparty_signed
            case Role.ARBITRATOR:
                return contract.arbitrator_signed

    def contracts(self, role: Role, *stages: Stage) -> Iterator[Contract]:
        """Own open contracts in a role; in any stage where none is named."""
        for contract in self.seen.contracts:
            if self.role(contract) is role and (not stages or contract.stage in stages):
                yield contract

    def of_kind(self, role: Role, what: str) -> list[Contract]:
        """Own open contracts of a kind in a role; as counterparty only those signed."""
        kind = KINDS[what]
        return [
            contract
            for contract in self.contracts(role)
            if contract.deal.kind is kind and self.has_signed(contract)
        ]

    @cached_property
    def _heard(self) -> Heard:
        """Everything sought and offered last turn, by anybody."""
        return gathered(tuple(self.seen.speech.items()))

    def seekers(self, what: str) -> list[tuple[str, tuple[int, ...]]]:
        """Agents that seek something, with their terms; not those already under such a contract."""
        busy = {contract.deal.parties[1] for contract in self.of_kind(Role.PROPOSER, what)}
        return [
            (speaker, phrase.figures)
            for speaker, phrase in self._heard.get((Seek, what), ())
            if speaker not in busy and speaker != self.seen.agent_id
        ]

    @property
    def is_matched(self) -> bool:
        """True if needs that it states are matched (G4)."""
        rules = self.view.config.governance
        return rules is not None and rules.contract_matching is not None

    @property
    def shows_matches(self) -> bool:
        """True if proposals go to who matches instead of to who says that it seeks (G4)."""
        own = self.seen.governance
        return own is not UNSET and own.matches is not UNSET

    def partners(self, what: str) -> list[OwnMatch]:
        """Matches in which it would propose; not with who is already under such a contract."""
        own = self.seen.governance
        if own is UNSET or own.matches is UNSET:
            return []
        busy = {contract.deal.parties[1] for contract in self.of_kind(Role.PROPOSER, what)}
        return [
            match
            for match in own.matches
            if match.kind is KINDS[what] and match.side is NeedSide.OFFER
            if match.partner not in busy
        ]

    def sought_by(self, agent_id: str, what: str) -> tuple[int, ...] | None:
        """The figures with which an agent seeks something; None where it does not say so."""
        found = (own.figures for name, own in self._heard.get((Seek, what), ()) if name == agent_id)
        return next(found, None)

    def record(self, agent_id: str) -> Reputation:
        """An agent's public record; one nobody has heard of has an empty one."""
        return self.seen.reputations.get(agent_id) or Reputation(agent=-1)

    def is_proved(self, contract: Contract) -> bool:
        """Test whether the proposer proved its service last turn."""
        shown = Done(contract.contract_id, proof(contract.contract_id))
        return shown in understood(self.seen.speech.get(contract.deal.parties[0], ""))

    def arbitrator(self, counterparty: str, fee_max: int) -> tuple[str, int] | None:
        """Somebody who offers to arbitrate, and the fee: of the most diligent, one by chance."""
        offers = [
            (speaker, phrase.price)
            for speaker, phrase in self._heard.get((Offer, ARBITRATION), ())
            if phrase.price <= fee_max and speaker not in (counterparty, self.seen.agent_id)
        ]
        if not offers:
            return None
        least = min(self.record(speaker).missed for speaker, _ in offers)
        best = [offer for offer in offers if self.record(offer[0]).missed == least]
        return best[self.view.draw(len(best), "trader.arbitrator")]


def part(whole: int, rate: int) -> int:
    """So many millionths of a whole, rounded up."""
    return -(-whole * rate // MILLION)


class Trader(Policy, frozen=True):
    """Keeps its word in every contract it is a party to; proposes and signs nothing by itself."""

    work_below: Annotated[
        int, Parameter(Kind.COUNT, "works a job while its balance is below this, else mines")
    ] = 200
    reserve: Annotated[
        int, Parameter(Kind.COUNT, "tokens of its balance it puts into no contract")
    ] = 50
    defaults_max: Annotated[
        int, Parameter(Kind.COUNT, "defaults on record with which it still trusts another")
    ] = 0
    bias_max: Annotated[
        int,
        Parameter(
            Kind.COUNT, "rulings for proposers beyond those for others it accepts of an arbitrator"
        ),
    ] = 3
    arbitration_fee_max: Annotated[
        int, Parameter(Kind.COUNT, "most it lets an arbitrator earn with a ruling")
    ] = 20
    bond_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "collateral of both parties it asks, by the price")
    ] = Millionths(500_000)

    def decide(self, view: View) -> Move:
        """Debts first, then signatures, then business of its own, then a living."""
        market = MarketView(view)
        action = (
            self.owed(market)
            or self.signature(market)
            or self.business(market)
            or self.living(market)
        )
        said = [*self.proofs(market), *self.words(market)]
        needs = tuple(self.needs(market)) if market.is_matched else ()
        return Move(action, spoken(said, view.config.speech_length_max), needs=needs)

    # What a policy of its own may say differently

    def words(self, market: MarketView) -> list[Phrase]:
        """Its phrases of this turn."""
        return []

    def needs(self, market: MarketView) -> list[Need]:
        """What it offers and seeks in a world that matches needs; prices as in its phrases."""
        return []

    def business(self, market: MarketView) -> Action | None:
        """The contract or action that it initiates."""
        return None

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """Test whether it signs a proposal made to it that it can afford."""
        return False

    def arbitrates(self, market: MarketView, contract: Contract) -> bool:
        """Test whether it signs as arbitrator what it can afford."""
        return False

    def ruling(self, market: MarketView, contract: Contract) -> Favoured | None:
        """Its ruling, by what can be seen."""
        if contract.deal.kind is ContractKind.SERVICE and not market.is_proved(contract):
            return Favoured.COUNTERPARTY
        return Favoured.PROPOSER

    def delivers(self, market: MarketView, contract: Contract) -> bool:
        """Test whether it does what it promised as proposer."""
        return True

    def living(self, market: MarketView) -> Action:
        """Its action when there is no business."""
        return Job() if market.balance < self.work_below else Mine()

    # What is the same for all

    def owed(self, market: MarketView) -> Action | None:
        """Rulings, confirmations, disputes and deliveries that wait for it."""
        return self._rulings(market) or self._verdicts(market) or self._deliveries(market)

    def trusts(self, market: MarketView, agent_id: str) -> bool:
        """Test whether another agent's record is good enough."""
        return market.record(agent_id).defaulted <= self.defaults_max

    def signature(self, market: MarketView) -> Action | None:
        """A contract to arbitrate, or the cheapest proposal it accepts."""
        found = [
            contract
            for contract in market.seen.contracts
            if contract.stage is Stage.PROPOSED and not market.has_signed(contract)
        ]
        wanted = [contract for contract in found if self._signs(market, contract)]
        if not wanted:
            return None

        def cost(contract: Contract) -> tuple[int, int]:
            pays = market.role(contract) is Role.COUNTERPARTY
            return (contract.deal.price + contract.deal.premium if pays else 0, contract.until)

        return SignContract(min(wanted, key=cost).contract_id)

    def customers(self, market: MarketView, what: str) -> list[tuple[str, tuple[int, ...]]]:
        """Seekers it trusts, in an order that chance gives, so that all come to their turn."""
        found = [seeker for seeker in market.seekers(what) if self.trusts(market, seeker[0])]
        first = market.view.draw(len(found), "trader.customer") if found else 0
        return found[first:] + found[:first]

    def proposal(self, market: MarketView, what: str, to: str, **terms: int | str) -> Action | None:
        """A proposal with an arbitrator who is there; None without one, or with absurd figures."""
        found = market.arbitrator(to, self.arbitration_fee_max)
        if found is None:
            return None
        arbitrator, fee = found
        if what == SERVICE or terms.get("settlement") == Settlement.ATTESTED:
            price = int(terms["price"])
            bond = max(fee, part(price, self.bond_rate))
            attested: dict[str, int | str] = {
                "arbitrator_fee": fee,
                "proposer_collateral": bond,
                "counterparty_collateral": bond,
                "arbitrator_collateral": price,
            }
            terms = attested | terms
        if any(isinstance(term, int) and abs(term) > INPUT_LIMIT for term in terms.values()):
            return None
        return ProposeContract(KINDS[what].value, to, arbitrator, convert(terms, Terms))

    def matched_proposal(
        self,
        market: MarketView,
        what: str,
        own_terms: Callable[[OwnMatch], Mapping[str, int | str] | None] = lambda match: {},
    ) -> Action | None:
        """A proposal to a partner it trusts and can afford, by the template of their match.

        Args:
            own_terms: What it states of itself; None where it has nothing to state.
        """
        for match in market.partners(what):
            lends = what in (LOAN, INSURANCE, FORWARD)
            affords = not lends or match.amount <= market.free - self.reserve
            own = own_terms(match)
            if own is None or not affords or not self.trusts(market, match.partner):
                continue
            terms = {name: term for name, term in asdict(match.terms).items() if term is not None}
            if what == SERVICE:  # Collateral as it asks itself, and the fee its arbitrator asks.
                terms = {name: terms[name] for name in ("price", "due_turn")}
            return self.proposal(market, what, match.partner, **{**terms, **own})
        return None

    def proofs(self, market: MarketView) -> list[Phrase]:
        """Proofs of services it rendered, until each is settled."""
        return [
            Done(contract.contract_id, proof(contract.contract_id))
            for contract in market.contracts(Role.PROPOSER)
            if contract.deal.kind is ContractKind.SERVICE
            and contract.stage is not Stage.PROPOSED
            and market.turn >= contract.deal.due_turn
            and self.delivers(market, contract)
        ]

    def _signs(self, market: MarketView, contract: Contract) -> bool:
        role, deal = market.role(contract), contract.deal
        need = dues(deal)[role]
        if need and need > market.free - self.reserve:
            return False
        if role is Role.ARBITRATOR:
            return self.arbitrates(market, contract)
        proposer, _, arbitrator = deal.parties
        known = self.trusts(market, proposer) and self._is_fair(market, arbitrator)
        return known and self.accepts(market, deal)

    def _is_fair(self, market: MarketView, arbitrator: str) -> bool:
        """Test whether an arbitrator rules in time, and not always for those who propose it."""
        record = market.record(arbitrator)
        bias = record.for_proposers - record.for_counterparties
        return record.missed == 0 and bias <= self.bias_max

    def _rulings(self, market: MarketView) -> Action | None:
        """All rulings for the side that has more of them now; the others can wait a turn."""
        rulings: dict[Favoured, list[int]] = {}
        for contract in market.contracts(Role.ARBITRATOR, Stage.REFERRED):
            favoured = self.ruling(market, contract)
            if favoured is not None:
                rulings.setdefault(favoured, []).append(contract.contract_id)
        if not rulings:
            return None
        favoured = max(rulings, key=lambda side: len(rulings[side]))
        return ArbitratorRuling(tuple(rulings[favoured]), favoured.value)

    def _verdicts(self, market: MarketView) -> Action | None:
        """Confirms what was shown to it, disputes what was only claimed, claims what it did."""
        confirmed, disputed = [], []
        for contract in market.contracts(Role.COUNTERPARTY, Stage.ATTESTING):
            proved = contract.deal.kind is not ContractKind.SERVICE or market.is_proved(contract)
            if self.admits(market, contract, proved=proved):
                confirmed.append(contract.contract_id)
            elif contract.claimed or contract.until <= market.turn:
                disputed.append(contract.contract_id)
        if disputed:
            return DisputeDelivery(tuple(disputed))
        if confirmed:
            return ConfirmDelivery(tuple(confirmed))
        claimed = tuple(
            contract.contract_id
            for contract in market.contracts(Role.PROPOSER, Stage.ATTESTING)
            if not contract.claimed and self.claims(market, contract)
        )
        return ConfirmDelivery(claimed) if claimed else None

    def admits(self, market: MarketView, contract: Contract, *, proved: bool) -> bool:
        """Test whether it confirms a delivery to it."""
        return proved

    def claims(self, market: MarketView, contract: Contract) -> bool:
        """Test whether it confirms a delivery of its own."""
        return self.delivers(market, contract)

    def _deliveries(self, market: MarketView) -> Action | None:
        for contract in market.contracts(Role.PROPOSER, Stage.ACTIVE):
            sale = contract.deal.kind is ContractKind.INFORMATION_SALE
            if sale and self.delivers(market, contract):
                payload = report(market.view, contract.deal.proposed)
                return SellInformation(contract.contract_id, payload)
        return None


def report(view: View, turn: int) -> str:
    """The information good that an agent made in a turn."""
    number = view.draw(10**9, "trader.report", turn, lasting=True)
    return f"report of {view.agent_id}, turn {turn}: {number}"
