"""telemetry.metrics of an EnvoyProxy, as a user writes it: what Envoys count, and who is told. Pure.

Source: Envoy Gateway v1.9, ProxyMetrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.client_traffic.scalars import TextMatch
from egxds.model.api.envoy_proxy.collectors import Collector, Headers, collector_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.stat_names import operator_errors
from egxds.model.api.validation import FieldError, refuse
from egxds.problems import Severity

_OPERATORS = (
    "%ROUTE_NAME%",
    "%ROUTE_NAMESPACE%",
    "%ROUTE_KIND%",
    "%ROUTE_RULE_NAME%",
    "%ROUTE_RULE_NUMBER%",
    "%BACKEND_REFS%",
)


@api_type
class OtlpMetrics(Collector):
    """A collector that takes metrics of OpenTelemetry.

    Attributes:
        counters_as_deltas: whether it is told of what came since the last time, and not of all.
        histograms_as_deltas: the same.
        headers: of what is sent.
        resource_attributes: what says whose metrics these are.
    """

    counters_as_deltas: Annotated[StrictBool, Field(alias="reportCountersAsDeltas")] = False
    histograms_as_deltas: Annotated[StrictBool, Field(alias="reportHistogramsAsDeltas")] = False
    headers: Headers = ()
    resource_attributes: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(collector_errors(self))
        return self


def sink_errors(sink: MetricSink) -> Iterator[FieldError]:
    """Check that a sink says who is told."""
    if sink.otlp is None:
        yield FieldError((), "type OpenTelemetry needs openTelemetry")


@api_type
class Prometheus(ApiModel):
    """A page for Prometheus beside that of Envoy's own; none is made here."""

    disable: StrictBool = False
    compression: dict[str, object] | None = None


@api_type
class MetricSink(ApiModel):
    """Who is told."""

    type: Literal["OpenTelemetry"] = "OpenTelemetry"
    otlp: Annotated[OtlpMetrics | None, Field(alias="openTelemetry")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(sink_errors(self))
        return self


def metrics_errors(asked: Metrics) -> Iterator[FieldError]:
    """Check that the name of clusters has no operators that nobody knows (Envoy Gateway's check)."""
    return operator_errors("clusterStatName", asked.cluster_name or "", _OPERATORS)


@api_type
class Metrics(ApiModel):
    """What is counted, and who is told.

    Attributes:
        prometheus: who asks by himself.
        sinks: who is told every few seconds.
        matches: names of what is counted; all is where there are none.
        per_endpoint: whether requests are counted for each endpoint, too.
        sizes: whether sizes of requests and answers are measured.
        virtual_hosts: whether requests are counted for each virtual host, too.
        cluster_name: under which clusters are counted, with operators; None for their own.
    """

    unserved_fields = frozenset({"enableGRPCStats"})

    prometheus: Prometheus = Prometheus()
    sinks: tuple[MetricSink, ...] = Field(default=(), max_length=16)
    matches: tuple[TextMatch, ...] = ()
    per_endpoint: Annotated[StrictBool, Field(alias="enablePerEndpointStats")] = False
    sizes: Annotated[StrictBool, Field(alias="enableRequestResponseSizesStats")] = False
    virtual_hosts: Annotated[StrictBool, Field(alias="enableVirtualHostStats")] = False
    cluster_name: Annotated[str | None, Field(alias="clusterStatName")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(metrics_errors(self))
        return self

    def notes(self) -> Iterator[FieldError]:
        """Say what of it has no effect."""
        for name, value in (("disable", self.prometheus.disable), ("compression", self.prometheus.compression)):
            if value:
                message = "has no effect: /stats/prometheus of Envoy's admin page is there, and as it is"
                yield FieldError(("prometheus", name), message, Severity.WARNING)


NOTHING_COUNTED = Metrics()
"""Beside what Envoy counts anyway."""
