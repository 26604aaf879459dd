"""Authentication: tokens, and the callers each route admits."""

from __future__ import annotations

import hmac
import re
from enum import Enum, auto
from ipaddress import ip_address

from starlette.requests import Request

from sim_economy.api.error_responses import RequestError
from sim_economy.ledger.credentials.tokens import ADMIN
from sim_economy.world.engine import Engine


class CallerRole(Enum):
    """The callers that a route admits.

    Attributes:
        ANYONE: Without a token.
        MEMBER: Any agent of the world, or its operator.
        OWNER: The agent that the path names, or the world's operator.
        ADMIN: The world's operator.
        HOST: The operator of the process: who holds its token, or the default world's.
    """

    ANYONE = auto()
    MEMBER = auto()
    OWNER = auto()
    ADMIN = auto()
    HOST = auto()


def refuse_foreign(request: Request, *, local: bool) -> None:
    """Refuse what a page of another site makes a browser send to an engine that asks no tokens.

    Args:
        local: Whether the engine listens on loopback alone; then it has a loopback name.

    Raises:
        RequestError: 403 for a request from another origin, or for a name that is not ours.
    """
    headers = request.headers
    own = headers.get("host", "")
    origin = headers.get("origin")
    crosses = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if crosses or (origin is not None and origin.partition("://")[2] != own):
        raise RequestError(403, "foreign_origin", "an engine that asks no tokens takes no page's")
    if local and own and not _is_local(own):
        raise RequestError(403, "foreign_host", "ask by 127.0.0.1, localhost or [::1]")


def _is_local(host: str) -> bool:
    """Test whether a host is loopback, or a name without a dot, which foreign DNS cannot serve."""
    name = host.rpartition(":")[0] if re.search(r":[0-9]*$", host) else host
    if name == "[::1]" or re.fullmatch("[A-Za-z0-9_-]+", name):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def authorise(engine: Engine, request: Request, caller: CallerRole) -> None:
    """Refuse whoever may not call a route of a world.

    Args:
        engine: Of the world; for HOST, of the default one.

    Raises:
        RequestError: 401 without a token that is known, 403 with somebody else's.
    """
    if not engine.access.tokens or caller is CallerRole.ANYONE:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token if scheme.lower() == "bearer" else ""
    own = engine.access.admin_token
    if own is not None and hmac.compare_digest(token.encode(), own.encode()):
        return
    if engine.credentials is None:
        if own is None and caller is not CallerRole.HOST:
            return
        raise RequestError(401, "token_unknown", "send the operator's token")
    holder = engine.credentials.holder(token)
    if holder is None:
        raise RequestError(401, "token_unknown", "send `Authorization: Bearer` and your token")
    agent = f"agent:{request.path_params.get('agent_id')}"
    allowed = {CallerRole.MEMBER: {holder}, CallerRole.OWNER: {agent, ADMIN}}.get(caller, {ADMIN})
    if holder not in allowed:
        raise RequestError(403, "not_yours", "this token may not do that")
