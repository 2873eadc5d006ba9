"""Which listeners of a Gateway share an Envoy Listener, and which share a RouteConfiguration. Pure.

All listeners of a port share an Envoy Listener, since Envoy binds an address and port once. Its HTTP listeners share
one RouteConfiguration, since only the Host of a request tells them apart; an HTTPS listener is told apart by its
server name, before there is a request, and has its own.

An Envoy Listener, and the RouteConfiguration of HTTP, are named after the first of the listeners that share them,
which is Envoy Gateway's scheme and what extensions and patches go by. Its price is that a listener which comes to
stand before the first renames both, and drains the port's connections.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds import names
from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.object_key import ObjectKey
from egxds.translate.listeners import ListenerPlan, TlsChain
from egxds.translate.routes.served_at import ServedAt


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Listeners that share a RouteConfiguration.

    Attributes:
        name: of the RouteConfiguration.
        served_at: how clients reach them.
        listeners: in the Gateway's order.
        elsewhere: hostnames of the other listeners on the port, sorted, where connections are made for one of them.
    """

    name: str
    served_at: ServedAt
    listeners: tuple[ResolvedListener, ...]
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """The listeners of a Gateway on one port.

    Attributes:
        plan: of the Envoy Listener.
        groups: of its RouteConfigurations.
        policies: those of extensions on any of the listeners, or on the Gateway; some are there more than once.
    """

    plan: ListenerPlan
    groups: tuple[HostGroup, ...]
    policies: tuple[ApiObject[PolicyBody], ...]


def ports_of(gateway: ResolvedGateway) -> tuple[Port, ...]:
    """Group the listeners of a Gateway by port, in the order in which the Gateway first names each."""
    by_port: dict[int, list[ResolvedListener]] = {}
    for listener in gateway.listeners:
        by_port.setdefault(listener.port, []).append(listener)
    return tuple(_port(gateway, number, listeners) for number, listeners in by_port.items())


def envoy_listener_name(gateway: ResolvedGateway, number: int) -> str | None:
    """Return the name of the Envoy Listener of a port; None where no listener of the Gateway has the port."""
    return next((_name(gateway, listener.name) for listener in gateway.listeners if listener.port == number), None)


def _port(gateway: ResolvedGateway, number: int, listeners: list[ResolvedListener]) -> Port:
    http = tuple(listener for listener in listeners if listener.protocol == "HTTP")
    https = tuple(listener for listener in listeners if listener.protocol == "HTTPS")
    closed = tuple(each for each in gateway.closed if each.port == number)
    hostnames = {each.hostname for each in https} | {each.hostname for each in closed}
    plan = ListenerPlan(
        name=_name(gateway, listeners[0].name),
        addresses=gateway.addresses,
        port=number,
        http=_name(gateway, http[0].name) if http else "",
        chains=(
            *(TlsChain(_name(gateway, each.name), each.hostname, _secrets(each)) for each in https),
            *(TlsChain(_name(gateway, each.listener), each.hostname, ()) for each in closed),
        ),
        sources=_sources(gateway, https),
    )
    shared = [HostGroup(plan.http, ServedAt("http", number), http)] if http else []
    own = [
        HostGroup(
            _name(gateway, listener.name),
            ServedAt("https", number),
            (listener,),
            tuple(sorted(hostnames - {listener.hostname})),
        )
        for listener in https
    ]
    policies = tuple(policy for listener in listeners for policy in listener.policies)
    return Port(plan, (*shared, *own), policies)


def _name(gateway: ResolvedGateway, listener: str) -> str:
    return names.listener_name(gateway.gateway.key.namespace, gateway.gateway.key.name, listener)


def _secrets(listener: ResolvedListener) -> tuple[str, ...]:
    """Return the names of a listener's certificates, each once."""
    return tuple(dict.fromkeys(names.secret_name(each.key.namespace, each.key.name) for each in listener.certificates))


def _sources(gateway: ResolvedGateway, https: tuple[ResolvedListener, ...]) -> tuple[ObjectKey, ...]:
    certificates = {certificate.key for listener in https for certificate in listener.certificates}
    return tuple(sorted({gateway.gateway.key} | certificates))
