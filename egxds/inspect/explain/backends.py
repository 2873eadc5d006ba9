"""Where a cluster sends to: its endpoints, as they are in force. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from egxds import names
from egxds.inspect.explain.answers import Backend
from egxds.inspect.explain.matching import percent
from egxds.inspect.explain.origins import named_in
from egxds.snapshot.snapshot import Snapshot

_SHOWN = 5

Shares = Sequence[tuple[str, int]]
"""Clusters, each with its weight."""


def backends_of(snapshot: Snapshot, shares: Shares) -> tuple[Backend, ...]:
    """Return where clusters send to.

    Args:
        snapshot: what is in force.
        shares: which clusters.
    """
    total = sum(weight for _, weight in shares)
    several = len(shares) > 1 and total
    return tuple(_backend(snapshot, name, percent(weight, total) if several else "") for name, weight in shares)


def _backend(snapshot: Snapshot, name: str, share: str) -> Backend:
    found = snapshot.of(names.CLUSTER).get(name)
    if found is None:
        return Backend(name, share, fault=_missing(name))
    cluster = Cluster.FromString(found.body)
    assignment = assignment_of(snapshot, cluster)
    if assignment is None:
        return Backend(name, share, objects=tuple(named_in([cluster.metadata])))
    return _of_assignment(name, share, assignment)


def assignment_of(snapshot: Snapshot, cluster: Any) -> Any:
    """Return the endpoints of a Cluster, as they are in force; None where Envoy finds them itself."""
    is_eds = cluster.WhichOneof("cluster_discovery_type") == "type" and cluster.type == Cluster.EDS
    if not is_eds:
        return cluster.load_assignment if cluster.HasField("load_assignment") else None
    resource = snapshot.of(names.ENDPOINT).get(cluster.eds_cluster_config.service_name or cluster.name)
    return ClusterLoadAssignment.FromString(resource.body) if resource is not None else cluster.load_assignment


def _of_assignment(name: str, share: str, assignment: Any) -> Backend:
    endpoints = [each.endpoint for locality in assignment.endpoints for each in locality.lb_endpoints]
    return Backend(
        name,
        share,
        tuple(dict.fromkeys(named_in(locality.metadata for locality in assignment.endpoints))),
        tuple(islice(map(endpoint_address, endpoints), _SHOWN)),
        len(endpoints),
        "" if endpoints else "it has no endpoints",
    )


def _missing(name: str) -> str:
    if name == names.INVALID_BACKEND_CLUSTER:
        return "its backends are refused: see the conditions of the route"
    return "there is no such cluster"


def endpoint_address(endpoint: Any) -> str:
    """Return where an Endpoint is: `host:port`, or `unix:/path`."""
    if endpoint.address.HasField("pipe"):
        return f"unix:{endpoint.address.pipe.path}"
    socket = endpoint.address.socket_address
    host = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{host}:{socket.port_value}"


def weighted(action: Any) -> Iterator[tuple[str, int]]:
    """Yield the clusters of a RouteAction or a TcpProxy that are named in it, each with its weight."""
    if action.HasField("weighted_clusters"):
        yield from (
            (each.name, getattr(each.weight, "value", each.weight)) for each in action.weighted_clusters.clusters
        )
    elif action.cluster:
        yield action.cluster, 1
