"""Every failure as an answer: a status, a stable code, a message, and nothing of the input."""

from __future__ import annotations

from typing import Any, Final

from msgspec import json

from sim_economy.core.errors import (
    AlreadySubmittedError,
    AmountOutOfRangeError,
    ExtraMissingError,
    FolderError,
    InputError,
    KeyReusedError,
    PolicyFailedError,
    ReplayError,
    RunEndedError,
    ScenarioError,
    SignatureError,
    SimEconomyError,
    StoreError,
    TurnConflictError,
    WorldExistsError,
    WorldMissingError,
    WorldUnknownError,
)


class RequestError(SimEconomyError):
    """A request that HTTP itself refuses: its size, its pace, its method, its path."""

    code = "request_refused"

    def __init__(self, status: int, code: str, problem: str) -> None:
        self.status = status
        self.code = code
        super().__init__(problem)


STATUS: Final[dict[type[SimEconomyError], int]] = {
    ScenarioError: 422,
    InputError: 422,
    PolicyFailedError: 422,
    AmountOutOfRangeError: 422,
    RunEndedError: 409,
    WorldMissingError: 409,
    WorldUnknownError: 404,
    WorldExistsError: 409,
    TurnConflictError: 409,
    KeyReusedError: 422,
    SignatureError: 403,
    AlreadySubmittedError: 409,
    StoreError: 503,
    ReplayError: 503,
    FolderError: 503,
    ExtraMissingError: 501,
}
"""The status of each kind of failure; `RequestError` carries its own."""


def status_of(error: SimEconomyError) -> int:
    """The HTTP status that answers a failure."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, InputError) and error.field == "body":
        return 400
    return STATUS[type(error)]


def error_body(error: SimEconomyError) -> bytes:
    """The JSON that answers a failure."""
    body: dict[str, Any] = {"code": error.code, "message": str(error)}
    match error:
        case ScenarioError():
            body["problems"] = error.problems
        case InputError():
            body["field"] = error.field
        case SignatureError():
            body["position"] = error.index
        case TurnConflictError():
            body["turn"] = error.open_turn
        case RunEndedError() | WorldExistsError() | KeyReusedError() | AlreadySubmittedError():
            body["turn"] = error.turn
        case _:
            pass
    return json.encode({"error": body})
