"""One call: cache, queue, budget, call log, provider, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import ReplayError, SimEconomyError
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.orchestrator.dialogue.messages import (
    CallFailed,
    CallFailure,
    Message,
    ModelCall,
    ModelOutput,
    ModelUsage,
    Provider,
    Request,
    Shown,
)
from sim_economy.orchestrator.dialogue.reply_parser import clean
from sim_economy.orchestrator.limits.budget import NOTHING, Budget, BudgetReachedError, Cost
from sim_economy.orchestrator.limits.rate_limit import RateLimiter
from sim_economy.orchestrator.prices import Price
from sim_economy.orchestrator.record.call_log import (
    CallEnded,
    CallLog,
    CallLogWriter,
    CallSent,
    IdleReason,
    LogLine,
    damaged,
)
from sim_economy.orchestrator.reply_cache import ReplyCache
from sim_economy.orchestrator.settings import ModelSetting, Plan

_DETAIL_MOST: Final = 1000
_TEXT_MOST: Final = 200_000


class NotAllowedError(SimEconomyError):
    """A provider that takes no call with this key, model or address; the run stops."""

    code = "provider_not_allowed"

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"models.{name}: {detail}; fix it and run the same command again")


class StoppedError(SimEconomyError):
    """The session was asked to end; everything recorded is kept."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__("stopped before the run's end; run the same command again to resume")


class AgentTurnOver(Exception):  # noqa: N818
    """No further call for this agent in this turn."""

    def __init__(self, idle_reason: IdleReason) -> None:
        self.idle_reason = idle_reason
        super().__init__(idle_reason)


class ModelEndpoint(Struct, frozen=True):
    """A model that can be asked: its settings, its provider, what it costs.

    Attributes:
        provider: None where only recorded replies are played.
    """

    setting: ModelSetting
    provider: Provider | None = None
    price: Price | None = None


class Question(Struct, frozen=True, kw_only=True):
    """The question to one agent in one turn.

    Attributes:
        model: The name of its table.
        schema: Of the answer, as text; empty where its model is given none.
        messages: Those of its first call.
        shown: What they say, as plain values.
        grows: Whether they begin with those of the turn before.
        over: When the turn's deadline passes, by the loop's clock.
        needs: Whether the world matches needs, so that an answer may state them.
    """

    turn: int
    agent: int
    agent_id: str
    model: str
    instructions: str
    messages: tuple[Message, ...]
    shown: Shown
    grows: bool
    over: float
    schema: str = ""
    needs: bool = False


class ModelCaller:
    """Makes the calls of a run; what is recorded is not made again.

    Attributes:
        calls: Made in this session.
        failed: How many of them ended without a reply.
    """

    def __init__(
        self,
        plan: Plan,
        seed: int,
        endpoints: Mapping[str, ModelEndpoint],
        log: CallLog,
        writer: CallLogWriter | None,
        budget: Budget,
        *,
        hidden: Callable[[str], str] = lambda text: text,
    ) -> None:
        """Call these models.

        Args:
            writer: None where only recorded replies are played.
            hidden: Takes secrets out of a text that came from a provider.
        """
        self.plan = plan
        self.endpoints = endpoints
        self.log = log
        self.budget = budget
        self.limiter = RateLimiter(plan.limits.max_connections, plan.limits.calls_per_minute)
        self.calls = 0
        self.failed = 0
        self._seed = seed
        self._writer = writer
        self._cache = ReplyCache(plan.limits.cache) if plan.limits.cache else None
        self._hidden = hidden
        self._stopping = asyncio.Event()

    @property
    def reply_version(self) -> int:
        """How replies are read in this run."""
        return self.log.reply_version

    def stop(self) -> None:
        """Make no further call; those under way may end."""
        self._stopping.set()

    async def call(
        self, question: Question, request: Request, attempt: int, pause: float
    ) -> CallEnded:
        """The recorded end of a call, after making it if necessary.

        Args:
            pause: Seconds to wait before it is made.

        Raises:
            AgentTurnOver: The turn or the agent's budget is over.
            BudgetReachedError, StoppedError: The run cannot continue now.
            ReplayError: The log has another request, or lacks one it must have.
        """
        turn, agent_id = question.turn, question.agent_id
        found = self.log.calls_ended.get((turn, agent_id, attempt))
        refused = found is not None and found.failure is CallFailure.NOT_ALLOWED
        if found is not None and not (refused and self._writer):
            if found.request_digest != request.digest and self._writer is not None:
                problem = f"call {attempt} of {agent_id} in turn {turn} was another request"
                raise damaged("the record", f"{problem}, so lines of it or settings were lost")
            if found.request_digest != request.digest:
                raise ReplayError(turn, f"call {attempt} of {agent_id} would be another request")
            return found
        decided = self.log.decided.get((turn, agent_id))
        if decided is not None and decided.idle_reason in {
            IdleReason.TURN_DEADLINE,
            IdleReason.AGENT_BUDGET,
        }:
            raise AgentTurnOver(decided.idle_reason)
        if self._writer is None or decided is not None:
            raise ReplayError(turn, f"call {attempt} of {agent_id} is not in the record")
        await self._wait(pause, question)
        return await self._made(question, request, attempt, self._writer)

    async def _wait(self, pause: float, question: Question) -> None:
        """Wait before a repeated call, unless the session or the turn ends first."""
        if self._stopping.is_set():
            raise StoppedError
        if not pause:
            return
        if asyncio.get_running_loop().time() + pause >= question.over:
            raise AgentTurnOver(IdleReason.TURN_DEADLINE)
        try:
            await asyncio.wait_for(self._stopping.wait(), pause)
        except TimeoutError:
            return
        raise StoppedError

    async def _made(
        self, question: Question, request: Request, attempt: int, writer: CallLogWriter
    ) -> CallEnded:
        blank = CallEnded(
            turn=question.turn,
            agent_id=question.agent_id,
            attempt=attempt,
            request_digest=request.digest,
        )
        kept = self._cache.find(blank.request_digest) if self._cache else None
        if kept is not None:
            kept = self._without_keys(kept)
            ended = replace(blank, answer=kept, usage=kept.usage, cache_hit=True)
            await writer.append(*await self._asked(question, request, blank, writer), ended)
            return ended
        ended = await self._paid(question, request, blank, writer)
        if ended.retry_after is not None:
            self.limiter.hold(
                question.model, min(ended.retry_after, float(self.plan.turn_deadline))
            )
        if self._cache and ended.answer is not None and ended.usage is not None:
            self._cache.keep(ended.request_digest, ended.answer)
        return ended

    async def _paid(
        self, question: Question, request: Request, blank: CallEnded, writer: CallLogWriter
    ) -> CallEnded:
        """A call in its turn, with the most it may cost reserved."""
        price = self.endpoints[question.model].price
        prompt, reply = request.tokens_most, request.output_most
        held = Cost(prompt + reply, price.most(prompt, reply) if price else NOTHING)
        try:
            async with asyncio.timeout_at(question.over) as patience:
                async with self.limiter.slot(question.model):
                    if self._stopping.is_set():
                        raise StoppedError
                    await self._reserve(question, held)
                    patience.reschedule(None)
                    try:
                        ended = await self._sent(question, request, blank, writer, held)
                    except BaseException:
                        await self.budget.settle(question.agent_id, held, Cost(), held)
                        raise
                    unknown = held if ended.charged else Cost()
                    await self.budget.settle(question.agent_id, held, ended.spent, unknown)
                    return ended
        except TimeoutError:
            raise AgentTurnOver(IdleReason.TURN_DEADLINE) from None

    async def _reserve(self, question: Question, held: Cost) -> None:
        try:
            await self.budget.reserve(question.agent_id, held)
        except BudgetReachedError as error:
            if error.whose != "run" and self.plan.limits.agent_budget_ends == "idle":
                raise AgentTurnOver(IdleReason.AGENT_BUDGET) from None
            raise

    async def _sent(
        self,
        question: Question,
        request: Request,
        blank: CallEnded,
        writer: CallLogWriter,
        held: Cost,
    ) -> CallEnded:
        """Make one call; both its ends are on the disk when this returns."""
        endpoint = self.endpoints[question.model]
        assert endpoint.provider is not None, question.model
        await writer.append(*await self._asked(question, request, blank, writer, held))
        call = ModelCall(
            seed=self._seed,
            turn=question.turn,
            agent=question.agent,
            agent_id=question.agent_id,
            attempt=blank.attempt,
            key=f"{writer.run_id}-{question.turn}-{question.agent}-{blank.attempt}",
            shown=question.shown,
            conversation=f"{writer.run_id}-{question.agent}" if question.grows else None,
        )
        loop = asyncio.get_running_loop()
        started = loop.time()
        over = min(started + float(self.plan.call_deadline), question.over)
        self.calls += 1
        try:
            async with asyncio.timeout_at(over):
                answer = await endpoint.provider.ask(request, call)
        except TimeoutError:
            detail = f"no reply within {over - started:.3g} s"
            failed = CallFailed(CallFailure.CALL_DEADLINE, detail, charged=True)
            ended = self._without_reply(blank, failed)
        except CallFailed as failed:
            ended = self._without_reply(blank, failed)
        else:
            ended = self._with_reply(blank, answer)
        ended = _priced(ended, endpoint.price)
        ended = replace(ended, seconds=round(loop.time() - started, 3))
        await writer.append(ended)
        return ended

    async def _asked(
        self,
        question: Question,
        request: Request,
        blank: CallEnded,
        writer: CallLogWriter,
        held: Cost = Cost(),  # noqa: B008
    ) -> list[LogLine]:
        """The lines of what is asked, with the texts that it names for the first time."""
        named, texts = await writer.named(request)
        sent = CallSent(
            turn=question.turn,
            agent_id=question.agent_id,
            attempt=blank.attempt,
            name=question.model,
            request_digest=blank.request_digest,
            request=named,
            tokens=held.tokens,
            money=held.money,
        )
        return [*texts, sent]

    def _with_reply(self, blank: CallEnded, answer: ModelOutput) -> CallEnded:
        """A reply as it is kept."""
        kept = replace(self._without_keys(answer), usage=_sound(answer.usage))
        return replace(blank, answer=kept, usage=kept.usage, charged=kept.usage is None)

    def _without_keys(self, answer: ModelOutput) -> ModelOutput:
        """A reply with no secret, nothing a text cannot hold, the bulk cut off."""
        return replace(
            answer,
            text=self._hidden(clean(answer.text))[:_TEXT_MOST],
            thinking=self._hidden(clean(answer.thinking))[:_TEXT_MOST],
        )

    def _without_reply(self, blank: CallEnded, failed: CallFailed) -> CallEnded:
        self.failed += 1
        usage = _sound(failed.usage)
        return replace(
            blank,
            failure=failed.failure,
            detail=self._hidden(clean(failed.detail))[:_DETAIL_MOST],
            usage=usage,
            charged=failed.charged and usage is None,
            retry_after=failed.retry_after,
        )


def _priced(ended: CallEnded, price: Price | None) -> CallEnded:
    """An ended call with its cost; where nothing has a price, cache writes are input like other."""
    if ended.usage is None:
        return ended
    if price is not None:
        saved = price.saved(ended.usage)
        return replace(ended, money=price.of(ended.usage), saved=saved)
    usage = replace(ended.usage, cache_write_tokens=0)
    answer = ended.answer and replace(ended.answer, usage=usage)
    return replace(ended, usage=usage, answer=answer)


def _sound(usage: ModelUsage | None) -> ModelUsage | None:
    """A provider's figures, or none where they make no sense; a wrong part counts as 0."""
    if usage is None or not (
        0 <= usage.input_tokens <= INPUT_LIMIT and 0 <= usage.output_tokens <= INPUT_LIMIT
    ):
        return None
    return replace(
        usage,
        reasoning_tokens=max(0, usage.reasoning_tokens),
        cached_tokens=max(0, usage.cached_tokens),
        cache_write_tokens=max(0, usage.cache_write_tokens),
    )
