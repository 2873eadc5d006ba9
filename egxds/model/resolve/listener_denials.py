"""Which listeners are closed because a policy covers them that decides on access and that nobody serves. Pure.

What such policies close otherwise stands in `denials`. A policy for all of a Gateway closes the listeners of its
ListenerSets, too: they are behind the same door. One for a ListenerSet closes none but that one's.
"""

from __future__ import annotations

from collections.abc import Collection

from egxds.model.api.gateway import GATEWAY_CLASS
from egxds.model.resolve.denials import denials_at
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.verdicts import GatewayVerdict
from egxds.object_key import ObjectKey


def listener_denials(verdict: GatewayVerdict, entry: ListenerVerdict, policies: PolicyBook) -> tuple[str, ...]:
    """Say why a listener of a Gateway, or of a ListenerSet for it, is closed; empty where it is not."""
    gateway = verdict.gateway
    of_class = GATEWAY_CLASS.key("", gateway.content.gateway_class_name)
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
