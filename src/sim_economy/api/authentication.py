"""Authentication: tokens, and the callers each route admits."""

from __future__ import annotations

import hmac
import re
from collections.abc import Set
from enum import Enum, auto
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from msgspec import DecodeError
from starlette.requests import Request

from sim_economy.api.connection_limits import address_of
from sim_economy.api.error_responses import RequestError
from sim_economy.api.fair_share import CallerIdentity
from sim_economy.api.reader_sessions import COOKIE, ReaderSessions
from sim_economy.core.errors import StoreError
from sim_economy.ledger.credentials.tokens import (
    ADMIN,
    CREDENTIALS_DECODER,
    READER,
    Credentials,
)
from sim_economy.ledger.sidecars.locations import DEFAULT_WORLD, LedgerLocation
from sim_economy.world.access import Access


class CallerRole(Enum):
    """The callers that a route admits.

    Attributes:
        ANYONE: Without a token.
        MEMBER: Any agent of the world, its operator, or a reader.
        OWNER: The agent that the path names, or the world's operator; readers, if it is read.
        ADMIN: The world's operator; readers, if it is read.
        HOST: The operator of the process: who holds its token, or the default world's.
    """

    ANYONE = auto()
    MEMBER = auto()
    OWNER = auto()
    ADMIN = auto()
    HOST = auto()


def refuse_foreign(
    request: Request, *, local: bool, hosts: Set[str] = frozenset(), visits: bool = False
) -> None:
    """Refuse what a page of another site makes a browser send to an engine that asks no tokens.

    Args:
        local: Whether the engine listens on loopback alone; then it has a loopback name.
        hosts: Further names it is reached by, in small letters.
        visits: Whether somebody who follows a link of another site is let in, to the viewer's page:
            it holds nothing of a world, and what it asks for then comes from its own site.

    Raises:
        RequestError: 403 for a request from another origin, or for a name that is not ours.
    """
    headers = request.headers
    own = headers.get("host")
    origin = headers.get("origin")
    crosses = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    if visits and request.method == "GET" and request.url.path == "/":
        crosses = crosses and headers.get("sec-fetch-mode") != "navigate"
    if crosses or (origin is not None and origin.partition("://")[2] != own):
        raise RequestError(403, "foreign_origin", "an engine that asks no tokens takes no page's")
    if own is None or not (local or hosts):  # HTTP/1.0 has no Host; what comes later, always
        return
    name = own.rpartition(":")[0] if re.search(r":[0-9]*$", own) else own
    if not (_is_loopback(name) or name.lower() in hosts):
        raise RequestError(
            403,
            "foreign_host",
            "ask by 127.0.0.1, localhost or [::1], or list the name in SIM_ENGINE_HOSTS",
        )


@lru_cache(maxsize=256)
def _is_loopback(name: str) -> bool:
    if name == "[::1]" or name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def kept_credentials(location: LedgerLocation) -> Credentials | None:
    """The tokens of a world as its file has them, the ledger unopened; None where is no world.

    Raises:
        StoreError: There is a world, and no file with its tokens.
    """
    path = Path(f"{location.sidecar}.tokens")
    try:
        seen = path.stat()
        return _read_credentials(path, seen.st_ino, seen.st_size, seen.st_mtime_ns)
    except (OSError, DecodeError):
        if not location.exists():
            return None
        raise StoreError(
            "credentials_missing",
            str(path),
            "holds no tokens of this world; restore the file, or serve without tokens",
        ) from None


@lru_cache(maxsize=16)
def _read_credentials(path: Path, *_seen: int) -> Credentials:
    return CREDENTIALS_DECODER.decode(path.read_bytes())


def identify(
    access: Access,
    credentials: Credentials | None,
    request: Request,
    world_id: str | None,
    sessions: ReaderSessions | None = None,
) -> CallerIdentity:
    """Who calls a world.

    Args:
        credentials: Of the world; None before it is started.
        world_id: None for the default one.
        sessions: Those of browsers, which only read.
    """
    address = address_of(request)
    if not access.tokens:
        return CallerIdentity(name=address, trusted=True)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token if scheme.lower() == "bearer" else ""
    own = access.admin_token
    if own is not None and hmac.compare_digest(token.encode(), own.encode()):
        return CallerIdentity(name=ADMIN, holder=ADMIN, trusted=True)
    holder = None if credentials is None else credentials.holder(token)
    if holder is None and sessions is not None and _reads_from_own_page(request):
        holder = sessions.holder(request.cookies.get(COOKIE), access, credentials)
    if holder is None:
        return CallerIdentity(name=address)
    name = f"{world_id or DEFAULT_WORLD}/{holder}"
    if holder == READER:
        name = f"{name}@{address}"  # One token is given to many people.
    return CallerIdentity(name=name, holder=holder, trusted=holder == ADMIN)


def _reads_from_own_page(request: Request) -> bool:
    """Test whether a request only reads, and no page of another site made the browser send it."""
    try:
        refuse_foreign(request, local=False)
    except RequestError:
        return False
    return request.method in {"GET", "HEAD"}


def authorise(
    access: Access,
    credentials: Credentials | None,
    identity: CallerIdentity,
    role: CallerRole,
    agent_id: str | None,
    *,
    reads: bool,
) -> None:
    """Refuse whoever may not call a route of a world.

    Args:
        credentials: Of the world; for HOST, of the default one.
        agent_id: Whom the path names.
        reads: Whether the route changes nothing.

    Raises:
        RequestError: 401 without a token that is known, 403 with somebody else's.
    """
    if not access.tokens or role is CallerRole.ANYONE:
        return
    holder = identity.holder
    if holder is None:
        if credentials is None and access.admin_token is None and role is not CallerRole.HOST:
            return
        asked = "the operator's token" if credentials is None else _OWN_TOKEN
        raise RequestError(401, "token_unknown", f"send {asked}")
    agent = f"agent:{agent_id}"
    allowed = {CallerRole.MEMBER: {holder}, CallerRole.OWNER: {agent, ADMIN}}.get(role, {ADMIN})
    if holder == READER:
        allowed = {READER} if reads and role is not CallerRole.HOST else set()
    if holder not in allowed:
        raise RequestError(403, "not_yours", "this token may not do that")


_OWN_TOKEN = "`Authorization: Bearer` and a token of this world"  # noqa: S105
