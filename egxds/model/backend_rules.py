"""Rules of Services, EndpointSlices and Backends that no single field can state. Pure.

They are those of the Kubernetes API server (Service, EndpointSlice) and of Envoy Gateway's CRD (Backend).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from egxds.model.findings import Finding
from egxds.model.scalars import is_hostname

if TYPE_CHECKING:
    from egxds.model.backend_objects import BackendEndpoint, BackendSpec, EndpointSliceBody, ServiceSpec

_MAX_PORT = 65535
_VERSIONS = {"IPv4": 4, "IPv6": 6}


def check_target_port(value: object) -> int | str:
    """Accept a port number or the name of a port.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PORT:
        return value
    raise ValueError(f"must be a port number from 1 to {_MAX_PORT}, or the name of a port")


def service_findings(service: ServiceSpec) -> Iterator[Finding]:
    """Check the ports of a Service against each other."""
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for index, port in enumerate(service.ports):
        if len(service.ports) > 1 and not port.name:
            yield Finding(("ports", index), "name is missing; a Service with several ports needs one for each")
        elif port.name in names:
            yield Finding(("ports", index, "name"), f"another port is named {port.name} too; rename one")
        if (port.port, port.protocol) in numbers:
            yield Finding(("ports", index, "port"), f"port {port.port} ({port.protocol}) is listed twice; delete one")
        names.add(port.name)
        numbers.add((port.port, port.protocol))


def slice_findings(slice_: EndpointSliceBody) -> Iterator[Finding]:
    """Check that the addresses of a slice are of its addressType."""
    for index, endpoint in enumerate(slice_.endpoints):
        for position, address in enumerate(endpoint.addresses):
            if not _is_of_type(address, slice_.address_type):
                path = ("endpoints", index, "addresses", position)
                yield Finding(path, f"is not an address of type {slice_.address_type}")


def _is_of_type(address: str, address_type: str) -> bool:
    if address_type == "FQDN":
        return is_hostname(address)
    try:
        return ipaddress.ip_address(address).version == _VERSIONS[address_type]
    except ValueError:
        return False


def endpoint_findings(endpoint: BackendEndpoint) -> Iterator[Finding]:
    """Check that an endpoint of a Backend has exactly one address."""
    given = [value for value in (endpoint.ip, endpoint.fqdn, endpoint.unix) if value is not None]
    if len(given) != 1:
        yield Finding((), "give exactly one of ip, fqdn and unix")


def backend_findings(backend: BackendSpec) -> Iterator[Finding]:
    """Check that hostnames do not stand beside other addresses, which one Envoy cluster cannot hold."""
    named = [endpoint.fqdn is not None for endpoint in backend.endpoints]
    if any(named) and not all(named):
        yield Finding(("endpoints",), "fqdn cannot stand beside ip or unix in one Backend; use two Backends")
