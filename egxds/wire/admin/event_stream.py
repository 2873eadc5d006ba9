"""Wire room: `/api/v1/events`, what happens as it happens (server-sent events, HTML standard, section 9.2).

    event: change            one for each kind of event, and `hello` first, `missed` where a listener was too slow
    id: 18c2a-17             for `Last-Event-ID`, or `after=`: it goes on from there
    data: {"event": "change", …}

The stream ends when the client goes, when the daemon stops, and where nothing of it is taken for `answerTimeout`. In
between it may be silent for long: a comment every now and then shows who is gone. A listener costs a place among those
that may listen, and what its connection has not taken, for which there is a limit below this (`protocol`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import Response

from egxds import __version__
from egxds.inspect.events.event_log import RING, Event, EventLog
from egxds.wire.admin.open_connections import OpenConnections, peer_of
from egxds.wire.listen import UNIX_PEER

if TYPE_CHECKING:
    from anyio import CancelScope
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

_LIMIT = "admin.limits.listeners"
_AGAIN_S = 2
_COMMENT_EVERY_S = 15.0
_COMMENT = b": nothing happens\n\n"
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_MEDIA_TYPE = "text/event-stream"


class EventStreams:
    """All who listen."""

    def __init__(self, connections: OpenConnections) -> None:
        """Start with none.

        Args:
            connections: has the limits, and counts what is refused.
        """
        self._connections = connections
        self._by_peer: Counter[str] = Counter()

    def answer(self, request: Request, log: EventLog, query: Mapping[str, str]) -> Response:
        """Return a stream of events.

        Args:
            request: who asks.
            log: of which.
            query: `after`, the id of an event; `replay`, how many of the last events to begin with.

        Raises:
            HTTPException: there are too many listeners, or the query makes no sense.
        """
        replayed = _number(query.get("replay", "0"))
        last_id = request.headers.get("last-event-id") or query.get("after")
        self._check_place(peer_of(request.scope), log)
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type=_MEDIA_TYPE)
        return _EventStream(self, log, log.start_after(last_id, replayed))

    @contextmanager
    def place(self, peer: str) -> Iterator[None]:
        """Be one of those who listen."""
        self._by_peer[peer] += 1
        try:
            yield
        finally:
            self._by_peer[peer] -= 1
            if not self._by_peer[peer]:
                del self._by_peer[peer]

    def _check_place(self, peer: str, log: EventLog) -> None:
        again = {"Retry-After": str(_AGAIN_S)}
        if log.is_closed:
            raise HTTPException(503, "the daemon is stopping", headers=again)
        most = self._connections.limits.listeners
        of_peer = most if peer == UNIX_PEER else -(-most // 2)
        if self._by_peer.total() >= most or self._by_peer[peer] >= of_peer:
            self._connections.refused(peer, _LIMIT)
            text = f"{most} are listening, or {of_peer} from one address ({_LIMIT}); try again"
            raise HTTPException(503, text, headers=again)


class _EventStream(Response):
    """The events for one listener."""

    media_type = _MEDIA_TYPE

    def __init__(self, streams: EventStreams, log: EventLog, start: int) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._streams = streams
        self._log = log
        self._had = start
        self._news = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one side goes."""
        with self._streams.place(peer_of(scope)):
            self._log.subscribe(self._wake)
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
                    await self._send_all(send)
                    tasks.cancel_scope.cancel()
            finally:
                self._log.unsubscribe(self._wake)

    def _wake(self) -> None:
        self._news.set()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await _write(send, self._hello())
        while not self._log.is_closed:
            # Before the look, so that what comes while something is sent is looked at, too.
            self._news = anyio.Event()
            await self._send_due(send)
            with anyio.move_on_after(_COMMENT_EVERY_S) as waiting:
                await self._news.wait()
            if waiting.cancelled_caught:
                await _write(send, _COMMENT)
        await send({"type": "http.response.body", "body": b""})

    async def _send_due(self, send: Send) -> None:
        while (batch := self._log.after(self._had)).events and not self._log.is_closed:
            self._had = batch.events[-1].number
            missed = (
                _frame("missed", "", json.dumps({"event": "missed", "count": batch.missed})) if batch.missed else b""
            )
            await _write(send, missed + await to_thread.run_sync(_frames, batch.events))

    def _hello(self) -> bytes:
        data = {"event": "hello", "version": __version__, "newest": self._log.id_of(self._log.newest)}
        return f"retry: {_AGAIN_S * 1000}\n".encode() + _frame("hello", self._log.id_of(self._had), json.dumps(data))


async def _until_gone(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _write(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _frames(events: Sequence[Event]) -> bytes:
    return b"".join(_frame(event.facts.kind, event.id, event.data) for event in events)


def _frame(kind: str, event_id: str, data: str) -> bytes:
    named = f"id: {event_id}\n" if event_id else ""
    return f"event: {kind}\n{named}data: {data}\n\n".encode()


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(RING)):
        raise HTTPException(400, f"replay {text!r} is not a number of up to {RING} events")
    return int(text)
