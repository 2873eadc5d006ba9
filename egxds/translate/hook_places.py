"""What the contexts of hooks say of a Gateway and its listeners: fields of our own, encoded. Pure.

A virtual host names its listener, and tells neither port nor protocol; labels stand in no Envoy resource. Who has to
know them would have to read the Gateways from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from egxds import names
from egxds.generated.envoygateway import extension
from egxds.model.api.gateway import GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.resolve.resolved import ANY_HOST, ResolvedGateway, ResolvedListener
from egxds.resources.encoding import field_bytes
from egxds.translate.metadata import gateway_of
from egxds.translate.ports import Port

_GATEWAY, _LISTENER = 1001, 1002
_REMEMBERED_LISTENERS = 4096
"""All of a Gateway are told of anew where one comes, goes or has another hostname."""

_UNTOLD = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
"""Annotations that are the whole object once more, and would be in the request about every virtual host."""


class HookPlaces:
    """The fields about one Gateway."""

    def __init__(self, gateway: ResolvedGateway) -> None:
        """Encode what all of them share."""
        self._key = gateway.gateway.key
        self._gateway = field_bytes(_GATEWAY, _encode_gateway(gateway.gateway))
        self._members = {each.key: field_bytes(_GATEWAY, _encode_gateway(each)) for each in gateway.members}
        self._listeners = {item.name: field_bytes(_LISTENER, _encode_listener(item)) for item in gateway.listeners}

    def places(self) -> dict[str, bytes]:
        """Return `<namespace>/<gateway>/<listener>` → the fields about the listener."""
        where = self._key
        return {
            names.listener_name(where.namespace, where.name, name): self._gateway_at(name) + listener
            for name, listener in self._listeners.items()
        }

    def _gateway_at(self, listener: str) -> bytes:
        """Return the field about the Gateway that a listener is of, also where this one stands for several."""
        return self._members.get(gateway_of(self._key, listener), self._gateway)

    def ports(self, ports: Iterable[Port]) -> Mapping[str, bytes]:
        """Return Envoy listener name → the fields about all listeners behind it."""
        return {
            port.plan.name: self._join(listener.name for group in port.groups for listener in group.listeners)
            for port in ports
        }

    def whole(self) -> bytes:
        """Return the fields about all listeners."""
        return self._join(self._listeners)

    def _join(self, listeners: Iterable[str]) -> bytes:
        return b"".join((self._gateway, *(self._listeners[name] for name in listeners)))


def _encode_gateway(gateway: ApiObject[GatewaySpec]) -> bytes:
    key, meta = gateway.key, gateway.meta
    annotations = {name: value for name, value in meta.annotations.items() if name not in _UNTOLD}
    message = extension.GatewayOfContext(
        namespace=key.namespace, name=key.name, labels=_notes(meta.labels), annotations=_notes(annotations)
    )
    return bytes(message)


def _notes(noted: Mapping[str, str]) -> list[extension.NoteOfContext]:
    # In order: in another the request would be another.
    return [extension.NoteOfContext(name=name, value=noted[name]) for name in sorted(noted)]


def _encode_listener(listener: ResolvedListener) -> bytes:
    hostname = "" if listener.hostname == ANY_HOST else listener.hostname
    # Without the Gateway that it is of, which is told beside it.
    name = listener.name.split("/", 3)[-1] if listener.name.startswith("/") else listener.name
    return _encoded(name, listener.port, listener.protocol.name, hostname)


@lru_cache(maxsize=_REMEMBERED_LISTENERS)
def _encoded(name: str, port: int, protocol: str, hostname: str) -> bytes:
    return bytes(extension.ListenerOfContext(name=name, port=port, protocol=protocol, hostname=hostname))
