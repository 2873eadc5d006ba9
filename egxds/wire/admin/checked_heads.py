"""Wire room: an ASGI application of which only those requests are answered whose heads are in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from egxds.wire.admin.open_connections import OpenConnections, peer_of
from egxds.wire.admin.request_heads import HeadRules

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class CheckedHeads:
    """Stands before the application."""

    def __init__(self, application: ASGIApp, rules: HeadRules, connections: OpenConnections) -> None:
        """Check for an application.

        Args:
            application: what answers.
            rules: which requests.
            connections: where it is counted what is refused.
        """
        self._application = application
        self._rules = rules
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not and close the connection: a body may follow that nobody reads."""
        refused = self._rules.refused(scope)
        if refused is None:
            await self._application(scope, receive, send)
            return
        self._connections.refused(peer_of(scope), refused.limit)
        body = json.dumps({"error": refused.text}).encode()
        answer = Response(body, refused.status, {"connection": "close"}, media_type="application/json")
        await answer(scope, receive, send)
