"""The run's record: one JSON value a line, on the disk before anything is made of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct, field

from sim_economy.core.actions import Idle, Input
from sim_economy.core.codec import canonical, parse_input, parse_json
from sim_economy.core.errors import FolderError, InputError
from sim_economy.ledger.records import digest
from sim_economy.orchestrator.dialogue.messages import (
    CallFailure,
    ModelOutput,
    ModelUsage,
    Money,
    Request,
)
from sim_economy.orchestrator.dialogue.reply_parser import REPLY_VERSION
from sim_economy.orchestrator.limits.budget import NOTHING, Cost

FORMAT: Final = 1


class IdleReason(StrEnum):
    """The reason an agent was idle although it was asked."""

    UNUSABLE = "unusable_reply"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    SERVER_FAILED = "server_failed"
    CONNECTION_FAILED = "connection_failed"
    CALL_DEADLINE = "call_deadline"
    UNREADABLE = "unreadable"
    REJECTED = "request_rejected"
    TURN_DEADLINE = "turn_deadline"
    AGENT_BUDGET = "agent_budget"


class RunStarted(Struct, frozen=True, tag="began", tag_field="line", omit_defaults=True):
    """The first line.

    Attributes:
        reply_version: How replies are read in this run.
        currency: Of the prices it began with; empty where there were none.
    """

    format: int
    run_id: str
    settings: str
    reply_version: int = 1
    currency: str = ""


class LongText(Struct, frozen=True, tag="text", tag_field="line"):
    """A long text that requests name by its digest."""

    digest: str
    text: str


class CallSent(Struct, frozen=True, tag="sent", tag_field="line", omit_defaults=True, kw_only=True):
    """A call is about to be made.

    Attributes:
        name: Of the model's table.
        request: Its instructions and schema are digests of texts.
        tokens: Set aside for it.
        money: Set aside for it.
    """

    turn: int
    agent_id: str
    attempt: int
    name: str
    request_digest: str
    request: Request
    tokens: int
    money: Money = NOTHING


class CallEnded(Struct, frozen=True, tag="got", tag_field="line", omit_defaults=True, kw_only=True):
    """A call has ended.

    Attributes:
        answer: None where it failed.
        usage: What it took, where the provider said so.
        charged: Whether it may have been charged though the provider did not say what it took.
        saved: What input from the provider's cache would have cost more as other input.
        cache_hit: Whether the reply was kept from an earlier call and cost nothing.
        seconds: From the request to its end.
    """

    turn: int
    agent_id: str
    attempt: int
    request_digest: str
    answer: ModelOutput | None = None
    failure: CallFailure | None = None
    detail: str = ""
    usage: ModelUsage | None = field(default=None, name="tokens")
    charged: bool = False
    retry_after: float | None = None
    money: Money = NOTHING
    saved: Money = NOTHING
    cache_hit: bool = field(default=False, name="cached")
    seconds: float = 0.0

    @property
    def spent(self) -> Cost:
        """What the provider said it took."""
        tokens = self.usage.input_tokens + self.usage.output_tokens if self.usage else 0
        return Cost(tokens, self.money)


class AgentDecided(
    Struct, frozen=True, tag="decided", tag_field="line", omit_defaults=True, kw_only=True
):
    """The decision of an agent in a turn.

    Attributes:
        input: As it goes into the ledger, canonical JSON.
        idle_reason: Why it is idle, where it is not its own choice.
        detail: What was wrong, for people.
        attempts: Calls made.
        unreported_calls: Calls that ended without a word on what they took; they are not billed.
        seen: What the agent saw, without what never changes.
    """

    turn: int
    agent_id: str
    input: msgspec.Raw
    seen: dict[str, Any]
    idle_reason: IdleReason | None = field(default=None, name="why")
    detail: str = ""
    attempts: int = 0
    unreported_calls: int = field(default=0, name="unsaid")

    @property
    def chosen(self) -> Input:
        """The input as a value."""
        return parse_input(parse_json(bytes(self.input)))

    @property
    def idle(self) -> bool:
        """True if it does nothing."""
        return isinstance(self.chosen.action, Idle)


class TurnClosed(Struct, frozen=True, tag="closed", tag_field="line", omit_defaults=True):
    """A turn is in the ledger.

    Attributes:
        rejections: Reasons of refused inputs by agent id.
    """

    turn: int
    head: str
    rejections: dict[str, str] = {}


class SessionStopped(Struct, frozen=True, tag="stopped", tag_field="line"):
    """A session ended before the run did."""

    turn: int
    reason: str


LogLine: TypeAlias = (
    RunStarted | LongText | CallSent | CallEnded | AgentDecided | TurnClosed | SessionStopped
)
CallId: TypeAlias = tuple[int, str, int]
"""Turn, agent id, attempt."""

_decode = msgspec.json.Decoder(LogLine).decode


class CallLog:
    """The lines of a call log by call, agent and turn."""

    def __init__(self) -> None:
        self.began: RunStarted | None = None
        self.texts: dict[str, str] = {}
        self.calls_sent: dict[CallId, CallSent] = {}
        self.interrupted: list[CallSent] = []
        self.calls_ended: dict[CallId, CallEnded] = {}
        self.decided: dict[tuple[int, str], AgentDecided] = {}
        self.closed: dict[int, TurnClosed] = {}
        self.stopped: list[SessionStopped] = []

    @property
    def reply_version(self) -> int:
        """How replies are asked for and read in this run."""
        return self.began.reply_version if self.began else REPLY_VERSION

    def add(self, line: LogLine) -> None:
        """Enter one line."""
        match line:
            case RunStarted():
                self.began = line
            case LongText(key, text):
                self.texts[key] = text
            case CallSent(turn=turn, agent_id=agent_id, attempt=attempt):
                call_id = (turn, agent_id, attempt)
                if call_id in self.calls_sent and call_id not in self.calls_ended:
                    self.interrupted.append(self.calls_sent[call_id])
                self.calls_sent[call_id] = line
            case CallEnded(turn=turn, agent_id=agent_id, attempt=attempt):
                self.calls_ended[turn, agent_id, attempt] = line
            case AgentDecided(turn=turn, agent_id=agent_id):
                self.decided[turn, agent_id] = line
            case TurnClosed(turn):
                self.closed[turn] = line
            case SessionStopped():
                self.stopped.append(line)

    def lost(self) -> list[CallSent]:
        """Calls that a crash cut off: nobody knows whether they were charged."""
        return [
            *self.interrupted,
            *(sent for at, sent in self.calls_sent.items() if at not in self.calls_ended),
        ]

    def request(self, sent: CallSent) -> Request:
        """The request with its texts in place."""
        return msgspec.structs.replace(
            sent.request,
            instructions=self.texts.get(sent.request.instructions, ""),
            schema=self.texts.get(sent.request.schema, ""),
        )


class _SeenAccounts(Struct):
    balance: int


class _Seen(Struct):
    accounts: _SeenAccounts
    speech: dict[str, str]


def _contradiction(log: CallLog, line: LogLine) -> str | None:
    """What a line says that no run can have recorded after the lines before it, if anything."""
    if log.began is None and not isinstance(line, RunStarted):
        return "the line that begins a record is missing"
    match line:
        case RunStarted():
            return _began_contradiction(log, line)
        case CallSent():
            return _sent_contradiction(line)
        case CallEnded():
            return _ended_contradiction(log, line)
        case AgentDecided():
            msgspec.convert(line.seen, _Seen)
            if line.chosen.agent_id != line.agent_id:
                return "it is the decision of another agent"
            if line.turn > len(log.closed) + 1:
                return f"turn {len(log.closed) + 1} is not closed before it"
        case TurnClosed() if log.closed.get(line.turn, line) != line:
            return f"turn {line.turn} is closed in two ways"
        case TurnClosed() if line.turn not in {*log.closed, len(log.closed) + 1}:
            return f"turn {len(log.closed) + 1} is not closed before it"
    return None


def _began_contradiction(log: CallLog, began: RunStarted) -> str | None:
    if began.format != FORMAT or log.began not in {None, began}:
        return "it begins another record"
    known = 1 <= began.reply_version <= REPLY_VERSION
    return None if known else "another release began it; read it with that one"


def _sent_contradiction(sent: CallSent) -> str | None:
    if not sent.request.messages:
        return "the call asks nothing"
    return None if _is_cost(sent.tokens, sent.money) else "the call has no possible cost"


def _ended_contradiction(log: CallLog, ended: CallEnded) -> str | None:
    call_id = (ended.turn, ended.agent_id, ended.attempt)
    before = (*call_id[:2], ended.attempt - 1)
    if not ended.cache_hit and call_id not in log.calls_sent:
        return "the line that sends this call is missing"
    if ended.attempt and before not in log.calls_ended:
        return "the call before it is missing"
    if (ended.answer is None) == (ended.failure is None):
        return "the call has neither a reply nor a failure"
    used = ended.usage or ModelUsage(0, 0)
    tokens = min(used.input_tokens, used.output_tokens)
    possible = _is_cost(tokens, ended.money) and _is_cost(tokens, abs(ended.saved))
    return None if possible else "the call has no possible cost"


def _is_cost(tokens: int, money: Money) -> bool:
    return tokens >= 0 and money.is_finite() and 0 <= money < _MONEY_MOST


_MONEY_MOST: Final = Money(10**18)


def read_call_log(path: Path) -> tuple[CallLog, int]:
    """The lines of a record, and how many bytes of it are whole lines.

    Raises:
        FolderError: A line is damaged, or lines before it are missing.
    """
    log = CallLog()
    whole = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    read = _decode(line)
                    problem = _contradiction(log, read)
                    log.add(read)
                except (ValueError, RecursionError, InputError) as error:
                    problem = f"it is damaged ({error})"
                if problem is not None:
                    raise damaged(path, f"line {number} cannot be read: {problem}")
                whole += len(line)
    except FileNotFoundError:
        return log, 0
    return log, whole


def damaged(path: Path | str, problem: str) -> FolderError:
    """The failure of a record, with the ways on."""
    return FolderError(
        "record_damaged",
        str(path),
        f"{problem}; restore the folder from a copy, or start over with --fresh",
    )


class CallLogWriter:
    """Appends lines; many that come together are made durable together."""

    def __init__(self, path: Path, log: CallLog, whole: int) -> None:
        """Go on after the last whole line; what a crash left of another is cut off."""
        self.log = log
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._file.truncate(whole)
        self._waiting: list[tuple[bytes, Sequence[LogLine], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._broken: OSError | None = None

    @property
    def run_id(self) -> str:
        """Of the run whose record it is."""
        assert self.log.began is not None, self._path
        return self.log.began.run_id

    async def append(self, *lines: LogLine) -> None:
        """Keep lines; they are on the disk when this returns.

        Raises:
            FolderError: They could not be written.
        """
        text = b"".join(canonical(line) + b"\n" for line in lines)
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        self._waiting.append((text, lines, kept))
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._drain())
        try:
            await asyncio.shield(kept)
        except OSError as error:
            raise FolderError(
                "folder_unwritable", str(self._path), f"cannot be written: {error.strerror}"
            ) from error

    async def named(self, request: Request) -> tuple[Request, list[LogLine]]:
        """A request with digests for its long texts, and the lines that give the new ones."""
        names: Mapping[str, str] = {
            field: digest(getattr(request, field).encode()) for field in ("instructions", "schema")
        }
        new: list[LogLine] = [
            LongText(names[field], getattr(request, field))
            for field in names
            if names[field] not in self.log.texts
        ]
        return msgspec.structs.replace(request, **names), new

    async def close(self) -> None:
        """Close the file when all is written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._file.close()

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                if self._broken is not None:
                    raise self._broken
                await asyncio.to_thread(self._write, b"".join(text for text, _, _ in batch))
            except OSError as error:
                self._broken = error
                for _, _, kept in batch:
                    kept.set_exception(error)
                continue
            for _, lines, kept in batch:
                for line in lines:
                    self.log.add(line)
                if not kept.done():
                    kept.set_result(None)

    def _write(self, batch: bytes) -> None:
        view = memoryview(batch)
        while view:
            view = view[self._file.write(view) :]
        os.fsync(self._file.fileno())
