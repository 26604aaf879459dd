"""Requests as values, answers from bytes, and when to try again; no connection is made here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from msgspec import Struct

from sim_economy.client.answers import PageAnswer
from sim_economy.client.errors import EngineError

Answer = TypeVar("Answer")
Row = TypeVar("Row")

_PAUSE_FIRST: Final = 0.1
_PAUSE_MAX: Final = 2.0


class EngineRequest(Struct, Generic[Answer], frozen=True, kw_only=True):
    """One request, the same bytes however often it is sent.

    Attributes:
        inside: The field of the answer that holds it; None where it comes without an envelope.
        repeatable: Whether sending it twice does no more than sending it once.
    """

    method: str
    path: str
    query: tuple[tuple[str, int], ...] = ()
    body: bytes | None = None
    key: str | None = None
    inside: str | None = None
    repeatable: bool = False

    def parts(self, token: str | None) -> dict[str, Any]:
        """What httpx sends, by the names of its arguments."""
        return {
            "method": self.method,
            "url": self.path,
            "params": self.query,
            "content": self.body,
            "headers": self.headers(token),
        }

    def headers(self, token: str | None) -> dict[str, str]:
        """The headers sent with the body."""
        headers = authorization(token)
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        return headers

    def answer(self, status: int, content: bytes) -> Answer:
        """The answer from its bytes.

        Raises:
            EngineError: It is a refusal, or no JSON.
        """
        if not 200 <= status < 300:
            raise refusal(status, content)
        try:
            answer: Any = json.loads(content)
            found: Answer = answer if self.inside is None else answer[self.inside]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise EngineError(
                status, "answer_unreadable", "is this an engine? check the address", {}
            ) from None
        return found


class Attempts:
    """The attempts that remain of a request, and the pause before each."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._failed = 0

    def pause(self, error: Exception | None) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            EngineError: That was the last one.
        """
        if self._failed >= self._retries:
            about = "the connection ended" if error is None else str(error) or type(error).__name__
            raise EngineError(None, "unreachable", f"{about}; is the engine running?", {})
        self._failed += 1
        return float(min(_PAUSE_MAX, _PAUSE_FIRST * 2 ** (self._failed - 1)))


def authorization(token: str | None) -> dict[str, str]:
    """The header that says who asks."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def refusal(status: int, content: bytes) -> EngineError:
    """A refusal from its bytes."""
    try:
        error = json.loads(content)["error"]
        code, message = str(error.pop("code")), str(error.pop("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return EngineError(status, "refused", "the engine gave no reason", {})
    return EngineError(status, code, message, error)


def unusable(error: Exception) -> EngineError:
    """The failure of an environment whose proxies or certificates cannot be used."""
    message = (
        f"the proxies or certificates that the environment names cannot be used ({error}); correct "
        "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR"
    )
    return EngineError(None, "environment_unusable", message, {})


def base(address: str, world: str | None) -> str:
    """The base path of a world: the default one's, or one's by its name."""
    return address if world is None else f"{address}/worlds/{_segment(world)}"


def following(
    call: EngineRequest[PageAnswer[Row]], page: PageAnswer[Row]
) -> EngineRequest[PageAnswer[Row]] | None:
    """The call for the page after a page; None at the end."""
    if page["next"] is None:
        return None
    return reading(call.path, after=page["next"], limit=dict(call.query).get("limit"))


def reading(path: str, **query: int | None) -> EngineRequest[Any]:
    """A request that changes nothing; what is None is left out of its query."""
    given = tuple((name, value) for name, value in query.items() if value is not None)
    return EngineRequest(method="GET", path=path, query=given, repeatable=True)


def writing(path: str, body: Mapping[str, object], **more: Any) -> EngineRequest[Any]:
    """A request with a body; what is None is left out of it."""
    given = {name: value for name, value in body.items() if value is not None}
    text = json.dumps(given, allow_nan=False, default=_plain).encode()
    return EngineRequest(method="POST", path=path, body=text, **more)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def closing(path: str, body: Mapping[str, object], key: str | None) -> EngineRequest[Any]:
    """A request that closes a turn once, under a key of its own where none is given."""
    key = uuid4().hex if key is None else key
    return writing(path, body, key=key, inside="data", repeatable=True)


def of_agent(agent_id: str, rest: str) -> str:
    """The path of what concerns one agent."""
    return f"/agents/{_segment(agent_id)}/{rest}"


def _segment(name: str) -> str:
    """A name as one part of a path; dots too, since `..` would lead out of it."""
    return quote(name, safe="").replace(".", "%2E")
