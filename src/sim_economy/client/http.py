"""The two clients over httpx: one waits, one is awaited; what they send and read is shared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final, Self

import httpx

from sim_economy.client import requests
from sim_economy.client.answers import (
    BlockAnswer,
    ClosedTurnAnswer,
    CommitmentAnswer,
    ContractEventAnswer,
    FiguresAnswer,
    GenesisAnswer,
    HeadAnswer,
    ObservationAnswer,
    PageAnswer,
    Parameters,
    PlayedRunAnswer,
    PostingAnswer,
    RejectionAnswer,
    StartedWorldAnswer,
    StatementAnswer,
    TransactionAnswer,
    VerificationAnswer,
    WorldStateAnswer,
)
from sim_economy.client.events import EventStream
from sim_economy.client.requests import Answer, Attempts, EngineRequest, Row, Value

ADDRESS: Final = "http://127.0.0.1:8000"
"""The address an engine listens on by default."""

_BROKEN: Final = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
_STREAM: Final = httpx.Timeout(10, read=45)
"""Seconds; a silent stream says that it is still there every 15."""


class EngineClient:
    """One engine, synchronously; use it in a `with` block, or `close` it.

    A call that cannot do harm twice is repeated when the connection breaks: reading, and closing a
    turn, which carries a key.

    Attributes:
        token: Sent with every call; set it to what `init` answers, if the engine asks for tokens.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        world: str | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        retries: int = 5,
    ) -> None:
        """Connect with the first call.

        Args:
            world: Its name; the default one when None.
            timeout: Seconds to wait for an answer.
            retries: How often a repeatable call is sent again; the pauses double from 0.1 s to 2 s.
        """
        self.token = token
        self._retries = retries
        self._address = address.rstrip("/")
        base = requests.base(self._address, world)
        self._http = httpx.Client(base_url=base, timeout=timeout, trust_env=False)

    def config(self) -> Parameters:
        """The world's parameters without the seed; the defaults before `init`."""
        return self._send(requests.config())

    def init(
        self,
        config: Value,
        agent_ids: Sequence[str] | None = None,
        public_keys: Mapping[str, str] | None = None,
    ) -> StartedWorldAnswer:
        """Start the world; with public keys by agent id, every agent signs what it does."""
        return self._send(requests.init(config, agent_ids, public_keys))

    def run(
        self,
        config: Value | None = None,
        agent_ids: Sequence[str] | None = None,
        policy: str = "published",
        usage: Value | None = None,
        turns: int = 60,
        ends: bool = True,
    ) -> PlayedRunAnswer:
        """Start the world if it is not, and play it until a turn inside the engine."""
        return self._send(requests.run(config, agent_ids, policy, usage, turns, ends))

    def state(self) -> WorldStateAnswer:
        """Every agent's accounts after the last closed turn."""
        return self._send(requests.state())

    def turn(
        self,
        inputs: Sequence[Value],
        turn: int | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> ClosedTurnAnswer:
        """Close the open turn with a batch of inputs, once however often it is sent.

        Args:
            turn: The one you mean; whichever is open when None.
            idempotency_key: A new one when None.
            ends: Whether the run declares its end with it.
        """
        return self._send(requests.turn(inputs, turn, idempotency_key, ends))

    def close_turn(
        self,
        turn: int | None = None,
        usage: Mapping[str, Value] | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> ClosedTurnAnswer:
        """Close the open turn with what was submitted for it.

        Args:
            usage: By agent id, as `{"thinking_units": 1, "output_units": 2}`.
        """
        return self._send(requests.close_turn(turn, usage, idempotency_key, ends))

    def submit(
        self,
        agent_id: str,
        action: Value,
        speech: str | None = None,
        turn: int | None = None,
        signature: str | None = None,
    ) -> dict[str, Any]:
        """Submit one agent's action for the open turn; it is never sent twice."""
        return self._send(requests.submit(agent_id, action, speech, turn, signature))

    def commitment(self) -> CommitmentAnswer:
        """The commitment of the draws, with salt and secret once the run has ended."""
        return self._send(requests.commitment())

    def worlds(self) -> list[str]:
        """The names of the engine's worlds."""
        return self._send(requests.worlds(self._address))

    def genesis(self) -> GenesisAnswer:
        """The identity of the world; agents sign with its genesis hash."""
        return self._send(requests.genesis())

    def head(self) -> HeadAnswer:
        """The end of the chain."""
        return self._send(requests.head())

    def series(self, after: int | None = None, limit: int | None = None) -> Iterator[FiguresAnswer]:
        """The figures of every turn later than `after`."""
        return self._rows(requests.series(after, limit))

    def turns(
        self, after: int | None = None, limit: int | None = None
    ) -> Iterator[ClosedTurnAnswer]:
        """Every turn later than `after`, page by page of about `limit` rows."""
        return self._rows(requests.turns(after, limit))

    def blocks(self, after: int | None = None, limit: int | None = None) -> Iterator[BlockAnswer]:
        """Every block later than turn `after`."""
        return self._rows(requests.blocks(after, limit))

    def transactions(
        self, after: int | None = None, limit: int | None = None
    ) -> Iterator[TransactionAnswer]:
        """Every transaction finalised later than turn `after`."""
        return self._rows(requests.transactions(after, limit))

    def contracts(
        self, after: int | None = None, limit: int | None = None
    ) -> Iterator[ContractEventAnswer]:
        """Everything that happened to contracts later than turn `after`."""
        return self._rows(requests.contracts(after, limit))

    def rejections(
        self, after: int | None = None, limit: int | None = None
    ) -> Iterator[RejectionAnswer]:
        """Every input refused later than turn `after`."""
        return self._rows(requests.rejections(after, limit))

    def postings(
        self, after: int | None = None, limit: int | None = None
    ) -> Iterator[PostingAnswer]:
        """Every movement of tokens later than turn `after`."""
        return self._rows(requests.postings(after, limit))

    def statement(
        self, agent_id: str, first_turn: int | None = None, last_turn: int | None = None
    ) -> StatementAnswer:
        """One agent's postings with their reasons, opening to closing."""
        return self._send(requests.statement(agent_id, first_turn, last_turn))

    def observation(self, agent_id: str) -> ObservationAnswer:
        """The observation of one agent."""
        return self._send(requests.observation(agent_id))

    def events(self, after: int | None = None) -> Iterator[ClosedTurnAnswer]:
        """Turns as they close, until the run declares its end; a broken stream is taken up again.

        Args:
            after: Later turns only; those closed from now on when None.
        """
        stream = EventStream(self.head()["turn"] if after is None else after, self._retries)
        while True:
            broken: Exception | None = None
            try:
                headers = stream.headers(self.token)
                with self._http.stream("GET", "/events", headers=headers, timeout=_STREAM) as reply:
                    if not reply.is_success:
                        raise requests.refusal(reply.status_code, reply.read())
                    for chunk in reply.iter_raw():
                        for closed in stream.turns(chunk):
                            yield closed
                            if closed["ended"]:
                                return
            except _BROKEN as error:
                broken = error
            time.sleep(stream.pause(broken))

    def verification(self) -> VerificationAnswer:
        """Every hash and posting of the ledger, checked now."""
        return self._send(requests.verification())

    def close(self) -> None:
        """Close the connections; the engine goes on."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: EngineRequest[Answer]) -> Answer:
        attempts = Attempts(self._retries if call.repeatable else 0)
        while True:
            try:
                reply = self._http.request(
                    call.method,
                    call.path,
                    params=call.query,
                    content=call.body,
                    headers=call.headers(self.token),
                )
            except _BROKEN as error:
                time.sleep(attempts.pause(error))
            else:
                return call.answer(reply.status_code, reply.content)

    def _rows(self, first: EngineRequest[PageAnswer[Row]]) -> Iterator[Row]:
        call: EngineRequest[PageAnswer[Row]] | None = first
        while call is not None:
            page = self._send(call)
            yield from page["rows"]
            call = requests.following(call, page)


class AsyncEngineClient:
    """One engine, asynchronously; use it in an `async with` block, or `close` it.

    The methods are those of `EngineClient`.

    Attributes:
        token: Sent with every call; set it to what `init` answers, if the engine asks for tokens.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        world: str | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        retries: int = 5,
    ) -> None:
        """Connect with the first call; the arguments are those of `EngineClient`."""
        self.token = token
        self._retries = retries
        self._address = address.rstrip("/")
        base = requests.base(self._address, world)
        self._http = httpx.AsyncClient(base_url=base, timeout=timeout, trust_env=False)

    async def config(self) -> Parameters:
        """The world's parameters without the seed; the defaults before `init`."""
        return await self._send(requests.config())

    async def init(
        self,
        config: Value,
        agent_ids: Sequence[str] | None = None,
        public_keys: Mapping[str, str] | None = None,
    ) -> StartedWorldAnswer:
        """Start the world; with public keys by agent id, every agent signs what it does."""
        return await self._send(requests.init(config, agent_ids, public_keys))

    async def run(
        self,
        config: Value | None = None,
        agent_ids: Sequence[str] | None = None,
        policy: str = "published",
        usage: Value | None = None,
        turns: int = 60,
        ends: bool = True,
    ) -> PlayedRunAnswer:
        """Start the world if it is not, and play it until a turn inside the engine."""
        return await self._send(requests.run(config, agent_ids, policy, usage, turns, ends))

    async def state(self) -> WorldStateAnswer:
        """Every agent's accounts after the last closed turn."""
        return await self._send(requests.state())

    async def turn(
        self,
        inputs: Sequence[Value],
        turn: int | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> ClosedTurnAnswer:
        """Close the open turn with a batch of inputs, once however often it is sent."""
        return await self._send(requests.turn(inputs, turn, idempotency_key, ends))

    async def close_turn(
        self,
        turn: int | None = None,
        usage: Mapping[str, Value] | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> ClosedTurnAnswer:
        """Close the open turn with what was submitted for it."""
        return await self._send(requests.close_turn(turn, usage, idempotency_key, ends))

    async def submit(
        self,
        agent_id: str,
        action: Value,
        speech: str | None = None,
        turn: int | None = None,
        signature: str | None = None,
    ) -> dict[str, Any]:
        """Submit one agent's action for the open turn; it is never sent twice."""
        return await self._send(requests.submit(agent_id, action, speech, turn, signature))

    async def commitment(self) -> CommitmentAnswer:
        """The commitment of the draws, with salt and secret once the run has ended."""
        return await self._send(requests.commitment())

    async def worlds(self) -> list[str]:
        """The names of the engine's worlds."""
        return await self._send(requests.worlds(self._address))

    async def genesis(self) -> GenesisAnswer:
        """The identity of the world; agents sign with its genesis hash."""
        return await self._send(requests.genesis())

    async def head(self) -> HeadAnswer:
        """The end of the chain."""
        return await self._send(requests.head())

    def series(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[FiguresAnswer]:
        """The figures of every turn later than `after`."""
        return self._rows(requests.series(after, limit))

    def turns(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[ClosedTurnAnswer]:
        """Every turn later than `after`, page by page of about `limit` rows."""
        return self._rows(requests.turns(after, limit))

    def blocks(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[BlockAnswer]:
        """Every block later than turn `after`."""
        return self._rows(requests.blocks(after, limit))

    def transactions(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[TransactionAnswer]:
        """Every transaction finalised later than turn `after`."""
        return self._rows(requests.transactions(after, limit))

    def contracts(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[ContractEventAnswer]:
        """Everything that happened to contracts later than turn `after`."""
        return self._rows(requests.contracts(after, limit))

    def rejections(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[RejectionAnswer]:
        """Every input refused later than turn `after`."""
        return self._rows(requests.rejections(after, limit))

    def postings(
        self, after: int | None = None, limit: int | None = None
    ) -> AsyncIterator[PostingAnswer]:
        """Every movement of tokens later than turn `after`."""
        return self._rows(requests.postings(after, limit))

    async def statement(
        self, agent_id: str, first_turn: int | None = None, last_turn: int | None = None
    ) -> StatementAnswer:
        """One agent's postings with their reasons, opening to closing."""
        return await self._send(requests.statement(agent_id, first_turn, last_turn))

    async def observation(self, agent_id: str) -> ObservationAnswer:
        """The observation of one agent."""
        return await self._send(requests.observation(agent_id))

    async def events(self, after: int | None = None) -> AsyncIterator[ClosedTurnAnswer]:
        """Turns as they close, until the run declares its end; a broken stream is taken up again.

        Args:
            after: Later turns only; those closed from now on when None.
        """
        seen = (await self.head())["turn"] if after is None else after
        stream = EventStream(seen, self._retries)
        while True:
            broken: Exception | None = None
            try:
                headers = stream.headers(self.token)
                async with self._http.stream(
                    "GET", "/events", headers=headers, timeout=_STREAM
                ) as reply:
                    if not reply.is_success:
                        raise requests.refusal(reply.status_code, await reply.aread())
                    async for chunk in reply.aiter_raw():
                        for closed in stream.turns(chunk):
                            yield closed
                            if closed["ended"]:
                                return
            except _BROKEN as error:
                broken = error
            await asyncio.sleep(stream.pause(broken))

    async def verification(self) -> VerificationAnswer:
        """Every hash and posting of the ledger, checked now."""
        return await self._send(requests.verification())

    async def close(self) -> None:
        """Close the connections; the engine goes on."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: EngineRequest[Answer]) -> Answer:
        attempts = Attempts(self._retries if call.repeatable else 0)
        while True:
            try:
                reply = await self._http.request(
                    call.method,
                    call.path,
                    params=call.query,
                    content=call.body,
                    headers=call.headers(self.token),
                )
            except _BROKEN as error:
                await asyncio.sleep(attempts.pause(error))
            else:
                return call.answer(reply.status_code, reply.content)

    async def _rows(self, first: EngineRequest[PageAnswer[Row]]) -> AsyncIterator[Row]:
        call: EngineRequest[PageAnswer[Row]] | None = first
        while call is not None:
            page = await self._send(call)
            for row in page["rows"]:
                yield row
            call = requests.following(call, page)
