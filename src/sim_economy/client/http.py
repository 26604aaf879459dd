"""The two clients over httpx: one waits, one is awaited; their methods are stated once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import (
    Any,
    ClassVar,
    Final,
    ParamSpec,
    Self,
    TypeVar,
)

import httpx

from sim_economy.client import answers
from sim_economy.client.events import EventStream
from sim_economy.client.methods import Method, called, paged
from sim_economy.client.requests import (
    Answer,
    Attempts,
    EngineRequest,
    Row,
    base,
    closing,
    following,
    of_agent,
    reading,
    refusal,
    unusable,
    writing,
)

P = ParamSpec("P")
Answer_co = TypeVar("Answer_co", covariant=True)
Value = Mapping[str, object]

ADDRESS: Final = "http://127.0.0.1:8000"
"""The address an engine listens on by default."""

_BROKEN: Final = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_STREAM: Final = httpx.Timeout(10, read=45)
"""Seconds; a silent stream says that it is still there every 15."""


class _Calls:
    """What an engine can be asked, by the requests that ask it."""

    token: str | None
    _connect: ClassVar[type[httpx.Client | httpx.AsyncClient]]
    _http: Any

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        world: str | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        retries: int = 5,
    ) -> None:
        """Connect with the first call, through the proxy that the environment names, if any.

        An engine on this machine is reached without one.

        Args:
            world: Its name; the default one when None.
            timeout: Seconds to wait for an answer.
            retries: How often a repeatable call is sent again; the pauses double from 0.1 s to 2 s.

        Raises:
            EngineError: The environment's proxies or certificates cannot be used.
        """
        self.token = token
        self._retries = retries
        self._address = address.rstrip("/")
        engine = httpx.URL(self._address)
        try:
            self._http = self._connect(
                base_url=base(self._address, world),
                timeout=timeout,
                trust_env=engine.host not in _LOCAL,
                verify=httpx.create_ssl_context() if engine.scheme == "https" else True,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise unusable(error) from None

    def __init_subclass__(cls, *, awaited: bool = False) -> None:
        """Give a class of clients the methods that suit it, as functions of its own."""
        if _Calls in cls.__bases__:
            for name, method in vars(_Calls).items():
                if isinstance(method, Method):
                    setattr(cls, name, method.awaited if awaited else method.waits)

    @called
    def config(self) -> EngineRequest[answers.Parameters]:
        """The world's parameters without the seed; the defaults before `init`."""
        return reading("/config")

    @called
    def init(
        self,
        config: Value,
        agent_ids: Sequence[str] | None = None,
        public_keys: Mapping[str, str] | None = None,
        scenario: str | None = None,
        population: str | None = None,
    ) -> EngineRequest[answers.StartedWorldAnswer]:
        """Start the world; with public keys by agent id, every agent signs what it does.

        Args:
            scenario: A shipped one by name: its world, but for `config`, and who decides in `run`.
            population: A shipped scenario by name: who decides in `run`.
        """
        body = {
            "config": config,
            "agent_ids": agent_ids,
            "public_keys": public_keys,
            "scenario": scenario,
            "population": population,
        }
        return writing("/init", body)

    @called
    def run(
        self,
        config: Value | None = None,
        agent_ids: Sequence[str] | None = None,
        policy: str | None = None,
        usage: Value | None = None,
        turns: int | None = None,
        ends: bool = True,
        scenario: str | None = None,
        population: str | None = None,
    ) -> EngineRequest[answers.PlayedRunAnswer]:
        """Start the world if it is not, and play it until a turn inside the engine.

        A run that is done gets its answer again; one that was cut off goes on. What is left out,
        the scenario says; else what decided in the world before; else the published experiment.

        Args:
            scenario: A shipped one by name.
            population: A shipped scenario by name, whose policies decide; instead of `policy`.
        """
        body = {
            "config": config,
            "agent_ids": agent_ids,
            "scenario": scenario,
            "policy": policy,
            "population": population,
            "usage": usage,
            "turns": turns,
            "ends": ends,
        }
        return writing("/run", body, inside="data", repeatable=True)

    @called
    def renew_reader_token(self) -> EngineRequest[answers.ReaderTokenAnswer]:
        """Make a token that shows the world and changes nothing; the one before ends."""
        return writing("/reader-token", {})

    @called
    def state(self) -> EngineRequest[answers.WorldStateAnswer]:
        """Every agent's accounts after the last closed turn."""
        return reading("/state")

    @called
    def turn(
        self,
        inputs: Sequence[Value],
        turn: int | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> EngineRequest[answers.ClosedTurnAnswer]:
        """Close the open turn with a batch of inputs, once however often it is sent.

        Args:
            turn: The one you mean; whichever is open when None.
            idempotency_key: A new one when None.
            ends: Whether the run declares its end with it.
        """
        body = {"inputs": inputs, "turn": turn, "ends": ends or None}
        return closing("/turn", body, idempotency_key)

    @called
    def close_turn(
        self,
        turn: int | None = None,
        usage: Mapping[str, Value] | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
        without: Sequence[str] = (),
    ) -> EngineRequest[answers.ClosedTurnAnswer]:
        """Close the open turn with what was submitted for it.

        Args:
            usage: By agent id, as `{"thinking_units": 1, "output_units": 2}`.
            without: Agents whose submitted actions are left out.
        """
        body = {
            "usage": usage,
            "turn": turn,
            "ends": ends or None,
            "without": list(without) or None,
        }
        return closing("/close", body, idempotency_key)

    @called
    def submit(
        self,
        agent_id: str,
        action: Value,
        speech: str | None = None,
        turn: int | None = None,
        signature: str | None = None,
        needs: Sequence[Value] = (),
    ) -> EngineRequest[answers.SubmittedActionAnswer]:
        """Submit one agent's action for the open turn; it is never sent twice.

        Args:
            needs: Contracts that it would make, in a world that matches them.
        """
        body = {
            "action": action,
            "speech": speech,
            "turn": turn,
            "signature": signature,
            "needs": list(needs) or None,
        }
        return writing(of_agent(agent_id, "action"), body)

    @called
    def commitment(self) -> EngineRequest[answers.CommitmentAnswer]:
        """The commitment of the draws, with salt and secret once the run has ended."""
        return reading("/commitment")

    @called
    def worlds(self) -> EngineRequest[list[str]]:
        """The names of the engine's worlds."""
        path = f"{self._address}/worlds"
        return EngineRequest(method="GET", path=path, inside="worlds", repeatable=True)

    @called
    def genesis(self) -> EngineRequest[answers.GenesisAnswer]:
        """The identity of the world; agents sign with its genesis hash."""
        return reading("/genesis")

    @called
    def head(self) -> EngineRequest[answers.HeadAnswer]:
        """The end of the chain."""
        return reading("/head")

    @paged
    def series(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.FiguresAnswer]]:
        """The figures of every turn later than `after`."""
        return reading("/series", after=after, limit=limit)

    @paged
    def turns(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.ClosedTurnAnswer]]:
        """Every turn later than `after`, page by page of about `limit` rows."""
        return reading("/turns", after=after, limit=limit)

    @paged
    def blocks(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.BlockAnswer]]:
        """Every block later than turn `after`."""
        return reading("/blocks", after=after, limit=limit)

    @paged
    def transactions(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.FinalisedTransactionAnswer]]:
        """Every transaction finalised later than turn `after`."""
        return reading("/transactions", after=after, limit=limit)

    @paged
    def contracts(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.ContractEventAnswer]]:
        """Everything that happened to contracts later than turn `after`."""
        return reading("/contracts", after=after, limit=limit)

    @paged
    def rejections(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.RejectionAnswer]]:
        """Every input refused later than turn `after`."""
        return reading("/rejections", after=after, limit=limit)

    @paged
    def postings(
        self, after: int | None = None, limit: int | None = None
    ) -> EngineRequest[answers.PageAnswer[answers.PostingAnswer]]:
        """Every movement of tokens later than turn `after`."""
        return reading("/postings", after=after, limit=limit)

    @called
    def statement(
        self, agent_id: str, first_turn: int | None = None, last_turn: int | None = None
    ) -> EngineRequest[answers.StatementAnswer]:
        """One agent's postings with their reasons, opening to closing."""
        query = {"from": first_turn, "to": last_turn}
        return reading(of_agent(agent_id, "statement"), **query)

    @called
    def observation(self, agent_id: str) -> EngineRequest[answers.ObservationAnswer]:
        """The observation of one agent."""
        return reading(of_agent(agent_id, "observation"))

    @called
    def verification(self) -> EngineRequest[answers.VerificationAnswer]:
        """Every hash and posting of the ledger, checked now."""
        return reading("/verification")


class EngineClient(_Calls):
    """One engine, synchronously; use it in a `with` block, or `close` it.

    A call that cannot do harm twice is repeated when the connection breaks: reading, and closing a
    turn, which carries a key.

    Attributes:
        token: Sent with every call; set it to what `init` answers, if the engine asks for tokens.
    """

    _connect = httpx.Client
    _http: httpx.Client

    def events(self, after: int | None = None) -> Iterator[answers.ClosedTurnAnswer]:
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
                        raise refusal(reply.status_code, reply.read())
                    for chunk in reply.iter_raw():
                        for closed in stream.turns(chunk):
                            yield closed
                            if closed["ended"]:
                                return
            except _BROKEN as error:
                broken = error
            time.sleep(stream.pause(broken))

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
                reply = self._http.request(**call.parts(self.token))
            except _BROKEN as error:
                time.sleep(attempts.pause(error))
            else:
                return call.answer(reply.status_code, reply.content)

    def _follow(self, first: EngineRequest[answers.PageAnswer[Row]]) -> Iterator[Row]:
        call: EngineRequest[answers.PageAnswer[Row]] | None = first
        while call is not None:
            page = self._send(call)
            yield from page["rows"]
            call = following(call, page)


class AsyncEngineClient(_Calls, awaited=True):
    """One engine, asynchronously; use it in an `async with` block, or `close` it.

    The methods are those of `EngineClient`, to be awaited or iterated with `async for`.

    Attributes:
        token: Sent with every call; set it to what `init` answers, if the engine asks for tokens.
    """

    _connect = httpx.AsyncClient
    _http: httpx.AsyncClient

    async def events(self, after: int | None = None) -> AsyncIterator[answers.ClosedTurnAnswer]:
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
                        raise refusal(reply.status_code, await reply.aread())
                    async for chunk in reply.aiter_raw():
                        for closed in stream.turns(chunk):
                            yield closed
                            if closed["ended"]:
                                return
            except _BROKEN as error:
                broken = error
            await asyncio.sleep(stream.pause(broken))

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
                reply = await self._http.request(**call.parts(self.token))
            except _BROKEN as error:
                await asyncio.sleep(attempts.pause(error))
            else:
                return call.answer(reply.status_code, reply.content)

    async def _follow(self, first: EngineRequest[answers.PageAnswer[Row]]) -> AsyncIterator[Row]:
        call: EngineRequest[answers.PageAnswer[Row]] | None = first
        while call is not None:
            page = await self._send(call)
            for row in page["rows"]:
                yield row
            call = following(call, page)
