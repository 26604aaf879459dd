"""Contracts: terms, parties, and the one table of their transitions.

Source: docs/spec/economy.md, section 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct


class ContractKind(StrEnum):
    """The kind of promise."""

    SERVICE = "service"
    INFORMATION_SALE = "information_sale"
    LOAN = "loan"
    INSURANCE = "insurance"
    FORWARD = "forward"


class Settlement(StrEnum):
    """The judge of a promise: the parties and an arbitrator, or the rules alone."""

    ATTESTED = "attested"
    AUTOMATIC = "automatic"


class Role(IntEnum):
    """The three parties, in the order of every triple."""

    PROPOSER = 0
    COUNTERPARTY = 1
    ARBITRATOR = 2


class Favoured(StrEnum):
    """The party an arbitrator rules for."""

    PROPOSER = "proposer"
    COUNTERPARTY = "counterparty"


class Stage(StrEnum):
    """The stage of a contract."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DELIVERED = "delivered"
    ATTESTING = "attesting"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    REFERRED = "referred"
    RULED = "ruled"
    LAPSED = "lapsed"
    VOID = "void"
    SETTLED = "settled"
    DEFAULTED = "defaulted"


class Happened(StrEnum):
    """The events of a contract."""

    PROPOSED = "proposed"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    VOIDED = "voided"
    STARTED = "started"
    DRAWN = "drawn"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    REFERRED = "referred"
    RULED = "ruled"
    SETTLED = "settled"
    DEFAULTED = "defaulted"
    REFUSED = "refused"


class Cause(StrEnum):
    """The cause of a contract's end."""

    NOT_SIGNED = "not_signed"
    RUN_ENDED = "run_ended"
    START_TURN_PASSED = "start_turn_passed"
    UNDERFUNDED = "underfunded"
    BELOW_TRIGGER = "below_trigger"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"
    CLAIM_STOOD = "claim_stood"
    RULING = "ruling"
    REPAID = "repaid"
    PAID_OUT = "paid_out"
    RAN_OUT = "ran_out"
    NOT_DELIVERED = "not_delivered"
    BOTH_SILENT = "both_silent"
    NO_RULING = "no_ruling"
    NOT_REPAID = "not_repaid"


TRANSITIONS: Final[Mapping[tuple[Stage | None, Happened], Stage]] = {
    (None, Happened.PROPOSED): Stage.PROPOSED,
    (Stage.PROPOSED, Happened.SIGNED): Stage.PROPOSED,
    (Stage.PROPOSED, Happened.STARTED): Stage.ACTIVE,
    (Stage.PROPOSED, Happened.WITHDRAWN): Stage.LAPSED,
    (Stage.PROPOSED, Happened.LAPSED): Stage.LAPSED,
    (Stage.PROPOSED, Happened.VOIDED): Stage.VOID,
    (Stage.ACTIVE, Happened.DRAWN): Stage.ACTIVE,
    (Stage.ACTIVE, Happened.DELIVERED): Stage.DELIVERED,
    (Stage.ACTIVE, Happened.OPENED): Stage.ATTESTING,
    (Stage.ACTIVE, Happened.SETTLED): Stage.SETTLED,
    (Stage.ACTIVE, Happened.DEFAULTED): Stage.DEFAULTED,
    (Stage.ACTIVE, Happened.VOIDED): Stage.VOID,
    (Stage.DELIVERED, Happened.OPENED): Stage.ATTESTING,
    (Stage.DELIVERED, Happened.SETTLED): Stage.SETTLED,
    (Stage.ATTESTING, Happened.CLAIMED): Stage.ATTESTING,
    (Stage.ATTESTING, Happened.CONFIRMED): Stage.CONFIRMED,
    (Stage.ATTESTING, Happened.DISPUTED): Stage.DISPUTED,
    (Stage.ATTESTING, Happened.SETTLED): Stage.SETTLED,
    (Stage.ATTESTING, Happened.DEFAULTED): Stage.DEFAULTED,
    (Stage.ATTESTING, Happened.VOIDED): Stage.VOID,
    (Stage.CONFIRMED, Happened.SETTLED): Stage.SETTLED,
    (Stage.DISPUTED, Happened.REFERRED): Stage.REFERRED,
    (Stage.REFERRED, Happened.RULED): Stage.RULED,
    (Stage.REFERRED, Happened.DEFAULTED): Stage.DEFAULTED,
    (Stage.REFERRED, Happened.VOIDED): Stage.VOID,
    (Stage.RULED, Happened.SETTLED): Stage.SETTLED,
    (Stage.RULED, Happened.DEFAULTED): Stage.DEFAULTED,
}
"""Every change of stage there is; what is not here cannot happen."""

ENDS: Final = frozenset({Stage.LAPSED, Stage.VOID, Stage.SETTLED, Stage.DEFAULTED})
"""Stages that nothing leaves; a contract comes to one of them once (K9)."""


def allows(stage: Stage, happened: Happened) -> bool:
    """Test whether an event is possible at a stage."""
    return (stage, happened) in TRANSITIONS


def after(stage: Stage | None, happened: Happened) -> Stage:
    """The stage a contract comes to; None is before the proposal."""
    assert (stage, happened) in TRANSITIONS, (stage, happened)
    return TRANSITIONS[stage, happened]


class Terms(Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """The terms of a proposal; None where it is silent."""

    due_turn: int | None = None
    settlement: str | None = None
    proposer_collateral: int | None = None
    counterparty_collateral: int | None = None
    arbitrator_collateral: int | None = None
    arbitrator_fee: int | None = None
    price: int | None = None
    payload_hash: str | None = None
    principal: int | None = None
    premium: int | None = None
    payout: int | None = None
    trigger: int | None = None
    cap: int | None = None
    start_turn: int | None = None


class Deal(Struct, frozen=True, omit_defaults=True, gc=False, kw_only=True):
    """The agreement of the parties; it never changes.

    Attributes:
        parties: Agent ids: proposer, counterparty, arbitrator.
        proposed: The turn of the proposal.
        collaterals: Tokens, in the order of the parties.
    """

    kind: ContractKind
    settlement: Settlement
    parties: tuple[str, str, str]
    proposed: int
    due_turn: int
    collaterals: tuple[int, int, int]
    arbitrator_fee: int
    price: int = 0
    payload_hash: str = ""
    principal: int = 0
    premium: int = 0
    payout: int = 0
    trigger: int = 0
    cap: int = 0
    start_turn: int = 0


OWN_TERMS: Final[Mapping[ContractKind, tuple[str, ...]]] = {
    ContractKind.SERVICE: ("price",),
    ContractKind.INFORMATION_SALE: ("price", "payload_hash"),
    ContractKind.LOAN: ("principal", "premium"),
    ContractKind.INSURANCE: ("premium", "payout", "trigger"),
    ContractKind.FORWARD: ("price", "cap", "start_turn"),
}
"""The terms that a kind must state and no kind without them may."""

SETTLEMENTS: Final[Mapping[ContractKind, tuple[Settlement, ...]]] = {
    ContractKind.SERVICE: (Settlement.ATTESTED,),
    ContractKind.INFORMATION_SALE: (Settlement.AUTOMATIC, Settlement.ATTESTED),
    ContractKind.LOAN: (Settlement.AUTOMATIC,),
    ContractKind.INSURANCE: (Settlement.AUTOMATIC,),
    ContractKind.FORWARD: (Settlement.AUTOMATIC,),
}
"""The settlements of a kind; the first where a proposal is silent (K1)."""

PAYERS: Final[Mapping[ContractKind, Role | None]] = {
    ContractKind.SERVICE: Role.COUNTERPARTY,
    ContractKind.INFORMATION_SALE: Role.COUNTERPARTY,
    ContractKind.LOAN: None,
    ContractKind.INSURANCE: Role.PROPOSER,
    ContractKind.FORWARD: Role.PROPOSER,
}
"""The party whose payment waits in escrow."""


class Contract(Struct, frozen=True, gc=False, kw_only=True):
    """An open contract.

    Attributes:
        seats: Indices of the parties in genesis order.
        until: The last turn of what is open now: signing, term, confirmation or ruling.
        payment: Tokens beyond collateral that the payer still has in escrow for it.
        claimed: Whether the proposer confirmed its own delivery.
        favoured: For whom the arbitrator ruled this turn.
        insured_value: What an insurance measures; None for other kinds and before the start.
    """

    contract_id: int
    deal: Deal
    seats: tuple[int, int, int]
    stage: Stage
    until: int
    counterparty_signed: bool = False
    arbitrator_signed: bool = False
    payment: int = 0
    claimed: bool = False
    favoured: Favoured | None = None
    insured_value: int | None = None

    @property
    def escrow(self) -> tuple[int, int, int]:
        """Tokens of each party in escrow for the contract."""
        if self.stage is Stage.PROPOSED:
            return (0, 0, 0)
        held = list(self.deal.collaterals)
        payer = PAYERS[self.deal.kind]
        if payer is not None:
            held[payer] += self.payment
        return (held[0], held[1], held[2])


class Payload(Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """An information good that was delivered; seller and buyer by their positions."""

    contract_id: int
    seller: int
    buyer: int
    turn: int
    text: str


def chained_payload(before: str, payload: Payload) -> str:
    """The hash over the information goods that have left the state, after one more.

    Args:
        before: The hash over those that left it earlier; empty for none.
    """
    text = sha256(payload.text.encode()).hexdigest()
    delivered = (before, payload.contract_id, payload.seller, payload.buyer, payload.turn, text)
    return sha256(" ".join(map(str, delivered)).encode()).hexdigest()


class EndedContract(Struct, frozen=True, gc=False):
    """A contract that ended in the last turn, for its parties to see."""

    contract_id: int
    seats: tuple[int, int, int]
    stage: Stage
    reason: Cause | None


class Reputation(Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """An agent's public record (K11).

    Attributes:
        agent: Position in genesis order.
        settled: As proposer or counterparty, rulings lost left out.
        defaulted: Through its own fault.
        for_proposers: Rulings as arbitrator.
        for_counterparties: Rulings as arbitrator.
        missed: Disputes it let pass as arbitrator.
    """

    agent: int
    settled: int = 0
    defaulted: int = 0
    for_proposers: int = 0
    for_counterparties: int = 0
    missed: int = 0


class Counted(Struct, frozen=True, array_like=True, gc=False):
    """A pair whose contract counted for its reputations: low and high index, end, turn."""

    low: int
    high: int
    stage: Stage
    turn: int
