"""Wire room: what happens on one stream → log lines, metrics and the status store."""

from __future__ import annotations

import time
from dataclasses import dataclass

from grpclib.const import Status
from prometheus_client import Counter, Histogram

from egxds.inspect.status import NackedResource, NackRecord, StatusStore
from egxds.names import SHORT_NAMES
from egxds.sessions.events import Acked, Event, Nacked, Node, Response, UnexpectedRequest
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics, log

_MAX_ERROR_CHARACTERS = 4096
_MAX_NACKED_RESOURCES = 50


@dataclass(frozen=True, slots=True)
class _TypeMetrics:
    """What is counted of one type: looked up once for a stream, since a look-up costs more than to count."""

    label: str
    responses: Counter
    response_bytes: Histogram
    acks: Counter
    nacks: Counter

    @classmethod
    def of(cls, metrics: Metrics, type_url: str) -> _TypeMetrics:
        label = SHORT_NAMES.get(type_url, "other")
        return cls(
            label,
            metrics.xds_responses_total.labels(type=label),
            metrics.xds_response_bytes.labels(type=label),
            metrics.xds_acks_total.labels(type=label),
            metrics.xds_nacks_total.labels(type=label),
        )


class StreamReport:
    """Tells what one stream does."""

    def __init__(self, stream: int, peer: str, metrics: Metrics, status: StatusStore) -> None:
        """Start to report.

        Args:
            stream: number of the stream.
            peer: address it comes from.
            metrics: where events are counted.
            status: where refusals are remembered.
        """
        self._log = log.bind(stream=stream, peer=peer)
        self._metrics = metrics
        self._status = status
        self._types: dict[str, _TypeMetrics] = {}
        self._node_id = ""
        self._has_warned = False
        metrics.xds_connected_clients.inc()

    def opened(self, node: Node) -> None:
        """Say who is at the other end; it is known from the first request on."""
        self._node_id = node.id
        self._log = self._log.bind(node=node.id)
        self._log.info("session.open", cluster=node.cluster, user_agent=node.user_agent)

    def closed(self, status: Status) -> None:
        """Say that the stream is over, and how it ended."""
        self._metrics.xds_connected_clients.dec()
        self._log.info("session.close", status=status.name)

    def refused(self, status: Status, message: str) -> None:
        """Say that the client broke the protocol."""
        self._log.warning("session.refused", status=status.name, error=message)

    def pushed(self, response: Response, size_bytes: int) -> None:
        """Say that a response was written."""
        of_type = self._of_type(response.type_url)
        of_type.responses.inc()
        of_type.response_bytes.observe(size_bytes)
        self._log.info(
            "session.push",
            type=of_type.label,
            nonce=response.nonce,
            resources=len(response.resources),
            removed=len(response.removed),
            size_bytes=size_bytes,
        )

    def happened(self, event: Event) -> None:
        """Say what a request meant."""
        of_type = self._of_type(event.type_url)
        match event:
            case Acked():
                of_type.acks.inc()
                self._log.debug("session.ack", type=of_type.label, nonce=event.nonce)
            case Nacked():
                of_type.nacks.inc()
                self._nacked(event, of_type.label)
            case UnexpectedRequest():
                self._log.info("session.unexpected_request", type=of_type.label, detail=event.detail)

    def _of_type(self, type_url: str) -> _TypeMetrics:
        found = self._types.get(type_url)
        if found is None:
            found = self._types[type_url] = _TypeMetrics.of(self._metrics, type_url)
        return found

    def _nacked(self, event: Nacked, label: str) -> None:
        """Warn once about the same refusal: an Envoy that reconnects refuses again what it refused before."""
        record = self._status.record_nack(_nack_record(event, self._node_id))
        keys = {key for resource in record.resources for key in resource.sources}
        say = self._log.warning if record.times == 1 else self._log.debug
        say(
            "session.nack",
            type=label,
            nonce=record.nonce,
            names=[resource.name for resource in record.resources],
            sources=[str(place) for place in self._status.locate(keys)],
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
        self._log.warning(
            "session.node_unknown",
            cluster=cluster,
            served=list(served),
            gateways=list(gateways),
            classes=sorted(set(gateways.values())),
        )


def _nack_record(event: Nacked, node_id: str) -> NackRecord:
    listed = event.resources[:_MAX_NACKED_RESOURCES]
    return NackRecord(
        node_id=node_id,
        type_url=event.type_url,
        nonce=event.nonce,
        resources=tuple(NackedResource(one.name, one.version, tuple(one.sources)) for one in listed),
        omitted=len(event.resources) - len(listed),
        message=event.refusal.message[:_MAX_ERROR_CHARACTERS],
        time_s=time.time(),
    )
