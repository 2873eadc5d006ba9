"""EnvoyProxy, as a user writes it: what the Envoys of a GatewayClass, or of a Gateway, are to be like. Pure.

Source: Envoy Gateway v1.9, EnvoyProxySpec.

    about Kubernetes       is accepted, and a note says that nobody asks for it here
    not served             is accepted, and a warning says that it has no effect
    decides on access      is refused as long as it is not served: what was in force stays
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, StrictBool, TypeAdapter

from egxds.model.api.envoy_proxy.access_log import AccessLog
from egxds.model.api.envoy_proxy.backend_tls import ProxyBackendTls
from egxds.model.api.envoy_proxy.filter_order import FilterPosition
from egxds.model.api.envoy_proxy.metrics import Metrics
from egxds.model.api.envoy_proxy.process import ProxyProcess
from egxds.model.api.envoy_proxy.provider import EnvoyProxyProvider
from egxds.model.api.envoy_proxy.tracing import Tracing
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, ApiModel, Kind, api_type
from egxds.model.api.policies import MergeType
from egxds.model.api.validation import FieldError
from egxds.problems import Severity


@api_type
class Telemetry(ApiModel):
    """What is told of the traffic."""

    unserved_fields = frozenset({"requestID"})

    access_log: AccessLog | None = None
    metrics: Metrics | None = None
    tracing: Tracing | None = None


@api_type
class EnvoyProxySpec(ProxyProcess):
    """spec of an EnvoyProxy.

    Attributes:
        merge_type: how that of a Gateway is merged over that of its class; without it, or with Replace, it stands
            alone.
        merge_gateways: whether all Gateways of the class are served as one; of one that a Gateway names it means
            nothing.
    """

    narrowing_fields = frozenset({"backendTLS", "preserveRouteOrder"})
    refused_fields = frozenset({"preserveRouteOrder"})
    unserved_fields = frozenset(
        {
            "dynamicModules",
            "geoIP",
            "ipFamily",
            "lua",
            "luaValidation",
            "mergeBackends",
            "routingType",
        }
    )

    provider: EnvoyProxyProvider | None = None
    telemetry: Telemetry | None = None
    backend_tls: Annotated[ProxyBackendTls | None, Field(alias="backendTLS")] = None
    merge_type: MergeType | None = None
    filter_order: tuple[FilterPosition, ...] = ()
    merge_gateways: StrictBool | None = None

    @property
    def is_merging(self) -> bool:
        """Whether what the class says counts, too."""
        return self.merge_type not in {None, "Replace"}

    def notes(self) -> Iterator[FieldError]:
        """Say what of it is for others than Envoy, or has no effect."""
        said = self.provider or EnvoyProxyProvider(type="Kubernetes")
        for name, value in (("kubernetes", said.kubernetes), ("host", said.host)):
            if value is not None:
                message = f"has no effect: no Envoy is started by {name} here, but by whoever starts it"
                yield FieldError(("provider", name), message, Severity.WARNING)
        telemetry = self.telemetry or Telemetry()
        for note in telemetry.metrics.notes() if telemetry.metrics is not None else ():
            yield FieldError(("telemetry", "metrics", *note.path), note.message, note.severity)
        log = telemetry.access_log
        for at, setting in enumerate(log.settings or () if log is not None else ()):
            if setting.type == "Upstream":
                path = ("telemetry", "accessLog", "settings", at)
                yield FieldError((*path, "type"), "Upstream is not served here: nothing is logged", Severity.WARNING)


_WRITER: TypeAdapter[EnvoyProxySpec] = TypeAdapter(EnvoyProxySpec)


def as_written(spec: EnvoyProxySpec) -> Mapping[str, object]:
    """Return a spec as a file says it; of a field that has what it has anyway, nothing."""
    found: Mapping[str, object] = _WRITER.dump_python(spec, by_alias=True, exclude_defaults=True)
    return found


ENVOY_PROXY = Kind(ENVOY_GATEWAY_GROUP, "EnvoyProxy", ("v1alpha1",), EnvoyProxySpec)
