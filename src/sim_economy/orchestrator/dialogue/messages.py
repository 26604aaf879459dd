"""Messages between the turn loop and a provider: requests, replies, failures, usage."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct, field

from sim_economy.core.codec import canonical
from sim_economy.ledger.records import digest


class Message(Struct, frozen=True):
    """One message of a conversation; the role is `user` or `assistant`."""

    role: str
    text: str


class Request(Struct, frozen=True, kw_only=True):
    """All that decides a reply, on our side; keys are not part of it.

    Attributes:
        provider: `mock`, `openai-compatible`, `openai`, `anthropic` or `google`.
        output: How the answer is to be given: `tool`, `native` or `prompted`.
        schema: JSON schema of the answer, as text.
        settings: Further settings by name, `max_output_tokens` among them.
    """

    provider: str
    model: str
    base_url: str | None
    output: str
    schema: str
    instructions: str
    messages: tuple[Message, ...]
    settings: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the whole request."""
        return digest(canonical(self))

    @property
    def tokens_most(self) -> int:
        """More prompt tokens than this request can be: one for each byte, and some for framing."""
        texts = (self.instructions, self.schema, *(message.text for message in self.messages))
        return sum(len(text.encode()) + _FRAME for text in texts)

    @property
    def output_most(self) -> int:
        """The most tokens the reply may have, thinking included."""
        return int(self.settings["max_output_tokens"])


_FRAME = 64


class Shown(Struct, frozen=True, kw_only=True):
    """What an agent is shown in a turn, as plain values.

    Attributes:
        seen: Its observation, without the parameters.
        full_state: The accounts of all agents; None where it may not see them.
        balance_before: Its balance a turn ago; None before turn 2.
        idle_reason: Why its last answer was not used.
        changed: Parameters that are not what they were at genesis.
        restored: Parameters that were not so a turn ago, and are again.
    """

    seen: dict[str, Any]
    full_state: dict[str, Any] | None = None
    balance_before: int | None = None
    idle_reason: str | None = None
    changed: dict[str, Any] = {}
    restored: dict[str, Any] = {}


class ModelCall(Struct, frozen=True, kw_only=True):
    """The context of one call.

    Attributes:
        agent: Position in genesis order.
        attempt: From 0 in each turn; a repeated or repaired call is the next one.
        key: The same for a call that is sent again after a crash.
        shown: What the agent is shown, for providers that are programs.
        conversation: The same for all calls that begin with the messages of the call before;
            None where each call has messages of its own.
    """

    seed: int
    turn: int
    agent: int
    agent_id: str
    attempt: int
    key: str
    shown: Shown
    conversation: str | None = None


class UsageNote(StrEnum):
    """A contradiction in a provider's figures, and what was made of it."""

    TOTAL_DECIDED = "total_decided"
    TOTAL_BELOW = "total_below_parts"
    PART_OUTSIDE = "part_outside"


class ModelUsage(Struct, frozen=True, omit_defaults=True):
    """The tokens that a provider reports for a call.

    Attributes:
        input_tokens: Those read from the provider's cache and written into it included.
        output_tokens: Reasoning included.
        reasoning_tokens: Part of the output; 0 where the provider does not say.
        cached_tokens: Part of the input that was read from the provider's cache.
        cache_write_tokens: Part of the input that was written into it.
        note: Where the figures contradicted one another.
    """

    input_tokens: int = field(name="input")
    output_tokens: int = field(name="output")
    reasoning_tokens: int = field(default=0, name="thinking")
    cached_tokens: int = field(default=0, name="cached")
    cache_write_tokens: int = field(default=0, name="cache_write")
    note: UsageNote | None = None

    @property
    def units(self) -> tuple[int, int]:
        """Thinking units and output units; none is in both."""
        thinking = min(self.reasoning_tokens, self.output_tokens)
        return thinking, self.output_tokens - thinking


class ModelOutput(Struct, frozen=True, omit_defaults=True):
    """A reply as it came.

    Attributes:
        usage: None where the provider did not say.
        stop_reason: Why the model stopped: `stop`, `length`, `refusal`, or what the
            provider says instead.
    """

    text: str
    thinking: str = ""
    usage: ModelUsage | None = field(default=None, name="tokens")
    stop_reason: str = field(default="stop", name="ended")


class CallFailure(StrEnum):
    """The reason there is no reply."""

    RATE_LIMITED = "rate_limited"
    SERVER_FAILED = "server_failed"
    CONNECTION_FAILED = "connection_failed"
    CALL_DEADLINE = "call_deadline"
    UNREADABLE = "unreadable"
    REJECTED = "request_rejected"
    NOT_ALLOWED = "not_allowed"


RETRIED = frozenset(CallFailure) - {CallFailure.REJECTED, CallFailure.NOT_ALLOWED}
"""Failures that another attempt may not meet."""


class CallFailed(Exception):  # noqa: N818
    """A call without a reply.

    Attributes:
        detail: For people; without keys.
        charged: Whether the provider may have charged for it.
        retry_after: Seconds the provider asks to wait.
        usage: What it took, where the provider said so all the same.
    """

    def __init__(
        self,
        failure: CallFailure,
        detail: str,
        *,
        charged: bool,
        retry_after: float | None = None,
        usage: ModelUsage | None = None,
    ) -> None:
        self.failure = failure
        self.detail = detail
        self.charged = charged
        self.retry_after = retry_after
        self.usage = usage
        super().__init__(f"{failure}: {detail}")


class Provider(Protocol):
    """Something that replies."""

    async def ask(self, request: Request, call: ModelCall) -> ModelOutput:
        """The reply to one request, sent once.

        Raises:
            CallFailed: There is none.
        """

    async def close(self) -> None:
        """Release its connections."""


Money = Decimal
"""An exact amount in the currency of the price table."""


def json_line(value: Any) -> str:
    """JSON on one line, whatever stands in its strings; what cannot be seen is written out."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
