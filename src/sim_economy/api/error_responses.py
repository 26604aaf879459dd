"""Every failure as an answer: a status, a stable code, a message, and nothing of the input."""

from __future__ import annotations

from typing import Any, Final

from msgspec import json

from sim_economy.core import errors
from sim_economy.core.errors import SimEconomyError


class RequestError(SimEconomyError):
    """A request that HTTP itself refuses: its size, its pace, its method, its path."""

    code = "request_refused"

    def __init__(self, status: int, code: str, problem: str) -> None:
        self.status = status
        self.code = code
        super().__init__(problem)


STATUS: Final[dict[type[SimEconomyError], int]] = {
    errors.ScenarioError: 422,
    errors.UsageLogError: 422,
    errors.InputError: 422,
    errors.PolicyFailedError: 422,
    errors.AmountOutOfRangeError: 422,
    errors.RunEndedError: 409,
    errors.WorldMissingError: 409,
    errors.WorldUnknownError: 404,
    errors.WorldExistsError: 409,
    errors.TurnConflictError: 409,
    errors.KeyReusedError: 422,
    errors.SignatureError: 403,
    errors.AlreadySubmittedError: 409,
    errors.StoreError: 503,
    errors.ReplayError: 503,
    errors.FolderError: 503,
    errors.ExtraMissingError: 501,
}
"""The status of each kind of failure; `RequestError` carries its own."""


def status_of(error: SimEconomyError) -> int:
    """The HTTP status that answers a failure."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, errors.InputError) and error.field == "body":
        return 400
    return STATUS[type(error)]


def error_body(error: SimEconomyError) -> bytes:
    """The JSON that answers a failure."""
    body: dict[str, Any] = {"code": error.code, "message": str(error)}
    match error:
        case errors.ScenarioError() | errors.UsageLogError():
            body["problems"] = error.problems
        case errors.InputError():
            body["field"] = error.field
        case errors.SignatureError():
            body["position"] = error.index
        case errors.TurnConflictError():
            body["turn"] = error.open_turn
        case (
            errors.RunEndedError()
            | errors.WorldExistsError()
            | errors.KeyReusedError()
            | errors.AlreadySubmittedError()
        ):
            body["turn"] = error.turn
        case _:
            pass
    return json.encode({"error": body})
