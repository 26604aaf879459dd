"""A session of a run: folder, world, endpoints and turn loop put together; and its replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.errors import ReplayError, SimEconomyError
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.orchestrator.dialogue.providers import provider_for
from sim_economy.orchestrator.key_filter import KeyFilter
from sim_economy.orchestrator.limits.budget import Budget, Cost
from sim_economy.orchestrator.model_call import ModelCaller, ModelEndpoint
from sim_economy.orchestrator.record.cache_totals import CachedInput, cached_input
from sim_economy.orchestrator.record.call_folder import (
    LEDGER,
    open_world,
    read_run,
    session,
    under_kept_versions,
)
from sim_economy.orchestrator.record.call_log import CallLog, IdleReason
from sim_economy.orchestrator.settings import Plan
from sim_economy.orchestrator.task import Task
from sim_economy.orchestrator.turn_loop import Show, TurnLoop
from sim_economy.orchestrator.world_backend import LocalBackend, WorldBackend, WorldHead
from sim_economy.world.world import World

OpenWorldBackend: TypeAlias = Callable[[Task], AbstractAsyncContextManager[WorldBackend]]
"""Opens the way to a world that is not in this process."""


class Unanswered(Struct, frozen=True):
    """The commonest reason of agents that could not act, in a run in which no call had a reply."""

    idle_reason: IdleReason
    detail: str

    def __str__(self) -> str:
        return f"{self.idle_reason}: {self.detail}".removesuffix(": ")


class SessionResult(Struct, frozen=True, kw_only=True):
    """The result of a session.

    Attributes:
        spent: Of the whole run, this session and earlier ones.
        unknown: The most that calls may have cost which never said what they took.
        cached: What of their input was read from providers' caches.
        unanswered: Why no call of the whole run had a reply; None where one had.
    """

    world_head: WorldHead
    calls: int
    failed: int
    spent: Cost
    unknown: Cost
    cached: CachedInput
    unanswered: Unanswered | None = None


class NoReplyError(SimEconomyError):
    """A whole run in which models were asked and no call had a reply."""

    code = "no_reply"

    def __init__(self, unanswered: Unanswered) -> None:
        super().__init__(
            f"no call of the run had a reply ({unanswered}), so its models did nothing; "
            "correct it and start over with --fresh"
        )


async def orchestrate(
    folder: Path,
    task: Task,
    usage: UsageSource,
    *,
    open_world_backend: OpenWorldBackend | None = None,
    fresh: bool = False,
    show: Show = lambda progress: None,
    started: Callable[[ModelCaller], None] = lambda caller: None,
) -> SessionResult:
    """Play a run to its end, from where its folder has it.

    Args:
        open_world_backend: The way to an engine; a world of the folder's own when None.
        show: Called whenever an agent has decided.
        started: Called with what makes the calls, so that it can be stopped.

    Raises:
        BudgetReachedError, NotAllowedError, StoppedError: It cannot continue now.
        FolderError, StoreError, ReplayError: Folder, ledger or record cannot be used.
    """
    if not fresh:
        task = under_kept_versions(folder, task)
    plan, config = task.plan, task.config
    async with (
        session(folder, task, fresh=fresh) as writer,
        _world_backend(folder, task, open_world_backend) as world_backend,
        _endpoints(task, usage) as endpoints,
    ):
        budget = restored_budget(plan, writer.log)
        caller = ModelCaller(
            plan, config.seed, endpoints, writer.log, writer, budget, hidden=KeyFilter.of_plan(plan)
        )
        started(caller)
        loop = TurnLoop(
            plan,
            world_backend,
            caller,
            task.turns,
            prompt_version=task.prompt_version,
            genesis=World(config, world_id=task.world_id).head.hash,
            usage=usage,
            writer=writer,
            show=show,
        )
        world_head = await loop.run()
        return SessionResult(
            world_head=world_head,
            calls=caller.calls,
            failed=caller.failed,
            spent=budget.run.spent,
            unknown=budget.run.unknown,
            cached=cached_input(writer.log),
            unanswered=_unanswered(writer.log),
        )


def _unanswered(log: CallLog) -> Unanswered | None:
    if any(ended.answer is not None for ended in log.calls_ended.values()):
        return None
    reasons = Counter(
        Unanswered(decided.idle_reason, decided.detail)
        for decided in log.decided.values()
        if decided.idle_reason is not None
    )
    return max(reasons, key=lambda reason: reasons[reason], default=None)


@asynccontextmanager
async def _world_backend(
    folder: Path, task: Task, open_world_backend: OpenWorldBackend | None
) -> AsyncIterator[WorldBackend]:
    if open_world_backend is not None:
        async with open_world_backend(task) as world_backend:
            yield world_backend
        return
    with open_world(folder, task) as world:
        yield LocalBackend(world)


@asynccontextmanager
async def _endpoints(task: Task, usage: UsageSource) -> AsyncIterator[Mapping[str, ModelEndpoint]]:
    """The endpoints of all models that some agent has."""
    endpoints = {}
    try:
        for name in sorted(
            {backend.model for backend in task.plan.backends.values() if backend.model}
        ):
            setting = task.plan.models[name]
            provider = provider_for(setting, task.config, usage)
            price = task.plan.limits.prices.prices.get(setting.model)
            endpoints[name] = ModelEndpoint(setting, provider, price)
        yield endpoints
    finally:
        for endpoint in endpoints.values():
            assert endpoint.provider is not None
            await endpoint.provider.close()


def restored_budget(plan: Plan, log: CallLog) -> Budget:
    """The budget of a run, with everything spent according to the log."""
    budget = Budget(plan.limits)
    for call_id, ended in log.calls_ended.items():
        if ended.cache_hit:
            continue
        sent = log.calls_sent[call_id]
        unknown = Cost(sent.tokens, sent.money) if ended.charged else Cost()
        budget.restore(ended.agent_id, ended.spent, unknown)
    for sent in log.lost():
        budget.restore(sent.agent_id, Cost(), Cost(sent.tokens, sent.money))
    return budget


class Replayed(Struct, frozen=True):
    """The result of a replay.

    Attributes:
        position: How far record and rules agree.
        ledger: Whether the run's own ledger was there to be compared, byte for byte.
    """

    world_head: WorldHead
    calls: int
    ledger: bool


async def replay_run(folder: Path, progress: Callable[[int], None] = lambda turn: None) -> Replayed:
    """Play a run again from its recorded replies, without a network, and compare every byte.

    Raises:
        FolderError, StoreError: Folder or ledger cannot be read.
        ReplayError: A call, a decision, a turn or a byte of the ledger comes out otherwise.
    """
    task, log = read_run(folder)
    store = MemoryStore()
    world = World(task.config, store=store, world_id=task.world_id)
    played = max(log.closed, default=0)
    endpoints = {name: ModelEndpoint(setting) for name, setting in task.plan.models.items()}
    budget = restored_budget(task.plan, log)
    caller = ModelCaller(task.plan, task.config.seed, endpoints, log, None, budget)
    loop = TurnLoop(
        task.plan,
        LocalBackend(world),
        caller,
        task.turns,
        prompt_version=task.prompt_version,
        until=played,
        show=lambda shown: progress(shown.turn) if not shown.decided else None,
    )
    world_head = await loop.run()
    ledger = folder / LEDGER
    if ledger.exists():
        _compare(ledger, store, played)
    return Replayed(world_head, len(log.calls_ended), ledger.exists())


def _compare(ledger: Path, again: MemoryStore, turns: int) -> None:
    with reading(ledger) as store:
        if store.genesis_line() != again.genesis_line():
            raise ReplayError(0, "the ledger is of another world")
        for recorded, played in zip(store.read(0, turns), again.read(0, turns), strict=True):
            if recorded != played:
                raise ReplayError(recorded.turn, "the ledger has another turn than the call log")
