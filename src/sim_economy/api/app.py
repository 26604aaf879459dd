"""The application: every route with all that is stated of it, and failures as answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as HttpRoute
from starlette.types import Receive, Scope, Send

from sim_economy.api import endpoints, view_endpoints
from sim_economy.api.authentication import CallerRole, authorise, identify, refuse_foreign
from sim_economy.api.connection_limits import (
    LARGE,
    PARSED_AT_ONCE,
    ConnectionLimits,
    declared_length,
    read_body,
)
from sim_economy.api.error_responses import RequestError, status_of
from sim_economy.api.fair_share import CallerIdentity, Work
from sim_economy.api.openapi import openapi
from sim_economy.api.page_files import PAGES, STATIC
from sim_economy.api.request_validation import check_query
from sim_economy.api.route import Endpoint, Route
from sim_economy.api.served_page import UNROUTED, ServedPage, refused_response
from sim_economy.api.worlds import ServedWorld, Worlds
from sim_economy.client import answers
from sim_economy.core.errors import SimEconomyError, WorldUnknownError
from sim_economy.ledger.readers.plain_text import visible
from sim_economy.ledger.sidecars.locations import DEFAULT_WORLD, is_world_id
from sim_economy.viewer import answers as viewer_answers
from sim_economy.viewer.pages.routes import WORLD_ROUTES, ViewerRoute

FINDING: Final = "Sim-Engine-Finding"
"""The header that marks what is read from a ledger in which a check found something."""
_FINDING_MOST: Final = 500

_READS: Final = (401, 403, 409, 422, 429, 503)
_WRITES: Final = (400, 401, 403, 408, 409, 413, 422, 429, 503)


def _admin(path: str, endpoint: Endpoint, summary: str, answer: Any, **more: Any) -> Route:
    """A call for the operator that changes nothing, unless more is said of it."""
    stated = {"caller": CallerRole.ADMIN, "errors": _READS, **more}
    return Route(path=path, endpoint=endpoint, summary=summary, answer=answer, **stated)


_write: Final = partial(_admin, errors=_WRITES)
_owner: Final = partial(_admin, caller=CallerRole.OWNER)
_member: Final = partial(_admin, caller=CallerRole.MEMBER)
_anyone: Final = partial(_admin, caller=CallerRole.ANYONE, errors=(422, 429))


def _shown(route: ViewerRoute) -> Route:
    """A route of the viewer, about one world."""
    work = Work.SHORT if route.instant else Work.CHECK if route.checks else Work.LONG
    endpoint = view_endpoints.view_endpoint(route)
    return _admin(route.path, endpoint, route.summary, route.answer, query=route.query, work=work)


def _page(path: str, summary: str, row: Any, endpoint: Endpoint = endpoints.get_page) -> Route:
    answer = answers.PageAnswer[row]
    return _admin(path, endpoint, summary, answer, query=("after", "limit"), work=Work.LONG)


async def _get_openapi(served: ServedWorld, _: Request) -> Response:
    return endpoints.json_answer(_description(served.worlds.limits))


@cache
def _description(limits: ConnectionLimits) -> dict[str, Any]:
    return openapi(ROUTES, limits)


_CLOSED: Final = answers.EnvelopeAnswer[answers.ClosedTurnAnswer]
_KEY: Final = ("Idempotency-Key",)
_WORLD: Final = (
    _anyone("/config", endpoints.get_config, "Parameters without the seed", answers.Parameters),
    _write(
        "/init",
        endpoints.post_init,
        "Start the world",
        answers.StartedWorldAnswer,
        body="Init",
        starts=True,
        work=Work.LONG,
    ),
    _admin(
        "/state",
        endpoints.get_state,
        "Every agent's accounts",
        answers.WorldStateAnswer,
        work=Work.BRIEF,
    ),
    _write("/turn", endpoints.post_turn, "Close a turn", _CLOSED, body="Turn", headers=_KEY),
    _write(
        "/close",
        endpoints.post_close,
        "Close a turn with what was submitted",
        _CLOSED,
        body="Close",
        headers=_KEY,
    ),
    _write(
        "/run",
        endpoints.post_run,
        "Play with a shipped policy until a turn",
        answers.EnvelopeAnswer[answers.PlayedRunAnswer],
        body="Run",
        starts=True,
        work=Work.LONG,
    ),
    _write(
        "/reader-token",
        endpoints.post_reader_token,
        "Make a token that shows the world and changes nothing",
        answers.ReaderTokenAnswer,
        body="Nothing",
    ),
    _owner(
        "/agents/{agent_id}/action",
        endpoints.post_action,
        "Submit an agent's own action",
        answers.SubmittedActionAnswer,
        body="Submission",
        errors=_WRITES,
    ),
    _owner(
        "/agents/{agent_id}/observation",
        endpoints.get_observation,
        "What an agent may see",
        answers.ObservationAnswer,
        work=Work.BRIEF,
    ),
    _owner(
        "/agents/{agent_id}/statement",
        endpoints.get_statement,
        "An agent's postings",
        answers.StatementAnswer,
        query=("from", "to"),
        work=Work.LONG,
    ),
    _member(
        "/commitment",
        endpoints.get_commitment,
        "Commitment to the draws' secret",
        answers.CommitmentAnswer,
    ),
    _member("/genesis", endpoints.get_genesis, "What the world is known by", answers.GenesisAnswer),
    _member("/head", endpoints.get_head, "The end of the chain", answers.HeadAnswer),
    _page("/series", "Figures of each turn", answers.FiguresAnswer, endpoints.get_series),
    _page("/turns", "Turns, newest last", answers.ClosedTurnAnswer),
    _page("/blocks", "Blocks", answers.BlockAnswer),
    _page("/transactions", "Finalised transactions", answers.FinalisedTransactionAnswer),
    _page("/contracts", "What happened to contracts", answers.ContractEventAnswer),
    _page("/rejections", "Rejected inputs", answers.RejectionAnswer),
    _page("/postings", "Every movement of tokens", answers.PostingAnswer),
    _admin(
        "/events",
        endpoints.get_events,
        "Closed turns as they come",
        answers.ClosedTurnAnswer,
        headers=("Last-Event-ID",),
        media_type="text/event-stream",
    ),
    _admin(
        "/verification",
        endpoints.get_verification,
        "Check the whole ledger",
        answers.VerificationAnswer,
        work=Work.CHECK,
    ),
    _anyone(
        "/ready",
        endpoints.get_readiness,
        "Whether turns can be played",
        answers.ReadinessAnswer,
        errors=_READS,
    ),
    _admin(
        "/metrics",
        endpoints.get_metrics,
        "Figures for Prometheus",
        str,
        errors=(401, 403, 422, 429),
        media_type="text/plain",
    ),
    *(_shown(route) for route in WORLD_ROUTES),
    _anyone(
        "/view/caller",
        view_endpoints.get_caller,
        "Who reads",
        viewer_answers.CallerAnswer,
        unopened=True,
    ),
    _anyone(
        "/view/session",
        view_endpoints.post_session,
        "Sign in to look, with a cookie that is good for reading",
        viewer_answers.CallerAnswer,
        body="SignIn",
        errors=(400, 401, 403, 408, 413, 422, 429),
        unopened=True,
    ),
)
ROUTES: Final = (
    *_WORLD,
    *(route.for_world() for route in _WORLD),
    _admin(
        "/worlds",
        endpoints.get_worlds,
        "The names of the worlds",
        answers.WorldsAnswer,
        caller=CallerRole.HOST,
        errors=(401, 403, 422, 429, 503),
    ),
    _anyone(
        "/view/catalogue",
        view_endpoints.get_catalogue,
        "What can be shown",
        viewer_answers.CatalogueAnswer,
    ),
    _anyone(
        "/view/session/end",
        view_endpoints.post_session_end,
        "Sign out",
        viewer_answers.CallerAnswer,
        body="Nothing",
        errors=(400, 403, 408, 413, 422, 429),
    ),
    _anyone("/health", endpoints.get_health, "Whether the process answers", answers.HealthAnswer),
    _anyone("/openapi.json", _get_openapi, "This document", answers.DescriptionAnswer),
)
"""Every route; those of a world are there twice, for the default one and for one by its name."""


def create_app(worlds: Worlds) -> Starlette:
    """The ASGI application of one engine's worlds."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        worlds.start()
        yield
        worlds.close()

    routes = [
        HttpRoute(route.path, ServedRoute(route, worlds), methods=[route.method], name=route.path)
        for route in ROUTES
    ]
    routes += [
        HttpRoute(path, ServedPage(path, worlds), methods=["GET"], name=path)
        for path in (*PAGES, f"{STATIC}{{name:path}}")
    ]
    handlers: dict[Any, Any] = {
        HTTPException: partial(_unrouted, worlds),
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _marked(response: Response, served: ServedWorld) -> Response:
    """An answer out of a ledger that a check found unsound, with what it found."""
    verified = served.engine.verified
    if verified is not None and verified.finding is not None:
        found = visible(str(verified.finding))
        response.headers[FINDING] = found.encode("ascii", "replace").decode()[:_FINDING_MOST]
    return response


class ServedRoute:
    """A route of these worlds, as an ASGI application."""

    def __init__(self, route: Route, worlds: Worlds) -> None:
        self._route = route
        self._worlds = worlds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        async with AsyncExitStack() as held:
            response = await self._noted(request, held)
            if request.method == "HEAD" and isinstance(response, StreamingResponse):
                response = Response(None, response.status_code, response.headers)
            if not isinstance(response, StreamingResponse) and len(response.body) > LARGE:
                await _send_in_parts(response, send)
            else:
                await held.aclose()
                await response(scope, receive, send)

    async def _noted(self, request: Request, held: AsyncExitStack) -> Response:
        """The answer or refusal, counted, timed and logged."""
        began = time.perf_counter()
        status, code = 500, None
        try:
            try:
                response = await self._answer(request, held)
            except SimEconomyError as error:
                response, code = refused_response(error), error.code
            status = response.status_code
            return response
        except ClientDisconnect:
            status = 499
            raise
        finally:
            self._worlds.requests.note(
                request.method,
                self._route.path,
                status,
                seconds=time.perf_counter() - began,
                code=code,
                world=_named(request),
            )

    async def _answer(self, request: Request, held: AsyncExitStack) -> Response:
        """The endpoint's answer, in the queue of its caller, who is known before a world is opened.

        Args:
            held: Takes the caller's places in queues, to be left once the answer is sent.
        """
        route, worlds = self._route, self._worlds
        if not worlds.access.tokens:
            refuse_foreign(request, local=worlds.local, hosts=worlds.hosts)
        identity = await self._authorised(request)
        try:
            served = await self._prepared(request, identity, held)
        except SimEconomyError as error:
            if status_of(error) == 429:
                raise
            async with worlds.share.queue(identity, Work.SHORT):
                raise
        work = route.work
        if work is Work.BRIEF and not served.is_large:
            work = Work.SHORT
        if work is Work.SHORT and len(request.state.body) > PARSED_AT_ONCE:
            work = Work.BRIEF
        if work is Work.SHORT:
            async with worlds.share.queue(identity, work):
                with worlds.share.lull:
                    return _marked(await route.endpoint(served, request), served)
        await held.enter_async_context(worlds.share.queue(identity, work))
        return _marked(await route.endpoint(served, request), served)

    async def _prepared(
        self, request: Request, identity: CallerIdentity, held: AsyncExitStack
    ) -> ServedWorld:
        """The world, open and not about to be started, once the whole request is there."""
        served = await self._served(request, identity)
        served.users += 1
        held.callback(served.leave)
        check_query(request, *self._route.query)
        request.state.body = await self._body(served, request, identity, held)
        if self._route.caller is not CallerRole.ANYONE and served.starting.locked():
            async with served.starting:
                pass
        return served

    async def _authorised(self, request: Request) -> CallerIdentity:
        """Who calls; one who may not queues for the refusal."""
        route, worlds = self._route, self._worlds
        world_id = None if route.caller is CallerRole.HOST else _world_id(request)
        share = worlds.share
        credentials = worlds.default.engine.credentials
        if world_id is not None and worlds.access.tokens:
            if (served := worlds.held(world_id)) is not None:
                credentials = served.engine.credentials
            else:
                address = identify(worlds.access, None, request, world_id)
                async with share.queue(address, Work.BRIEF):
                    credentials = await worlds.credentials(world_id)
        identity = identify(worlds.access, credentials, request, world_id, worlds.sessions)
        agent_id = request.path_params.get("agent_id")
        try:
            reads = route.body is None
            authorise(worlds.access, credentials, identity, route.caller, agent_id, reads=reads)
        except RequestError:
            async with share.queue(identity, Work.SHORT):
                raise
        return identity

    async def _served(self, request: Request, identity: CallerIdentity) -> ServedWorld:
        world_id, worlds = _world_id(request), self._worlds
        if _named(request) is None:
            raise WorldUnknownError
        if world_id is None or self._route.unopened:
            return worlds.default
        starts = self._route.starts
        if worlds.held(world_id) is not None:
            return await worlds.of(world_id, startable=starts)
        async with worlds.share.queue(identity, Work.LONG):
            return await worlds.of(world_id, startable=starts)

    async def _body(
        self,
        served: ServedWorld,
        request: Request,
        identity: CallerIdentity,
        held: AsyncExitStack,
    ) -> bytes:
        """The body, of which one caller may have few in memory that are large."""
        route, limits, share = self._route, self._worlds.limits, self._worlds.share
        if route.body is None:
            return b""
        most = limits.body_bytes
        if route.caller is CallerRole.OWNER:
            most = limits.body_of_agent(served.engine.config)
        declared = declared_length(request, most)
        if declared is None or declared > LARGE:
            await held.enter_async_context(share.queue(identity, Work.LARGE_BODY))
        async with share.queue(identity, Work.BODY):
            return await read_body(request, most, limits.body_seconds)


async def _send_in_parts(response: Response, send: Send) -> None:
    """Send a large answer no faster than it is taken."""
    status, headers, body = response.status_code, response.raw_headers, memoryview(response.body)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(body), LARGE):
        part, more = bytes(body[start : start + LARGE]), start + LARGE < len(body)
        await send({"type": "http.response.body", "body": part, "more_body": more})


def _world_id(request: Request) -> str | None:
    world_id: str | None = request.path_params.get("world_id")
    return world_id


def _named(request: Request) -> str | None:
    """The world that a request names; None for a name that no world can have."""
    world_id = _world_id(request)
    if world_id is None:
        return DEFAULT_WORLD
    return world_id if is_world_id(world_id) else None


async def _unrouted(worlds: Worlds, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, problem = UNROUTED.get(error.status_code, ("refused", "the request was refused"))
    refused = RequestError(error.status_code, code, problem)
    worlds.requests.refusal(request.method, refused)
    response = refused_response(refused)
    response.headers.update(error.headers or {})
    return response


async def _failed(_: Request, __: Exception) -> Response:
    """The answer to a bug, which the log tells with its traceback."""
    return refused_response(
        RequestError(500, "bug", "the engine failed; please report it with its log")
    )


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)
