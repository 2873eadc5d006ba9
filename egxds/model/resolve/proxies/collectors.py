"""Who is sent telemetry: backends of an EnvoyProxy, or a host by its name. Pure.

One whose reference leads nowhere, or who may not be spoken to, is nobody: what was to be sent is not. One of whom no
endpoint is ready is somebody, and may come back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egxds.model.api.envoy_proxy.collectors import Collector
from egxds.model.api.references import BackendRef
from egxds.model.api.scalars import is_dns_name
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.reached import ReachedBackend
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.references import backend_target
from egxds.model.resolve.upstreams import EndpointAddress, PipeAddress, SocketAddress, UpstreamProtocol, UpstreamTls
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class FoundCollector:
    """Somebody who is sent telemetry.

    Attributes:
        cluster: by which Envoy knows it.
        authority: what it is called in what is sent to it.
        addresses: none where nobody is there.
        tls: how it is spoken to by TLS; None where it is without.
        protocol: what is spoken.
        proxy: the EnvoyProxy that it is of.
    """

    cluster: str
    authority: str
    addresses: tuple[EndpointAddress, ...]
    tls: UpstreamTls | None
    protocol: UpstreamProtocol
    proxy: ObjectKey


def find_collector(
    asked: Collector, cluster: str, path: Path, context: ProxyContext, protocol: UpstreamProtocol
) -> FoundCollector | Fault:
    """Find a collector, or say why it is nobody.

    Args:
        asked: as the EnvoyProxy has it.
        cluster: by which Envoy is to know it.
        path: where it stands.
        context: of the feature.
        protocol: what it speaks.
    """
    name = f"{context.prefix}{cluster}"
    if not asked.backend_refs:
        return _named(asked, name, path, context, protocol)
    found: list[ReachedBackend] = []
    for at, ref in enumerate(asked.backend_refs):
        reached = context.backends.reach(context.proxy, ref, (*path, "backendRefs", at))
        if isinstance(reached, Fault):
            return reached
        found += [reached] if ref.weight else []
    addresses = tuple(dict.fromkeys(address for each in found for address in each.addresses))
    tls = {each.tls for each in found}
    if len(tls) > 1 or len({isinstance(address, PipeAddress) for address in addresses}) > 1:
        message = "all of them are to be spoken to in one way: with the same TLS or without, by Unix sockets or not"
        return Fault(Reason.INVALID, message, (*path, "backendRefs"))
    authority = _authority(asked.backend_refs, addresses, context.proxy)
    return FoundCollector(name, authority, addresses, next(iter(tls), None), protocol, context.proxy)


def _named(
    asked: Collector, name: str, path: Path, context: ProxyContext, protocol: UpstreamProtocol
) -> FoundCollector | Fault:
    host = asked.host or ""
    address = SocketAddress(host, asked.port, is_hostname=is_dns_name(host))
    refusal = context.backends.refusal(address)
    if refusal:
        return Fault(Reason.INVALID, refusal, (*path, "host"))
    return FoundCollector(name, host, (address,), None, protocol, context.proxy)


def _authority(refs: Iterable[BackendRef], addresses: tuple[EndpointAddress, ...], proxy: ObjectKey) -> str:
    """Return what Envoy Gateway calls it: a hostname of a Backend, or the name of the first Service."""
    names = (each.address for each in addresses if isinstance(each, SocketAddress) and each.is_hostname)
    first = backend_target(proxy, next(iter(refs)))
    return next(names, f"{first.name}.{first.namespace}.svc")
