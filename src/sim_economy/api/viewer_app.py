"""The application behind `sim-economy view`: one source on loopback, read and never changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from threading import Lock
from typing import Any, Final, TypeAlias

from msgspec import DecodeError, json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as HttpRoute

from sim_economy.api.authentication import refuse_foreign
from sim_economy.api.connection_limits import ConnectionLimits, read_body
from sim_economy.api.error_responses import RequestError, error_body, status_of
from sim_economy.api.ledger_pages import stored_event
from sim_economy.api.page_files import (
    DOCUMENT_HEADERS,
    STATIC,
    asks_for_page,
    file_response,
    page_response,
)
from sim_economy.api.request_validation import check_query
from sim_economy.api.route import JSON
from sim_economy.core.errors import InputError, SimEconomyError
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answers import CallerAnswer
from sim_economy.viewer.folders.folder_files import MEDIA_TYPES
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.routes import WORLD_ROUTES, ViewerRoute
from sim_economy.viewer.sources import SourceRoute, ViewerSource

Answered: TypeAlias = Callable[[Request], Awaitable[Response]]

NO_STORE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_POLL_SECONDS: Final = 1.0
"""Seconds between two looks at a ledger that another process writes."""
_SILENT_POLLS: Final = 15
_EVENTS_AT_ONCE: Final = 256
_NOBODY: Final = CallerAnswer(asks_token=False, holder=None, seconds_left=None)


class ShownWorlds:
    """The worlds of a source that were opened, each with what was read of it."""

    def __init__(self, source: ViewerSource) -> None:
        self.source = source
        self.stopping = False
        self._shown: dict[str, ShownWorld] = {}
        self._opening = Lock()

    def shown(self, world_id: str) -> ShownWorld:
        """A world, opened by the first who asks; raises as `ViewerSource.world`."""
        with self._opening:
            if world_id not in self._shown:
                source = self.source.world(world_id)
                self._shown[world_id] = source.read(partial(ShownWorld, source))
            return self._shown[world_id]

    def answer(self, route: ViewerRoute, world_id: str, asked: Asked) -> bytes:
        """What a route says of a world, in JSON."""
        world = self.shown(world_id)
        return world.source.read(lambda store: json.encode(route.work(world, store, asked)))


def create_viewer_app(source: ViewerSource) -> Starlette:
    """The ASGI application of one source."""
    worlds = ShownWorlds(source)
    routes = [
        _get("/", _page),
        _get(f"{STATIC}{{name:path}}", _file),
        _get("/view/catalogue", partial(_catalogue, worlds)),
        _get("/view/document", partial(_document, worlds)),
        *(_source_route(route) for route in source.routes),
    ]
    for prefix in ("", "/worlds/{world_id}"):
        routes += [
            _get(f"{prefix}{route.path}", partial(_view, worlds, route)) for route in WORLD_ROUTES
        ]
        routes += [
            _get(f"{prefix}/view/caller", _caller),
            _get(f"{prefix}/events", partial(_events, worlds)),
        ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _unrouted})
    app.router.redirect_slashes = False
    app.state.worlds = worlds
    return app


def _get(path: str, answered: Answered) -> HttpRoute:
    return HttpRoute(path, partial(_guarded, answered), methods=["GET"], name=path)


async def _guarded(answered: Answered, request: Request) -> Response:
    """An answer to a caller of this machine, or a refusal."""
    try:
        refuse_foreign(request, local=True, visits=asks_for_page(request))
        return await answered(request)
    except SimEconomyError as error:
        return Response(error_body(error), status_of(error), NO_STORE, JSON)


async def _unrouted(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    code = {404: "path_unknown", 405: "method_not_allowed"}.get(status, "refused")
    refused = RequestError(status, code, "there is no such path here; open / in a browser")
    return Response(error_body(refused), status, NO_STORE, JSON)


async def _page(request: Request) -> Response:
    return page_response(request)


async def _file(request: Request) -> Response:
    found = file_response(request, request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return found


async def _caller(request: Request) -> Response:
    check_query(request)
    return _answer(json.encode(_NOBODY))


async def _catalogue(worlds: ShownWorlds, request: Request) -> Response:
    check_query(request)
    return _answer(json.encode(await run_in_threadpool(worlds.source.catalogue)))


async def _document(worlds: ShownWorlds, request: Request) -> Response:
    check_query(request, "name")
    name = request.query_params.get("name", "")
    path = await run_in_threadpool(worlds.source.document, name)
    content = await run_in_threadpool(path.read_bytes)
    return Response(content, headers=DOCUMENT_HEADERS, media_type=MEDIA_TYPES[path.suffix])


async def _view(worlds: ShownWorlds, route: ViewerRoute, request: Request) -> Response:
    check_query(request, *route.query)
    asked = Asked(request.path_params, dict(request.query_params))
    world_id = request.path_params.get("world_id", "")
    return _answer(await run_in_threadpool(worlds.answer, route, world_id, asked))


def _answer(body: bytes, media_type: str = JSON) -> Response:
    return Response(body, headers=NO_STORE, media_type=media_type)


def _source_route(route: SourceRoute) -> HttpRoute:
    """A route that only this source has."""

    async def answered(request: Request) -> Response:
        query = await _body(request) if route.posts else dict(request.query_params)
        if not route.posts:
            check_query(request, *route.query)
        elif not query.keys() <= set(route.query):
            raise InputError("body", f"may have {', '.join(route.query)}, and nothing else")
        found = await run_in_threadpool(route.work, query)
        body = found if isinstance(found, bytes) else json.encode(found)
        return _answer(body, route.media_type)

    path, methods = f"/view/source/{route.path}", ["POST" if route.posts else "GET"]
    return HttpRoute(path, partial(_guarded, answered), methods=methods, name=path)


async def _body(request: Request) -> dict[str, str]:
    """The object in a body, its values as text.

    Raises:
        InputError: It is none.
    """
    limits = ConnectionLimits()
    if not request.headers.get("content-type", "").startswith(JSON):
        raise InputError("body", "must be JSON, with its content type")
    content = await read_body(request, limits.head_bytes, limits.body_seconds)
    try:
        found: dict[str, Any] = json.decode(content, type=dict[str, str | int])
    except (DecodeError, RecursionError):
        raise InputError("body", "must be an object of texts and whole numbers") from None
    return {name: str(value) for name, value in found.items()}


async def _events(worlds: ShownWorlds, request: Request) -> Response:
    """Closed turns of a ledger that another process writes, as server-sent events."""
    seen = request.headers.get("last-event-id", "")
    if seen and not (seen.isascii() and seen.isdigit() and len(seen) <= 16):
        raise InputError("Last-Event-ID", "must be the number of a turn")
    world = await run_in_threadpool(worlds.shown, request.path_params.get("world_id", ""))
    newest = await run_in_threadpool(world.source.read, lambda store: store.head().turn)
    stream = _turns(worlds, world, request, int(seen) if seen else newest)
    return StreamingResponse(stream, headers=NO_STORE, media_type="text/event-stream")


async def _turns(
    worlds: ShownWorlds, world: ShownWorld, request: Request, after: int
) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    silent = 0
    while not (worlds.stopping or await request.is_disconnected()):
        after, lines = await run_in_threadpool(world.source.read, partial(_later, world, after))
        for line in lines:
            yield line
        silent = 0 if lines else silent + 1
        if silent == _SILENT_POLLS:
            silent = 0
            yield b": still here\n\n"
        if len(lines) < _EVENTS_AT_ONCE:
            await asyncio.sleep(_POLL_SECONDS)


def _later(world: ShownWorld, after: int, store: Store) -> tuple[int, list[bytes]]:
    """Turns after one as events, some at once, and the last of them."""
    last = min(store.head().turn, after + _EVENTS_AT_ONCE)
    lines = [stored_event(stored, world.config) for stored in store.read(after + 1, last)]
    return max(after, last) if lines else after, lines
