"""A watch of a key, or of all that start alike, on one stream of one member. Awaits.

    opened ---- etcd has made it: from here on its errors end it, and nobody tries again but who reads it
    ASKING ---- nothing was heard for 1.9 s: the member is asked for its progress
    SILENT ---- three such questions without a word, 7.6 s after the last: the watch ends with an error
    ALONE ----- the other members have not heard it for as long (`left_alone`): likewise

A connection that leads nowhere keeps its peace, and TCP would for minutes; so would a member that hangs. A member
without a leader ends the stream by itself, as it is asked to (`hasleader`).

How far all is told is known from events, and from what etcd says of a watch of its own accord. The answer to a question
for progress is no more than a sign of life: until 3.4.25 and 3.5.8 it ran ahead of events that were yet to come (etcd
issue 15220).
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError

from egxds.etcd.attempts import Attempts, BrokenOffError, Use
from egxds.etcd.errors import CompactedError, EtcdError, OutcomeUnknownError, PermissionDeniedError, UnavailableError
from egxds.etcd.failures import TokenRefusedError, failure, meaning_of
from egxds.etcd.left_alone import until_left_alone
from egxds.etcd.messages import news_of, range_of
from egxds.etcd.operations import Get, GetPrefix, WatchNews
from egxds.generated.etcdserverpb import WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse
from egxds.grpc.client_stream import BoundedStream
from egxds.grpc.own_task import in_own_task

ASK_S = 1.9
MOST_UNANSWERED = 3

_METHOD = "/etcdserverpb.Watch/Watch"

Outlet = MemoryObjectSendStream[WatchNews | EtcdError | None]
"""Where news go: first nothing, by which it is told that etcd has made the watch; an error is the last."""


class Watching:
    """One watch, on whichever member it is opened.

    Attributes:
        is_opened: whether etcd has made it.
    """

    def __init__(self, watched: Get | GetPrefix, from_revision: int, attempts: Attempts, outlet: Outlet) -> None:
        """Prepare.

        Args:
            watched: which key, or how those start.
            from_revision: of the first change that is told.
            attempts: knows the cluster.
            outlet: where news go.
        """
        self.is_opened = False
        self._keys = (watched.key.encode(), b"") if isinstance(watched, Get) else range_of(watched.prefix)
        self._told = from_revision - 1
        self._attempts = attempts
        self._outlet = outlet
        self._unanswered = 0
        self._waits_for_reader = False

    async def follow(self, use: Use) -> None:
        """Open it on a member, and tell what is told; until it fails, or is cancelled.

        Raises:
            BrokenOffError: it was opened, and is over.
            Exception: it could not be opened; what grpclib raises, or an EtcdError.
        """
        self._unanswered = 0
        stream = use.calls.request(
            _METHOD, Cardinality.STREAM_STREAM, WatchRequest, WatchResponse, metadata=use.metadata
        )
        ended = anyio.Event()
        failures: list[Exception] = []

        # grpclib may cancel the tasks of its calls; the one that waits for them is not among them.
        async def listen() -> None:
            try:
                await self._listen(stream, use)
            except Exception as err:  # noqa: BLE001 it is raised below
                failures.append(err)
            ended.set()

        async def ask() -> None:
            failures.append(await self._ask(stream, use))
            ended.set()

        async def prove() -> None:
            failures.append(await until_left_alone(use, self._keys))
            ended.set()

        async with anyio.create_task_group() as tasks:
            for task in (listen, ask, prove):
                tasks.start_soon(task)
            await ended.wait()
            tasks.cancel_scope.cancel()
        raise BrokenOffError(_why_it_broke(failures[0], use.where)) if self.is_opened else failures[0]

    async def _listen(self, stream: BoundedStream, use: Use) -> None:
        async with stream:
            first, end = self._keys
            created = WatchCreateRequest(key=first, range_end=end, start_revision=self._told + 1, progress_notify=True)
            await stream.send_message(WatchRequest(create_request=created))
            while (response := await stream.recv_message()) is not None:
                assert isinstance(response, WatchResponse)  # noqa: S101 it was asked for as one
                self._unanswered = 0
                await self._take(response, use)
        raise UnavailableError(f"{use.where}: the watch was ended")

    async def _take(self, response: WatchResponse, use: Use) -> None:
        revision = self._attempts.check_cluster(response.header).revision
        if response.canceled:
            raise self._why(response, use)
        if response.created:
            use.limit.deadline = math.inf
            self.is_opened = True
            await self._outlet.send(None)
            return
        if response.events:
            news = news_of(response.events)
            self._told = news.revision
            self._waits_for_reader = True
            await self._outlet.send(news)
            self._waits_for_reader = False
            return
        if response.watch_id >= 0:
            self._told = max(self._told, revision)
        # Who has not read what was told before needs no word that nothing else happened.
        with suppress(anyio.WouldBlock):
            self._outlet.send_nowait(WatchNews(self._told))

    def _why(self, response: WatchResponse, use: Use) -> EtcdError:
        """Return why etcd ends the watch."""
        if response.compact_revision:
            return CompactedError(response.compact_revision)
        said = f"{use.where}: {response.cancel_reason.removeprefix('etcdserver: ') or 'the watch was ended'}"
        meant = meaning_of(said)
        # Of a token that is over 3.4 says no more than that.
        if isinstance(meant, PermissionDeniedError) and use.has_old_token:
            return TokenRefusedError(said)
        return meant or UnavailableError(said)

    async def _ask(self, stream: BoundedStream, use: Use) -> EtcdError:
        """Ask for signs of life; return the error once there are none."""
        while True:
            await anyio.sleep(ASK_S)
            if not self.is_opened or self._waits_for_reader:
                continue
            if self._unanswered >= MOST_UNANSWERED:
                return UnavailableError(f"{use.where}: not a word for {ASK_S * (MOST_UNANSWERED + 1):g} s")
            self._unanswered += 1
            asked = WatchRequest(progress_request=WatchProgressRequest())
            with anyio.move_on_after(ASK_S):
                try:
                    await in_own_task(partial(stream.send_message, asked))
                except Exception as err:  # noqa: BLE001 a connection that closes under grpclib has errors of any kind
                    return UnavailableError(f"{use.where}: {err or type(err).__name__}")


def _why_it_broke(err: Exception, where: str) -> EtcdError:
    """Return why a watch is over that was opened."""
    meant = failure(err, where) if isinstance(err, GRPCError) else err
    if isinstance(meant, EtcdError) and not isinstance(meant, OutcomeUnknownError):
        return meant
    return UnavailableError(f"{where}: {meant or type(meant).__name__}")
