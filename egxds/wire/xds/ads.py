"""Wire room: delta discovery over gRPC, one session for each stream.

A stream has a reader, which feeds the session, and one writer: two would interleave their frames, since a write waits
for the client's flow control (rule 109). What to send is asked of the session when it can be sent, so a client that
does not read costs no more than one response, and gets the newest state once it reads again.

    reader:  request ---> session.receive ---> events ---> report         wakes the writer
    stores:  something changed ------------> the view is stale            wakes the writer (`stream_view`)
    writer:  renew the view ---> session.offer ---> session.next_response ---> encode, write     until there is none,
             then sleep until woken, or until the session says that time alone makes something due

Nothing is handed over in a queue. What wakes the writer is one event, set any number of times, and the session is the
only state; so what happens while a response is written makes for one more look, and no more. A writer that is woken by
what many streams see at once (a change, or that they are back after an outage) is woken in its turn (`wire.turns`).

A stream ends in one place, whatever the reason, its age among them (`stream_age`): `end` notes it, and the writer stops
after the response that it is writing. A message that is torn off is an error to a client, where an end is only an end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from h2.exceptions import ProtocolError

from egxds import __version__, names
from egxds.errors import RemoteProtocolError
from egxds.grpc.messages import receive_message, reset, send_message
from egxds.grpc.receive_budget import ReceiveBudget
from egxds.grpc.send_budget import OverSendBudgetError, SendBudget
from egxds.inspect.status import StatusStore
from egxds.sessions.events import Request, Response
from egxds.sessions.open_streams import Client, Clients
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics, log
from egxds.wire.turns import Turns, Work
from egxds.wire.xds.admission import end_of
from egxds.wire.xds.client_lines import ClientLines
from egxds.wire.xds.door import Door, NotAllowedError
from egxds.wire.xds.newcomers import Newcomer, Newcomers, Verdict
from egxds.wire.xds.parting import let_go
from egxds.wire.xds.report import StreamReport
from egxds.wire.xds.shared_messages import SharedMessages
from egxds.wire.xds.strangers import Dialect, Stranger, Strangers, is_v2_type, peer_of
from egxds.wire.xds.stream_age import StreamAge
from egxds.wire.xds.stream_view import StreamView

if TYPE_CHECKING:
    from grpclib.server import Stream

AGGREGATED = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
TYPED = {
    names.LISTENER: "/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners",
    names.ROUTE_CONFIGURATION: "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes",
    names.CLUSTER: "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
    names.ENDPOINT: "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints",
    names.SECRET: "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets",
    names.EXTENSION_CONFIG: "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/DeltaExtensionConfigs",
}
"""Methods whose streams carry one type each, for clients that do not aggregate."""

CONTROL_PLANE = f"egxds/{__version__}"

SEND_STALL_S = 60.0
"""How long a client may take nothing of a response before its stream is reset; Envoy then comes back by itself."""

SEND_SETTING = "xds.limits.sendBytes"

_SHUTTING_DOWN = "the server is shutting down"
_LONG_REQUEST_BYTES = 64 * 1024
"""Requests from this size on are read one at a time: an Envoy with 10,000 resources reconnects with 0.7 MB, 2 ms."""

_MEDIUM_RESPONSE_BYTES = 64 * 1024
_LONG_RESPONSE_BYTES = 1024 * 1024
"""Responses from this size on take milliseconds to write."""


@dataclass(frozen=True, slots=True)
class AdsContext:
    """What all streams share.

    Attributes:
        stores: what there is to serve, and to which nodes.
        status: where refusals are remembered.
        clients: where streams are known.
        strangers: is told of streams for types that are not served.
        metrics: where they are counted.
        max_message_bytes: largest request.
        budget: of what requests may hold that are not finished.
        sending: budget of what responses may hold that are not taken.
        stream_ended: is told the address of a client whose stream was ended because of a limit, and which it was.
        door: knows who may be served what.
        turns: in which they are served.
        most_age_s: age at which streams end whose clients have all; None where they need not.
        part: ends the connection of such a stream behind its last one.
        newcomers: decides about clients that come with something else than there is.
    """

    stores: Stores
    status: StatusStore
    clients: Clients
    strangers: Strangers
    metrics: Metrics
    max_message_bytes: int
    budget: ReceiveBudget
    sending: SendBudget
    stream_ended: Callable[[object, str], None]
    door: Door
    turns: Turns = field(default_factory=Turns)
    most_age_s: float | None = None
    part: Callable[[Stream[bytes, bytes]], None] = lambda _call: None
    newcomers: Newcomers = field(default_factory=Newcomers)


class AdsService:
    """The discovery services: all types on one stream, or one type on each."""

    def __init__(self, context: AdsContext) -> None:
        self._context = context
        self._messages = SharedMessages(CONTROL_PLANE)
        self._lines = ClientLines()
        self._streams: set[_AdsStream] = set()
        self._is_ending = False

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them."""
        types = {AGGREGATED: None} | {method: type_url for type_url, method in TYPED.items()}
        return {
            method: Handler(partial(self._serve, type_url), Cardinality.STREAM_STREAM, bytes, bytes)
            for method, type_url in types.items()
        }

    def end(self) -> None:
        """End every stream after the response it is writing, and refuse new ones."""
        self._is_ending = True
        for stream in self._streams:
            stream.end(Status.UNAVAILABLE, _SHUTTING_DOWN)

    def let_go(self, most: int, may_go: Callable[[str], bool]) -> tuple[str, ...]:
        """Let some Envoys go that have all that there is for them; see `parting.let_go`."""
        return let_go(self._streams, most, may_go, anyio.current_time())

    async def _serve(self, fixed_type: str | None, call: Stream[bytes, bytes]) -> None:
        if self._is_ending:
            raise GRPCError(Status.UNAVAILABLE, _SHUTTING_DOWN)
        self._context.door.check(call)
        clients = self._context.clients
        if clients.is_full:
            raise GRPCError(Status.RESOURCE_EXHAUSTED, "too many streams")
        client = clients.open(peer_of(call), time.time(), fixed_type)
        report = StreamReport(client, self._lines, self._context.metrics, self._context.status)
        stream = _AdsStream(call, client, self._context, self._messages, report)
        self._streams.add(stream)
        try:
            await stream.run()
        except GRPCError:
            raise
        except Exception as err:
            # A defect of ours ends this stream and no other.
            log.exception("app.unexpected", stream=client.stream)
            raise GRPCError(Status.INTERNAL, "internal error") from err
        finally:
            self._streams.discard(stream)
            clients.close(client)


def _work_of(response_bytes: int) -> Work:
    if response_bytes < _MEDIUM_RESPONSE_BYTES:
        return Work.SHORT
    return Work.MEDIUM if response_bytes < _LONG_RESPONSE_BYTES else Work.LONG


class _AdsStream:
    """One stream."""

    def __init__(
        self,
        call: Stream[bytes, bytes],
        client: Client,
        context: AdsContext,
        messages: SharedMessages,
        report: StreamReport,
    ) -> None:
        self._call = call
        self._messages = messages
        self._turns = context.turns
        self._client = client
        client.wake = self._wake_up
        self._session = client.session
        self._strangers = context.strangers
        self._max_message_bytes = context.max_message_bytes
        self._budget = context.budget
        self._sending = context.sending
        self._tell_of_limit = context.stream_ended
        self._part = context.part
        self._age = StreamAge(context.most_age_s, anyio.current_time())
        self._newcomer = Newcomer(context.newcomers)
        self._door = context.door
        self._report = report
        self._wake = anyio.Event()
        self._view = StreamView(context.stores, client, report, self._view_changed)
        self._last_bytes = 0
        self._ending: GRPCError | None = None

    async def run(self) -> None:
        """Serve until the client has said all, or one side breaks off.

        Raises:
            GRPCError: how the stream ends, where it does not end well.
        """
        try:
            # At once, not with the first response: what is between may cut a stream that has no headers.
            await self._call.send_initial_metadata()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read, name="ADS reader")
                await self._write()
                tasks.cancel_scope.cancel()
        finally:
            self._view.close()
            self._report.closed(self._ending.status if self._ending else Status.CANCELLED)
        if self._ending is not None and self._ending.status is not Status.OK:
            raise self._ending

    @property
    def node_id(self) -> str:
        """Of its Envoy; empty before that has said who it is."""
        return self._session.node.id if self._session.node is not None else ""

    def is_at_rest(self, now_s: float) -> bool:
        """Tell whether its Envoy has all that there is for it, and nothing was said for a while."""
        return self._ending is None and self._age.is_quiet(now_s) and self._has_all()

    def _has_all(self) -> bool:
        return not self._view.is_stale and self._session.has_taken_all()

    def let_go(self) -> None:
        """End the stream, and with the last one its connection."""
        self._part(self._call)
        self.end(Status.OK)

    def end(self, status: Status, message: str = "") -> None:
        """End the stream once the response that is being written is out."""
        if self._ending is None:
            self._ending = GRPCError(status, message)
            self._wake_up()

    def _view_changed(self) -> None:
        # What it was sent last is the best guess at what it will be sent.
        self._turns.call(self._wake_up, _work_of(self._last_bytes))

    def _wake_up(self) -> None:
        self._wake.set()

    async def _read(self) -> None:
        try:
            while (request := await self._receive()) is not None:
                self._take(request)
            self.end(Status.OK)
        except RemoteProtocolError as err:
            if err.limit:
                self._end_by_limit(err.limit, Status(err.status), err.message)
            else:
                self._refuse(Status(err.status), err.message)
        except NotAllowedError as err:
            self.end(err.status, err.message or "")
        except GRPCError as err:
            self._refuse(err.status, err.message or "")

    async def _receive(self) -> Request | None:
        return await receive_message(self._call, self._max_message_bytes, self._budget, self._decode)

    async def _decode(self, message: bytes) -> Request:
        if len(message) >= _LONG_REQUEST_BYTES:
            await self._turns.wait(Work.LONG)
        return await self._messages.decode(message)

    def _refuse(self, status: Status, message: str) -> None:
        self._report.refused(status, message)
        self.end(status, message)

    def _end_by_limit(self, limit: str, status: Status, message: str) -> None:
        self._tell_of_limit(self._call.peer.addr(), limit)
        self.end(status, message)

    def _take(self, request: Request) -> None:
        self._age.spoke(anyio.current_time())
        is_first, is_report = self._session.node is None, self._session.is_report(request)
        if is_first and request.node is not None:
            self._door.check_node(self._call, request.node)
        events = self._session.receive(request, anyio.current_time())
        if is_first and self._session.node is not None:
            self._report.opened(self._session.node, end_of(self._call.peer.cert()))
            # From here on it is known which view this stream has.
            self._view.open(self._session.node)
        if is_report and self._session.node is not None:
            self._newcomer.reports(request, self._session.node.id, self._view.there_is(), anyio.current_time())
        for event in events:
            self._report.happened(event)
        self._report.refuses(self._session.pending())
        if request.nonce:
            self._wake_up()
        else:
            # It asks for something, perhaps for all that there is.
            self._turns.call(self._wake_up, Work.LONG)
            if is_v2_type(request.type_url) and self._session.node is not None:
                self._strangers.came(Stranger(self._client.peer, Dialect.V2, request.type_url, self._session.node))

    async def _write(self) -> None:
        try:
            while self._ending is None:
                # Before the look, so that what happens while something is sent wakes it again.
                self._wake = anyio.Event()
                await self._send_due()
                if self._session.has_taken_all():
                    self._report.took_all()
                await self._until_woken()
        except ProtocolError:
            # The client has reset the stream, and the news of it is on its way to this task.
            self.end(Status.CANCELLED)

    async def _until_woken(self) -> None:
        ends_at_s = self._age.ends_at_s() if self._has_all() else math.inf
        wakes_at_s = self._session.wakes_at()
        due_s = min(ends_at_s, self._newcomer.wakes_at_s(anyio.current_time()))
        with anyio.CancelScope(deadline=due_s if wakes_at_s is None else min(wakes_at_s, due_s)):
            await self._wake.wait()
            return
        if ends_at_s <= anyio.current_time() and self._has_all():
            self.let_go()

    async def _send_due(self) -> None:
        while self._ending is None:
            await self._sending.room()
            if not self._may_send():
                return
            self._view.renew()
            response = self._session.next_response(anyio.current_time())
            if response is None:
                return
            if not await self._send(response):
                # Only now, when nothing holds the message any more: a client that does not read holds this up, too.
                await reset(self._call)

    def _may_send(self) -> bool:
        """Tell whether it may be sent something, where it may have something newer."""
        self._newcomer.comes(self._view.there_is(), anyio.current_time())
        verdict = self._newcomer.verdict(anyio.current_time())
        if verdict is Verdict.SENT_ON:
            self._part(self._call)
            self.end(Status.UNAVAILABLE, str(self._newcomer))
        return verdict is Verdict.SERVED

    async def _send(self, response: Response) -> bool:
        """Send a response; tell whether the client took it."""
        message = self._messages.encode(response)
        try:
            await self._sending.send(message, partial(send_message, self._call, message, SEND_STALL_S), self._taken)
        except OverSendBudgetError:
            text = f"responses hold too much ({SEND_SETTING}), this one is taken least"
            self._end_by_limit(SEND_SETTING, Status.RESOURCE_EXHAUSTED, text)
            return False
        except TimeoutError:
            self._refuse(Status.CANCELLED, f"the client took nothing for {SEND_STALL_S:g} s")
            return False
        self._last_bytes = len(message)
        self._age.spoke(anyio.current_time())
        self._report.pushed(response, len(message))
        return True

    def _taken(self) -> int:
        return self._call._stream.data_sent  # noqa: SLF001 grpclib has no other count of it
