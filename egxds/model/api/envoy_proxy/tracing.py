"""telemetry.tracing of an EnvoyProxy, as a user writes it: which requests are traced, and who is told. Pure.

Source: Envoy Gateway v1.9, ProxyTracing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from egxds.model.api.envoy_proxy.access_log import text_faults
from egxds.model.api.envoy_proxy.collectors import Collector, Headers, collector_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, refuse

TagName = Annotated[str, Field(min_length=1)]
Percentage = Annotated[StrictInt, Field(ge=0, le=100)]


def fraction_errors(fraction: TracedPart) -> Iterator[FieldError]:
    """Check that it is no more than all."""
    if fraction.numerator > fraction.denominator:
        yield FieldError(("numerator",), "must not be above denominator, which is 100 where it is not given")


@api_type
class TracedPart(ApiModel):
    """A part of the requests."""

    numerator: Annotated[StrictInt, Field(ge=0, le=2_147_483_647)]
    denominator: Annotated[StrictInt, Field(ge=1, le=2_147_483_647)] = 100

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(fraction_errors(self))
        return self

    @property
    def percent(self) -> float:
        """The same of hundred."""
        return 100 * self.numerator / self.denominator


@api_type
class LiteralTag(ApiModel):
    """A value."""

    value: Annotated[str, Field(min_length=1)]


@api_type
class EnvironmentTag(ApiModel):
    """What a variable of Envoy's environment says."""

    name: Annotated[str, Field(min_length=1)]
    default_value: str | None = None


@api_type
class HeaderTag(ApiModel):
    """What a header of the request says."""

    name: HeaderName
    default_value: str | None = None


def tag_errors(tag: CustomTag) -> Iterator[FieldError]:
    """Check that a tag has what its type is about."""
    said = {
        "Literal": ("literal", tag.literal),
        "Environment": ("environment", tag.environment),
        "RequestHeader": ("requestHeader", tag.request_header),
    }
    field, value = said[tag.type]
    if value is None:
        yield FieldError((), f"type {tag.type} needs {field}")


@api_type
class CustomTag(ApiModel):
    """What a span says beside the usual."""

    type: Literal["Literal", "Environment", "RequestHeader"] = "Literal"
    literal: LiteralTag | None = None
    environment: EnvironmentTag | None = None
    request_header: HeaderTag | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(tag_errors(self))
        return self


@api_type
class SpanName(ApiModel):
    """What spans are called: format strings."""

    client: Annotated[str, Field(min_length=1)]
    server: Annotated[str, Field(min_length=1)]


@api_type
class Zipkin(ApiModel):
    """How Zipkin is spoken to."""

    enable_128_bit: Annotated[StrictBool, Field(alias="enable128BitTraceId")] = False
    disable_shared_span_context: StrictBool = False


@api_type
class OtlpTraces(ApiModel):
    """How OpenTelemetry is spoken to.

    Attributes:
        headers: of what is sent.
    """

    unserved_fields = frozenset({"sampler", "resourceAttributes"})

    headers: Headers = ()


@api_type
class TracingProvider(Collector):
    """Who is told of spans.

    Attributes:
        service_name: what Envoy calls itself; without it as the Gateway. Zipkin has another way.
    """

    type: Literal["OpenTelemetry", "Zipkin", "Datadog"] = "OpenTelemetry"
    service_name: Annotated[str, Field(min_length=1)] | None = None
    zipkin: Zipkin | None = None
    otlp: Annotated[OtlpTraces | None, Field(alias="openTelemetry")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(collector_errors(self))
        return self


def traced_errors(traced: Traced) -> Iterator[FieldError]:
    """Check that Envoy takes the format strings."""
    yield from text_faults(dict(traced.tags), ("tags",))
    if traced.span_name is not None:
        said = {"client": traced.span_name.client, "server": traced.span_name.server}
        yield from text_faults(said, ("spanName",))


@api_type
class Traced(ApiModel):
    """Which requests are traced, and what their spans say.

    Attributes:
        sampling_fraction: of all; all where it is not given.
        client_sampling_fraction: of those whose clients ask for it.
        overall_sampling_fraction: at the most, of all.
        tags: name → format string; counts before `custom_tags`.
    """

    sampling_fraction: TracedPart | None = None
    client_sampling_fraction: TracedPart | None = None
    overall_sampling_fraction: TracedPart | None = None
    custom_tags: dict[TagName, CustomTag] = Field(default_factory=dict)
    tags: dict[TagName, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    span_name: SpanName | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(traced_errors(self))
        return self


def tracing_errors(tracing: Tracing) -> Iterator[FieldError]:
    """Check that the part of the requests is given once."""
    if tracing.sampling_rate is not None and tracing.sampling_fraction is not None:
        yield FieldError(("samplingRate",), "and samplingFraction cannot both be given; delete one")


@api_type
class Tracing(Traced):
    """The same, and who is told.

    Attributes:
        sampling_rate: of hundred; the same as the fraction.
    """

    provider: TracingProvider
    sampling_rate: Percentage | None = None

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        refuse(tracing_errors(self))
        return self
