"""Wire room: one connection to the admin port, with a limit to everything that it may do slowly or in excess.

    opened ---- over a Unix socket, of another user ---> cut off
    opened ---- there is room, or one makes it --------> waited on, until `requestTimeout`
    opened ---- all others are being answered ---------> told so, closed
    waited on -- a whole request is there -------------> answered
    waited on -- none came in time --------------------> told so (408), closed; between two requests, only closed
    waited on -- what came is no HTTP, or is too long --> told so (400, 431), closed
    answered --- the answer was written ---------------> waited on, until `idleTimeout`; nothing of the answer was
                                                         taken for `answerTimeout`: cut off

The deadline of a request is that of its end: bytes that come one by one do not put it off. An answer that waits to be
taken lies in the transport, also after the connection was closed on our side: its deadline counts until it is gone.

What uvicorn would log of such clients is not written: they are counted and mentioned by `open_connections`.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any, cast

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from egxds import __version__
from egxds.names import VERSION_HEADER
from egxds.wire.admin.open_connections import USERS, OpenConnections
from egxds.wire.listen import UNIX_PEER, user_of

_LINGER_S = 1.0
"""How long what a client still sends is read and thrown away after the last answer: closed at once, with bytes unread,
the connection would be reset, and the answer with it."""

_DEFECTS = logging.getLogger("egxds.admin")
_DEFECTS.setLevel(logging.ERROR)


class LimitedProtocol(H11Protocol):
    """HTTP as uvicorn speaks it, within limits.

    Attributes:
        peer: address of the client, without its port.
    """

    def __init__(
        self,
        connections: OpenConnections,
        users: frozenset[int] | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Prepare for a connection.

        Args:
            connections: all of them.
            users: who may connect over a Unix socket; None for whoever can.
            config: uvicorn's.
            server_state: uvicorn's.
            app_state: uvicorn's.
        """
        super().__init__(config, server_state, app_state, _loop)
        self.peer = UNIX_PEER
        self.logger = _DEFECTS
        self._connections = connections
        self._users = users
        self._limits = connections.limits
        self._has_ended = False
        self._request_deadline: asyncio.TimerHandle | None = None
        self._answer_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        self.peer = self.client[0] if self.client else UNIX_PEER
        if self._users is not None and user_of(transport.get_extra_info("socket")) not in self._users:
            self._connections.ended(self.peer, USERS)
            self._cut_off()
            return
        limit = self._connections.opened(self)
        if limit:
            self.make_room(limit)
        else:
            self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        for timer in (self._request_deadline, self._answer_deadline):
            if timer is not None:
                timer.cancel()
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; of an ended connection nothing is looked at."""
        if self._has_ended:
            return
        super().data_received(data)
        if self._has_ended:
            return
        if self._has_request():
            self._request_is_there()
        elif self._request_deadline is None:
            self._wait_for_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or a head that is too long."""
        if len(self.conn.trailing_data[0]) > self._limits.head_bytes:
            limit = "admin.limits.headBytes"
            self._refuse(431, limit, f"URL and headers have over {self._limits.head_bytes} bytes ({limit})")
        else:
            self._refuse(400, "HTTP", msg)

    def on_response_complete(self) -> None:
        """Wait until the answer is taken, and for the next request."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_answer()
        else:
            self._is_taken()

    def pause_writing(self) -> None:
        """Note that the client takes less than there is."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Note that the client has taken some: an answer that goes on without end is never all taken."""
        super().resume_writing()
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None
            self._watch_answer()

    def make_room(self, limit: str) -> None:
        """End at once: with a word, but for one in the middle of an answer, or where nobody waits for one."""
        if self._has_ended:
            self.transport.abort()
            return
        self._connections.ended(self.peer, limit)
        if self.transport.get_write_buffer_size() or self._is_within_answer():
            self._cut_off()
            return
        if not self._is_idle():
            self._last_words(503, f"there are too many connections ({limit}); try again")
        self._has_ended = True
        self.transport.close()

    def shutdown(self) -> None:
        """End when the server does."""
        if self._has_ended:
            self.transport.abort()
        else:
            super().shutdown()

    def unsent_bytes(self) -> int:
        """Say how much of answers was not taken so far."""
        return self.transport.get_write_buffer_size()

    def _has_request(self) -> bool:
        """Tell whether a whole one was read."""
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)

    def _is_idle(self) -> bool:
        """Tell whether the client has had its answer, and has asked nothing since."""
        return self.cycle is not None and self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def _is_within_answer(self) -> bool:
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def _wait_for_request(self) -> None:
        self._request_deadline = self.loop.call_later(self._limits.request_timeout, self._request_is_late)

    def _request_is_there(self) -> None:
        self._connections.asked(self)
        self._end_wait()

    def _end_wait(self) -> None:
        if self._request_deadline is not None:
            self._request_deadline.cancel()
            self._request_deadline = None

    def _request_is_late(self) -> None:
        limit = "admin.limits.requestTimeout"
        self._refuse(408, limit, f"no whole request came within {self._limits.request_timeout:g} s ({limit})")

    def _refuse(self, status: int, limit: str, text: str) -> None:
        self._connections.ended(self.peer, limit)
        if self._is_within_answer() or self.transport.get_write_buffer_size():
            self._cut_off()
            return
        self._last_words(status, text)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.abort)

    def _last_words(self, status: int, text: str) -> None:
        self._end_cycle()
        self._unset_keepalive_if_required()
        body = f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status} {STATUS_PHRASES[status].decode()}\r\n"
            f"{VERSION_HEADER}: {__version__}\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)

    def _cut_off(self) -> None:
        self._end_cycle()
        self.transport.abort()

    def _end_cycle(self) -> None:
        """Look at nothing that comes, wait for nothing, and write nothing more of an answer."""
        self._has_ended = True
        self._end_wait()
        if self.cycle is not None:
            self.cycle.disconnected = True

    def _is_taken(self) -> None:
        self._connections.sent(self)
        if not self._has_request():  # else the next one came with it, or this answer goes on
            self._connections.answered(self)

    def _watch_answer(self) -> None:
        if self._answer_deadline is None:
            self._connections.unsent(self)
            size_bytes = self.transport.get_write_buffer_size()
            self._answer_deadline = self.loop.call_later(self._limits.answer_timeout, self._look_at_answer, size_bytes)

    def _look_at_answer(self, before_bytes: int) -> None:
        """End the connection where nothing was taken since the last look."""
        self._answer_deadline = None
        now_bytes = self.transport.get_write_buffer_size()
        if not now_bytes:
            self._is_taken()
        elif now_bytes < before_bytes:
            self._watch_answer()
        else:
            self._connections.ended(self.peer, "admin.limits.answerTimeout")
            self._cut_off()


def protocol_of(connections: OpenConnections, users: frozenset[int] | None) -> type[asyncio.Protocol]:
    """Return what uvicorn makes one of for each connection.

    Args:
        connections: all of them.
        users: who may connect over a Unix socket; None for whoever can.
    """
    return cast("type[asyncio.Protocol]", partial(LimitedProtocol, connections, users))
