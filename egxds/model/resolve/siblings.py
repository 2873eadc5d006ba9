"""Gateways of a class that are served as one: what of its ports a Gateway finds taken by older ones. Pure.

Source: Envoy Gateway v1.9, EnvoyProxySpec.mergeGateways; `merged_gateways` says what comes of them. Gateways with the
same addresses share their ports, hostname by hostname. Those with none in common have nothing to do with each other.
With some in common, and others not, neither holds: Envoy binds an address and port once, and by one Listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.addresses import AddressVerdict
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_sets import admit_sets
from egxds.model.resolve.owned_listeners import OwnedListener, listeners_of
from egxds.model.resolve.precedence import precedence

Gateway = ApiObject[GatewaySpec]


@dataclass(frozen=True, slots=True)
class OlderSiblings:
    """What a Gateway finds taken.

    Attributes:
        listeners: those of each object that has the same ports, the older one first.
        fault: why it cannot be served together with them; nothing where it can.
    """

    listeners: tuple[Sequence[OwnedListener], ...] = ()
    fault: Fault | None = None


NO_SIBLINGS = OlderSiblings()


def older_siblings(
    gateway: Gateway, others: Iterable[Gateway], addresses: Callable[[Gateway], AddressVerdict], index: ObjectIndex
) -> OlderSiblings:
    """Find what is taken.

    Args:
        gateway: the Gateway.
        others: those that are served as one with it.
        addresses: returns what a Gateway binds.
        index: finds their ListenerSets.
    """
    own = frozenset(addresses(gateway).addresses)
    older = sorted((each for each in others if precedence(each) < precedence(gateway)), key=precedence)
    listeners: list[Sequence[OwnedListener]] = []
    for each in older:
        verdict = addresses(each)
        theirs = frozenset(verdict.addresses)
        if verdict.refusal is not None or own.isdisjoint(theirs):
            continue
        if own != theirs:
            return OlderSiblings(fault=_partly(each, own & theirs))
        listeners += _of_gateway(each, index)
    return OlderSiblings(tuple(listeners))


def _of_gateway(gateway: Gateway, index: ObjectIndex) -> Iterator[Sequence[OwnedListener]]:
    yield listeners_of(gateway)
    yield from (listeners_of(each.listener_set) for each in admit_sets(gateway, index) if each.refusal is None)


def _partly(other: Gateway, common: frozenset[str]) -> Fault:
    message = (
        f"it has {', '.join(sorted(common))} in common with {other.key}, which is older, and other addresses not: "
        "where all Gateways of a class are served as one (mergeGateways), give both the same addresses, or others"
    )
    return Fault(Reason.INVALID_PARAMETERS, message, ("spec", "addresses"))
