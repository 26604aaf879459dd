"""The one failure of a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EngineError(Exception):
    """The engine refused, or did not answer.

    Attributes:
        status: Of the answer; None where none came.
        code: Stable, to branch on; `unreachable` where no answer came.
        message: What to do next.
        fields: What else the answer says: `field`, `turn`, `problems`.
    """

    def __init__(
        self, status: int | None, code: str, message: str, fields: Mapping[str, Any]
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields)
        super().__init__(f"{code}: {message}" if status is None else f"{status} {code}: {message}")

    def __reduce__(self) -> tuple[type[EngineError], tuple[Any, ...]]:
        return type(self), (self.status, self.code, self.message, self.fields)
