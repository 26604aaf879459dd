"""Requests as values, answers from bytes, and when to try again; no connection is made here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from msgspec import Struct

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
from sim_economy.client.errors import EngineError

Answer = TypeVar("Answer")
Row = TypeVar("Row")
Value = Mapping[str, object]

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
        except (ValueError, KeyError, TypeError):
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


def config() -> EngineRequest[Parameters]:
    """GET /config."""
    return _read("/config")


def init(
    parameters: Value, agent_ids: Sequence[str] | None, public_keys: Mapping[str, str] | None
) -> EngineRequest[StartedWorldAnswer]:
    """POST /init; not repeatable, since a second world is refused."""
    body: dict[str, object] = {"config": parameters}
    if agent_ids is not None:
        body["agent_ids"] = list(agent_ids)
    if public_keys is not None:
        body["public_keys"] = dict(public_keys)
    return EngineRequest(method="POST", path="/init", body=_text(body))


def run(
    parameters: Value | None,
    agent_ids: Sequence[str] | None,
    policy: str,
    usage: Value | None,
    turns: int,
    ends: bool,
) -> EngineRequest[PlayedRunAnswer]:
    """POST /run; a run that is done gets its answer again, one cut off goes on."""
    body: dict[str, object] = {"policy": policy, "turns": turns, "ends": ends}
    if parameters is not None:
        body["config"] = parameters
    if agent_ids is not None:
        body["agent_ids"] = list(agent_ids)
    if usage is not None:
        body["usage"] = usage
    return EngineRequest(
        method="POST", path="/run", body=_text(body), inside="data", repeatable=True
    )


def state() -> EngineRequest[WorldStateAnswer]:
    """GET /state."""
    return _read("/state")


def turn(
    inputs: Sequence[Value], turn: int | None, key: str | None, ends: bool
) -> EngineRequest[ClosedTurnAnswer]:
    """POST /turn, under a key of its own where none is given."""
    return _closing("/turn", {"inputs": list(inputs)}, turn, key, ends)


def close_turn(
    turn: int | None, usage: Mapping[str, Value] | None, key: str | None, ends: bool
) -> EngineRequest[ClosedTurnAnswer]:
    """POST /close, under a key of its own where none is given."""
    return _closing("/close", {} if usage is None else {"usage": usage}, turn, key, ends)


def submit(
    agent_id: str,
    action: Value,
    speech: str | None,
    turn: int | None,
    signature: str | None = None,
) -> EngineRequest[dict[str, Any]]:
    """POST /agents/{agent_id}/action; not repeatable."""
    body: dict[str, object] = {"action": action}
    if speech is not None:
        body["speech"] = speech
    if turn is not None:
        body["turn"] = turn
    if signature is not None:
        body["signature"] = signature
    return EngineRequest(method="POST", path=f"{_agent(agent_id)}/action", body=_text(body))


def commitment() -> EngineRequest[CommitmentAnswer]:
    """GET /commitment."""
    return _read("/commitment")


def genesis() -> EngineRequest[GenesisAnswer]:
    """GET /genesis."""
    return _read("/genesis")


def series(after: int | None, limit: int | None) -> EngineRequest[PageAnswer[FiguresAnswer]]:
    """GET /series."""
    return _page("/series", after, limit)


def worlds(address: str) -> EngineRequest[list[str]]:
    """GET /worlds, of the engine at an address."""
    return EngineRequest(method="GET", path=f"{address}/worlds", inside="worlds", repeatable=True)


def base(address: str, world: str | None) -> str:
    """The base path of a world: the default one's, or one's by its name."""
    return address if world is None else f"{address}/worlds/{_segment(world)}"


def head() -> EngineRequest[HeadAnswer]:
    """GET /head."""
    return _read("/head")


def turns(after: int | None, limit: int | None) -> EngineRequest[PageAnswer[ClosedTurnAnswer]]:
    """GET /turns."""
    return _page("/turns", after, limit)


def blocks(after: int | None, limit: int | None) -> EngineRequest[PageAnswer[BlockAnswer]]:
    """GET /blocks."""
    return _page("/blocks", after, limit)


def transactions(
    after: int | None, limit: int | None
) -> EngineRequest[PageAnswer[TransactionAnswer]]:
    """GET /transactions."""
    return _page("/transactions", after, limit)


def contracts(
    after: int | None, limit: int | None
) -> EngineRequest[PageAnswer[ContractEventAnswer]]:
    """GET /contracts."""
    return _page("/contracts", after, limit)


def rejections(after: int | None, limit: int | None) -> EngineRequest[PageAnswer[RejectionAnswer]]:
    """GET /rejections."""
    return _page("/rejections", after, limit)


def postings(after: int | None, limit: int | None) -> EngineRequest[PageAnswer[PostingAnswer]]:
    """GET /postings."""
    return _page("/postings", after, limit)


def following(
    call: EngineRequest[PageAnswer[Row]], page: PageAnswer[Row]
) -> EngineRequest[PageAnswer[Row]] | None:
    """The call for the page after a page; None at the end."""
    if page["next"] is None:
        return None
    limit = dict(call.query).get("limit")
    return _page(call.path, page["next"], limit)


def statement(agent_id: str, first: int | None, last: int | None) -> EngineRequest[StatementAnswer]:
    """GET /agents/{agent_id}/statement."""
    return _read(f"{_agent(agent_id)}/statement", _query({"from": first, "to": last}))


def observation(agent_id: str) -> EngineRequest[ObservationAnswer]:
    """GET /agents/{agent_id}/observation."""
    return _read(f"{_agent(agent_id)}/observation")


def verification() -> EngineRequest[VerificationAnswer]:
    """GET /verification."""
    return _read("/verification")


def _read(path: str, query: tuple[tuple[str, int], ...] = ()) -> EngineRequest[Any]:
    return EngineRequest(method="GET", path=path, query=query, repeatable=True)


def _page(path: str, after: int | None, limit: int | None) -> EngineRequest[Any]:
    return _read(path, _query({"after": after, "limit": limit}))


def _closing(
    path: str, body: dict[str, object], turn: int | None, key: str | None, ends: bool
) -> EngineRequest[ClosedTurnAnswer]:
    if turn is not None:
        body["turn"] = turn
    if ends:
        body["ends"] = True
    key = uuid4().hex if key is None else key
    return EngineRequest(
        method="POST", path=path, body=_text(body), key=key, inside="data", repeatable=True
    )


def _query(given: Mapping[str, int | None]) -> tuple[tuple[str, int], ...]:
    return tuple((name, value) for name, value in given.items() if value is not None)


def _agent(agent_id: str) -> str:
    return f"/agents/{_segment(agent_id)}"


def _segment(name: str) -> str:
    """A name as one part of a path; dots too, since `..` would lead out of it."""
    return quote(name, safe="").replace(".", "%2E")


def _text(body: object) -> bytes:
    return json.dumps(body, allow_nan=False).encode()
