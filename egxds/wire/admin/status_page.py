"""Wire room: the status page at `/`: files of the package as they are, drawn in the browser from the admin API.

Whoever asks for HTML gets the page; who does not, such as curl, the list of what there is. What the page may do is in
its Content-Security-Policy: its own scripts and styles, requests to its own origin, and nothing else; nothing that a
file or an Envoy says can be markup or script there. Nothing of it is stored on the way, so that it fits the daemon that
answers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

FILES = Path(__file__).parent / "page"
INDEX = "index.html"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "accept",
}
_MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class StatusPage:
    """The files of the page, read once."""

    def __init__(self) -> None:
        """Read them: they are a few, and small."""
        self._files = {path.name: path.read_bytes() for path in FILES.iterdir() if path.suffix in _MEDIA_TYPES}

    def index(self) -> Response:
        """Return the page."""
        return self._file(INDEX)

    def routes(self) -> list[Route]:
        """Return where its other files are."""
        return [
            Route(f"/page/{name}", self._answer, methods=["GET"], name=name) for name in self._files if name != INDEX
        ]

    async def _answer(self, request: Request) -> Response:
        return self._file(request.url.path.rpartition("/")[2])

    def _file(self, name: str) -> Response:
        return Response(self._files[name], headers=_HEADERS, media_type=_MEDIA_TYPES[Path(name).suffix])


def wants_html(request: Request) -> bool:
    """Tell whether it is a browser that asks."""
    return "text/html" in request.headers.get("accept", "")
