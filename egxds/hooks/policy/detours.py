"""Finds listeners that would lead traffic around a RouteConfiguration in which something is denied. Pure.

A denial is in RDS. A listener that asks for another RouteConfiguration, or has routes of its own, is beyond its reach;
so as long as a RouteConfiguration is denied or holds what is, whatever stands in the place of a listener that asked
for it has to ask for it in the same filter chains, told by their names, and may bring no routes of its own. In its
place is what has its name or binds an address of it. A reply that would have it otherwise is refused.

A listener may go: then nobody is served. An extension that answers is trusted with what it adds elsewhere: listeners
on other addresses, a narrower one included, and filter chains beside those that ask for what is denied, as long as
they ask for their routes; and with which connections it sends to which chain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any

from envoy.config.listener.v3 import listener_components_pb2, listener_pb2

from egxds.resources.denials import CONNECTION_MANAGERS, has_routes_out_of_reach, is_reached
from egxds.resources.resource import Resource
from egxds.resources.validation.addresses import sockets

_REMEMBERED_LISTENERS = 64


def detour(before: Iterable[Resource], listener: Resource, guarded: Collection[str]) -> str:
    """Say how a listener would lead around what is denied; empty where it does not.

    Args:
        before: the listeners before the hook.
        listener: one as the hook would have it.
        guarded: names of the RouteConfigurations that are denied or hold what is.
    """
    for former in before if guarded else ():
        needed = frozenset(asker for asker in _askers(former.body) if asker[1] in guarded)
        if not needed or not _is_in_place_of(former, listener):
            continue
        missing = min(needed - _askers(listener.body), default=None)
        if missing is not None:
            chain, name = missing
            where = f"filter chain {chain!r} of listener {listener.name!r}"
            return f"{where} does not ask for {name} any more, in which something is denied"
        if has_routes_out_of_reach(listener) and not has_routes_out_of_reach(former):
            _, name = min(needed)
            return f"listener {listener.name!r} has routes of its own, and something is denied in {name}"
    return ""


@lru_cache(maxsize=_REMEMBERED_LISTENERS)
def _askers(body: bytes) -> frozenset[tuple[str, str]]:
    """Return (filter chain, RouteConfiguration that it asks for from here) of a listener."""
    return frozenset(
        (label, name)
        for label, chain in _labelled_chains(listener_pb2.Listener.FromString(body))
        for name in _asked_by(chain)
    )


def _asked_by(chain: listener_components_pb2.FilterChain) -> Iterator[str]:
    manager: Any
    for manager in CONNECTION_MANAGERS.find(chain):
        if is_reached(manager):
            yield manager.rds.route_config_name


def _labelled_chains(listener: listener_pb2.Listener) -> Iterator[tuple[str, listener_components_pb2.FilterChain]]:
    """Yield the filter chains by name; the default one is told from others without a name."""
    yield from ((chain.name, chain) for chain in listener.filter_chains)
    if listener.HasField("default_filter_chain"):
        yield listener.default_filter_chain.name or "the default one", listener.default_filter_chain


def _is_in_place_of(former: Resource, listener: Resource) -> bool:
    return former.name == listener.name or not sockets(former.body).isdisjoint(sockets(listener.body))
