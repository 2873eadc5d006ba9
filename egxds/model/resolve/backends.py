"""What is behind a backendRef: the endpoints of a Service or a Backend. Pure.

Sources: Gateway API v1.6 (HTTPBackendRef, BackendRef), Kubernetes (EndpointSlice), Envoy Gateway (Backend).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egxds.model.api.backends import BackendSpec, EndpointPort, EndpointSliceBody, ServicePort, ServiceSpec
from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.object import CORE_GROUP, ENVOY_GATEWAY_GROUP, ApiObject, ObjectKey
from egxds.model.api.references import HttpBackendRef
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.references import backend_target, is_permitted, kind_text, not_found, not_permitted
from egxds.model.resolve.resolved import EndpointAddress, PipeAddress, SocketAddress

_SERVICE = (CORE_GROUP, "Service")
_BACKEND = (ENVOY_GATEWAY_GROUP, "Backend")
_TCP = "TCP"
_UNSERVED_PROTOCOLS = frozenset(
    {"https", "kubernetes.io/h2c", "kubernetes.io/wss", "gateway.envoyproxy.io/h2c", "gateway.envoyproxy.io/wss"}
)
"""Application protocols that plain HTTP/1.1 to the backend would not reach."""

Endpoints = tuple[EndpointAddress, ...]
Custom = ApiObject[ExtensionBody]
"""A backend of a kind that belongs to an extension, which knows the endpoints."""


def backend_dependencies(origin: ObjectKey, ref: HttpBackendRef, index: ObjectIndex) -> tuple[object, ...]:
    """Return all content that decides what is behind a backendRef, None for what is missing."""
    target = backend_target(origin, ref)
    grants = index.grants(target.namespace) if target.namespace != origin.namespace else None
    if (ref.group, ref.kind) == _SERVICE:
        service = index.state.services.get(target)
        return service.content if service is not None else None, index.slices(target), grants
    if (ref.group, ref.kind) == _BACKEND:
        backend = index.state.backends.get(target)
        return backend.content if backend is not None else None, grants
    return index.extension(target), grants


def resolve_backend(
    origin: ObjectKey, ref: HttpBackendRef, path: Path, index: ObjectIndex, kinds: ExtensionKinds
) -> Endpoints | Custom | Fault:
    """Follow a backendRef to its endpoints, or to the object that only an extension understands.

    Args:
        origin: the route that refers.
        ref: the reference.
        path: where it stands.
        index: finds the objects.
        kinds: those that belong to extensions.

    Returns:
        The endpoints, sorted, without doubles; or the object; or why the reference is refused.
    """
    target = backend_target(origin, ref)
    is_custom = (ref.group, ref.kind) in kinds.backends
    if (ref.group, ref.kind) not in (_SERVICE, _BACKEND) and not is_custom:
        message = f"a backend is a Service or a Backend, not a {kind_text(ref.group, ref.kind)}"
        return Fault(Reason.INVALID_KIND, message, path)
    if not is_permitted(origin, target, index.grants(target.namespace)):
        return not_permitted(origin, target, path)
    if is_custom:
        return index.extension(target) or not_found(Reason.BACKEND_NOT_FOUND, target, path)
    if (ref.group, ref.kind) == _BACKEND:
        backend = index.state.backends.get(target)
        return _backend(backend, path) if backend else not_found(Reason.BACKEND_NOT_FOUND, target, path)
    service = index.state.services.get(target)
    if service is None:
        return not_found(Reason.BACKEND_NOT_FOUND, target, path)
    return _service(service, ref, path, index)


def _backend(backend: ApiObject[BackendSpec], path: Path) -> Endpoints | Fault:
    unserved = sorted(_UNSERVED_PROTOCOLS.intersection(backend.content.app_protocols))
    if unserved:
        return _unserved_protocol(backend.key, unserved[0], path)
    return _ordered(_backend_endpoints(backend.content))


def _backend_endpoints(backend: BackendSpec) -> Iterator[EndpointAddress]:
    for endpoint in backend.endpoints:
        if endpoint.ip is not None:
            yield SocketAddress(endpoint.ip.address, endpoint.ip.port)
        if endpoint.fqdn is not None:
            yield SocketAddress(endpoint.fqdn.hostname, endpoint.fqdn.port, is_hostname=True)
        if endpoint.unix is not None:
            yield PipeAddress(endpoint.unix.path)


def _service(service: ApiObject[ServiceSpec], ref: HttpBackendRef, path: Path, index: ObjectIndex) -> Endpoints | Fault:
    if service.content.type == "ExternalName":
        message = f"{service.key} is of type ExternalName, which Gateway API does not route to; use a Backend with fqdn"
        return Fault(Reason.INVALID_KIND, message, path)
    port = _service_port(service, ref.port, path)
    if isinstance(port, Fault):
        return port
    slices = index.slices(service.key)
    return _ordered(endpoint for slice_ in slices for endpoint in _slice_endpoints(slice_, port))


def _service_port(service: ApiObject[ServiceSpec], number: int | None, path: Path) -> ServicePort | Fault:
    named = [port for port in service.content.ports if port.port == number]
    if not named:
        has = ", ".join(str(port.port) for port in service.content.ports) or "none"
        return Fault(Reason.BACKEND_NOT_FOUND, f"{service.key} has no port {number}; its ports: {has}", path)
    port = next((port for port in named if port.protocol == _TCP), None)
    if port is None:
        return _unserved_protocol(service.key, named[0].protocol, path)
    if port.app_protocol in _UNSERVED_PROTOCOLS:
        return _unserved_protocol(service.key, port.app_protocol or "", path)
    return port


def _unserved_protocol(target: ObjectKey, protocol: str, path: Path) -> Fault:
    message = f"{target} speaks {protocol}; backends are reached by HTTP/1.1 over TCP"
    return Fault(Reason.UNSUPPORTED_PROTOCOL, message, path)


def _slice_endpoints(slice_: EndpointSliceBody, port: ServicePort) -> Iterator[EndpointAddress]:
    number = _slice_port(slice_.ports, port)
    if number is None:
        return
    for endpoint in slice_.endpoints:
        if endpoint.conditions.ready is not False:
            yield SocketAddress(endpoint.addresses[0], number, is_hostname=slice_.address_type == "FQDN")


def _slice_port(ports: Iterable[EndpointPort], wanted: ServicePort) -> int | None:
    """Find the port of a slice that is meant by a port of its Service.

    The names decide. Where one side has none, as is common in files written by hand, the number does; and where
    neither has one, the only port of the slice is meant, whatever its number.
    """
    target = wanted.target_port if isinstance(wanted.target_port, int) else wanted.port
    served = [port for port in ports if port.protocol == _TCP]
    same_name = [port for port in served if port.name == wanted.name]
    if same_name and wanted.name:
        return same_name[0].port or target
    by_number = [port for port in served if not (port.name and wanted.name) and port.port in (target, None)]
    chosen = by_number or same_name
    return (chosen[0].port or target) if chosen else None


def _ordered(endpoints: Iterable[EndpointAddress]) -> Endpoints:
    return tuple(sorted(set(endpoints), key=_endpoint_order))


def _endpoint_order(endpoint: EndpointAddress) -> tuple[str, int]:
    if isinstance(endpoint, PipeAddress):
        return endpoint.path, 0
    return endpoint.address, endpoint.port
