"""healthCheck.active: endpoints are asked whether they are up. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from envoy.config.core.v3.base_pb2 import RequestMethod
from envoy.config.core.v3.health_check_pb2 import HealthCheck
from envoy.type.v3.http_pb2 import CodecClientType
from envoy.type.v3.range_pb2 import Int64Range
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds.model.api.backend_traffic.health_check import ActiveCheck, BackendHealthCheck, Payload
from egxds.model.resolve.upstreams import UpstreamProtocol
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.client_traffic.place import lasting


def write_active_check(draft: ClusterDraft, asked: ActiveCheck) -> None:
    """Have the endpoints of a cluster asked."""
    check = draft.cluster.health_checks.add(
        timeout=lasting(asked.timeout),
        interval=lasting(asked.interval),
        unhealthy_threshold=UInt32Value(value=asked.unhealthy_threshold),
        healthy_threshold=UInt32Value(value=asked.healthy_threshold),
    )
    if asked.initial_jitter is not None:
        check.initial_jitter.CopyFrom(lasting(asked.initial_jitter))
    _CHECKERS[asked.type](check, asked, draft)


def check_port(asked: Mapping[str, object]) -> int:
    """Return the port at which endpoints are asked, which Envoy has with each of these; 0 where it is their own."""
    found = asked.get("healthCheck")
    active = found.active if isinstance(found, BackendHealthCheck) else None
    return active.overrides.port or 0 if active is not None else 0


def _write_http(check: HealthCheck, asked: ActiveCheck, draft: ClusterDraft) -> None:
    http = asked.http
    if http is None:
        return
    found = check.http_health_check
    found.host, found.path = http.hostname or draft.host, http.path
    found.method = RequestMethod.Value(http.method)
    found.expected_statuses.extend(_ranges(http.expected_statuses))
    found.retriable_statuses.extend(_ranges(http.retriable_statuses))
    if draft.protocol is UpstreamProtocol.HTTP2:
        found.codec_client_type = CodecClientType.HTTP2
    if http.request_body is not None:
        found.send.CopyFrom(_payload(http.request_body))
    if http.expected_response is not None:
        found.receive.append(_payload(http.expected_response))


def _write_tcp(check: HealthCheck, asked: ActiveCheck, _draft: ClusterDraft) -> None:
    check.tcp_health_check.SetInParent()
    if asked.tcp is not None and asked.tcp.send is not None:
        check.tcp_health_check.send.CopyFrom(_payload(asked.tcp.send))
    if asked.tcp is not None and asked.tcp.receive is not None:
        check.tcp_health_check.receive.append(_payload(asked.tcp.receive))


def _write_grpc(check: HealthCheck, asked: ActiveCheck, draft: ClusterDraft) -> None:
    check.grpc_health_check.authority = draft.host
    if asked.grpc is not None:
        check.grpc_health_check.service_name = asked.grpc.service


_CHECKERS: Mapping[str, Callable[[HealthCheck, ActiveCheck, ClusterDraft], None]] = {
    "HTTP": _write_http,
    "TCP": _write_tcp,
    "GRPC": _write_grpc,
}


def _ranges(statuses: Iterable[int]) -> Iterable[Int64Range]:
    return (Int64Range(start=status, end=status + 1) for status in statuses)


def _payload(payload: Payload) -> HealthCheck.Payload:
    """Write bytes; Envoy's `text` is hexadecimal, so it has no part in this."""
    return HealthCheck.Payload(binary=payload.content)
