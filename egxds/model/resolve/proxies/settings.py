"""What EnvoyProxies come to at a Gateway. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egxds.model.api.envoy_proxy.metrics import NOTHING_COUNTED, Metrics
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.api.tls_settings import TlsSettings
from egxds.model.resolve.faults import Fault
from egxds.model.resolve.proxies.backend_tls import ShownCertificate
from egxds.model.resolve.proxies.collectors import FoundCollector
from egxds.model.resolve.proxies.metrics import METRICS, FoundMetrics
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the Envoys of a Gateway are to be like.

    Attributes:
        proxies: the EnvoyProxies that it comes from, the one first that counts more; none where there is none.
        spec: what these say together.
        settings: feature → what it comes to, as `translate.proxies` writes it.
        collectors: whom something is sent to for that, each once.
        errors: what is not done, and closes nothing.
        merge_fault: why that of the Gateway stands alone, though it asks to be merged.
    """

    proxies: tuple[ObjectKey, ...] = ()
    spec: EnvoyProxySpec = field(default_factory=EnvoyProxySpec)
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)
    collectors: tuple[FoundCollector, ...] = ()
    errors: tuple[Fault, ...] = ()
    merge_fault: Fault | None = None

    @property
    def of_listeners(self) -> Mapping[str, object]:
        """What of it stands in Listeners: all but what backends are shown, and what is counted."""
        return {name: value for name, value in self.settings.items() if not isinstance(value, _ELSEWHERE)}

    @property
    def agreed(self) -> TlsSettings:
        """How TLS is agreed on with backends that say nothing of it."""
        said = self.spec.backend_tls
        return said.agreement if said is not None else _NOTHING_AGREED

    @property
    def metrics(self) -> FoundMetrics | None:
        """What is counted, and who is told; None where nobody says."""
        found = self.settings.get(METRICS.name)
        return found if isinstance(found, FoundMetrics) else None

    @property
    def counted(self) -> Metrics:
        """The same as it is written: where who is told has other addresses, it is no other."""
        return self.metrics.asked if self.metrics is not None else NOTHING_COUNTED


_NOTHING_AGREED = TlsSettings()
_ELSEWHERE = (ShownCertificate, FoundMetrics)

AS_NOBODY_SAYS = ProxySettings()
