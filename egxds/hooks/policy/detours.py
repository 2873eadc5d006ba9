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

from collections.abc import Collection, Iterable

from egxds.resources.listener_references import references
from egxds.resources.resource import Resource
from egxds.resources.validation.addresses import sockets


def detour(before: Iterable[Resource], listener: Resource, guarded: Collection[str]) -> str:
    """Say how a listener would lead around what is denied; empty where it does not.

    Args:
        before: the listeners before the hook.
        listener: one as the hook would have it.
        guarded: names of the RouteConfigurations that are denied or hold what is.
    """
    asked = references(listener.body)
    for former in before if guarded else ():
        former_asked = references(former.body)
        needed = frozenset(asker for asker in former_asked.askers if asker[1] in guarded)
        if not needed or not _is_in_place_of(former, listener):
            continue
        missing = min(needed - asked.askers, default=None)
        if missing is not None:
            chain, name = missing
            where = f"filter chain {chain!r} of listener {listener.name!r}"
            return f"{where} does not ask for {name} any more, in which something is denied"
        if asked.has_inline_routes and not former_asked.has_inline_routes:
            _, name = min(needed)
            return f"listener {listener.name!r} has routes of its own, and something is denied in {name}"
    return ""


def _is_in_place_of(former: Resource, listener: Resource) -> bool:
    return former.name == listener.name or not sockets(former.body).isdisjoint(sockets(listener.body))
