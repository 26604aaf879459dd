"""Actions of a party on an open contract, and the reasons for refusing them.

Source: docs/spec/economy.md, K2 and K5.
"""

from __future__ import annotations

from hashlib import sha256
from typing import assert_never

from sim_economy.core.actions import (
    ArbitratorRuling,
    ConfirmDelivery,
    DisputeDelivery,
    SellInformation,
    SignContract,
)
from sim_economy.core.contracts import (
    Contract,
    ContractKind,
    Favoured,
    Happened,
    Role,
    Stage,
    allows,
)
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.core.world_config import WorldConfig

PartyAction = SignContract | ConfirmDelivery | DisputeDelivery | ArbitratorRuling | SellInformation


def action_refusal(action: PartyAction, config: WorldConfig) -> Reason | None:
    """The reason an action is refused whatever contract it names, or None.

    Source: docs/spec/economy.md, section 8.
    """
    if action.contract_id is None or action.contract_id == ():
        return Reason.CONTRACT_MISSING
    match action:
        case ArbitratorRuling(_, favoured):
            return None if favoured in list(Favoured) else Reason.FAVOUR_UNKNOWN
        case SellInformation(_, None):
            return Reason.PAYLOAD_MISSING
        case SellInformation(_, str(payload)) if len(payload) > config.payload_length_max:
            return Reason.PAYLOAD_TOO_LONG
        case _:
            return None


def event_of(action: PartyAction, role: Role) -> Happened | None:
    """The event an action of a party causes; None where its role may not cause it.

    Source: docs/spec/economy.md, K2, K5 and K8.
    """
    match action:
        case SignContract():
            return Happened.WITHDRAWN if role is Role.PROPOSER else Happened.SIGNED
        case ConfirmDelivery():
            said = {Role.PROPOSER: Happened.CLAIMED, Role.COUNTERPARTY: Happened.CONFIRMED}
            return said.get(role)
        case DisputeDelivery():
            return Happened.DISPUTED if role is Role.COUNTERPARTY else None
        case ArbitratorRuling():
            return Happened.RULED if role is Role.ARBITRATOR else None
        case SellInformation():
            return Happened.DELIVERED if role is Role.PROPOSER else None
        case _:
            assert_never(action)


def contract_refusal(
    action: PartyAction, contract: Contract, role: Role, turn: int
) -> Reason | None:
    """The gravest reason to refuse a party's action on a contract now, or None.

    Source: docs/spec/economy.md, K2 and K5.
    """
    happened = event_of(action, role)
    if happened is None:
        return Reason.ROLE_MISMATCH
    sells = happened is Happened.DELIVERED
    if sells and contract.deal.kind is not ContractKind.INFORMATION_SALE:
        return Reason.KIND_MISMATCH
    if not allows(contract.stage, happened):
        return Reason.STAGE_MISMATCH
    if contract.stage is Stage.PROPOSED and turn <= contract.deal.proposed:
        return Reason.SIGNING_NOT_OPEN
    if isinstance(action, SellInformation):
        return _payload_refusal(action.payload or "", contract)
    return _repeat_refusal(happened, contract, role)


def _payload_refusal(payload: str, contract: Contract) -> Reason | None:
    digest = sha256(payload.encode()).hexdigest()
    return Reason.PAYLOAD_MISMATCH if digest != contract.deal.payload_hash else None


def _repeat_refusal(happened: Happened, contract: Contract, role: Role) -> Reason | None:
    signed = {
        Role.COUNTERPARTY: contract.counterparty_signed,
        Role.ARBITRATOR: contract.arbitrator_signed,
    }
    if happened is Happened.SIGNED and signed[role]:
        return Reason.ALREADY_SIGNED
    return Reason.ALREADY_STATED if happened is Happened.CLAIMED and contract.claimed else None
