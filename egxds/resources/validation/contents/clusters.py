"""Contents of clusters, their health checks and endpoints. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.resources.validation.contents.routes import back_off_faults, nanoseconds
from egxds.resources.validation.envoy_types import UPSTREAM_SOCKETS
from egxds.resources.validation.extension_places import socket_faults

_CLUSTER = "envoy.config.cluster.v3"
_CORE = "envoy.config.core.v3"
_BALANCERS = "envoy.extensions.load_balancing_policies"
_STATIC, _LOGICAL_DNS, _EDS, _ORIGINAL_DST = 0, 2, 3, 4
_CLUSTER_PROVIDED, _LOAD_BALANCING_POLICY_CONFIG = 6, 7
_LEAST_RING_SIZE, _MOST_RING_SIZE = 1024, 8 * 1024 * 1024
_BASE_EJECTION_NS, _MAX_EJECTION_NS = 30 * 10**9, 300 * 10**9
_SMALLEST_PRIME = 2
_MOST_TABLE_SIZE = 5_000_011
"""A larger one breaks a rule of its field."""
_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2})+")


def _wrong_cluster(cluster: Any) -> Iterator[str]:
    yield from _wrong_discovery(cluster)
    yield from _wrong_balancing(cluster)
    yield from socket_faults(cluster, UPSTREAM_SOCKETS)
    if cluster.HasField("dns_failure_refresh_rate"):
        yield from (f"dns_failure_refresh_rate.{each}" for each in back_off_faults(cluster.dns_failure_refresh_rate))


def _wrong_discovery(cluster: Any) -> Iterator[str]:
    if cluster.HasField("cluster_type"):
        return
    is_eds = cluster.type == _EDS
    if is_eds and not cluster.HasField("eds_cluster_config"):
        yield "eds_cluster_config: must be set where type is EDS"
    if not is_eds and cluster.HasField("eds_cluster_config"):
        yield "eds_cluster_config: is for type EDS alone"
    if cluster.type == _ORIGINAL_DST and cluster.HasField("load_assignment"):
        yield "load_assignment: must not be set where type is ORIGINAL_DST"
    endpoints = [each.endpoint for group in cluster.load_assignment.endpoints for each in group.lb_endpoints]
    if cluster.type == _LOGICAL_DNS and (len(cluster.load_assignment.endpoints), len(endpoints)) != (1, 1):
        yield "load_assignment: must have exactly one endpoint where type is LOGICAL_DNS"
    if cluster.type == _STATIC:
        yield from _wrong_addresses(endpoints)


def _wrong_addresses(endpoints: list[Any]) -> Iterator[str]:
    """Look at the addresses of endpoints that no name is looked up for."""
    for endpoint in endpoints:
        yield from (f"load_assignment: {fault}" for fault in address_faults(endpoint.address))


def address_faults(address: Any) -> Iterator[str]:
    """Yield what is wrong with an address that Envoy takes as it is written."""
    socket = address.socket_address
    if not address.HasField("socket_address") or socket.resolver_name:
        return
    if socket.named_port:
        yield "a port by name cannot be resolved; write its number"
    try:
        ipaddress.ip_address(socket.address)
    except ValueError:
        yield f"address {socket.address!r} is no IP address"


def _wrong_balancing(cluster: Any) -> Iterator[str]:
    has_policy = cluster.HasField("load_balancing_policy")
    if cluster.lb_policy == _LOAD_BALANCING_POLICY_CONFIG and not has_policy:
        yield "load_balancing_policy: must be set where lb_policy is LOAD_BALANCING_POLICY_CONFIG"
    if has_policy:
        return
    provides = cluster.type == _ORIGINAL_DST
    is_provided = cluster.lb_policy == _CLUSTER_PROVIDED
    if not cluster.HasField("cluster_type") and is_provided != provides:
        yield "lb_policy: CLUSTER_PROVIDED goes with type ORIGINAL_DST, and no other does"
    if is_provided and cluster.HasField("lb_subset_config"):
        yield "lb_subset_config: cannot stand beside lb_policy CLUSTER_PROVIDED"


def _wrong_policy(policy: Any) -> Iterator[str]:
    if not policy.policies:
        yield "policies: must have an entry"


def _wrong_ring(ring: Any) -> Iterator[str]:
    least = ring.minimum_ring_size.value if ring.HasField("minimum_ring_size") else _LEAST_RING_SIZE
    most = ring.maximum_ring_size.value if ring.HasField("maximum_ring_size") else _MOST_RING_SIZE
    if least > most:
        yield f"minimum_ring_size: {least} is more than maximum_ring_size, {most}"


def _wrong_table(table: Any) -> Iterator[str]:
    size = table.table_size.value
    if table.HasField("table_size") and size <= _MOST_TABLE_SIZE and not _is_prime(size):
        yield "table_size: must be a prime number"


def _is_prime(number: int) -> bool:
    return number >= _SMALLEST_PRIME and all(number % each for each in range(_SMALLEST_PRIME, int(number**0.5) + 1))


def _wrong_subset(selector: Any) -> Iterator[str]:
    if selector.fallback_keys_subset and set(selector.fallback_keys_subset) == set(selector.keys):
        yield "fallback_keys_subset: must not be the same as keys"


def _wrong_outliers(detection: Any) -> Iterator[str]:
    base = nanoseconds(detection.base_ejection_time) if detection.HasField("base_ejection_time") else _BASE_EJECTION_NS
    has_most = detection.HasField("max_ejection_time")
    if has_most and nanoseconds(detection.max_ejection_time) < base:
        yield "max_ejection_time: must be at least base_ejection_time"


def _wrong_breakers(breakers: Any) -> Iterator[str]:
    for at, thresholds in enumerate(breakers.per_host_thresholds):
        if {field.name for field, _ in thresholds.ListFields()} - {"max_connections", "priority"}:
            yield f"per_host_thresholds[{at}]: may have nothing but max_connections"


def _wrong_endpoints(policy: Any) -> Iterator[str]:
    if len(policy.drop_overloads) > 1:
        yield "drop_overloads: may have one entry"
    for at, each in enumerate(policy.drop_overloads):
        if each.drop_percentage.numerator > 100 * 100**each.drop_percentage.denominator:
            yield f"drop_overloads[{at}].drop_percentage: must be at most 100 %"


def _wrong_payload(payload: Any) -> Iterator[str]:
    if payload.WhichOneof("payload") != "text":
        return
    if _HEXADECIMAL.fullmatch(payload.text) is None:
        yield "text: must be pairs of hexadecimal digits"


def _wrong_http_check(check: Any) -> Iterator[str]:
    for field in ("expected_statuses", "retriable_statuses"):
        for at, each in enumerate(getattr(check, field)):
            if not 100 <= each.start < each.end <= 600:
                yield f"{field}[{at}]: must be a range within 100 and 600, without its end"
    method = check.DESCRIPTOR.fields_by_name["method"].enum_type.values_by_number[check.method].name
    if check.HasField("send") and method not in ("POST", "PUT", "PATCH", "OPTIONS"):
        yield "send: needs a method that has a body: POST, PUT, PATCH, OPTIONS"


CLUSTER_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    f"{_BALANCERS}.maglev.v3.Maglev": _wrong_table,
    f"{_BALANCERS}.ring_hash.v3.RingHash": _wrong_ring,
    f"{_BALANCERS}.subset.v3.Subset.LbSubsetSelector": _wrong_subset,
    f"{_CLUSTER}.CircuitBreakers": _wrong_breakers,
    f"{_CLUSTER}.Cluster": _wrong_cluster,
    f"{_CLUSTER}.Cluster.LbSubsetConfig.LbSubsetSelector": _wrong_subset,
    f"{_CLUSTER}.Cluster.MaglevLbConfig": _wrong_table,
    f"{_CLUSTER}.Cluster.RingHashLbConfig": _wrong_ring,
    f"{_CLUSTER}.LoadBalancingPolicy": _wrong_policy,
    f"{_CLUSTER}.OutlierDetection": _wrong_outliers,
    f"{_CORE}.HealthCheck.HttpHealthCheck": _wrong_http_check,
    f"{_CORE}.HealthCheck.Payload": _wrong_payload,
    "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": _wrong_endpoints,
}
"""Type of message → what finds out what is wrong in one."""
