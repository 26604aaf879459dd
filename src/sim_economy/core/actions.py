"""Actions of agents: one frozen value each, and the input that carries it."""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

from msgspec import Struct

from sim_economy.core.contracts import Terms
from sim_economy.core.needs import Need


# gc=False here and on other values made by the thousand: they can be in no reference cycle,
# so the garbage collector need not visit them.
class _Named(Struct, frozen=True, tag_field="action", gc=False, omit_defaults=True):
    """An action with a name on the wire, its tag."""


class Mine(_Named, frozen=True, tag="mine"):
    """Take part in the turn's lottery."""


class Stake(_Named, frozen=True, tag="stake"):
    """Lock tokens from the next block on; `fee` goes to its winner."""

    amount: int | None = None
    fee: int = 0


class Unstake(_Named, frozen=True, tag="unstake"):
    """Start the release of stake."""

    amount: int | None = None


class Burn(_Named, frozen=True, tag="burn"):
    """Destroy tokens for burn weight; `fee` goes to the winner of the block."""

    amount: int | None = None
    fee: int = 0


class Study(_Named, frozen=True, tag="study"):
    """Pay `study_cost` for lower fees from this turn on."""


class Job(_Named, frozen=True, tag="job"):
    """Work for the platform instead of paying this turn's fee."""


class Transfer(_Named, frozen=True, tag="transfer"):
    """Send tokens to another agent with the next block."""

    to: str | None = None
    amount: int | None = None
    fee: int = 0


class ProposeContract(_Named, frozen=True, tag="propose_contract"):
    """Offer a contract to a counterparty and an arbitrator."""

    kind: str | None = None
    counterparty: str | None = None
    arbitrator: str | None = None
    terms: Terms = Terms()


class SignContract(_Named, frozen=True, tag="sign_contract"):
    """Agree to a contract; its proposer withdraws it."""

    contract_id: int | None = None


class ConfirmDelivery(_Named, frozen=True, tag="confirm_delivery"):
    """State that what was promised was delivered, for each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None


class DisputeDelivery(_Named, frozen=True, tag="dispute_delivery"):
    """State that it was not, for each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None


class ArbitratorRuling(_Named, frozen=True, tag="arbitrator_ruling"):
    """Rule for the `proposer` or the `counterparty` of each of the contracts."""

    contract_id: int | tuple[int, ...] | None = None
    in_favour_of: str | None = None


class SellInformation(_Named, frozen=True, tag="sell_information"):
    """Deliver the payload whose hash a contract names."""

    contract_id: int | None = None
    payload: str | None = None


class BidCore(_Named, frozen=True, tag="bid_core"):
    """Bid for a core share in the opening auction; nobody sees how much."""

    amount: int | None = None


class Speak(_Named, frozen=True, tag="speak"):
    """Say something to all and do nothing else."""


class Idle(_Named, frozen=True, tag="idle"):
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

RECOGNISED: Final[dict[str, type[Action]]] = {
    kind.__struct_config__.tag: kind for kind in get_args(Action) if kind is not Unrecognised
}
"""Every action a rule knows, by its name on the wire."""

_NAMES: Final[dict[type, str]] = {action: name for name, action in RECOGNISED.items()}


def action_name(action: Action) -> str:
    """The action's name on the wire."""
    return action.action if isinstance(action, Unrecognised) else _NAMES[type(action)]


class Cut(Struct, frozen=True, array_like=True, gc=False):
    """A text or list of an input that was longer than its limit, and is not kept.

    Attributes:
        field: Where it stood, as a path such as `speech` or `action.payload`; of `thinking` as
            much is kept as its limit allows.
        length: Characters of the text, or items of the list.
    """

    field: str
    length: int


class Input(Struct, frozen=True, omit_defaults=True, gc=False):
    """The input of one agent for one turn.

    Attributes:
        thinking_units: Usage spent on thinking, 0 to 2^31 - 1.
        output_units: Usage spent on output, 0 to 2^31 - 1.
        thinking: Private; only the operator's ledger holds it.
        speech: Public; every agent sees it next turn.
        cut: What was too long to be kept; see `text_limits`.
        needs: Contracts that the agent would make, in a world that matches them (G4).
    """

    agent_id: str
    action: Action
    thinking_units: int = 0
    output_units: int = 0
    thinking: str | None = None
    speech: str | None = None
    cut: tuple[Cut, ...] = ()
    needs: tuple[Need, ...] = ()
