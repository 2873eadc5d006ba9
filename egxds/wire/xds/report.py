"""Wire room: what happens on one stream → log lines, metrics and the status store."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from grpclib.const import Status
from prometheus_client import Counter, Gauge, Histogram

from egxds.cut_text import cut
from egxds.inspect.envoys import OfferedState
from egxds.inspect.refusals import RefusalChanges, RefusedResource
from egxds.inspect.status import NackedResource, NackRecord, StatusStore
from egxds.names import SHORT_NAMES
from egxds.sessions.events import Acked, Event, Nacked, Node, Response, UnexpectedRequest
from egxds.sessions.open_streams import Client
from egxds.sessions.pending import Pending
from egxds.snapshot.snapshot import VersionedResource
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import LogAbout, Metrics
from egxds.telemetry.metrics import OTHER_TYPE
from egxds.wire.xds.client_lines import ClientLines, Line

_MAX_ERROR_CHARACTERS = 4096
_MAX_NACKED_RESOURCES = 50
_MAX_NAME_CHARACTERS = 320
_SHOWN_NAMES = 5
_SHOWN_SOURCES = 10
"""Objects that a line names for a refusal: a RouteConfiguration has all of its routes."""


@dataclass(frozen=True, slots=True)
class _TypeMetrics:
    """What is counted of one type: looked up once for a stream, since a look-up costs more than to count."""

    label: str
    responses: Counter
    response_bytes: Histogram
    acks: Counter
    nacks: Counter
    retries: Counter
    refused: Gauge

    @classmethod
    def of(cls, metrics: Metrics, type_url: str) -> _TypeMetrics:
        label = SHORT_NAMES.get(type_url, OTHER_TYPE)
        return cls(
            label,
            metrics.xds_responses_total.labels(type=label),
            metrics.xds_response_bytes.labels(type=label),
            metrics.xds_acks_total.labels(type=label),
            metrics.xds_nacks_total.labels(type=label),
            metrics.xds_retries_total.labels(type=label),
            metrics.xds_refused_resources.labels(type=label),
        )


class StreamReport:
    """Tells what one stream does."""

    def __init__(self, client: Client, lines: ClientLines, metrics: Metrics, status: StatusStore) -> None:
        """Start to report.

        Args:
            client: the other end of the stream.
            lines: decides which are written.
            metrics: where events are counted.
            status: where refusals are remembered.
        """
        self._client = client
        self._stream = client.stream
        self._host = client.peer.rpartition(":")[0]
        self._lines = lines
        self._is_refusing = False
        self._log = LogAbout(stream=client.stream, peer=client.peer)
        self._metrics = metrics
        self._status = status
        self._types: dict[str, _TypeMetrics] = {}
        self._node = Node("", "")
        self._generation = 0
        self._since_s = time.monotonic()
        self._has_warned = False
        metrics.xds_connected_clients.inc()

    def opened(self, node: Node, certificate_ends_s: float | None = None) -> None:
        """Say who is at the other end; it is known from the first request on.

        Args:
            node: what it says to be.
            certificate_ends_s: end of what it has shown, in seconds since 1970; None where it showed none.
        """
        self._node = node
        if certificate_ends_s is not None:
            self._status.client_certificates.opened(self._stream, node.id, certificate_ends_s)
        self._status.envoys.opened(self._stream, node.id)
        self._status.stir()
        self._log.add(node=node.id)
        self._info("session.open", cluster=node.cluster, user_agent=node.user_agent)

    def closed(self, status: Status) -> None:
        """Say that the stream is over, and how it ended; what it refused is refused no more."""
        self._count_refusals(self._status.refusals.update(self._stream, ()))
        self._metrics.xds_connected_clients.dec()
        self._status.client_certificates.closed(self._stream)
        self._status.stir()
        if status is Status.RESOURCE_EXHAUSTED:
            self._note_cut_off()
        self._info("session.close", status=status.name)
        # Where all streams end because egxds does, that is no news of the last one.
        if self._status.envoys.closed(self._stream, time.time()) and status is not Status.UNAVAILABLE:
            connected_s = round(time.monotonic() - self._since_s, 1)
            self._warn("session.last_lost", status=status.name, connected_s=connected_s)

    def offered(self, state: OfferedState) -> None:
        """Say that there is another state for the client."""
        self._generation = state.generation
        self._status.envoys.offered(self._stream, state, time.time())

    def changed_over(self, *, is_canary: bool) -> None:
        """Say that the client is served from another store from now on.

        Args:
            is_canary: that is a candidate, and not the head.
        """
        self._status.stir()
        self._info("session.changed_over", canary=is_canary)

    def took_all(self) -> None:
        """Say that the client has taken all of that state."""
        if self._status.envoys.took_all(self._stream):
            self._status.stir()

    def refused(self, status: Status, message: str) -> None:
        """Say that the client broke the protocol, or takes nothing."""
        self._note_cut_off()
        self._warn("session.refused", status=status.name, error=cut(message, _MAX_ERROR_CHARACTERS))

    def pushed(self, response: Response, size_bytes: int) -> None:
        """Say that a response was written."""
        of_type = self._of_type(response.type_url)
        of_type.responses.inc()
        of_type.response_bytes.observe(size_bytes)
        if response.is_retry:
            of_type.retries.inc()
        # A try that is refused again says nothing new, every ten seconds.
        say = self._log.now.debug if response.is_retry else self._info
        say(
            "session.push",
            type=of_type.label,
            nonce=response.nonce,
            generation=self._generation,
            resources=len(response.resources),
            removed=len(response.removed),
            names=_shown(response.resources),
            size_bytes=size_bytes,
        )

    def happened(self, event: Event) -> None:
        """Say what a request meant."""
        of_type = self._of_type(event.type_url)
        match event:
            case Acked():
                of_type.acks.inc()
                self._status.stir()
                self._log.now.debug("session.ack", type=of_type.label, nonce=event.nonce, generation=self._generation)
            case Nacked():
                of_type.nacks.inc()
                self._nacked(event, of_type.label)
            case UnexpectedRequest():
                self._info("session.unexpected_request", type=of_type.label, detail=event.detail)

    def refuses(self, pending: Sequence[Pending]) -> None:
        """Say what the Envoy refuses now, and what it has taken after all.

        Args:
            pending: all that it refuses.
        """
        if not pending and not self._is_refusing:
            return
        self._is_refusing = bool(pending)
        refused = [_refused(one, self._node, self._client) for one in pending]
        changes = self._status.refusals.update(self._stream, refused)
        self._count_refusals(changes)
        for one in changes.over:
            self._status.end_nacks(one.node_id, one.type_url, one.name)
            label, lasted_s = self._of_type(one.type_url).label, round(time.time() - one.since_s, 1)
            self._info("session.nack_over", type=label, name=one.name, lasted_s=lasted_s)

    def _info(self, event: str, **fields: object) -> None:
        self._say(logging.INFO, event, **fields)

    def _warn(self, event: str, **fields: object) -> None:
        self._say(logging.WARNING, event, **fields)

    def _say(self, level: int, event: str, **fields: object) -> None:
        """Write a line, or count it where there are many of this client."""
        unwritten = self._lines.unwritten(Line(self._host, self._node.id, event), time.monotonic())
        if unwritten:
            fields["repeated"] = unwritten
        if unwritten is not None:
            self._log.now.log(level, event, **fields)

    def _note_cut_off(self) -> None:
        self._lines.cut_off(self._host, self._node.id, time.monotonic())

    def _count_refusals(self, changes: RefusalChanges) -> None:
        for one in changes.begun:
            self._of_type(one.type_url).refused.inc()
        for one in changes.over:
            self._of_type(one.type_url).refused.dec()

    def _of_type(self, type_url: str) -> _TypeMetrics:
        found = self._types.get(type_url)
        if found is None:
            found = self._types[type_url] = _TypeMetrics.of(self._metrics, type_url)
        return found

    def _nacked(self, event: Nacked, label: str) -> None:
        """Warn once about the same refusal: what is tried again is refused again, until its cause is gone."""
        record = self._status.record_nack(_nack_record(event, self._node.id))
        named = record.resources[:_SHOWN_NAMES]
        sources = islice((key for resource in named for key in resource.sources), _SHOWN_SOURCES)
        say = self._warn if record.is_news else self._log.now.debug
        say(
            "session.nack",
            type=label,
            nonce=record.nonce,
            generation=self._generation,
            names=_shown(named),
            versions=[resource.version for resource in named],
            more=len(record.resources) + record.omitted - len(named),
            sources=[str(place) for place in self._status.locate(sources)],
            error=record.message,
        )

    def selects_nothing(self, cluster: str, served: tuple[str, ...], store: SnapshotStore) -> None:
        """Warn, once, that `node.cluster` names nothing that there is, unless nothing is loaded yet.

        Args:
            cluster: what the node said.
            served: the Gateways it gets all the same.
            store: what it could have named.
        """
        if self._has_warned or not self._status.is_loaded:
            return
        self._has_warned = True
        gateways = store.gateways()
        self._warn(
            "session.node_unknown",
            cluster=cluster,
            served=list(served[:_SHOWN_NAMES]),
            gateways=list(islice(gateways, _SHOWN_NAMES)),
            classes=sorted(set(gateways.values()))[:_SHOWN_NAMES],
            more=max(0, len(gateways) - _SHOWN_NAMES),
        )


def _shown(resources: Sequence[VersionedResource | NackedResource]) -> list[str]:
    """Return the names of the first resources, in a bearable length."""
    return [cut(one.name, _MAX_NAME_CHARACTERS) for one in resources[:_SHOWN_NAMES]]


def _nack_record(event: Nacked, node_id: str) -> NackRecord:
    # Where it is known who is bad, the others are nobody's concern, and the same refusal is told from another.
    refused = event.culprits or event.resources
    listed = refused[:_MAX_NACKED_RESOURCES]
    return NackRecord(
        node_id=node_id,
        type_url=event.type_url,
        nonce=event.nonce,
        resources=tuple(NackedResource(one.name, one.version, tuple(one.sources)) for one in listed),
        omitted=len(refused) - len(listed),
        message=cut(event.refusal.message, _MAX_ERROR_CHARACTERS),
        time_s=time.time(),
        is_blame_known=len(refused) == 1 or bool(event.culprits),
    )


def _refused(pending: Pending, node: Node, served: Client) -> RefusedResource:
    resource = pending.resource
    return RefusedResource(
        node.id,
        served.gateways,
        resource.type_url,
        resource.name,
        cut(pending.message, _MAX_ERROR_CHARACTERS),
        resource.sources,
        time.time(),
        resource.version,
        served.is_canary,
        node.cluster,
    )
