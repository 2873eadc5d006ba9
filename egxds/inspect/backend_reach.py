"""How Envoys find the backends of what they are served: their endpoints, and the objects that these are from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from egxds import names
from egxds.inspect.connect_faults import EndpointState, States
from egxds.inspect.explain.backends import assignment_of, endpoint_address
from egxds.inspect.explain.origins import Origin, named_in, origin_of
from egxds.problems import Location
from egxds.snapshot.snapshot import Snapshot

NOT_ASKED = (
    "not known, as no Envoy is asked: name the admin page of each in the settings, such as envoys: [{admin: "
    "127.0.0.1:19000}]"
)
"""What is said of backends where no Envoy is asked."""

_MOST = 50

Json = dict[str, Any]
LocatePart = Callable[[Origin], Location | None]


@dataclass(frozen=True, slots=True)
class EnvoyView:
    """How an Envoy finds the endpoints of its clusters.

    Attributes:
        admin: address of its admin page.
        states: of its endpoints, as of the last look that came to something.
        error: why the last look came to nothing; empty where it did not.
    """

    admin: str
    states: States = field(default_factory=dict)
    error: str = ""


def reach(
    views: Iterable[EnvoyView],
    snapshots: Mapping[str, Snapshot],
    locate: LocatePart,
    clusters: frozenset[str] | None = None,
) -> Json:
    """Say how Envoys find the endpoints of clusters that are served.

    Args:
        views: what the Envoys say.
        snapshots: Gateway → what its Envoys are served. Other clusters of an Envoy are its own business.
        locate: where what a cluster was made from stands.
        clusters: names of those that are meant; None for all.

    Returns:
        `unknown`: why nothing is known, or empty; `envoys`: each with its address, why it could not be asked, and how
        many endpoints it has and finds well; `faults`: the endpoints that it cannot connect to or finds unhealthy, at
        most `_MOST`, each with a text, its objects and the place of its rule; `faultCount`: how many there are.
    """
    told, faults = [], []
    for view in views:
        states = [] if view.error else list(_served(view.states.values(), snapshots, clusters))
        wrong = [each for each in states if _is_wrong(each)]
        faults += [(view, each) for each in wrong]
        told.append(
            {"admin": view.admin, "error": view.error, "endpoints": len(states), "fine": len(states) - len(wrong)}
        )
    return {
        "unknown": "" if told else NOT_ASKED,
        "envoys": told,
        "faults": [_fault(view, state, snapshots, locate) for view, state in faults[:_MOST]],
        "faultCount": len(faults),
    }


def _served(
    states: Iterable[EndpointState], snapshots: Mapping[str, Snapshot], clusters: frozenset[str] | None
) -> Iterator[EndpointState]:
    served = [snapshot.of(names.CLUSTER) for snapshot in snapshots.values()]
    for state in states:
        name = state.counts.cluster
        if (clusters is None or name in clusters) and any(name in each for each in served):
            yield state


def _is_wrong(state: EndpointState) -> bool:
    return state.failing_since_s is not None or bool(state.counts.unhealthy)


def _fault(view: EnvoyView, state: EndpointState, snapshots: Mapping[str, Snapshot], locate: LocatePart) -> Json:
    counts = state.counts
    origin = origin_of(counts.cluster)
    place = locate(origin) if origin is not None else None
    of_rule = f" of {origin.text}" if origin is not None else ""
    where = f" ({place})" if place is not None else ""
    return {
        "envoy": view.admin,
        "cluster": counts.cluster,
        "address": counts.address,
        "objects": sorted(set(_objects(counts.cluster, (counts.address, counts.hostname), snapshots))),
        "failures": state.failures if state.failing_since_s is not None else 0,
        "since": _moment(state.failing_since_s) if state.failing_since_s is not None else "",
        "lastFailure": _moment(state.last_failure_s) if state.failing_since_s is not None else "",
        "unhealthy": counts.unhealthy,
        "text": f"{_text(view, state)}; cluster {counts.cluster}{of_rule}{where}",
        "of": origin.text if origin is not None else "",
        "source": {"file": place.file, "line": place.line} if place is not None else None,
    }


def _text(view: EnvoyView, state: EndpointState) -> str:
    envoy = f"Envoy ({view.admin})"
    if state.failing_since_s is None:
        return f"{envoy} finds {state.counts.address} unhealthy: {state.counts.unhealthy}"
    tried = f"{state.failures} {'failure' if state.failures == 1 else 'failures'} and no success"
    since = f"since {_moment(state.failing_since_s)}{' or longer' if state.is_older else ''}"
    last = f", the last at {_moment(state.last_failure_s)}" if state.last_failure_s != state.failing_since_s else ""
    also = f"; {state.counts.unhealthy}" if state.counts.unhealthy else ""
    return f"{envoy} cannot connect to {state.counts.address}: {tried}, {since}{last}{also}"


def _moment(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")


def _objects(cluster: str, addresses: tuple[str, str], snapshots: Mapping[str, Snapshot]) -> Iterator[str]:
    """Yield the objects that an endpoint is from; where no endpoint has its address, those of the whole cluster."""
    for snapshot in snapshots.values():
        resource = snapshot.of(names.CLUSTER).get(cluster)
        assignment = assignment_of(snapshot, Cluster.FromString(resource.body)) if resource is not None else None
        if assignment is not None:
            has_it = [each for each in assignment.endpoints if _has(each, addresses)]
            yield from named_in(each.metadata for each in has_it or assignment.endpoints)


def _has(locality: Any, addresses: tuple[str, str]) -> bool:
    endpoints = (each.endpoint for each in locality.lb_endpoints)
    return any(
        endpoint_address(each) in addresses or each.address.socket_address.address == addresses[1] != ""
        for each in endpoints
    )
