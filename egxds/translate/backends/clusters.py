"""A rule's backends → Envoy clusters. Pure.

Fixed values are Envoy Gateway's, and what policies ask comes over them (`backend_traffic.clusters`). The load balancer
picks a locality, that is a backend, by its weight and then the endpoint with the fewest requests. Names are resolved
every 5 s, which is Envoy's default: the fields that would change it are deprecated, and Envoy is to refuse them.
"""

from __future__ import annotations

from functools import cache

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster, LoadBalancingPolicy
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import UInt32Value

from egxds import names
from egxds.model.resolve.upstreams import EndpointTable
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource
from egxds.translate.backend_traffic.active_checks import check_port
from egxds.translate.backend_traffic.clusters import write_asked
from egxds.translate.backend_traffic.draft import ClusterDraft, ClusterTerms
from egxds.translate.backend_traffic.load_balancer import by_fewest_requests
from egxds.translate.backend_traffic.passive_checks import notice_failure
from egxds.translate.backends.destinations import ClusterPlan
from egxds.translate.backends.host_resolution import resolve_by_host
from egxds.translate.backends.injected_credentials import inject_credential
from egxds.translate.backends.load_assignments import load_assignment
from egxds.translate.backends.upstream_http import follow_tls
from egxds.translate.config_source import ads_source
from egxds.translate.metadata import Origin, origin_metadata
from egxds.translate.proxies.cluster_stats import write_stats
from egxds.translate.tls import upstream_socket

_CONNECT_TIMEOUT_S = 10
_BUFFER_LIMIT_BYTES = 32768
_MAX_RETRIES = 1024


def translate_cluster(
    plan: ClusterPlan,
    origin: Origin,
    sources: tuple[ObjectKey, ...],
    endpoints: EndpointTable,
    client_certificate: str,
    terms: ClusterTerms,
) -> Resource:
    """Write one cluster.

    Args:
        plan: what it serves.
        origin: the rule it was made from.
        sources: the objects it was made from.
        endpoints: of all backends; a cluster that Envoy resolves by DNS holds its own.
        client_certificate: name of what is shown to backends that are spoken to by TLS; empty for nothing.
        terms: what is asked of it beside that.
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
    if plan.tls is not None:
        cluster.transport_socket.CopyFrom(upstream_socket(plan.tls, plan.protocol, client_certificate))
    if plan.is_dns:
        _resolve_by_dns(cluster, load_assignment(plan, endpoints, check_port(terms.asked)))
    elif not plan.is_dynamic:
        _resolve_by_eds(cluster, plan)
    write_stats(cluster, terms.stats)
    _write_manner(ClusterDraft(cluster, plan.protocol, bool(plan.fallbacks), terms.host), plan, terms)
    return Resource(names.CLUSTER, plan.name, encode(cluster), sources)


@cache
def _load_balancing() -> LoadBalancingPolicy:
    return by_fewest_requests()


def _write_manner(draft: ClusterDraft, plan: ClusterPlan, terms: ClusterTerms) -> None:
    """Write how the endpoints are spoken to: as they have it themselves, then as policies do."""
    if plan.tls is not None:
        follow_tls(draft, plan.tls)
    if plan.fallbacks:
        notice_failure(draft)
    write_asked(draft, terms.asked)
    # Whom such a cluster is to balance between, nobody but Envoy knows.
    if plan.is_dynamic:
        resolve_by_host(draft, plan.tls, plan.backends[0].closed)
    if plan.injection is not None:
        inject_credential(draft, plan.injection)
    draft.finish()


def _resolve_by_dns(cluster: Cluster, endpoints: bytes) -> None:
    cluster.type = Cluster.STRICT_DNS
    cluster.load_assignment.MergeFromString(endpoints)


def _resolve_by_eds(cluster: Cluster, plan: ClusterPlan) -> None:
    cluster.type = Cluster.EDS
    cluster.eds_cluster_config.eds_config.CopyFrom(ads_source())
    cluster.eds_cluster_config.service_name = plan.name
