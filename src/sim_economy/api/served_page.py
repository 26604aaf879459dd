"""The pages of an engine and their files; refusals as responses."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sim_economy.api.authentication import refuse_foreign
from sim_economy.api.connection_limits import address_of
from sim_economy.api.error_responses import RequestError, error_body, status_of
from sim_economy.api.fair_share import CallerIdentity, Work
from sim_economy.api.page_files import asks_for_page, file_response, page_response
from sim_economy.api.route import JSON
from sim_economy.api.worlds import Worlds
from sim_economy.core.errors import SimEconomyError

UNROUTED: Final = {
    404: ("path_unknown", "there is no such path; see /openapi.json"),
    405: ("method_not_allowed", "this path has another method; see /openapi.json"),
}
"""Code and message of what HTTP refuses before any route, by status."""


def refused_response(error: SimEconomyError) -> Response:
    """The response to a failure."""
    status = status_of(error)
    headers = {"connection": "close"} if status in {408, 413} else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 429:
        headers["retry-after"] = "1"
    return Response(error_body(error), status, headers, JSON)


class ServedPage:
    """A page, or its files, as an ASGI application; they hold nothing of a world."""

    def __init__(self, path: str, worlds: Worlds) -> None:
        self._path = path
        self._worlds = worlds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request, worlds = Request(scope, receive, send), self._worlds
        try:
            if not worlds.access.tokens:
                refuse_foreign(request, local=worlds.local, hosts=worlds.hosts, visits=True)
            async with worlds.share.queue(CallerIdentity(name=address_of(request)), Work.SHORT):
                response = self._found(request)
            worlds.requests.note(request.method, self._path, response.status_code)
        except RequestError as error:
            worlds.requests.refusal(request.method, error)
            response = refused_response(error)
        await response(scope, receive, send)

    def _found(self, request: Request) -> Response:
        name = request.path_params.get("name")
        found = None
        if name is not None:
            found = file_response(request, name)
        elif asks_for_page(request):
            found = page_response(request, self._path)
        if found is None:
            raise RequestError(404, *UNROUTED[404])
        return found
