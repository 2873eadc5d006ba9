"""Which listeners are closed because a policy covers them that decides on access and that nobody serves. Pure.

What such policies close otherwise stands in `denials`. A policy for all of a Gateway closes the listeners of its
ListenerSets, too: they are behind the same door. One for a ListenerSet closes none but that one's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import attrgetter

from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.resolve.denials import denials_at
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.verdicts import GatewayVerdict
from egxds.object_key import ObjectKey


def listener_denials(verdict: GatewayVerdict, policies: PolicyBook) -> Mapping[str, tuple[str, ...]]:
    """Say why listeners of a Gateway, and of the ListenerSets for it, are closed, by name; of those that are.

    Where no such policy is on anything that they stand in, only the interpreter goes over the listeners.
    """
    gateway = verdict.gateway
    of_class = GATEWAY_CLASS.key("", gateway.content.gateway_class_name)
    stand_in = {of_class, gateway.key, *map(attrgetter("owner"), verdict.listeners)}
    if policies.denied.isdisjoint(stand_in):
        return {}
    found = {entry.name: _denials(verdict, entry, of_class, policies) for entry in verdict.listeners}
    return {name: why for name, why in found.items() if why}


def _denials(
    verdict: GatewayVerdict, entry: ListenerVerdict, of_class: ObjectKey, policies: PolicyBook
) -> tuple[str, ...]:
    gateway = verdict.gateway
    consequence = entry.protocol.denied if entry.protocol is not None else "is closed"
    inherited = () if entry.owner == gateway.key else _on_listeners(verdict, gateway.key, (), policies, consequence)
    return (
        *_on_listeners(verdict, entry.owner, (entry.listener.name,), policies, consequence),
        *inherited,
        *denials_at(of_class, (), (), policies, consequence),
    )


def _on_listeners(
    verdict: GatewayVerdict, owner: ObjectKey, sections: Collection[str], policies: PolicyBook, consequence: str
) -> tuple[str, ...]:
    """Say what denies some listeners of an object, or all of them."""
    if not policies.denying(owner):
        return ()
    listeners = [each.listener.name for each in verdict.listeners if each.owner == owner]
    return denials_at(owner, sections, listeners, policies, consequence)
