"""Small worlds of shipped policies, played through, and what their ledger says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sim_economy.agents.policy import Policy
from sim_economy.core.accounts import BALANCE, FIRST, WIDTH, PostingReason
from sim_economy.core.actions import Action, Input
from sim_economy.core.contracts import Cause, Contract, Deal, Happened, Stage
from sim_economy.core.events import ContractEvent, Turn
from sim_economy.core.state import State
from sim_economy.core.world_config import parse_world_config
from sim_economy.runs.policy_loop import play
from sim_economy.world.world import World
from tests.properties.invariants import check_turn

USED = (0, 140)
"""Usage of every agent in every turn: a fee of 40."""


class End(NamedTuple):
    deal: Deal
    stage: Stage
    cause: Cause
    fault: tuple[str, ...]


class PlayedWorld:
    """A played world; agents are named by their roles."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        turns: int,
        world: Mapping[str, Any],
        usage: tuple[int, int],
    ) -> None:
        names = [*policies]
        config = parse_world_config({"num_agents": len(names), **world}, agent_ids=names)
        self.names = names
        self.turns: list[Turn] = []
        self.inputs: list[list[Input]] = []
        self.states: list[State] = []
        self.deals: dict[int, Deal] = {}
        self.events: list[tuple[int, ContractEvent]] = []
        used = [[usage] * len(names)] * turns
        with World(config) as live:
            self.states.append(live.state)
            for turn, inputs in play(live, [*policies.values()], used, turns):
                check_turn(self.states[-1], inputs, live.state, turn, config)
                self.turns.append(turn)
                self.inputs.append(inputs)
                self.states.append(live.state)
                for event in turn.contracts:
                    self.events.append((turn.turn, event))
                    if event.deal is not None:
                        self.deals[event.contract_id] = event.deal
            self.head = live.head.hash

    def ends(self, *stages: Stage) -> list[End]:
        """Contracts that ended so; settled or defaulted where nothing is named."""
        wanted = stages or (Stage.SETTLED, Stage.DEFAULTED)
        happened = {Happened.SETTLED, Happened.DEFAULTED, Happened.LAPSED, Happened.VOIDED}
        stage_of = {Happened.VOIDED: Stage.VOID}
        return [
            End(self.deals[event.contract_id], stage, Cause(str(event.reason)), event.fault)
            for _, event in self.events
            if event.happened in happened
            and (stage := stage_of.get(event.happened) or Stage(event.happened.value)) in wanted
        ]

    def happened(self, what: Happened) -> list[tuple[int, Deal]]:
        return [
            (turn, self.deals[event.contract_id])
            for turn, event in self.events
            if event.happened is what
        ]

    def moved(
        self, reason: PostingReason, source: str | None = None, target: str | None = None
    ) -> int:
        """Tokens moved for a reason, from and to an agent where one is named."""
        return sum(
            posting.amount
            for turn in self.turns
            for posting in turn.postings
            if posting.reason is reason
            and (source is None or self._owner(posting.source) == source)
            and (target is None or self._owner(posting.target) == target)
        )

    def actions(self, name: str) -> list[Action]:
        index = self.names.index(name)
        return [inputs[index].action for inputs in self.inputs]

    def speeches(self, name: str) -> list[str]:
        index = self.names.index(name)
        return [inputs[index].speech or "" for inputs in self.inputs]

    def balance(self, name: str, turn: int = -1) -> int:
        return self.states[turn].accounts[BALANCE + WIDTH * self.names.index(name)]

    def open_contracts(self, turn: int) -> Sequence[Contract]:
        return self.states[turn].contracts

    def rejected(self) -> list[tuple[str, str]]:
        return [
            (sent.agent_id, outcome.value)
            for turn, inputs in zip(self.turns, self.inputs, strict=True)
            for sent, outcome in zip(inputs, turn.outcomes, strict=True)
            if outcome is not None
        ]

    def _owner(self, account: int) -> str | None:
        return None if account < FIRST else self.names[(account - FIRST) // WIDTH]


def played_world(
    turns: int = 30,
    *,
    usage: tuple[int, int] = USED,
    world: Mapping[str, Any] | None = None,
    **policies: Policy,
) -> PlayedWorld:
    return PlayedWorld(policies, turns, world or {}, usage)
