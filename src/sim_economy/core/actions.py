"""Actions of agents: one frozen value each, and the input that carries it."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from sim_economy.core.contracts import Terms


# gc=False here and on other values made by the thousand: they can be in no reference cycle,
# so the garbage collector need not visit them.
class Mine(Struct, frozen=True, tag="mine", tag_field="action", gc=False):
    """Take part in the turn's lottery."""


class Stake(Struct, frozen=True, tag="stake", tag_field="action", gc=False, omit_defaults=True):
    """Lock tokens from the next block on; `fee` goes to its winner."""

    amount: int | None = None
    fee: int = 0


class Unstake(Struct, frozen=True, tag="unstake", tag_field="action", gc=False, omit_defaults=True):
    """Start the release of stake."""

    amount: int | None = None


class Burn(Struct, frozen=True, tag="burn", tag_field="action", gc=False, omit_defaults=True):
    """Destroy tokens for burn weight; `fee` goes to the winner of the block."""

    amount: int | None = None
    fee: int = 0


class Study(Struct, frozen=True, tag="study", tag_field="action", gc=False):
    """Pay `study_cost` for lower fees from this turn on."""


class Job(Struct, frozen=True, tag="job", tag_field="action", gc=False):
    """Work for the platform instead of paying this turn's fee."""


class Transfer(
    Struct, frozen=True, tag="transfer", tag_field="action", gc=False, omit_defaults=True
):
    """Send tokens to another agent with the next block."""

    to: str | None = None
    amount: int | None = None
    fee: int = 0


class ProposeContract(
    Struct, frozen=True, tag="propose_contract", tag_field="action", gc=False, omit_defaults=True
):
    """Offer a contract to a counterparty and an arbitrator."""

    kind: str | None = None
    counterparty: str | None = None
    arbitrator: str | None = None
    terms: Terms = Terms()


class SignContract(
    Struct, frozen=True, tag="sign_contract", tag_field="action", gc=False, omit_defaults=True
):
    """Agree to a contract; its proposer withdraws it."""

    contract_id: int | None = None


class ConfirmDelivery(
    Struct, frozen=True, tag="confirm_delivery", tag_field="action", gc=False, omit_defaults=True
):
    """State that what was promised was delivered, for each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None


class DisputeDelivery(
    Struct, frozen=True, tag="dispute_delivery", tag_field="action", gc=False, omit_defaults=True
):
    """State that it was not, for each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None


class ArbitratorRuling(
    Struct, frozen=True, tag="arbitrator_ruling", tag_field="action", gc=False, omit_defaults=True
):
    """Rule for the `proposer` or the `counterparty` of each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None
    in_favour_of: str | None = None


class SellInformation(
    Struct, frozen=True, tag="sell_information", tag_field="action", gc=False, omit_defaults=True
):
    """Deliver the payload whose hash a contract names."""

    contract_id: int | None = None
    payload: str | None = None


class BidCore(
    Struct, frozen=True, tag="bid_core", tag_field="action", gc=False, omit_defaults=True
):
    """Bid for a core share in the opening auction; nobody sees how much."""

    amount: int | None = None


class Speak(Struct, frozen=True, tag="speak", tag_field="action", gc=False):
    """Say something to all and do nothing else."""


class Idle(Struct, frozen=True, tag="idle", tag_field="action", gc=False):
    """Do nothing."""


class Unrecognised(Struct, frozen=True, gc=False):
    """An action by a name no rule knows; it is rejected."""

    action: str


ContractAction: TypeAlias = (
    ProposeContract
    | SignContract
    | ConfirmDelivery
    | DisputeDelivery
    | ArbitratorRuling
    | SellInformation
)
Action: TypeAlias = (
    Mine
    | Stake
    | Unstake
    | Burn
    | Study
    | Job
    | Transfer
    | ContractAction
    | BidCore
    | Speak
    | Idle
    | Unrecognised
)

RECOGNISED: dict[str, type[Action]] = {
    "mine": Mine,
    "stake": Stake,
    "unstake": Unstake,
    "burn": Burn,
    "study": Study,
    "job": Job,
    "transfer": Transfer,
    "propose_contract": ProposeContract,
    "sign_contract": SignContract,
    "confirm_delivery": ConfirmDelivery,
    "dispute_delivery": DisputeDelivery,
    "arbitrator_ruling": ArbitratorRuling,
    "sell_information": SellInformation,
    "bid_core": BidCore,
    "speak": Speak,
    "idle": Idle,
}
"""Every action a rule knows, by its name on the wire."""


_NAMES: dict[type, str] = {action: name for name, action in RECOGNISED.items()}


def action_name(action: Action) -> str:
    """The action's name on the wire."""
    return action.action if isinstance(action, Unrecognised) else _NAMES[type(action)]


class Input(Struct, frozen=True, omit_defaults=True, gc=False):
    """The input of one agent for one turn.

    Attributes:
        thinking_units: Usage spent on thinking, 0 to 2^31 - 1.
        output_units: Usage spent on output, 0 to 2^31 - 1.
        thinking: Private; only the operator's ledger holds it.
        speech: Public; every agent sees it next turn.
    """

    agent_id: str
    action: Action
    thinking_units: int = 0
    output_units: int = 0
    thinking: str | None = None
    speech: str | None = None
