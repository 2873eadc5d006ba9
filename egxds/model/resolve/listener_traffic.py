"""How a listener takes its clients, as the policy has it that is in force there. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.model.resolve.faults import Fault
from egxds.model.resolve.features.client_tls import ResolvedClientTls
from egxds.model.resolve.upstreams import ClientTrust
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ListenerTraffic:
    """How a listener takes its clients.

    Attributes:
        policy: the policy that is in force; None where none is.
        settings: field of it → what is asked; of one that closes the listener nothing.
        faults: why the listener is closed.
        errors: what is not done, and closes nothing.
    """

    policy: ObjectKey | None = None
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)
    faults: tuple[Fault, ...] = ()
    errors: tuple[Fault, ...] = ()

    @property
    def trust(self) -> ClientTrust | None:
        """What clients are asked for; None where it says nothing of that."""
        tls = self.settings.get("tls")
        return tls.trust if isinstance(tls, ResolvedClientTls) else None

    @property
    def layout(self) -> Mapping[str, object]:
        """All that is asked but for who is trusted, which comes by SDS."""
        tls = self.settings.get("tls")
        return {**self.settings, "tls": tls.asked} if isinstance(tls, ResolvedClientTls) else self.settings

    def denials(self, denied: str) -> tuple[str, ...]:
        """Say why the listener is closed.

        Args:
            denied: what becomes of its traffic, for people.
        """
        return tuple(
            f"{self.policy} cannot be done as it is written ({each.message}): everything {denied}"
            for each in self.faults
        )


AS_SETTINGS_HAVE_IT = ListenerTraffic()
TrafficOfListeners = Mapping[str, ListenerTraffic]
"""By the name of a listener among all of its Gateway; of those that a policy is in force at."""
