"""What is stated of a route: who may call it, what it takes, what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from sim_economy.api.authentication import CallerRole
from sim_economy.api.fair_share import Work
from sim_economy.api.worlds import ServedWorld

Endpoint: TypeAlias = Callable[[ServedWorld, Request], Awaitable[Response]]
JSON: Final = "application/json"


class Route(Struct, frozen=True, kw_only=True):
    """One call; its endpoint finds the body in `request.state.body`.

    Attributes:
        caller: Who may call it where tokens are asked for.
        answer: A type of `client/answers.py`; of one event where the answer is a stream.
        body: The name of its body's schema in the description.
        errors: Statuses it may fail with.
        query: Names it takes in the query; any other is refused.
        headers: Names of headers it reads.
        starts: Whether it may be called of a world that has not been started.
        unopened: Whether it is answered without opening the world, to whoever calls.
        work: What it is; BRIEF becomes SHORT in a world whose answers are small.
    """

    path: str
    endpoint: Endpoint
    caller: CallerRole
    summary: str
    answer: Any
    body: str | None = None
    errors: tuple[int, ...]
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    media_type: str = JSON
    starts: bool = False
    unopened: bool = False
    work: Work = Work.SHORT

    @property
    def method(self) -> str:
        """POST where it takes a body, else GET."""
        return "GET" if self.body is None else "POST"

    def for_world(self) -> Route:
        """The same call of a world by its name, which nobody opens without a token of it."""
        anyone = self.caller is CallerRole.ANYONE and not self.unopened
        caller = CallerRole.MEMBER if anyone else self.caller
        return replace(
            self,
            path=f"/worlds/{{world_id}}{self.path}",
            caller=CallerRole.HOST if self.starts else caller,
            summary=f"{self.summary}, of a world",
            errors=tuple(sorted({*self.errors, 401, 403, 404, 503})),
        )
