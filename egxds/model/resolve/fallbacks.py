"""Which backends of a rule share its traffic, and which are for when those cannot be used. Pure.

Source: Envoy Gateway, Backend.fallback. Weights count among those of one priority. Where all backends of a rule are
fallbacks there is nothing that they could stand in for, and none is.

A fallback stands in inside of the cluster that it stands in for, at a lower priority. So it has to be what that cluster
can hold: endpoints that are spoken to by the same protocol, and no Unix socket beside names that Envoy resolves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedRoute, ResolvedRule
from egxds.model.resolve.upstreams import EndpointsShape

_APART = {EndpointsShape.HOSTNAMES, EndpointsShape.PIPES}


@dataclass(frozen=True, slots=True)
class Priorities:
    """The backends of a rule that have a weight.

    Attributes:
        active: those that share the traffic.
        fallback: those of the others that can be used.
    """

    active: tuple[ResolvedBackend, ...]
    fallback: tuple[ResolvedBackend, ...]


def priorities_of(rule: ResolvedRule) -> Priorities:
    """Tell the backends of a rule that share its traffic from their fallbacks."""
    weighted = tuple(backend for backend in rule.backends if backend.weight)
    active = tuple(backend for backend in weighted if not backend.is_fallback)
    if not active:
        return Priorities(weighted, ())
    return Priorities(active, tuple(backend for backend in weighted if backend.is_fallback and not backend.refusal))


def can_stand_in(fallback: ResolvedBackend, active: ResolvedBackend) -> bool:
    """Tell whether one cluster can hold a backend and its fallback."""
    if fallback.custom is not None or active.custom is not None:
        return False
    return fallback.manner == active.manner and {fallback.shape, active.shape} != _APART


def useless_fallbacks(resolved: ResolvedRoute) -> Iterator[Fault]:
    """Say of each fallback of a route that can stand in for no other backend that it gets no traffic."""
    for rule in resolved.rules:
        priorities = priorities_of(rule)
        for backend in priorities.fallback:
            if not any(can_stand_in(backend, active) for active in priorities.active if not active.refusal):
                message = (
                    "is a fallback for no other backend of the rule, and gets no traffic: it has to be reached by the "
                    "protocol, and the TLS, of one that is no fallback, and not by a Unix socket where that is a name"
                )
                path = ("spec", "rules", rule.index, "backendRefs", backend.index)
                yield Fault(Reason.UNSUPPORTED_VALUE, message, path)
