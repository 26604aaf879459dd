"""Server-sent events from bytes, and where to go on when a stream breaks off."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sim_economy.client.answers import ClosedTurnAnswer
from sim_economy.client.requests import Attempts, authorization


class EventStream:
    """The turns of a stream, over as many connections as it takes.

    Attributes:
        seen: The last turn that came; the next connection asks for later ones.
    """

    def __init__(self, seen: int, retries: int) -> None:
        self.seen = seen
        self._retries = retries
        self._attempts = Attempts(retries)
        self._rest = b""

    def headers(self, token: str | None) -> dict[str, str]:
        """For the next connection."""
        self._rest = b""
        return authorization(token) | {"Last-Event-ID": str(self.seen)}

    def turns(self, chunk: bytes) -> Iterator[ClosedTurnAnswer]:
        """The turns that a chunk completes."""
        *events, self._rest = (self._rest + chunk).split(b"\n\n")
        for event in events:
            named = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
            if b"data" in named:
                found: ClosedTurnAnswer = json.loads(named[b"data"])
                self.seen = int(named[b"id"])
                self._attempts = Attempts(self._retries)
                yield found

    def pause(self, error: Exception | None) -> float:
        """Seconds to wait before the next connection.

        Raises:
            EngineError: There were too many without a turn.
        """
        return self._attempts.pause(error)
