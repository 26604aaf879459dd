"""A run as it can be read: turn by turn, what each agent saw, thought, said, did and paid."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from json import dumps, loads
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct, field

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.core.actions import RECOGNISED, Input, action_name
from sim_economy.core.codec import canonical
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.stores.protocol import Store
from sim_economy.orchestrator.limits.budget import Spending
from sim_economy.orchestrator.record.cache_totals import CachedInput, cached_input_by_turn
from sim_economy.orchestrator.record.call_folder import LEDGER, read_run
from sim_economy.orchestrator.record.call_log import AgentDecided, CallEnded, CallLog, damaged
from sim_economy.orchestrator.session import restored_budget
from sim_economy.orchestrator.task import Task
from sim_economy.runs.run import Run, run_of


class TranscriptCall(Struct, frozen=True, kw_only=True):
    """One call as it can be read.

    Attributes:
        outcome: `reply`, `kept reply`, or why there was none.
        reply: What the model wrote, thinking first.
        money: With its currency left out.
    """

    attempt: int
    outcome: str
    detail: str
    thinking: str
    reply: str
    seconds: float
    tokens: str
    money: str


class AgentTurn(Struct, frozen=True, kw_only=True):
    """One agent in one turn.

    Attributes:
        backend: Its model's table, or its policy.
        saw: The newest message of its first call, or its observation.
        observation: What it saw of the economy, as plain values.
        thought: As it goes into the ledger.
        did: Its action in words.
        action: The action's name; `unrecognised` where no rule knows it.
        idle_because: Why it could not act, where it could not.
        refused: Why a rule refused the action.
        billed: Thinking units and output units.
        paid: Tokens on its balance by reason, where the ledger is here to be read.
        balance: Before the turn.
    """

    turn: int
    agent_id: str
    backend: str = field(name="mind")
    saw: str
    observation: dict[str, Any]
    thought: str
    said: str
    did: str
    action: str
    idle_because: str
    refused: str
    billed: tuple[int, int]
    paid: dict[str, int]
    balance: int
    calls: tuple[TranscriptCall, ...] = field(name="parts")


class Transcript(Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        agent_turns: By turn, in genesis order.
        heads: By turn; a turn without one is not closed.
        spent: By agent id.
        cached: What providers read from their caches, by turn.
        currency: Of all money; empty where the record does not say.
        played: The run as its ledger holds it; None where the ledger is elsewhere.
        balances: After the last closed turn, by agent id; empty where the ledger is elsewhere.
    """

    task: Task
    agent_turns: dict[int, list[AgentTurn]]
    heads: dict[int, str]
    spent: dict[str, Spending]
    cached: dict[int, CachedInput]
    played: Run | None
    balances: dict[str, int]
    stopped: str
    currency: str

    def by_agent(self) -> dict[str, list[AgentTurn]]:
        """The agent turns by agent id, each agent's in order."""
        found: dict[str, list[AgentTurn]] = {}
        for agent_turn in chain.from_iterable(self.agent_turns.values()):
            found.setdefault(agent_turn.agent_id, []).append(agent_turn)
        return found


def read_transcript(folder: Path) -> Transcript:
    """The transcript of a run, from its call log and its ledger.

    Raises:
        FolderError, StoreError: They cannot be read.
    """
    task, log = read_run(folder)
    paid: _Paid = {}
    played: Run | None = None
    if (folder / LEDGER).exists():
        with reading(folder / LEDGER) as store:
            played = run_of(store)
            if played.agent_ids != list(task.config.agent_ids):
                raise damaged(folder / LEDGER, "is the ledger of other agents")
            paid = _paid(store, task)
    ended = max(log.closed, default=0) == task.turns
    stopped = log.stopped[-1].reason if log.stopped and not ended else ""
    return Transcript(
        task=task,
        agent_turns=_agent_turns(task, log, paid),
        heads={turn: closed.head for turn, closed in log.closed.items()},
        spent=restored_budget(task.plan, log).agents,
        cached=cached_input_by_turn(log),
        played=played,
        balances=_last_balances(task, played),
        stopped=stopped,
        currency=log.began.currency if log.began else "",
    )


def read_agent_turns(folder: Path) -> tuple[dict[int, list[AgentTurn]], str]:
    """The agent turns of a run from its call log alone, without what was paid, and the currency.

    Raises:
        FolderError: It cannot be read.
    """
    task, log = read_run(folder)
    return _agent_turns(task, log, {}), log.began.currency if log.began else ""


_Paid: TypeAlias = dict[tuple[int, str], dict[str, int]]


def _agent_turns(task: Task, log: CallLog, paid: _Paid) -> dict[int, list[AgentTurn]]:
    """What each agent did, by turn, in genesis order."""
    return {
        turn: [
            _agent_turn(task, log, decided, paid.get((turn, agent_id), {}))
            for agent_id in task.config.agent_ids
            if (decided := log.decided.get((turn, agent_id))) is not None
        ]
        for turn in sorted({turn for turn, _ in log.decided})
    }


def _last_balances(task: Task, played: Run | None) -> dict[str, int]:
    """Balances after the last closed turn, by agent id."""
    if played is None:
        return {}
    genesis = [task.config.genesis_tokens_per_agent] * task.config.num_agents
    (held,) = played.series.balances[-1:] or [genesis]
    return dict(zip(played.agent_ids, held, strict=True))


def _paid(store: Store, task: Task) -> _Paid:
    """Movements of every balance, by turn and agent: tokens by reason."""
    balances = {BALANCE + WIDTH * at: name for at, name in enumerate(task.config.agent_ids)}
    paid: _Paid = {}
    for stored in store.read(1):
        for posting in stored.record.postings:
            moved = ((posting.source, -posting.amount), (posting.target, posting.amount))
            for account, amount in moved:
                if account in balances:
                    reasons = paid.setdefault((stored.turn, balances[account]), {})
                    reason = str(posting.reason)
                    reasons[reason] = reasons.get(reason, 0) + amount
    return paid


def _agent_turn(task: Task, log: CallLog, decided: AgentDecided, paid: dict[str, int]) -> AgentTurn:
    turn, agent_id = decided.turn, decided.agent_id
    backend = task.plan.backends[agent_id]
    chosen = decided.chosen
    first = log.calls_sent.get((turn, agent_id, 0))
    saw = (
        first.request.messages[-1].text
        if first
        else dumps(decided.seen, ensure_ascii=False, indent=1)
    )
    closed = log.closed.get(turn)
    because = (
        f"{decided.idle_reason}: {decided.detail}".removesuffix(": ") if decided.idle_reason else ""
    )
    return AgentTurn(
        turn=turn,
        agent_id=agent_id,
        backend=backend.model or f"policy {backend.policy}",
        saw=saw,
        observation=decided.seen,
        thought=chosen.thinking or "",
        said=chosen.speech or "",
        did=in_words(chosen),
        action=name if (name := action_name(chosen.action)) in RECOGNISED else "unrecognised",
        idle_because=because,
        refused=closed.rejections.get(agent_id, "") if closed else "",
        billed=(chosen.thinking_units, chosen.output_units),
        paid=paid,
        balance=decided.seen["accounts"]["balance"],
        calls=tuple(
            _transcript_call(log.calls_ended[turn, agent_id, attempt])
            for attempt in range(decided.attempts)
            if (turn, agent_id, attempt) in log.calls_ended
        ),
    )


def _transcript_call(ended: CallEnded) -> TranscriptCall:
    tokens = "not reported" if ended.charged else "none"
    if ended.usage is not None:
        thinking, output = ended.usage.units
        tokens = f"{ended.usage.input_tokens} in, {thinking} thinking, {output} out"
        tokens += f" ({ended.usage.note})" if ended.usage.note else ""
    outcome = str(ended.failure) if ended.failure else "kept reply" if ended.cache_hit else "reply"
    if ended.answer is not None and ended.answer.stop_reason != "stop":
        outcome = f"{outcome} ({ended.answer.stop_reason})"
    return TranscriptCall(
        attempt=ended.attempt,
        outcome=outcome,
        detail=ended.detail,
        thinking=ended.answer.thinking if ended.answer else "",
        reply=ended.answer.text if ended.answer else "",
        seconds=ended.seconds,
        tokens=tokens,
        money=f"{ended.money.normalize():f}" if ended.money else "",
    )


def in_words(chosen: Input) -> str:
    """An action on one line: its name, then what it is about."""
    plain: dict[str, Any] = loads(canonical(chosen.action))
    name = str(plain.pop("action"))
    terms = plain.pop("terms", None)
    if isinstance(terms, Mapping):
        plain |= terms
    rest = ", ".join(f"{key} {_short(value)}" for key, value in plain.items())
    return f"{name}: {rest}" if rest else name


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


_SHORT: Final = 80
