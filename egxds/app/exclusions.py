"""What an Envoy that takes all Gateways of a class goes without, as names of Envoy Listeners. Pure.

Looked at again where the conflicts of a class are others, or a Gateway that loses one is: which of its listeners names
the Envoy Listener may be another one now. A class whose conflicts are over stays, with none: whoever was told of them
is to be told so.
"""

from __future__ import annotations

from collections.abc import Mapping

from egxds.incremental.revision import Revision
from egxds.model.api.gateway import GATEWAY
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.resolved import Resolution, ResolvedGateway
from egxds.object_key import ObjectKey
from egxds.translate.ports import envoy_listener_name

Exclusions = Mapping[str, frozenset[tuple[str, str]]]
"""GatewayClass → (Gateway, name of its Envoy Listener)."""


class ExclusionTable:
    """The exclusions of all classes."""

    def __init__(self) -> None:
        self._exclusions: Exclusions = {}
        self._conflicts: Mapping[str, frozenset[tuple[str, int, Transport]]] = {}
        self._losers: frozenset[ObjectKey] = frozenset()
        self._gateways: Revision[ObjectKey, ResolvedGateway] = Revision()

    def update(self, resolution: Resolution) -> Exclusions:
        """Return the exclusions; the same object as before where nothing changed."""
        changed = resolution.gateways.changed_since(self._gateways)
        if resolution.class_conflicts != self._conflicts or not self._losers.isdisjoint(changed):
            self._look_up(resolution)
        self._gateways = resolution.gateways
        return self._exclusions

    def _look_up(self, resolution: Resolution) -> None:
        conflicts = resolution.class_conflicts
        found = dict.fromkeys(self._exclusions.keys() | conflicts.keys(), frozenset[tuple[str, str]]())
        for class_name, lost in conflicts.items():
            names = ((gateway, _listener_name(resolution, gateway, port, over)) for gateway, port, over in lost)
            found[class_name] = frozenset((gateway, name) for gateway, name in names if name is not None)
        self._exclusions = found
        self._conflicts = conflicts
        self._losers = frozenset(_key(gateway) for lost in conflicts.values() for gateway, *_ in lost)


def _listener_name(resolution: Resolution, gateway: str, port: int, transport: Transport) -> str | None:
    found = resolution.gateways.get(_key(gateway))
    return envoy_listener_name(found, port, transport) if found is not None else None


def _key(gateway: str) -> ObjectKey:
    namespace, _, name = gateway.partition("/")
    return ObjectKey(*GATEWAY.id, namespace, name)
