"""The viewer's endpoints in an engine: answers about a world, and browsers that sign in to look."""

from __future__ import annotations

import hmac
from functools import partial
from importlib.metadata import version
from typing import cast

from msgspec import Struct, json
from starlette.requests import Request
from starlette.responses import Response

from sim_economy.api.authentication import identify, refuse_foreign
from sim_economy.api.error_responses import RequestError
from sim_economy.api.fair_share import Work
from sim_economy.api.reader_sessions import COOKIE, SESSION_SECONDS
from sim_economy.api.request_validation import parse_nothing, parse_sign_in
from sim_economy.api.route import JSON, Endpoint
from sim_economy.api.worlds import ServedWorld
from sim_economy.ledger.credentials.tokens import ADMIN, READER, Credentials
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import ListedWorld
from sim_economy.viewer.answers import CallerAnswer, CatalogueAnswer
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.routes import ViewerRoute

_NO_STORE = {"cache-control": "no-store"}


def view_endpoint(route: ViewerRoute) -> Endpoint:
    """What answers a route of the viewer about one world."""

    def found(served: ServedWorld, asked: Asked) -> bytes:
        shown = served.shown_world()
        if route.instant:
            return json.encode(route.work(shown, cast("Store", None), asked))
        return shown.source.read(lambda store: json.encode(route.work(shown, store, asked)))

    async def answered(served: ServedWorld, request: Request) -> Response:
        served.engine.started()
        asked = Asked(request.path_params, dict(request.query_params))
        work = Work.CHECK if route.checks else Work.LONG
        if route.instant and served.shown is not None:
            return _json(found(served, asked))
        return _json(await served.worlds.share.away(work, partial(found, served, asked)))

    return answered


def _json(content: bytes | Struct) -> Response:
    body = content if isinstance(content, bytes) else json.encode(content)
    return Response(body, headers=_NO_STORE, media_type=JSON)


async def get_catalogue(served: ServedWorld, request: Request) -> Response:
    """What this engine shows: its worlds, to a caller who may know of them."""
    worlds = served.worlds
    engine = worlds.default.engine
    names = [] if engine.world is None else [""]
    if not worlds.access.tokens or _holder(served, request, engine.credentials) == ADMIN:
        names += await worlds.share.away(Work.BRIEF, engine.location.worlds)
    answer = CatalogueAnswer(
        kind="engine",
        title="engine" if worlds.access.tokens else engine.location.name,
        answer="" if names else "No world has been started here yet: POST /init starts one.",
        worlds=tuple(map(_listed, names)),
        documents=(),
        tables=(),
        has_map=False,
        asks_token=worlds.access.tokens,
        version=version("sim-economy"),
    )
    return _json(answer)


def _listed(name: str) -> ListedWorld:
    return ListedWorld(
        world_id=name,
        title=name or "default",
        note="a world of this engine",
        replayed=False,
        figures={},
    )


async def get_caller(served: ServedWorld, request: Request) -> Response:
    """Who reads a world, by the token or the cookie that came along."""
    credentials = await _credentials(served, request)
    return _json(_caller(served, request, credentials, request.cookies.get(COOKIE)))


def _caller(
    served: ServedWorld, request: Request, credentials: Credentials | None, cookie: str | None
) -> CallerAnswer:
    worlds = served.worlds
    holder = _holder(served, request, credentials)
    return CallerAnswer(
        asks_token=worlds.access.tokens,
        holder=holder if holder in {ADMIN, READER} else None,
        seconds_left=worlds.sessions.seconds_left(cookie) if holder == READER else None,
    )


def _holder(served: ServedWorld, request: Request, credentials: Credentials | None) -> str | None:
    worlds = served.worlds
    return identify(worlds.access, credentials, request, None, worlds.sessions).holder


async def _credentials(served: ServedWorld, request: Request) -> Credentials | None:
    """The tokens of the world that a path names, which stays closed if it is not open."""
    world_id = request.path_params.get("world_id")
    if world_id is None or not served.worlds.access.tokens:
        return served.worlds.default.engine.credentials
    return await served.worlds.credentials(world_id)


async def post_session(served: ServedWorld, request: Request) -> Response:
    """Start a session with a token that is sent once; the cookie is good for reading only.

    Raises:
        RequestError: 401 for a token that is not known, 403 for an agent's or a foreign page's.
    """
    worlds = served.worlds
    token = parse_sign_in(request.state.body)
    if not worlds.access.tokens:
        return _json(CallerAnswer(asks_token=False, holder=None, seconds_left=None))
    refuse_foreign(request, local=False)
    credentials = await _credentials(served, request)
    own = worlds.access.admin_token
    holder = None if credentials is None else credentials.holder(token)
    if own is not None and hmac.compare_digest(token.encode(), own.encode()):
        holder = ADMIN
    if credentials is None or holder is None:
        raise RequestError(401, "token_unknown", "send a reader's token of this world")
    if holder not in {ADMIN, READER}:
        raise RequestError(403, "not_yours", "an agent's token does not show a world")
    made = worlds.sessions.start(request.cookies.get(COOKIE), credentials, token)
    response = _json(CallerAnswer(asks_token=True, holder=READER, seconds_left=SESSION_SECONDS))
    response.set_cookie(
        COOKIE,
        made,
        max_age=SESSION_SECONDS,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


async def post_session_end(served: ServedWorld, request: Request) -> Response:
    """End the browser's session."""
    worlds = served.worlds
    parse_nothing(request.state.body)
    if worlds.access.tokens:
        refuse_foreign(request, local=False)
        worlds.sessions.end(request.cookies.get(COOKIE))
    response = _json(CallerAnswer(asks_token=worlds.access.tokens, holder=None, seconds_left=None))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response
