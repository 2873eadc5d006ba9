"""Wire room: answers as large as the configuration: one is made at a time, and few wait for that.

What takes long of it is done in a thread, so that none holds up a stream; in one only, as threads share one
interpreter, and what an answer is made of is larger than itself. Who asks for many would have everybody wait behind
them, and, as connections that are being answered make no room for others, keep everybody from the port. So over a
number of them, or half of it for one address, the next is told to come again. What waits for a client that has gone is
not made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import Response

from egxds.wire.admin.open_connections import OpenConnections, peer_of
from egxds.wire.listen import UNIX_PEER

if TYPE_CHECKING:
    from starlette.requests import Request

Json = dict[str, object]
Page = Callable[["Request"], Awaitable[Response]]

_LIMIT = "admin.limits.answersAtOnce"
_AGAIN_S = 1
_LARGE_BYTES = 64 * 1024
_FOR_NOBODY = Response(status_code=503)


class LargeAnswers:
    """Those that are being made, and those that wait."""

    def __init__(self, connections: OpenConnections) -> None:
        """Start with none.

        Args:
            connections: has the limits, and counts what is refused.
        """
        self._connections = connections
        self._making = anyio.Lock()
        self._by_peer: Counter[str] = Counter()

    def limited(self, page: Page) -> Page:
        """Return a page that is made alone, and only where few others wait for that."""

        async def answer(request: Request) -> Response:
            with self._place(peer_of(request.scope)):
                async with self._making:
                    return await page(request) if not await request.is_disconnected() else _FOR_NOBODY

        return answer

    @contextmanager
    def _place(self, peer: str) -> Iterator[None]:
        """Take one of the places.

        Raises:
            HTTPException: all are taken, or those that an address may have.
        """
        most = self._connections.limits.answers_at_once
        of_peer = most if peer == UNIX_PEER else -(-most // 2)
        if self._by_peer.total() >= most or self._by_peer[peer] >= of_peer:
            self._connections.refused(peer, _LIMIT)
            text = f"{most} answers are being made, or {of_peer} for one address ({_LIMIT}); try again"
            raise HTTPException(503, text, headers={"Retry-After": str(_AGAIN_S)})
        self._by_peer[peer] += 1
        try:
            yield
        finally:
            self._by_peer[peer] -= 1
            if not self._by_peer[peer]:
                del self._by_peer[peer]


async def encoded(content: Callable[[], Json]) -> Response:
    """Build and encode an answer in a thread."""
    body = await to_thread.run_sync(_encoded, content)
    # The next one on this connection would be made while this one may not be taken yet, and be held beside it.
    headers = {"connection": "close"} if len(body) > _LARGE_BYTES else None
    return Response(body, headers=headers, media_type="application/json")


def _encoded(content: Callable[[], Json]) -> bytes:
    # In ASCII, which is DEL at worst: who looks at it with curl has a terminal.
    return json.dumps(content()).replace("\x7f", "\\u007f").encode()
