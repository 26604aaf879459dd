"""One agent's turn: calls within bounds until there is one action, or a reason for none."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Raw
from msgspec.structs import replace

from sim_economy.core.actions import Idle, Input
from sim_economy.core.codec import canonical
from sim_economy.core.randomness import draw, seed_key
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.orchestrator.dialogue.messages import (
    RETRIED,
    CallFailure,
    Message,
    Request,
)
from sim_economy.orchestrator.dialogue.observation_text import repair
from sim_economy.orchestrator.dialogue.reply_parser import SCHEMA, UnusableReply, read_reply
from sim_economy.orchestrator.model_call import (
    AgentTurnOver,
    ModelCaller,
    NotAllowedError,
    Question,
)
from sim_economy.orchestrator.record.call_log import AgentDecided, CallEnded, IdleReason
from sim_economy.orchestrator.settings import ModelSetting, Plan

_PAUSE_MOST: Final = 60.0
_QUOTED_MOST: Final = 8000


async def ask_with_retries(question: Question, caller: ModelCaller, seed: int) -> AgentDecided:
    """The agent's decision, with the usage of all its calls of the turn.

    Raises:
        BudgetReachedError, NotAllowedError, StoppedError: The run cannot continue now.
        ReplayError: The record is of other calls.
    """
    plan = caller.plan
    setting = caller.endpoints[question.model].setting
    messages = question.messages
    made: list[CallEnded] = []
    failures = repairs = 0
    pause = 0.0
    while True:
        try:
            request = request_of(setting, question.instructions, messages, question.schema)
            ended = await caller.call(question, request, len(made), pause)
        except AgentTurnOver as turn_over:
            return _decided(question, made, None, turn_over.idle_reason, "")
        made.append(ended)
        pause = 0.0
        if ended.answer is None:
            assert ended.failure is not None, ended
            if ended.failure is CallFailure.NOT_ALLOWED:
                raise NotAllowedError(question.model, ended.detail)
            failures += 1
            if ended.failure not in RETRIED or failures > plan.retries:
                return _decided(question, made, None, IdleReason(ended.failure), ended.detail)
            pause = max(_pause(plan, seed, question, len(made), failures), ended.retry_after or 0.0)
            continue
        try:
            chosen = read_reply(
                ended.answer, question.agent_id, caller.reply_version, needs=question.needs
            )
            return _decided(question, made, chosen, None, "")
        except UnusableReply as problem:
            if repairs >= plan.repairs:
                refused = ended.answer.stop_reason == "refusal"
                idle_reason = IdleReason.REFUSED if refused else IdleReason.UNUSABLE
                return _decided(question, made, None, idle_reason, str(problem))
            repairs += 1
            said = Message("assistant", _quoted(ended.answer.text))
            messages += (said, Message("user", repair(str(problem))))


def _quoted(text: str) -> str:
    """What of an unusable reply goes back to its model."""
    return text[:_QUOTED_MOST].strip() or "(nothing)"


def request_of(
    setting: ModelSetting, instructions: str, messages: tuple[Message, ...], schema: str = ""
) -> Request:
    """The whole of what is asked.

    Args:
        schema: Of the answer; empty where the model is given none.
    """
    strict = schema not in {"", SCHEMA} and setting.dialect.strict
    settings: dict[str, Any] = {
        "max_output_tokens": setting.max_output_tokens,
        "temperature": None if setting.temperature is None else str(setting.temperature),
        "reasoning_effort": setting.reasoning_effort,
        "stream": setting.stream,
        "strict": strict,
        "one_call": schema not in {"", SCHEMA} and setting.output == "tool",
        "extra": setting.extra,
    }
    return Request(
        provider=setting.provider,
        model=setting.model,
        base_url=setting.base_url,
        output=setting.output,
        schema=schema,
        instructions=instructions,
        messages=messages,
        settings={key: settings[key] for key in settings if settings[key] not in (None, False, {})},
    )


def _decided(
    question: Question,
    made: list[CallEnded],
    chosen: Input | None,
    idle_reason: IdleReason | None,
    detail: str,
) -> AgentDecided:
    """The decision, billed with what the providers reported and with nothing else."""
    units = [ended.usage.units for ended in made if ended.usage is not None]
    chosen = replace(
        chosen or Input(question.agent_id, Idle()),
        thinking_units=min(INPUT_LIMIT, sum(thinking for thinking, _ in units)),
        output_units=min(INPUT_LIMIT, sum(output for _, output in units)),
    )
    return AgentDecided(
        turn=question.turn,
        agent_id=question.agent_id,
        input=Raw(canonical(chosen)),
        seen=question.shown.seen,
        idle_reason=idle_reason,
        detail=detail,
        attempts=len(made),
        unreported_calls=sum(ended.charged for ended in made),
    )


def _pause(plan: Plan, seed: int, question: Question, attempt: int, failures: int) -> float:
    """Seconds before a call is repeated: doubling, less a part drawn from the seed."""
    longest = min(float(plan.backoff) * 2 ** (failures - 1), _PAUSE_MOST)
    key = seed_key(seed, "")
    part: float = draw(key, question.turn, f"orchestrator.pause.{attempt}", question.agent) / 2**64
    return float(longest * (1 - part / 2))
