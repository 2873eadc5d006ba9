"""What is behind a backendRef, and how it is spoken to. Pure.

Sources: Gateway API v1.6 (HTTPBackendRef, GRPCBackendRef, BackendRef), Kubernetes (EndpointSlice; KEP-3726 for
application protocols), Envoy Gateway (Backend).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from egxds.model.api.backends import BACKEND, SERVICE, BackendSpec, ServicePort, ServiceSpec
from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.object import ApiObject
from egxds.model.api.references import BackendObjectReference
from egxds.model.api.validation import Path
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.closed_addresses import ClosedAddresses
from egxds.model.resolve.dependents import GrantsIn, Query
from egxds.model.resolve.endpoints import address_of, service_port
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.listener_protocols import TLS_PASSING
from egxds.model.resolve.references import backend_target, is_permitted, kind_text, not_found, not_permitted
from egxds.model.resolve.route_kinds import RouteKind
from egxds.model.resolve.upstreams import EndpointsKey, SocketAddress, UpstreamProtocol, UpstreamTls
from egxds.object_key import GroupKind, ObjectKey

_APP_PROTOCOLS: Mapping[str, UpstreamProtocol] = {
    "kubernetes.io/h2c": UpstreamProtocol.HTTP2,
    "gateway.envoyproxy.io/h2c": UpstreamProtocol.HTTP2,
    "kubernetes.io/ws": UpstreamProtocol.HTTP1,
    "gateway.envoyproxy.io/ws": UpstreamProtocol.HTTP1,
    "kubernetes.io/wss": UpstreamProtocol.HTTP1,
    "gateway.envoyproxy.io/wss": UpstreamProtocol.HTTP1,
}
"""Application protocol → how such a backend is spoken to. One that is not here, as one that is not given, leaves it to
the kind of route."""

_INSIDE_TLS = frozenset({"https", "kubernetes.io/wss", "gateway.envoyproxy.io/wss"})
"""Those that are spoken inside of TLS, which something has to ask for that says whom to trust."""

Custom = ApiObject[ExtensionBody]
"""A backend of a kind that belongs to an extension, which knows the endpoints."""


@dataclass(frozen=True, slots=True)
class BackendVerdict:
    """A Backend.

    Attributes:
        item: the Backend.
        faults: why it is not accepted; what refers to it answers 500.
        doubts: what is accepted, and gives whoever wrote it a way to more than the network.
    """

    item: ApiObject[BackendSpec]
    faults: tuple[Fault, ...]
    doubts: tuple[Fault, ...] = ()


def judge_backend(item: ApiObject[BackendSpec], closed: ClosedAddresses, encryption: BackendTlsBook) -> BackendVerdict:
    """Decide about a Backend.

    Args:
        item: the Backend.
        closed: addresses that it may not have.
        encryption: knows what comes of what it says of TLS.
    """
    refusals = encryption.refusals(item.key, backend_sections(item.content))
    closing = (replace(each, reason=Reason.INVALID) for each in refusals)
    faults = (*closing, *_faults(item.content, closed))
    return BackendVerdict(item, faults, tuple(_doubts(item.content)))


def _faults(backend: BackendSpec, closed: ClosedAddresses) -> Iterator[Fault]:
    for position, endpoint in enumerate(backend.endpoints):
        refusal = closed.refusal(address_of(endpoint))
        if refusal:
            yield Fault(Reason.INVALID, f"{refusal}: what refers to it answers 500", ("spec", "endpoints", position))


def _doubts(backend: BackendSpec) -> Iterator[Fault]:
    if backend.is_dynamic:
        message = "type DynamicResolver: whoever may send a request chooses where it goes, also inside of the network"
        yield Fault(Reason.ACCEPTED, message, ("spec", "type"))
    if backend.tls is not None and backend.tls.insecure_skip_verify:
        message = "tls.insecureSkipVerify: nobody looks at its certificate, unless a BackendTLSPolicy says how"
        yield Fault(Reason.ACCEPTED, message, ("spec", "tls", "insecureSkipVerify"))
    for position, endpoint in enumerate(backend.endpoints):
        if endpoint.unix is not None:
            message = f"traffic reaches the Unix socket {endpoint.unix.path!r} of the machine that Envoy runs on"
            yield Fault(Reason.ACCEPTED, message, ("spec", "endpoints", position, "unix"))


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What is behind a backendRef.

    Attributes:
        key: what they are found by.
        protocol: how they are spoken to.
        is_fallback: whether they are only for when those of other backends cannot be used.
        tls: how they are spoken to by TLS; None where it is without.
    """

    key: EndpointsKey
    protocol: UpstreamProtocol
    is_fallback: bool = False
    tls: UpstreamTls | None = None


@dataclass(frozen=True, slots=True)
class BackendFollowing:
    """The following of one backendRef.

    Attributes:
        origin: the route that refers.
        route_kind: its row.
        ref: the reference.
        path: where it stands.
        index: finds the objects.
        encryption: knows which backends are spoken to by TLS.
        has_host: whether it is for requests of clients, of which the host may say whom to ask for.
    """

    origin: ObjectKey
    route_kind: RouteKind
    ref: BackendObjectReference
    path: Path
    index: ObjectIndex
    encryption: BackendTlsBook
    has_host: bool = True

    def follow(self, kinds: ExtensionKinds) -> Endpoints | Custom | Fault:
        """Follow the reference to its endpoints, or to the object that only an extension understands.

        Args:
            kinds: those that belong to extensions.

        Returns:
            The endpoints; or the object; or why the reference is refused.
        """
        target = backend_target(self.origin, self.ref)
        resolver = _RESOLVERS.get(target.group_kind)
        is_custom = target.group_kind in kinds.backends
        if resolver is None and not is_custom:
            message = f"a backend is a Service or a Backend, not a {kind_text(target.group, target.kind)}"
            return Fault(Reason.INVALID_KIND, message, self.path)
        if not is_permitted(self.origin, target, self.index.grants(target.namespace)):
            return not_permitted(self.origin, target, self.path)
        found = resolver(self, target) if resolver is not None else self.index.extension(target)
        return found or not_found(Reason.BACKEND_NOT_FOUND, target, self.path)

    def tls_of(self, target: ObjectKey, section: str, all_sections: Collection[str]) -> UpstreamTls | Fault | None:
        """Say how a backend is spoken to by TLS; None where it is without, or why it is not spoken to at all."""
        has_host = self.has_host and self.route_kind.reads_requests
        return self.encryption.tls_of(target, section, all_sections, self.path, has_host=has_host)

    def protocol(self, target: ObjectKey, spoken: Iterable[str], tls: UpstreamTls | None) -> UpstreamProtocol | Fault:
        """Decide how a backend is spoken to; one that is handed connections as they are may speak what it likes.

        Args:
            target: the backend.
            spoken: its application protocols, of which the first that is known counts.
            tls: how it is spoken to by TLS; None where it is without.
        """
        first = self.route_kind.upstream[0]
        if first is UpstreamProtocol.UDP and tls is not None:
            return self.unserved_protocol(target, "TLS")
        if first.is_plain:
            return first
        known = next((name for name in spoken if name in _APP_PROTOCOLS or name in _INSIDE_TLS), "")
        protocol = _APP_PROTOCOLS.get(known, first)
        if protocol in self.route_kind.upstream and (tls is not None or known not in _INSIDE_TLS):
            return protocol
        return self.unserved_protocol(target, known)

    @property
    def may_be_dynamic(self) -> bool:
        """Whether traffic names a host that it may be sent to: that of a request, or of a TLS connection."""
        return self.has_host and (self.route_kind.reads_requests or TLS_PASSING in self.route_kind.protocols)

    def not_dynamic(self, target: ObjectKey) -> Fault:
        """Say that a backend that resolves hosts has none to resolve."""
        message = f"{target} is of type DynamicResolver; {self.origin.kind} has no host to resolve"
        return Fault(Reason.UNSUPPORTED_VALUE, message, self.path)

    def unserved_protocol(self, target: ObjectKey, protocol: str) -> Fault:
        """Say that a backend cannot be spoken to."""
        served = " or ".join(each.value for each in self.route_kind.upstream)
        over = self.route_kind.transport.value
        way = over if self.route_kind.upstream[0].is_plain else f"{served} over {over}"
        message = f"{target} speaks {protocol}; backends of a {self.origin.kind} are reached by {way}"
        return Fault(Reason.UNSUPPORTED_PROTOCOL, message, self.path)


def backend_queries(origin: ObjectKey, route_kind: RouteKind, ref: BackendObjectReference) -> Iterator[Query]:
    """Yield everything that the following of a backendRef asks for."""
    target = backend_target(origin, ref)
    yield target
    yield _endpoints_key(target, route_kind, ref)
    if target.namespace != origin.namespace:
        yield GrantsIn(target.namespace)


def _endpoints_key(target: ObjectKey, route_kind: RouteKind, ref: BackendObjectReference) -> EndpointsKey:
    # The endpoints of a Backend say of no transport that they are for it, and serve any.
    if target.group_kind != SERVICE.id:
        return EndpointsKey(target)
    return EndpointsKey(target, ref.port, route_kind.transport)


def _backend(following: BackendFollowing, target: ObjectKey) -> Endpoints | Fault | None:
    backend = following.index.state.of(BACKEND).get(target)
    if backend is None:
        return None
    if backend.content.is_dynamic and not following.may_be_dynamic:
        return following.not_dynamic(target)
    ports = backend_sections(backend.content)
    tls = following.tls_of(target, "".join(ports), ports)
    if isinstance(tls, Fault):
        return tls
    protocol = following.protocol(target, backend.content.app_protocols, tls)
    if isinstance(protocol, Fault):
        return protocol
    if protocol is UpstreamProtocol.UDP and any(each.unix is not None for each in backend.content.endpoints):
        return following.unserved_protocol(target, "through a Unix socket")
    key = _endpoints_key(target, following.route_kind, following.ref)
    return Endpoints(key, protocol, backend.content.fallback, tls)


def backend_sections(backend: BackendSpec) -> tuple[str, ...]:
    """Return what `sectionName` of a policy can name of a Backend: the port, where all its endpoints have the same."""
    addresses = [address_of(endpoint) for endpoint in backend.endpoints]
    ports = {str(each.port) if isinstance(each, SocketAddress) else "" for each in addresses}
    return tuple(filter(None, ports)) if len(ports) == 1 else ()


def _service(following: BackendFollowing, target: ObjectKey) -> Endpoints | Fault | None:
    service = following.index.state.of(SERVICE).get(target)
    if service is None:
        return None
    if service.content.type == "ExternalName":
        message = f"{target} is of type ExternalName, which Gateway API does not route to; use a Backend with fqdn"
        return Fault(Reason.INVALID_KIND, message, following.path)
    port = _service_port(following, service)
    if isinstance(port, Fault):
        return port
    named = [each.name for each in service.content.ports]
    tls = following.tls_of(target, port.name, named)
    if isinstance(tls, Fault):
        return tls
    protocol = following.protocol(target, (port.app_protocol,) if port.app_protocol else (), tls)
    if isinstance(protocol, Fault):
        return protocol
    return Endpoints(_endpoints_key(target, following.route_kind, following.ref), protocol, tls=tls)


_RESOLVERS: Mapping[GroupKind, Callable[[BackendFollowing, ObjectKey], Endpoints | Fault | None]] = {
    SERVICE.id: _service,
    BACKEND.id: _backend,
}
"""Kind of a backend → how it is followed; nothing where there is no such object."""


def _service_port(following: BackendFollowing, service: ApiObject[ServiceSpec]) -> ServicePort | Fault:
    number = following.ref.port
    named = [port for port in service.content.ports if port.port == number]
    if not named:
        has = ", ".join(str(port.port) for port in service.content.ports) or "none"
        message = f"{service.key} has no port {number}; its ports: {has}"
        return Fault(Reason.BACKEND_NOT_FOUND, message, following.path)
    port = service_port(service.content, number, following.route_kind.transport)
    return port or following.unserved_protocol(service.key, named[0].protocol)
