"""Policies: values that decide for one agent, from its view of the world.

docs/write-your-own-policy.md shows how to add one from a package of your own.
"""

from __future__ import annotations

from typing import NoReturn

from msgspec import Struct

from sim_economy.core.actions import Action
from sim_economy.core.observation import Observation, Observer
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig


class Move(Struct, frozen=True, gc=False):
    """An action with its agent's speech and thinking.

    Attributes:
        speech: Public; every agent hears it next turn, unless the action is rejected.
        thinking: Private; only the operator's ledger holds it.
    """

    action: Action
    speech: str | None = None
    thinking: str | None = None


class SharedView:
    """The part of a view that all agents share: one state and who observes it."""

    __slots__ = ("_config", "_observer", "_state")

    def __init__(self, state: State, config: WorldConfig) -> None:
        self._state = state
        self._config = config
        self._observer: Observer | None = None

    def observation(self, agent: int) -> Observation:
        """The observation of one agent; nothing is computed before the first asks."""
        if self._observer is None:
            self._observer = Observer(self._state, self._config)
        return self._observer.of(agent)


class View(Struct, kw_only=True):
    """The view of one agent when it decides; to be read, never changed.

    Attributes:
        agent: Position in genesis order.
        state: The whole world after the last closed turn, as only the operator sees it. A policy
            that reads it knows more than an agent may.
        config: Parameters and variants, which are public, and the seed, which is not.
    """

    agent: int
    state: State
    config: WorldConfig
    _shared: SharedView
    _seen: Observation | None = None

    @property
    def open_turn(self) -> int:
        """The turn to act in."""
        return self.state.turn + 1

    def __getattr__(self, name: str) -> NoReturn:
        """Name the successors of the names of the release before; gone after this one."""
        renamed = {"turn": "open_turn (the last closed turn is state.turn)", "scenario": "config"}
        now = f"; it is {renamed[name]} now" if name in renamed else ""
        raise AttributeError(f"a view has no {name}{now}", name=name, obj=self)

    @property
    def agent_id(self) -> str:
        """The agent's name."""
        return self.config.agent_ids[self.agent]

    @property
    def observation(self) -> Observation:
        """The agent's observation (section 9 of the rules)."""
        if self._seen is None:
            self._seen = self._shared.observation(self.agent)
        return self._seen

    def draw(self, below: int, purpose: str, index: int = 0, *, lasting: bool = False) -> int:
        """A whole number from 0 to `below` - 1, by chance but the same whenever it is asked.

        Args:
            purpose: Draws for different purposes have nothing to do with each other.
            index: Tells draws for one purpose apart.
            lasting: One draw for the whole run instead of one for each turn.
        """
        key = seed_key(self.config.seed, self.config.secret)
        turn = 0 if lasting else self.open_turn
        purpose = f"policy.{purpose}.{index}" if index else f"policy.{purpose}"
        return draw_below(below, key, turn, purpose, self.agent)


def views(state: State, config: WorldConfig) -> list[View]:
    """The view of each agent, in genesis order."""
    shared = SharedView(state, config)
    return [
        View(agent=agent, state=state, config=config, _shared=shared)
        for agent in range(config.num_agents)
    ]


class Policy(Struct, frozen=True):
    """Decides for one agent; the base of every policy.

    A policy is a frozen value: its fields are its parameters, each with a default. It keeps no
    memory. What it decides depends on the view alone, so that a run can be resumed from a
    ledger and played again.
    """

    def decide(self, view: View) -> Action | Move:
        """The agent's action in the open turn."""
        raise NotImplementedError
