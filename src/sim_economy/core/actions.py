"""What an agent may ask for: one frozen value per action, and the input that carries it."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


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


class Speak(Struct, frozen=True, tag="speak", tag_field="action", gc=False):
    """Say something to all and do nothing else."""


class Idle(Struct, frozen=True, tag="idle", tag_field="action", gc=False):
    """Do nothing."""


class Unrecognised(Struct, frozen=True, gc=False):
    """An action by a name no rule knows; it is rejected."""

    action: str


Action: TypeAlias = (
    Mine | Stake | Unstake | Burn | Study | Job | Transfer | Speak | Idle | Unrecognised
)

RECOGNISED: dict[str, type[Action]] = {
    "mine": Mine,
    "stake": Stake,
    "unstake": Unstake,
    "burn": Burn,
    "study": Study,
    "job": Job,
    "transfer": Transfer,
    "speak": Speak,
    "idle": Idle,
}
"""Every action a rule knows, by its name on the wire."""


_NAMES: dict[type, str] = {action: name for name, action in RECOGNISED.items()}


def action_name(action: Action) -> str:
    """The action's name on the wire."""
    return action.action if isinstance(action, Unrecognised) else _NAMES[type(action)]


class Input(Struct, frozen=True, omit_defaults=True, gc=False):
    """What one agent sends for one turn.

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
