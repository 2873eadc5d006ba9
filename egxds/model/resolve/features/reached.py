"""What features of policies are told of backends that Envoy itself speaks to, and by whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from egxds.model.api.references import BackendObjectReference
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.upstreams import EndpointAddress, UpstreamProtocol, UpstreamTls
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ReachedBackend:
    """A backend that is spoken to for a policy.

    Attributes:
        addresses: of its endpoints; none where none is ready.
        protocol: how it is spoken to.
        tls: the TLS that this is inside of; None where it is without.
    """

    addresses: tuple[EndpointAddress, ...]
    protocol: UpstreamProtocol
    tls: UpstreamTls | None


class PolicyBackends(Protocol):
    """Finds what policies name to be spoken to."""

    def reach(self, policy: ObjectKey, ref: BackendObjectReference, path: Path) -> ReachedBackend | Fault:
        """Follow a reference of a policy to a backend, or say why it is refused.

        Args:
            policy: that has it.
            ref: the reference.
            path: where it stands.
        """

    def refusal(self, address: EndpointAddress) -> str:
        """Say why nothing may be spoken to at an address; empty where it may."""
