"""All Gateways of a class as one, where its EnvoyProxy asks for that. Pure; puts together again what changed.

Source: Envoy Gateway v1.9, EnvoyProxySpec.mergeGateways. One Envoy serves them, with one space of ports: listeners of
several Gateways share an Envoy Listener where they have the same addresses and port, as those of one Gateway do, and
cannot both have a hostname there (`listener_conflicts`). The older Gateway comes first.

What comes of it is handed on as one more Gateway, in no namespace, with the name of the class. Each of its listeners
says whose it is (`names.merged_listener_name`), so that resources have the names that they have of a Gateway by itself.
The Gateways that are served by it stay for people to look at, and say so (`served_as`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from egxds import names
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.closed_hostnames import closed_hostnames
from egxds.model.resolve.listeners import ListenerVerdict
from egxds.model.resolve.precedence import precedence
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.object_key import ObjectKey

_Found = TypeVar("_Found", bound=ApiObject[ApiModel])
_Listener = tuple[ResolvedListener, ResolvedListener]
"""A listener as its Gateway has it, and as it is among those of all."""

Edits = Mapping[ObjectKey, ResolvedGateway | None]


class MergedGateways:
    """Knows the Gateways that are served as one, by their class."""

    def __init__(self, listeners: Callable[[ObjectKey], tuple[ListenerVerdict, ...]]) -> None:
        """Start without Gateways.

        Args:
            listeners: returns what was decided about the listeners of a Gateway that is served.
        """
        self._verdicts = listeners
        self._classes: dict[str, dict[ObjectKey, ResolvedGateway]] = {}
        self._class_of: dict[ObjectKey, str] = {}
        self._renamed: dict[ObjectKey, dict[str, _Listener]] = {}
        self._whole: dict[str, ResolvedGateway] = {}

    def update(self, gateways: Edits) -> Edits:
        """Take over Gateways, and return what comes of the classes that are served as one.

        Args:
            gateways: those that changed or came; None for one that is gone.
        """
        touched = {name for key, gateway in gateways.items() for name in self._take(key, gateway)}
        return {GATEWAY.key("", name): self._together(name) for name in sorted(touched)}

    def _take(self, key: ObjectKey, gateway: ResolvedGateway | None) -> Iterable[str]:
        """Take a Gateway over; return the classes that it was, and is, served as one with."""
        before = self._class_of.pop(key, None)
        if before is not None:
            del self._classes[before][key]
        if gateway is None or not gateway.served_as:
            self._renamed.pop(key, None)
            return () if before is None else (before,)
        now = self._class_of[key] = gateway.class_name
        self._classes.setdefault(now, {})[key] = gateway
        return (now,) if before is None else (before, now)

    def _together(self, name: str) -> ResolvedGateway | None:
        members = sorted(self._classes[name].values(), key=lambda each: precedence(each.gateway))
        if not members:
            del self._classes[name]
            self._whole.pop(name, None)
            return None
        lead, before = members[0], self._whole.get(name)
        gateway = replace(lead.gateway, key=GATEWAY.key("", name))
        certificates = {each.client_certificate.key if each.client_certificate else None for each in members}
        whole = self._whole[name] = replace(
            lead,
            # The same object where it is equal: what is made from it is kept by that.
            gateway=before.gateway if before is not None and before.gateway == gateway else gateway,
            listeners=tuple(chain.from_iterable(map(self._listeners, members))),
            policies=_each_once(chain.from_iterable(each.policies for each in members)),
            closed=closed_hostnames([each for member in members for each in self._judged_listeners(member)]),
            listener_sets=_each_once(chain.from_iterable(each.listener_sets for each in members)),
            # A backend can be shown one only: where they differ, nobody's is shown to those of another.
            client_certificate=lead.client_certificate if len(certificates) == 1 else None,
            lacks_certificate=len(certificates) > 1 or any(each.lacks_certificate for each in members),
            patches=_each_once(chain.from_iterable(each.patches for each in members)),
            served_as="",
            members=tuple(each.gateway for each in members),
        )
        return whole

    def _listeners(self, member: ResolvedGateway) -> Iterable[ResolvedListener]:
        """Return the listeners of a Gateway among those of all; one that is the same object is so here, too."""
        before = self._renamed.get(member.gateway.key, {})
        now = self._renamed[member.gateway.key] = {}
        for each in member.listeners:
            known = before.get(each.name)
            if known is None or known[0] is not each or known[1].addresses != member.addresses:
                known = each, replace(each, name=_name(member, each.name), addresses=member.addresses)
            now[each.name] = known
        return [renamed for _, renamed in now.values()]

    def _judged_listeners(self, member: ResolvedGateway) -> Iterable[ListenerVerdict]:
        return (replace(each, name=_name(member, each.name)) for each in self._verdicts(member.gateway.key))


def _name(member: ResolvedGateway, listener: str) -> str:
    return names.merged_listener_name(member.gateway.key.namespace, member.gateway.key.name, listener)


def _each_once(found: Iterable[_Found]) -> tuple[_Found, ...]:
    return tuple({item.key: item for item in found}.values())
