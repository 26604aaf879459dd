"""The routes: each reads a request, asks the engine, and writes the answer."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import Any

from msgspec import Struct, to_builtins
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sim_economy.api.errors import RequestError, error_body, status_of
from sim_economy.api.limits import Limits, read_body
from sim_economy.api.openapi import openapi
from sim_economy.api.pages import event_lines, page
from sim_economy.api.requests import (
    check_query,
    idempotency_key,
    parse_closing,
    parse_init,
    parse_submission,
    parse_turn,
    query_int,
)
from sim_economy.core.codec import canonical
from sim_economy.core.errors import InputError, SimEconomyError, StoreError
from sim_economy.core.ledger import Holding
from sim_economy.core.scenario import config
from sim_economy.session.engine import Engine, state_answer, world_answer
from sim_economy.session.statement import Statement, statement
from sim_economy.session.verify import Verification, verify
from sim_economy.session.world import position_of
from sim_economy.store.credentials import ADMIN
from sim_economy.store.protocol import Store

_log = logging.getLogger("sim_engine")
Endpoint = Callable[[Request], Awaitable[Response]]


class Service(Struct):
    """What the routes share.

    Attributes:
        closed: Wakes whoever waits for the next turn.
        answered: Requests answered, by status.
        verified: What the last check of the whole ledger found; None before the first ended.
    """

    engine: Engine
    limits: Limits
    closed: asyncio.Condition
    answered: dict[int, int]
    verified: Verification | None = None


def create_app(engine: Engine, limits: Limits) -> Starlette:
    """The ASGI application of one engine."""
    service = Service(engine, limits, asyncio.Condition(), {})
    routes = [
        Route(path, _bound(endpoint, service, caller), methods=[method], name=endpoint.__name__)
        for method, path, endpoint, caller in ROUTES
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        work = []
        if engine.world is not None:
            work.append(asyncio.create_task(_verify_in_background(service)))
        if limits.turn_seconds is not None:
            work.append(asyncio.create_task(close_at_deadlines(service, limits.turn_seconds)))
        yield
        for task in work:
            task.cancel()

    for route in routes:
        assert route.methods is not None
        route.methods.discard("HEAD")
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={
            SimEconomyError: _refused,
            HTTPException: _unrouted,
            ClientDisconnect: _gone,
        },
    )
    app.router.redirect_slashes = False
    return app


async def get_config(service: Service, request: Request) -> Response:
    """The world's parameters and variants without the seed; the defaults before /init."""
    check_query(request)
    return _json(config(service.engine.scenario))


async def post_init(service: Service, request: Request) -> Response:
    """Start the world."""
    check_query(request)
    wanted = parse_init(await read_body(request, service.limits))
    issued = service.engine.start(wanted.config, wanted.agent_ids)
    await _announce(service)
    answer = world_answer(service.engine.started())
    if issued is not None:
        answer |= to_builtins(issued) | service.engine.commitment()
    return _json(answer)


async def get_state(service: Service, request: Request) -> Response:
    """Every agent's accounts after the last closed turn."""
    check_query(request)
    return _json(state_answer(service.engine.started()))


async def post_turn(service: Service, request: Request) -> Response:
    """Close the open turn with a batch of inputs."""
    check_query(request)
    body = await read_body(request, service.limits)
    wanted = parse_turn(body)
    answer = service.engine.close_turn(
        wanted.inputs,
        expected=wanted.turn,
        key=idempotency_key(request),
        request=body,
        ends=wanted.ends,
    )
    await _announce(service)
    return _text(answer)


async def post_close(service: Service, request: Request) -> Response:
    """Close the open turn with the actions submitted for it; whoever is missing is idle."""
    check_query(request)
    body = await read_body(request, service.limits)
    wanted = parse_closing(body)
    answer = service.engine.close_turn(
        expected=wanted.turn,
        metered=wanted.metered,
        key=idempotency_key(request),
        request=body,
        ends=wanted.ends,
    )
    await _announce(service)
    return _text(answer)


async def post_action(service: Service, request: Request) -> Response:
    """Submit one agent's own action; the last one missing closes the turn."""
    check_query(request)
    body = await read_body(request, service.limits)
    submitted, expected = parse_submission(body, request.path_params["agent_id"])
    closed = service.engine.submit(submitted, expected)
    if closed is not None:
        await _announce(service)
    turn = service.engine.started().turn_number + (closed is None)
    return _json({"accepted": True, "turn": turn, "closed": closed is not None})


async def get_commitment(service: Service, request: Request) -> Response:
    """The commitment to the secret of the draws, opened once the run has ended."""
    check_query(request)
    return _json(service.engine.commitment())


async def get_head(service: Service, request: Request) -> Response:
    """The end of the chain, to keep and compare."""
    check_query(request)
    return _json(service.engine.started().head)


async def get_page(service: Service, request: Request) -> Response:
    """A page of one of the ledger's tables."""
    check_query(request, "after", "limit")
    rows = service.limits.page_rows
    after = query_int(request, "after", -1, 0, 2**53)
    limit = query_int(request, "limit", min(100, rows), 1, rows)
    table = request.url.path.strip("/")
    return _json(page(service.engine.started(), table, after, limit))


async def get_statement(service: Service, request: Request) -> Response:
    """One agent's postings with their reasons, opening to closing."""
    check_query(request, "from", "to")
    world = service.engine.started()
    first = query_int(request, "from", 0, 0, 2**53)
    last = query_int(request, "to", max(first, world.turn_number), 0, 2**53)
    if last < first:
        raise InputError("to", "must not be before from")
    agent_id = request.path_params["agent_id"]
    position_of(world.positions, agent_id)

    def stated(store: Store) -> Statement:
        accounts = tuple(Holding)
        return statement(store, agent_id, accounts=accounts, first_turn=first, last_turn=last)

    return _json(await run_in_threadpool(service.engine.read, stated))


async def get_observation(service: Service, request: Request) -> Response:
    """What one agent may see."""
    check_query(request)
    return _json(service.engine.started().observe(request.path_params["agent_id"]))


async def get_verification(service: Service, request: Request) -> Response:
    """Every hash and posting of the ledger, checked now."""
    check_query(request)
    service.verified = await run_in_threadpool(service.engine.read, verify)
    return _json(service.verified)


async def get_events(service: Service, request: Request) -> Response:
    """Closed turns as server-sent events; `Last-Event-ID` goes on where a stream broke off."""
    check_query(request)
    seen = request.headers.get("last-event-id", "")
    if seen and not (seen.isascii() and seen.isdigit() and len(seen) <= 16):
        raise InputError("Last-Event-ID", "must be the number of a turn")
    newest = service.engine.started().turn_number
    after = int(seen) if seen else newest
    return StreamingResponse(
        _events(service, request, after),
        media_type="text/event-stream",
        headers={"cache-control": "no-store"},
    )


async def _events(service: Service, request: Request, after: int) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    while not await request.is_disconnected():
        for number, event in event_lines(service.engine.started(), after + 1):
            after = number
            yield event
        async with service.closed:
            if service.engine.started().turn_number > after:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    await service.closed.wait()
        if service.engine.started().turn_number <= after:
            yield b": still here\n\n"


async def get_health(service: Service, request: Request) -> Response:
    """Whether the process answers."""
    check_query(request)
    del service
    return _json({"status": "ok"})


async def get_readiness(service: Service, request: Request) -> Response:
    """Whether turns can be played."""
    check_query(request)
    world = service.engine.started()
    found = service.verified
    if found is not None and found.finding is not None:
        place = "the ledger" if found.finding.turn is None else f"turn {found.finding.turn}"
        raise StoreError("ledger_damaged", place, found.finding.problem)
    return _json(
        {
            "status": "ready",
            "turn": world.turn_number,
            "head": world.head.hash,
            "verified_turns": None if found is None else found.turns,
        }
    )


async def get_metrics(service: Service, request: Request) -> Response:
    """Figures in the Prometheus text format."""
    check_query(request)
    from sim_economy.api.prometheus import exposition  # noqa: PLC0415

    text, media_type = exposition(service.engine.world, service.answered)
    return Response(text, media_type=media_type)


async def get_openapi(service: Service, request: Request) -> Response:
    """This interface in OpenAPI."""
    check_query(request)
    return _json(openapi(service.limits))


class Caller(Enum):
    """Who may call a route of an engine that asks for tokens."""

    ANYONE = auto()
    MEMBER = auto()
    OWNER = auto()
    ADMIN = auto()


ROUTES: tuple[tuple[str, str, Callable[[Service, Request], Awaitable[Response]], Caller], ...] = (
    ("GET", "/config", get_config, Caller.ANYONE),
    ("POST", "/init", post_init, Caller.ADMIN),
    ("GET", "/state", get_state, Caller.ADMIN),
    ("POST", "/turn", post_turn, Caller.ADMIN),
    ("POST", "/close", post_close, Caller.ADMIN),
    ("POST", "/agents/{agent_id}/action", post_action, Caller.OWNER),
    ("GET", "/agents/{agent_id}/observation", get_observation, Caller.OWNER),
    ("GET", "/agents/{agent_id}/statement", get_statement, Caller.OWNER),
    ("GET", "/commitment", get_commitment, Caller.MEMBER),
    ("GET", "/head", get_head, Caller.MEMBER),
    ("GET", "/turns", get_page, Caller.ADMIN),
    ("GET", "/blocks", get_page, Caller.ADMIN),
    ("GET", "/transactions", get_page, Caller.ADMIN),
    ("GET", "/rejections", get_page, Caller.ADMIN),
    ("GET", "/postings", get_page, Caller.ADMIN),
    ("GET", "/events", get_events, Caller.ADMIN),
    ("GET", "/verification", get_verification, Caller.ADMIN),
    ("GET", "/health", get_health, Caller.ANYONE),
    ("GET", "/ready", get_readiness, Caller.ANYONE),
    ("GET", "/metrics", get_metrics, Caller.ADMIN),
    ("GET", "/openapi.json", get_openapi, Caller.ANYONE),
)
"""Every route: method, path, endpoint, and who may call it where tokens are asked for."""


def _authorise(service: Service, request: Request, caller: Caller) -> None:
    """Refuse whoever may not call a route.

    Raises:
        RequestError: 401 without a token that is known, 403 with somebody else's.
    """
    engine = service.engine
    if not engine.access.tokens or caller is Caller.ANYONE:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if engine.credentials is None:
        wanted = engine.access.admin_token
        if wanted is None or (
            scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), wanted.encode())
        ):
            return
        raise RequestError(401, "token_unknown", "send the operator's token")
    holder = engine.credentials.holder(token) if scheme.lower() == "bearer" else None
    if holder is None:
        raise RequestError(401, "token_unknown", "send `Authorization: Bearer` and your token")
    own = f"agent:{request.path_params.get('agent_id')}"
    allowed = {Caller.MEMBER: {holder}, Caller.OWNER: {own, ADMIN}}.get(caller, {ADMIN})
    if holder not in allowed:
        raise RequestError(403, "not_yours", "this token may not do that")


def _bound(
    endpoint: Callable[[Service, Request], Awaitable[Response]], service: Service, caller: Caller
) -> Endpoint:
    async def bound(request: Request) -> Response:
        try:
            _authorise(service, request, caller)
            response = await endpoint(service, request)
        except SimEconomyError as error:
            response = await _refused(request, error)
        service.answered[response.status_code] = service.answered.get(response.status_code, 0) + 1
        return response

    return bound


async def close_at_deadlines(service: Service, seconds: float) -> None:
    """Close every turn that stays open so long; whoever has not acted is idle."""
    while True:
        async with service.closed:
            try:
                async with asyncio.timeout(seconds):
                    await service.closed.wait()
                    continue
            except TimeoutError:
                pass
        world = service.engine.world
        if world is None or world.state.ended or not service.engine.closes_itself:
            continue
        with suppress(SimEconomyError):
            service.engine.close_turn()
            await _announce(service)


async def _verify_in_background(service: Service) -> None:
    service.verified = await run_in_threadpool(service.engine.read, verify)
    if service.verified.finding is not None:
        _log.error("the ledger does not hold: %s", service.verified.finding)


async def _announce(service: Service) -> None:
    async with service.closed:
        service.closed.notify_all()


def _json(value: Any) -> Response:
    return Response(canonical(value), media_type="application/json")


def _text(answer: str) -> Response:
    return Response(answer, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, SimEconomyError)
    status = status_of(error)
    headers = {"connection": "close"} if status in {408, 413} else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(error_body(error), status, headers, "application/json")


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "path_unknown", 405: "method_not_allowed"}.get(error.status_code, "refused")
    problem = {
        404: "there is no such path; see /openapi.json",
        405: "this path has another method; see /openapi.json",
    }.get(error.status_code, "the request was refused")
    refused = await _refused(request, RequestError(error.status_code, code, problem))
    refused.headers.update(error.headers or {})
    return refused


async def _gone(request: Request, error: Exception) -> Response:
    del request, error
    return Response(status_code=499)
