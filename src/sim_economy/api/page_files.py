"""The viewer's page and its files, as they lie in the package; no other file is ever served."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

STATIC: Final = "/view/static/"
"""What the paths of the page's files begin with."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load and run: files of this server, nothing inline, nothing of other hosts."""
_DOCUMENT_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a report: its own style and pictures, and no script."""
_GUARDS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
PAGE_HEADERS: Final = {**_GUARDS, "content-security-policy": POLICY, "cache-control": "no-cache"}
"""Of the page and its files: a browser asks each time whether they are still the same."""
DOCUMENT_HEADERS: Final = {
    **_GUARDS,
    "content-security-policy": _DOCUMENT_POLICY,
    "cache-control": "no-store",
}
"""Of a report that the viewer hands out as it is."""
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
}
PAGES: Final = {"/": "index.html", "/docs": "openapi/page.html"}
"""The pages by their paths: the viewer, and the routes of the engine."""


class _PageFile(Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


def asks_for_page(request: Request) -> bool:
    """Test whether a browser asks: programs take JSON, and their 404 at `/` stays."""
    return "text/html" in request.headers.get("accept", "")


def page_response(request: Request, path: str = "/") -> Response:
    """One of the pages, by its path."""
    return _response(request, _files()[PAGES[path]])


def file_response(request: Request, name: str) -> Response | None:
    """One of the page's files; None where there is none of this name."""
    found = _files().get(name)
    return None if found is None else _response(request, found)


def _response(request: Request, file: _PageFile) -> Response:
    headers = {**PAGE_HEADERS, "etag": file.etag}
    known = request.headers.get("if-none-match", "")
    if file.etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Response(status_code=304, headers=headers)
    body = b"" if request.method == "HEAD" else file.content
    headers["content-length"] = str(len(file.content))
    return Response(body, headers=headers, media_type=file.media_type)


@cache
def _files() -> dict[str, _PageFile]:
    """Every file of the page by its path, read once."""
    found = {}
    for name, file in _walk(resources.files("sim_economy.viewer") / "static", ""):
        media_type = _MEDIA_TYPES.get(name[name.rfind(".") :])
        if media_type is not None:
            content = file.read_bytes()
            etag = f'"{sha256(content).hexdigest()[:32]}"'
            found[name] = _PageFile(content, media_type, etag)
    return found


def _walk(folder: Traversable, before: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{before}{entry.name}/")
        else:
            yield f"{before}{entry.name}", entry
