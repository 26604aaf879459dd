"""Policies: values that decide for one agent, from its view of the world.

docs/write-your-own-policy.md shows how to add one from a package of your own.
"""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import NoReturn, Protocol

from msgspec import Struct

from sim_economy.core.accounts import FIRST, WIDTH, Holding
from sim_economy.core.actions import Action, Input
from sim_economy.core.errors import PolicyFailedError
from sim_economy.core.needs import Need
from sim_economy.core.observation import Observation, Observer
from sim_economy.core.randomness import draw_below
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig


class Move(Struct, frozen=True, gc=False):
    """An action with its agent's speech and thinking.

    Attributes:
        speech: Public; every agent hears it next turn, unless the action is rejected.
        thinking: Private; only the operator's ledger holds it.
        needs: Contracts that it would make, where the world matches them (G4).
    """

    action: Action
    speech: str | None = None
    thinking: str | None = None
    needs: tuple[Need, ...] = ()


class WorldAccounts(Struct, frozen=True, kw_only=True):
    """Every agent's accounts after the last closed turn, as only the operator sees them.

    Attributes:
        turn: The last closed turn.
        balances: `[agent]` in genesis order, as all that follow.
        studies: Studies paid for.
        burned: Tokens of finalised burns, undecayed.
        cores: Core shares owned.
        employed: Whether the agent ever had a job; None where only an engine would know.
    """

    turn: int
    token_supply: int
    fees_charged: int
    balances: tuple[int, ...]
    staked: tuple[int, ...]
    unstaking: tuple[int, ...]
    pending: tuple[int, ...]
    escrow: tuple[int, ...]
    studies: tuple[int, ...]
    burned: tuple[int, ...]
    cores: tuple[int, ...]
    employed: tuple[bool, ...] | None = None


def world_accounts(state: State) -> WorldAccounts:
    """The accounts of all agents, as values that nobody can change."""

    def of(holding: Holding) -> tuple[int, ...]:
        return tuple(state.accounts[FIRST + holding :: WIDTH])

    return WorldAccounts(
        turn=state.turn,
        token_supply=state.token_supply,
        fees_charged=state.fees_charged,
        balances=of(Holding.BALANCE),
        staked=of(Holding.STAKED),
        unstaking=of(Holding.UNSTAKING),
        pending=of(Holding.PENDING),
        escrow=of(Holding.ESCROW),
        studies=tuple(state.studies),
        burned=tuple(state.burned),
        cores=tuple(state.cores),
        employed=tuple(state.employed),
    )


class ViewSource(Protocol):
    """The world that views look at; whatever it gives can be read and not changed."""

    @property
    def turn(self) -> int:
        """The last closed turn."""

    @property
    def accounts(self) -> WorldAccounts:
        """Every agent's accounts."""

    def observation(self, agent: int) -> Observation:
        """The observation of one agent."""


class StateSource:
    """A world in this process as views look at it; nothing is computed before it is asked."""

    def __init__(self, state: State, config: WorldConfig) -> None:
        self._state = state
        self._config = config
        self._observations: dict[int, Observation] = {}

    @property
    def turn(self) -> int:
        """The last closed turn."""
        return self._state.turn

    @cached_property
    def accounts(self) -> WorldAccounts:
        """Every agent's accounts."""
        return world_accounts(self._state)

    @cached_property
    def _observer(self) -> Observer:
        return Observer(self._state, self._config)

    def observation(self, agent: int) -> Observation:
        """The observation of one agent."""
        if agent not in self._observations:
            self._observations[agent] = self._observer.of(agent)
        return self._observations[agent]


class View(Struct, frozen=True, kw_only=True):
    """The view of one agent when it decides: the same wherever its policy plays, and read-only.

    Attributes:
        agent: Position in genesis order.
        config: Parameters and variants, which are public, and the seed, which is not.
    """

    agent: int
    config: WorldConfig
    _source: ViewSource

    @property
    def open_turn(self) -> int:
        """The turn to act in."""
        return self._source.turn + 1

    @property
    def state(self) -> WorldAccounts:
        """Every agent's accounts; a policy that reads them knows more than an agent may."""
        return self._source.accounts

    @property
    def observation(self) -> Observation:
        """The agent's observation (section 9 of the rules)."""
        return self._source.observation(self.agent)

    def __getattr__(self, name: str) -> NoReturn:
        """Name the successors of the names of the release before; gone after this one."""
        renamed = {"turn": "open_turn (the last closed turn is state.turn)", "scenario": "config"}
        now = f"; it is {renamed[name]} now" if name in renamed else ""
        raise AttributeError(f"a view has no {name}{now}", name=name, obj=self)

    @property
    def agent_id(self) -> str:
        """The agent's name."""
        return self.config.agent_ids[self.agent]

    def draw(self, below: int, purpose: str, index: int = 0, *, lasting: bool = False) -> int:
        """A whole number from 0 to `below` - 1, by chance but the same whenever it is asked.

        Args:
            purpose: Draws for different purposes have nothing to do with each other.
            index: Tells draws for one purpose apart.
            lasting: One draw for the whole run instead of one for each turn.
        """
        turn = 0 if lasting else self.open_turn
        purpose = f"policy.{purpose}.{index}" if index else f"policy.{purpose}"
        return draw_below(below, self.config.seed_key, turn, purpose, self.agent)


def views(state: State, config: WorldConfig) -> list[View]:
    """The view of each agent, in genesis order."""
    config = config.as_seen(state.turn)
    source = StateSource(state, config)
    return [View(agent=agent, config=config, _source=source) for agent in range(config.num_agents)]


class Policy(Struct, frozen=True):
    """Decides for one agent; the base of every policy.

    A policy is a frozen value: its fields are its parameters, each with a default. It keeps no
    memory. What it decides depends on the view alone, so that a run can be resumed from a
    ledger and played again.
    """

    def decide(self, view: View) -> Action | Move:
        """The agent's action in the open turn."""
        raise NotImplementedError


def decided_input(policy: Policy, view: View, used: tuple[int, int]) -> Input:
    """What a policy decides, as its agent's input with the usage of the turn.

    Args:
        used: Thinking units and output units.

    Raises:
        PolicyFailedError: The policy raised.
    """
    agent_id, turn = view.agent_id, view.open_turn
    try:
        decided = policy.decide(view)
    except Exception as error:
        name = type(policy).__name__
        raise PolicyFailedError(name, agent_id, turn, _cause(policy, error)) from error
    move = decided if isinstance(decided, Move) else Move(decided)
    return Input(agent_id, move.action, *used, move.thinking, move.speech, needs=move.needs)


def _cause(policy: Policy, error: Exception) -> str:
    """What was raised, and the last line of the policy's own file on the way to it."""
    file = getattr(sys.modules.get(type(policy).__module__), "__file__", None)
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == file] or frames[-1:]
    where = "".join(f" ({Path(frame.filename).name} line {frame.lineno})" for frame in own[-1:])
    return f"{type(error).__name__}: {error}{where}"
