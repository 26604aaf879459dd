"""The turn loop: everyone is asked at once, and the turn closes whatever comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice, repeat
from typing import Any

from msgspec import Raw, Struct

from sim_economy.agents.catalogue import policy_named
from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.codec import canonical
from sim_economy.core.errors import FolderError, ReplayError, SimEconomyError, TurnConflictError
from sim_economy.orchestrator.agent_turn import ask_with_retries
from sim_economy.orchestrator.limits.budget import BudgetReachedError
from sim_economy.orchestrator.model_call import ModelCaller, NotAllowedError, StoppedError
from sim_economy.orchestrator.questions import Questions
from sim_economy.orchestrator.record.call_log import (
    AgentDecided,
    CallLog,
    CallLogWriter,
    SessionStopped,
    TurnClosed,
    damaged,
)
from sim_economy.orchestrator.scripted import decide
from sim_economy.orchestrator.settings import Plan
from sim_economy.orchestrator.world_backend import WorldBackend, WorldHead
from sim_economy.usage.unit_weights import Usage


class Progress(Struct, frozen=True, kw_only=True):
    """The progress of a run, for people to watch."""

    turn: int
    turns: int
    decided: int
    connections: int
    calls: int
    failed: int
    tokens: int
    money: str


Show = Callable[[Progress], None]


class _OpenTurn(Struct, frozen=True):
    """A turn in which everyone is asked.

    Attributes:
        used: What scripted policies take, `[agent]`; None where the record says it.
        full_state: None where nobody is shown it.
        over: When the turn's deadline passes, by the loop's clock.
    """

    turn: int
    used: list[Usage] | None
    full_state: dict[str, Any] | None
    over: float


class TurnLoop:
    """A run from where its record and its world are to its last turn."""

    def __init__(
        self,
        plan: Plan,
        world_backend: WorldBackend,
        caller: ModelCaller,
        turns: int,
        *,
        prompt_version: int,
        genesis: str = "",
        usage: UsageSource | None = None,
        writer: CallLogWriter | None = None,
        until: int | None = None,
        show: Show = lambda progress: None,
    ) -> None:
        """Play a world through its backend.

        Args:
            genesis: The head of this very world at genesis.
            usage: What scripted policies take; None where they are played from the record.
            until: The last turn to play now; the run's last when None.
            writer: None replays: every decision is made again and compared with the log.
        """
        self.plan = plan
        self.world_backend = world_backend
        self.caller = caller
        self.turns = turns
        self._until = turns if until is None else until
        self._genesis = genesis
        self._usage = usage
        self._writer = writer
        self._show = show
        self._decided = 0
        self._questions = Questions(plan, world_backend.config, caller.log, turns, prompt_version)

    @property
    def log(self) -> CallLog:
        """The call log so far."""
        return self.caller.log

    async def run(self) -> WorldHead:
        """Play to the end.

        Raises:
            BudgetReachedError, NotAllowedError, StoppedError: It cannot continue now.
            FolderError: The world and the record are not of one run.
            ReplayError: A decision comes out otherwise than recorded.
        """
        world_head = await self.world_backend.world_head()
        first = await self._joint(world_head) if self._writer else 1
        usage = self._used(first)
        for turn in range(first, self._until + 1):
            try:
                closed = await self._turn(turn, next(usage))
            except SimEconomyError as error:
                if self._writer is not None:
                    await self._writer.append(SessionStopped(turn, error.code))
                raise
            world_head = WorldHead(closed.turn, closed.head)
        return world_head

    async def _joint(self, world_head: WorldHead) -> int:
        """The turn to resume with, after checking that log and world are of one run."""
        recorded = max(self.log.closed, default=0)
        head = self.log.closed[recorded].head if recorded else self._genesis
        if world_head.turn not in {recorded, recorded + 1} or (
            world_head.turn == recorded and head != world_head.head
        ):
            raise FolderError(
                "folder_foreign",
                "the record",
                f"ends with turn {recorded} and the world with turn {world_head.turn}, or with "
                "another head: they are not of one run; restore both from a copy, or start over "
                "with --fresh",
            )
        return recorded + 1

    def _used(self, turn: int) -> Any:
        if self._usage is None:
            return repeat(None)  # a replay takes usage from the call log
        return islice(self._usage.turns(self.world_backend.config), turn - 1, None)

    async def _turn(self, turn: int, used: list[Usage] | None) -> TurnClosed:
        decisions = await self._decisions(turn, used)
        inputs = [decided.chosen for decided in decisions]
        key = f"{self._writer.run_id}-{turn}" if self._writer else ""
        ends = turn == self.turns
        try:
            closed = await self.world_backend.close_turn(turn, inputs, key=key, ends=ends)
        except TurnConflictError as error:
            problem = f"turn {turn} was closed with other decisions, so lines of it were lost"
            raise damaged("the record", problem) from error
        if self._writer is not None:
            await self._writer.append(closed)
        elif (recorded := self.log.closed.get(turn)) != closed:
            which = "is not closed in the record" if recorded is None else "closes otherwise"
            raise ReplayError(turn, f"the turn {which}; its head is {closed.head}")
        self._tell(turn, 0)
        return closed

    async def _decisions(self, turn: int, used: list[Usage] | None) -> list[AgentDecided]:
        """Every agent's decision, in genesis order."""
        backends = self.plan.backends
        full_state = None
        if self.plan.observation == "full" or any(backend.policy for backend in backends.values()):
            full_state = await self.world_backend.full_state()
        over = asyncio.get_running_loop().time() + float(self.plan.turn_deadline)
        self._decided = 0
        opened = _OpenTurn(turn, used, full_state, over)
        agents = range(self.world_backend.config.num_agents)
        deciding = (self._decision_of(opened, agent) for agent in agents)
        ended = await asyncio.gather(*deciding, return_exceptions=True)
        _raise_gravest(ended)
        return [decided for decided in ended if isinstance(decided, AgentDecided)]

    async def _decision_of(self, opened: _OpenTurn, agent: int) -> AgentDecided:
        config, turn = self.world_backend.config, opened.turn
        agent_id = config.agent_ids[agent]
        recorded = self.log.decided.get((turn, agent_id))
        if self._writer is not None and recorded is not None:
            return recorded
        try:
            observed = await self.world_backend.observe(agent_id)
            if self.plan.backends[agent_id].model is None:
                decided = self._played(opened, agent, observed)
            else:
                question = self._questions.of(agent, observed, opened.full_state, opened.over)
                decided = await ask_with_retries(question, self.caller, config.seed)
        except SimEconomyError:
            self.caller.stop()
            raise
        if self._writer is not None:
            await self._writer.append(decided)
        elif decided != recorded:
            raise ReplayError(turn, f"{agent_id} decides otherwise than recorded")
        self._decided += 1
        self._tell(turn, self._decided)
        return decided

    def _played(self, opened: _OpenTurn, agent: int, observed: dict[str, Any]) -> AgentDecided:
        """The decision of a scripted policy; in a replay its usage is the recorded one."""
        seen = {key: value for key, value in observed.items() if key != "world"}
        config, turn = self.world_backend.config, opened.turn
        agent_id = config.agent_ids[agent]
        backend = self.plan.backends[agent_id]
        assert backend.policy is not None, backend
        assert opened.full_state is not None, backend
        if opened.used is not None:
            used = opened.used[agent]
        elif (recorded := self.log.decided.get((turn, agent_id))) is not None:
            used = recorded.chosen.thinking_units, recorded.chosen.output_units
        else:
            raise ReplayError(turn, f"what {agent_id} did is not in the record")
        policy = policy_named(backend.policy, backend.parameters)
        chosen = decide(policy, agent, seen, opened.full_state, config, used)
        return AgentDecided(turn=turn, agent_id=agent_id, input=Raw(canonical(chosen)), seen=seen)

    def _tell(self, turn: int, decided: int) -> None:
        run = self.caller.budget.run
        self._show(
            Progress(
                turn=turn,
                turns=self.turns,
                decided=decided,
                connections=self.caller.limiter.connections,
                calls=self.caller.calls,
                failed=self.caller.failed,
                tokens=run.spent.tokens + run.unknown.tokens,
                money=f"{run.spent.money + run.unknown.money}",
            )
        )


def _raise_gravest(ended: list[AgentDecided | BaseException]) -> None:
    """Raise what stopped the turn: a bug before a refusal before a budget before a stop."""
    failures = [failure for failure in ended if isinstance(failure, BaseException)]
    gravity: dict[type, int] = {StoppedError: 0, BudgetReachedError: 1, NotAllowedError: 2}
    if failures:
        raise max(failures, key=lambda failure: gravity.get(type(failure), len(gravity)))
