"""Gateways that are edited step by step, as the resolver hands them on: what did not change is the same object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from egxds.incremental.identity import are_same
from egxds.incremental.revision import Revision
from egxds.model.api.core import SecretBody
from egxds.model.api.object import ApiObject
from egxds.model.resolve.hostnames import intersection
from egxds.model.resolve.resolved import (
    AttachedRoute,
    Resolution,
    ResolvedBackend,
    ResolvedGateway,
    ResolvedListener,
    ResolvedRoute,
)
from egxds.model.resolve.upstreams import EndpointAddress, EndpointsKey, EndpointsShape, EndpointTable
from egxds.object_key import ObjectKey
from tests.unit.translate import builders
from tests.unit.translate.reading import resolution_of


@dataclass(frozen=True)
class Place:
    """A listener as its Gateway has it.

    Attributes:
        name: of the listener.
        port: its port; 443 is HTTPS.
        hostname: `*` for any.
        certificate: name of the Secret of an HTTPS listener.
    """

    name: str
    port: int = 80
    hostname: str = "*"
    certificate: str = "cert"


@dataclass(frozen=True)
class Written:
    """A route as the user has it.

    Attributes:
        rules: as `builders.rule` gives them.
        parents: (Gateway, listener) that it is attached to.
        hostnames: none for any.
        created: its creationTimestamp.
    """

    rules: tuple[dict[str, Any], ...]
    parents: frozenset[tuple[str, str]]
    hostnames: tuple[str, ...] = ()
    created: str | None = None


def backend_of(service: str, shape: EndpointsShape = EndpointsShape.ADDRESSES, weight: int = 1) -> ResolvedBackend:
    """Return a backend that is a Service."""
    return ResolvedBackend(0, weight, endpoints_key(service), shape)


def endpoints_key(service: str) -> EndpointsKey:
    """Return what the endpoints of a Service are found by."""
    return EndpointsKey(ObjectKey("", "Service", "default", service), 80)


_Attached = Revision[ObjectKey, AttachedRoute]


@dataclass
class World:
    """Everything that is resolved, with the objects of before where nothing changed."""

    endpoints: EndpointTable = field(default_factory=Revision)
    gateways: Revision[ObjectKey, ResolvedGateway] = field(default_factory=Revision)
    places: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    annotations: dict[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: dict[str, ApiObject[SecretBody]] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)
    resolved: dict[str, ResolvedRoute] = field(default_factory=dict)
    attached: dict[tuple[str, str], _Attached] = field(default_factory=dict)

    def resolution(self) -> Resolution:
        """Return what there is."""
        return replace(resolution_of(), gateways=self.gateways, endpoints=self.endpoints)

    def put_endpoints(self, service: str, *addresses: EndpointAddress) -> None:
        """Let a Service have some addresses."""
        self.endpoints = self.endpoints.edited({endpoints_key(service): addresses})

    def put_gateway(self, name: str, *places: Place, annotations: Mapping[str, str] | None = None) -> None:
        """Let a Gateway have some listeners."""
        self.places[name] = places
        self.annotations[name] = annotations or {}
        for route in self.written:
            self._attach(route, {(name, place.name) for place in places})
        self._settle_gateway(name, builders.gateway(name=name, annotations=annotations))

    def remove_gateway(self, name: str) -> None:
        """Take a Gateway away."""
        self.places.pop(name, None)
        self.gateways = self.gateways.edited({}, [builders.source("Gateway", name)])
        self.attached = {at: routes for at, routes in self.attached.items() if at[0] != name}

    def put_secret(self, name: str, content: str) -> None:
        """Let a certificate have some content."""
        self.secrets[name] = builders.secret(name, content)
        self._settle({gateway for gateway, places in self.places.items() if name in _certificates(places)})

    def put_route(self, name: str, written: Written) -> None:
        """Let a route be as written."""
        before = self.written.get(name)
        self.written[name] = written
        self.resolved[name] = builders.route(name, *written.rules, created=written.created)
        self._attach(name, written.parents | (before.parents if before else frozenset()))
        self._settle({gateway for gateway, _ in written.parents | (before.parents if before else frozenset())})

    def remove_route(self, name: str) -> None:
        """Take a route away."""
        written = self.written.pop(name, None)
        if written is not None:
            self._attach(name, written.parents)
            self._settle({gateway for gateway, _ in written.parents})
            del self.resolved[name]

    def _attach(self, name: str, at: frozenset[tuple[str, str]] | set[tuple[str, str]]) -> None:
        key, written = builders.source("HTTPRoute", name), self.written.get(name)
        for gateway, listener in at:
            place = next((place for place in self.places.get(gateway, ()) if place.name == listener), None)
            is_parent = written is not None and (gateway, listener) in written.parents
            hostnames = intersection(place.hostname, written.hostnames) if place and written and is_parent else ()
            before = self.attached.get((gateway, listener), Revision())
            now = AttachedRoute(self.resolved[name], hostnames) if hostnames else None
            kept = before.get(key) if now == before.get(key) else now
            self.attached[gateway, listener] = before.edited({key: kept} if kept else {}, [key])

    def _settle(self, gateways: set[str]) -> None:
        for name in gateways & self.places.keys():
            self._settle_gateway(name, self.gateways[builders.source("Gateway", name)])

    def _settle_gateway(self, name: str, found: ResolvedGateway) -> None:
        before = self.gateways.get(found.gateway.key)
        known = {listener.name: listener for listener in before.listeners} if before else {}
        listeners = []
        for place in self.places[name]:
            listener = self._listener(name, place)
            old = known.get(place.name)
            listeners.append(old if old is not None and _same(old, listener) else listener)
        if before is not found or not are_same(found.listeners, listeners):
            self.gateways = self.gateways.edited({found.gateway.key: replace(found, listeners=tuple(listeners))})

    def _listener(self, gateway: str, place: Place) -> ResolvedListener:
        certificates = [self.secrets.setdefault(place.certificate, builders.secret(place.certificate))]
        built = builders.listener(
            place.name,
            port=place.port,
            hostname=place.hostname,
            certificates=certificates if place.port == 443 else (),
        )
        return replace(built, routes=self.attached.setdefault((gateway, place.name), Revision()))


def _certificates(places: tuple[Place, ...]) -> set[str]:
    return {place.certificate for place in places if place.port == 443}


def _same(one: ResolvedListener, other: ResolvedListener) -> bool:
    """Tell whether two listeners hold the same objects; revisions are compared by identity."""
    return one == other and are_same(one.certificates, other.certificates)
