"""What an agent can do in the open turn in words, with what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sim_economy.core.actions import (
    BidCore,
    Burn,
    SignContract,
    Stake,
    Study,
    Transfer,
    action_name,
)
from sim_economy.core.contracts import Contract, Role
from sim_economy.core.observation import Observation
from sim_economy.core.options import ActionOption, OneOf, Options, SomeOf, WholeNumber
from sim_economy.core.rules.agreement import dues
from sim_economy.core.world_config import WorldConfig

CAN: Final = "You can"
"""The label of the actions that need no contract; said again only where they have changed."""

_SIGN: Final = action_name(SignContract())
_STUDY: Final = action_name(Study())
_SPENDING: Final = tuple(action_name(own) for own in (Stake(), Burn(), Transfer(), BidCore()))


def option_lines(found: Options, seen: Observation, config: WorldConfig) -> Iterator[str]:
    """What an agent can do, in up to three lines: actions, what it can spend, contracts.

    Args:
        config: As agents see it.
    """
    free = [own for own in found.actions if "contract_id" not in own.arguments]
    yield f"{CAN}: {', '.join(_named(own, config) for own in free)}."
    most = _most(found)
    if most is not None and most != seen.accounts["balance"]:
        yield f"With what reaches you first you can spend {most}."
    on = [_on_contracts(own, seen) for own in found.actions if own not in free]
    if on:
        yield f"On contracts you can: {'; '.join(on)}."


def _named(option: ActionOption, config: WorldConfig) -> str:
    return f"{_STUDY} ({config.study_cost} tokens)" if option.action == _STUDY else option.action


def _most(found: Options) -> int | None:
    """The most that an action can spend; None where none can."""
    options = (found.of(name) for name in _SPENDING)
    amounts = [own.arguments["amount"] for own in options if own is not None]
    return next((own.most for own in amounts if isinstance(own, WholeNumber)), None)


def _on_contracts(option: ActionOption, seen: Observation) -> str:
    """An action with the contracts that it is possible on, and what signing them takes."""
    numbers = option.arguments["contract_id"]
    assert isinstance(numbers, OneOf | SomeOf), option
    signs = option.action == _SIGN
    contracts = [own for own in seen.contracts if own.contract_id in numbers.values]
    named = (f"{own.contract_id}{_takes(own, seen.agent_id) if signs else ''}" for own in contracts)
    return f"{option.action} {', '.join(named)}"


def _takes(contract: Contract, agent_id: str) -> str:
    role = Role(contract.deal.parties.index(agent_id))
    if role is Role.PROPOSER:
        return " (withdraws it)"
    return f" (takes {dues(contract.deal)[role]} tokens)"
