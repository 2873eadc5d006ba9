"""Asks the admin API over real HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread

from egxds.names import REQUEST_HEADER
from egxds.wire.admin.server import AdminServer

NO_HEADERS: Mapping[str, str] = {}
MEANT = {REQUEST_HEADER: "test"}


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[str, ...]

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)


class Admin:
    """A browser."""

    def __init__(self, server: AdminServer) -> None:
        self._address = server.address

    async def get(self, path: str, method: str = "GET", **query: str) -> Answer:
        """Ask for a page."""
        return await self.send(method, path + (f"?{urlencode(query)}" if query else ""))

    async def send(self, method: str, path: str, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """Send a request with headers."""
        return await to_thread.run_sync(self._ask, method, path, headers)

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        host, _, port = self._address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            connection.request(method, path, headers={**headers})
            response = connection.getresponse()
            names = tuple(name.lower() for name, _ in response.getheaders())
            return Answer(response.status, response.getheader("content-type", ""), response.read(), names)
        finally:
            connection.close()
