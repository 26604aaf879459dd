"""Methods of both clients, stated once: of one that waits, and of one that is awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from inspect import signature
from types import GenericAlias
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    get_args,
    get_type_hints,
    overload,
)

from sim_economy.client import answers
from sim_economy.client.requests import Answer, EngineRequest, Row

if TYPE_CHECKING:
    from sim_economy.client.http import AsyncEngineClient, EngineClient

P = ParamSpec("P")
Answer_co = TypeVar("Answer_co", covariant=True)


class CalledMethod(Protocol[P, Answer_co]):
    """A method of both clients: one returns its answer, the other's is awaited."""

    @overload
    def __get__(self, client: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...
    @overload
    def __get__(self, client: EngineClient, owner: object) -> Callable[P, Answer_co]: ...
    @overload
    def __get__(
        self, client: AsyncEngineClient, owner: object
    ) -> Callable[P, Coroutine[Any, Any, Answer_co]]: ...


class PagedMethod(Protocol[P, Answer_co]):
    """A method of both clients: rows to go over, page by page."""

    @overload
    def __get__(self, client: None, owner: object) -> Callable[Concatenate[Any, P], Any]: ...
    @overload
    def __get__(self, client: EngineClient, owner: object) -> Callable[P, Iterator[Answer_co]]: ...
    @overload
    def __get__(
        self, client: AsyncEngineClient, owner: object
    ) -> Callable[P, AsyncIterator[Answer_co]]: ...


class Method(NamedTuple):
    """A method for each class of clients: one that waits, and one to await."""

    waits: Any
    awaited: Any


def called(
    request: Callable[Concatenate[Any, P], EngineRequest[Answer]],
) -> CalledMethod[P, Answer]:
    """A method that sends the request it states."""

    @wraps(request)
    def waits(self: Any, *given: P.args, **named: P.kwargs) -> Any:
        return self._send(request(self, *given, **named))

    @wraps(request)
    async def awaited(self: Any, *given: P.args, **named: P.kwargs) -> Any:
        return await self._send(request(self, *given, **named))

    returned = _answer_type(request)
    return cast(
        "CalledMethod[P, Answer]", Method(_shown(waits, returned), _shown(awaited, returned))
    )


def paged(
    request: Callable[Concatenate[Any, P], EngineRequest[answers.PageAnswer[Row]]],
) -> PagedMethod[P, Row]:
    """A method that asks for the page it states, and for those after it."""

    def follows(iterator: Any) -> Any:
        @wraps(request)
        def method(self: Any, *given: P.args, **named: P.kwargs) -> Any:
            return self._follow(request(self, *given, **named))

        return _shown(method, GenericAlias(iterator, get_args(_answer_type(request))))

    return cast("PagedMethod[P, Row]", Method(follows(Iterator), follows(AsyncIterator)))


def _answer_type(request: Callable[..., Any]) -> Any:
    return get_args(get_type_hints(request)["return"])[0]


def _shown(method: Any, returned: object) -> Any:
    """A method that shows what it returns, not the request it states."""
    method.__signature__ = signature(method).replace(return_annotation=returned)
    method.__annotations__ = {**method.__annotations__, "return": returned}
    return method
