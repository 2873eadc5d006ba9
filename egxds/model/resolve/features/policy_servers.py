"""Servers that Envoy itself asks, since a policy says so: those of keys, and those that decide who gets in. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from egxds.model.api.jwt import BackOff
from egxds.model.api.references import BackendObjectReference
from egxds.model.api.scalars import duration_s
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import GrantsIn, Query, SlicesOf
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import FeatureContext
from egxds.model.resolve.features.reached import ReachedBackend
from egxds.model.resolve.references import backend_target
from egxds.model.resolve.upstreams import EndpointAddress, PipeAddress, UpstreamProtocol, UpstreamTls
from egxds.object_key import ObjectKey

_LEAST_WAIT_S = 0.025


@dataclass(frozen=True, slots=True)
class PolicyServer:
    """Who is asked.

    Attributes:
        cluster: by which Envoy knows it.
        addresses: none where nobody is there to be asked.
        tls: how it is spoken to by TLS; None where it is without.
        protocol: what is spoken.
    """

    cluster: str
    addresses: tuple[EndpointAddress, ...]
    tls: UpstreamTls | None
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a server is asked again at once.

    Attributes:
        count: further attempts.
        least_s: that is waited before the first; None for Envoy's own.
        most_s: that is waited before any; the same.
    """

    count: int
    least_s: float | None = None
    most_s: float | None = None


def server_queries(refs: Sequence[BackendObjectReference], policy: ObjectKey) -> Iterator[Query]:
    """Yield what is asked of other objects to find whom a policy refers to."""
    for ref in refs:
        target = backend_target(policy, ref)
        yield target
        yield SlicesOf(target)
        if target.namespace != policy.namespace:
            yield GrantsIn(target.namespace)


def referred_server(
    refs: Sequence[BackendObjectReference], path: Path, context: FeatureContext, cluster: str
) -> PolicyServer | Fault:
    """Return whom a policy refers to; all of them are asked in one way.

    Args:
        refs: at least one.
        path: where their list stands.
        context: of the feature.
        cluster: by which Envoy is to know them.
    """
    found: list[ReachedBackend] = []
    for at, ref in enumerate(refs):
        reached = context.backends.reach(context.policy, ref, (*path, at))
        if isinstance(reached, Fault):
            return reached
        found.append(reached)
    first = found[0]
    if any((each.tls, each.protocol) != (first.tls, first.protocol) for each in found):
        message = "all of them are to be spoken to in one way, with the same TLS or all without"
        return Fault(Reason.INVALID, message, path)
    addresses = tuple(dict.fromkeys(address for each in found for address in each.addresses))
    if len({isinstance(address, PipeAddress) for address in addresses}) > 1:
        message = "a Unix socket stands alone, or beside others of its kind"
        return Fault(Reason.INVALID, message, path)
    return PolicyServer(cluster, addresses, first.tls, first.protocol)


def retries(count: int, back_off: BackOff | None) -> Retries:
    """Return how often is asked again, and how long is waited before."""
    if back_off is None or back_off.base_interval is None:
        return Retries(count)
    # Envoy takes no wait of no length, and this is its own.
    least = given_s(back_off.base_interval, _LEAST_WAIT_S)
    return Retries(count, least, max(least, given_s(back_off.max_interval, 10 * least)))


def given_s(value: str | None, otherwise: float) -> float:
    """Return the seconds of a duration; none at all is as good as not said."""
    return (duration_s(value) if value is not None else 0.0) or otherwise
