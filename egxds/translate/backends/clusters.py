"""A rule's backends → Envoy clusters. Pure.

Fixed values are Envoy Gateway's. The load balancer picks a locality, that is a backend, by its weight and then
the endpoint with the fewest requests. Names are resolved every 5 s, which is Envoy's default: the fields that
would change it are deprecated, and Envoy is to refuse them.
"""

from __future__ import annotations

from functools import cache

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import LocalityLbConfig
from envoy.extensions.load_balancing_policies.least_request.v3.least_request_pb2 import LeastRequest
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.resolve.upstreams import EndpointTable, UpstreamProtocol
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode, pack
from egxds.resources.resource import Resource
from egxds.translate.backends.destinations import ClusterPlan
from egxds.translate.backends.load_assignments import load_assignment
from egxds.translate.config_source import ads_source
from egxds.translate.metadata import Origin, origin_metadata
from egxds.translate.tls import upstream_socket

_CONNECT_TIMEOUT_S = 10
_BUFFER_LIMIT_BYTES = 32768
_MAX_RETRIES = 1024
_FAILED_CONNECTIONS = 1
_LOOK_INTERVAL_S = 1
_LEFT_OUT_S = 3
_LEFT_OUT_AT_MOST_S = 30
_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_LEAST_REQUEST = "envoy.load_balancing_policies.least_request"


def translate_cluster(
    plan: ClusterPlan,
    origin: Origin,
    sources: tuple[ObjectKey, ...],
    endpoints: EndpointTable,
    client_certificate: str,
) -> Resource:
    """Write one cluster.

    Args:
        plan: what it serves.
        origin: the rule it was made from.
        sources: the objects it was made from.
        endpoints: of all backends; a cluster that Envoy resolves by DNS holds its own.
        client_certificate: name of what is shown to backends that are spoken to by TLS; empty for nothing.
    """
    cluster = Cluster(
        name=plan.name,
        connect_timeout=Duration(seconds=_CONNECT_TIMEOUT_S),
        per_connection_buffer_limit_bytes=UInt32Value(value=_BUFFER_LIMIT_BYTES),
        circuit_breakers=CircuitBreakers(
            thresholds=[CircuitBreakers.Thresholds(max_retries=UInt32Value(value=_MAX_RETRIES))]
        ),
        dns_lookup_family=Cluster.V4_PREFERRED,
        ignore_health_on_host_removal=True,
        load_balancing_policy=_load_balancing(),
        metadata=origin_metadata(origin),
    )
    if plan.protocol is UpstreamProtocol.HTTP2:
        _speak_http2(cluster)
    if plan.tls is not None:
        cluster.transport_socket.CopyFrom(upstream_socket(plan.tls, plan.protocol, client_certificate))
    if plan.fallbacks:
        _notice_failure(cluster)
    if plan.is_dns:
        _resolve_by_dns(cluster, plan, endpoints)
    else:
        _resolve_by_eds(cluster, plan)
    return Resource(names.CLUSTER, plan.name, encode(cluster), sources)


@cache
def _load_balancing() -> LoadBalancingPolicy:
    locality = LocalityLbConfig(locality_weighted_lb_config=LocalityLbConfig.LocalityWeightedLbConfig())
    policy = TypedExtensionConfig(name=_LEAST_REQUEST, typed_config=pack(LeastRequest(locality_lb_config=locality)))
    return LoadBalancingPolicy(policies=[LoadBalancingPolicy.Policy(typed_extension_config=policy)])


def _speak_http2(cluster: Cluster) -> None:
    """Have the endpoints spoken to by HTTP/2 from the first byte on, whatever there is to agree by."""
    explicit = HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    options = HttpProtocolOptions(explicit_http_config=explicit)
    cluster.typed_extension_protocol_options[_PROTOCOL_OPTIONS].CopyFrom(pack(options))


def _notice_failure(cluster: Cluster) -> None:
    """Have Envoy leave out for a while who cannot be connected to, all of them if need be, so that fallbacks take over.

    Answers count for nothing here: a status 503 is the business of whoever gave it. In panic Envoy would go on with
    those that it has just left out.
    """
    cluster.outlier_detection.CopyFrom(
        OutlierDetection(
            split_external_local_origin_errors=True,
            consecutive_local_origin_failure=UInt32Value(value=_FAILED_CONNECTIONS),
            enforcing_consecutive_local_origin_failure=UInt32Value(value=100),
            enforcing_local_origin_success_rate=UInt32Value(value=0),
            enforcing_consecutive_5xx=UInt32Value(value=0),
            enforcing_success_rate=UInt32Value(value=0),
            interval=Duration(seconds=_LOOK_INTERVAL_S),
            base_ejection_time=Duration(seconds=_LEFT_OUT_S),
            max_ejection_time=Duration(seconds=_LEFT_OUT_AT_MOST_S),
            max_ejection_percent=UInt32Value(value=100),
        )
    )


def _resolve_by_dns(cluster: Cluster, plan: ClusterPlan, endpoints: EndpointTable) -> None:
    cluster.type = Cluster.STRICT_DNS
    cluster.load_assignment.MergeFromString(load_assignment(plan, endpoints))


def _resolve_by_eds(cluster: Cluster, plan: ClusterPlan) -> None:
    cluster.type = Cluster.EDS
    cluster.eds_cluster_config.eds_config.CopyFrom(ads_source())
    cluster.eds_cluster_config.service_name = plan.name
