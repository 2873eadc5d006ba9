"""Finds listeners that would lead traffic around a RouteConfiguration in which something is denied. Pure.

A denial is in RDS. A listener that asks for another RouteConfiguration, or has routes of its own, is beyond its reach;
so as long as a RouteConfiguration is denied or holds what is, whatever stands in the place of a listener that asked
for it has to ask for it, and may bring no routes of its own. In its place is what has its name or binds an address of
it. A reply that would have it otherwise is refused.

A listener may go: then nobody is served. An extension that answers is trusted with what it adds elsewhere: listeners
on other addresses, and filter chains beside those that ask for what is denied, as long as they ask for their routes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from egxds import names
from egxds.hooks.policy.denials import has_routes_out_of_reach
from egxds.resources.references import resource_references
from egxds.resources.resource import Resource
from egxds.resources.validation.addresses import sockets


def detour(before: Iterable[Resource], listener: Resource, guarded: Collection[str]) -> str:
    """Say how a listener would lead around what is denied; empty where it does not.

    Args:
        before: the listeners before the hook.
        listener: one as the hook would have it.
        guarded: names of the RouteConfigurations that are denied or hold what is.
    """
    asked = _route_configurations(listener)
    for former in before if guarded else ():
        needed = _route_configurations(former).intersection(guarded)
        if not needed or not _is_in_place_of(former, listener):
            continue
        missing = sorted(needed - asked)
        if missing:
            return f"listener {listener.name!r} does not ask for {missing[0]}, which is denied or holds what is"
        if has_routes_out_of_reach(listener) and not has_routes_out_of_reach(former):
            return f"listener {listener.name!r} has routes of its own, and {min(needed)} is denied or holds what is"
    return ""


def _route_configurations(listener: Resource) -> frozenset[str]:
    return frozenset(name for type_url, name in resource_references(listener) if type_url == names.ROUTE_CONFIGURATION)


def _is_in_place_of(former: Resource, listener: Resource) -> bool:
    return former.name == listener.name or not sockets(former.body).isdisjoint(sockets(listener.body))
