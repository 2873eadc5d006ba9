"""Backends that Envoy itself speaks to, since a policy says so: found as those of routes are. Pure.

Their endpoints are part of what the policy comes to, and not in the table of those that routes send to: there are few,
and what is asked of them is asked seldom.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.kinds import ExtensionKinds
from egxds.model.api.references import BackendObjectReference
from egxds.model.api.validation import Path
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.backends import BackendFollowing, Endpoints
from egxds.model.resolve.closed_addresses import ClosedAddresses
from egxds.model.resolve.endpoints import addresses_of
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.reached import ReachedBackend
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.upstreams import EndpointAddress
from egxds.object_key import ObjectKey

_NO_KINDS = ExtensionKinds()
"""Of extensions: only they know the endpoints of theirs, and are asked about routes."""


@dataclass(frozen=True, slots=True)
class ReachedBackends:
    """Finds what policies name.

    Attributes:
        index: finds the objects.
        encryption: knows which backends are spoken to by TLS.
        closed: addresses that no backend may have.
    """

    index: ObjectIndex
    encryption: BackendTlsBook
    closed: ClosedAddresses

    def reach(self, policy: ObjectKey, ref: BackendObjectReference, path: Path) -> ReachedBackend | Fault:
        """Follow a reference of a policy to a backend, or say why it is refused."""
        kind = ROUTE_KINDS[HTTP_ROUTE.id]
        following = BackendFollowing(policy, kind, ref, path, self.index, self.encryption, has_host=False)
        found = following.follow(_NO_KINDS)
        if not isinstance(found, Endpoints):
            return found if isinstance(found, Fault) else Fault(Reason.INVALID_KIND, f"{found.key} is no backend", path)
        addresses = addresses_of(found.key, self.index)
        refusal = next(self._refusals(addresses), "")
        if refusal:
            return Fault(Reason.INVALID, f"{found.key.backend}: {refusal}", path)
        return ReachedBackend(addresses, found.protocol, found.tls)

    def refusal(self, address: EndpointAddress) -> str:
        """Say why nothing may be spoken to at an address; empty where it may."""
        return self.closed.refusal(address)

    def _refusals(self, addresses: tuple[EndpointAddress, ...]) -> Iterator[str]:
        return filter(None, map(self.closed.refusal, addresses))
