"""Wire room: an Envoy that asks by REST, which is not served, is heard out and told so.

It may come by HTTP/1, for which this is no server: then what it sent first is all that is looked at. Whoever else
speaks HTTP/1 to this port, a load balancer's probe for one, is sent away without a word, as ever.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anyio
from grpclib.server import Handler

from egxds.sessions.events import Node
from egxds.wire.xds.strangers import PATIENCE_S, Dialect, Stranger, Strangers, address_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpclib.protocol import Stream as H2Stream

_PATH = re.compile(r"/v[23]/discovery:[a-z_]{1,40}")
_HTTP1 = re.compile(rb"POST (/v[23]/discovery:[a-z_]{1,40}) HTTP/1\.1\r\n")
_LOOKED_AT_BYTES = 4096
_NOT_IMPLEMENTED = "501"


def http1_stranger(data: bytes, address: tuple[str, int] | None) -> Stranger | None:
    """Return who asks by HTTP/1; None where it is something else.

    Args:
        data: the first that came on a connection.
        address: from where.
    """
    found = _HTTP1.match(data)
    if found is None:
        return None
    return Stranger(address_text(address), Dialect.REST, found[1].decode(), _node_in(data))


class CallHandler(Handler):
    """Takes the calls of a connection, and those by REST aside."""

    def __init__(self, strangers: Strangers, *grpc: Any) -> None:
        """Prepare to take calls.

        Args:
            strangers: is told who asks by REST.
            grpc: what grpclib's own handler is made of.
        """
        super().__init__(*grpc)
        self._strangers = strangers

    def accept(self, stream: H2Stream, headers: Any, release_stream: Callable[[], Any]) -> None:
        """Start to answer a call."""
        fields = dict(headers)
        if _PATH.fullmatch(fields.get(":path", "")) is None:
            super().accept(stream, headers, release_stream)
            return
        self.__gc_step__()
        self._tasks[stream] = self.loop.create_task(self._refuse(stream, fields, release_stream))

    async def _refuse(self, stream: H2Stream, headers: dict[str, str], release_stream: Callable[[], Any]) -> None:
        try:
            data = await _beginning(stream, headers.get("content-length", ""))
            address = stream.connection.get_peer().addr()
            self._strangers.came(Stranger(address_text(address), Dialect.REST, headers[":path"], _node_in(data)))
            await stream.send_headers([(":status", _NOT_IMPLEMENTED)], end_stream=True)
            if stream.closable:
                stream.reset_nowait()
        finally:
            release_stream()


async def _beginning(stream: H2Stream, length: str) -> bytes:
    """Return the first part of a body; nothing where it does not come."""
    size = min(int(length), _LOOKED_AT_BYTES) if length.isdecimal() and len(length) < len(str(2**31)) else 0
    try:
        with anyio.move_on_after(PATIENCE_S):
            return await stream.recv_data(size)
    except AssertionError:  # how grpclib says that it was shorter
        pass
    return b""


def _node_in(data: bytes) -> Node:
    """Find the node at the start of a request in JSON: an Envoy writes it first, and its own fields before others."""
    _, _, node = data[:_LOOKED_AT_BYTES].partition(b'"node"')
    return Node(_text_of(b"id", node), _text_of(b"cluster", node), _text_of(b"user_agent_name", node))


def _text_of(name: bytes, node: bytes) -> str:
    found = re.search(rb'"' + name + rb'"\s*:\s*"([^"\\]{0,256})', node)
    return found[1].decode("utf-8", "replace") if found is not None else ""
