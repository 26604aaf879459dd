"""The application: every route, who may call it, and failures as answers."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from sim_economy.api import endpoints
from sim_economy.api.authentication import CallerRole, authorise, refuse_foreign
from sim_economy.api.error_responses import RequestError, error_body, status_of
from sim_economy.api.worlds import ServedWorld, Worlds
from sim_economy.core.errors import SimEconomyError
from sim_economy.ledger.sidecars.locations import DEFAULT_WORLD, is_world_id

_log = logging.getLogger("sim_engine.requests")
Endpoint: TypeAlias = Callable[[ServedWorld, Request], Awaitable[Response]]


class Route(Struct, frozen=True):
    """One call.

    Attributes:
        caller: Who may call it where tokens are asked for.
        starts: Whether it may be called of a world that has not been started.
    """

    method: str
    path: str
    endpoint: Endpoint
    caller: CallerRole
    starts: bool = False


_WORLD: Final = (
    Route("GET", "/config", endpoints.get_config, CallerRole.ANYONE),
    Route("POST", "/init", endpoints.post_init, CallerRole.ADMIN, starts=True),
    Route("GET", "/state", endpoints.get_state, CallerRole.ADMIN),
    Route("POST", "/turn", endpoints.post_turn, CallerRole.ADMIN),
    Route("POST", "/close", endpoints.post_close, CallerRole.ADMIN),
    Route("POST", "/run", endpoints.post_run, CallerRole.ADMIN, starts=True),
    Route("POST", "/agents/{agent_id}/action", endpoints.post_action, CallerRole.OWNER),
    Route("GET", "/agents/{agent_id}/observation", endpoints.get_observation, CallerRole.OWNER),
    Route("GET", "/agents/{agent_id}/statement", endpoints.get_statement, CallerRole.OWNER),
    Route("GET", "/commitment", endpoints.get_commitment, CallerRole.MEMBER),
    Route("GET", "/genesis", endpoints.get_genesis, CallerRole.MEMBER),
    Route("GET", "/head", endpoints.get_head, CallerRole.MEMBER),
    Route("GET", "/series", endpoints.get_series, CallerRole.ADMIN),
    Route("GET", "/turns", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/blocks", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/transactions", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/contracts", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/rejections", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/postings", endpoints.get_page, CallerRole.ADMIN),
    Route("GET", "/events", endpoints.get_events, CallerRole.ADMIN),
    Route("GET", "/verification", endpoints.get_verification, CallerRole.ADMIN),
    Route("GET", "/ready", endpoints.get_readiness, CallerRole.ANYONE),
    Route("GET", "/metrics", endpoints.get_metrics, CallerRole.ADMIN),
)


def _for_world(route: Route) -> Route:
    caller = CallerRole.HOST if route.starts else route.caller
    path = f"/worlds/{{world_id}}{route.path}"
    return Route(route.method, path, route.endpoint, caller, route.starts)


ROUTES: Final = (
    *_WORLD,
    *map(_for_world, _WORLD),
    Route("GET", "/worlds", endpoints.get_worlds, CallerRole.HOST),
    Route("GET", "/health", endpoints.get_health, CallerRole.ANYONE),
    Route("GET", "/openapi.json", endpoints.get_openapi, CallerRole.ANYONE),
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
        HttpRoute(route.path, _bound(route, worlds), methods=[route.method], name=route.path)
        for route in ROUTES
    ]
    for http_route in routes:
        assert http_route.methods is not None
        http_route.methods.discard("HEAD")
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


def _bound(route: Route, worlds: Worlds) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        if not worlds.access.tokens:
            refuse_foreign(request, local=worlds.local)
        if route.caller is CallerRole.HOST:
            authorise(worlds.default.engine, request, CallerRole.HOST)
        served, world_id = worlds.default, request.path_params.get("world_id")
        if world_id is not None:
            served = worlds.startable(world_id) if route.starts else worlds.of(world_id)
        if route.caller is not CallerRole.HOST:
            authorise(served.engine, request, route.caller)
        served.users += 1
        try:
            return await route.endpoint(served, request)
        finally:
            served.users -= 1

    async def bound(request: Request) -> Response:
        began = time.perf_counter()
        status, code = 500, None
        try:
            try:
                response = await answered(request)
            except SimEconomyError as error:
                response, code = await _refused(request, error), error.code
            status = response.status_code
            return response
        except ClientDisconnect:
            status = 499
            raise
        finally:
            worlds.answered[status] = worlds.answered.get(status, 0) + 1
            if _log.isEnabledFor(logging.INFO):
                details = {
                    "world": _named(request),
                    "status": status,
                    "code": code,
                    "milliseconds": round((time.perf_counter() - began) * 1000, 3),
                }
                _log.info("%s %s", route.method, route.path, extra=details)

    return bound


def _named(request: Request) -> str | None:
    """The world that a request names; None for a name that no world can have."""
    world_id = request.path_params.get("world_id")
    if world_id is None:
        return DEFAULT_WORLD
    return world_id if is_world_id(world_id) else None


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
