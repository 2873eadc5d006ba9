"""What a BackendTrafficPolicy says of bodies: how they are compressed, buffered, and how fast they go. Pure.

Source: Envoy Gateway v1.9, Compression, RequestBuffer, BandwidthLimitSpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.client_traffic.scalars import like
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.validation import FieldError, refuse
from egxds.settings.quantities import ByteSize

LEAST_CONTENT_LENGTH = 30
"""Bytes of an answer that Envoy compresses at least; fewer it takes for no limit."""
MOST_BYTES = 4_294_967_295
"""That Envoy can count in most places."""

SizeLimit = Annotated[ByteSize, Field(ge=1)]


@api_type
class CompressorLibrary(ApiModel):
    """Settings of a compressor, of which there are none."""


@api_type
class Compression(ApiModel):
    """One way to compress answers.

    Attributes:
        min_content_length: bytes of an answer from which on it is compressed.
    """

    type: Literal["Gzip", "Brotli", "Zstd"]
    gzip: CompressorLibrary | None = None
    brotli: CompressorLibrary | None = None
    zstd: CompressorLibrary | None = None
    min_content_length: Annotated[ByteSize, Field(ge=0, le=MOST_BYTES)] | None = None

    @property
    def is_on(self) -> bool:
        """Whether `compressor` asks for it, where each type has to be named twice."""
        return {"Gzip": self.gzip, "Brotli": self.brotli, "Zstd": self.zstd}[self.type] is not None


@api_type
class RequestBuffer(ApiModel):
    """How much of a request is held back.

    Attributes:
        limit: bytes; a larger body is refused with 413.
        mode: whether each request is held until it is there as a whole, or only as far as another filter wants it.
    """

    limit: SizeLimit
    mode: Literal["BufferAndLimit", "LimitOnly"] = "BufferAndLimit"


_SECONDS = {"Second": 1, "Minute": 60, "Hour": 3600}
_KIB = 1024


@api_type
class Bandwidth(ApiModel):
    """Bytes in a time."""

    value: SizeLimit
    unit: Literal["Second", "Minute", "Hour"]

    @property
    def kib_per_s(self) -> int:
        """The same as Envoy counts."""
        return self.value // (_SECONDS[self.unit] * _KIB)


@api_type
class RequestBandwidth(ApiModel):
    """How fast requests go to backends."""

    limit: Bandwidth


@api_type
class BandwidthTrailers(ApiModel):
    """Trailers of answers that say how long they were held."""

    prefix: Annotated[str, like(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]*", "is no start of a header's name")] = ""


@api_type
class ResponseBandwidth(ApiModel):
    """How fast answers come from backends."""

    limit: Bandwidth
    response_trailers: BandwidthTrailers | None = None


def bandwidth_limit_errors(asked: BandwidthLimit) -> Iterator[FieldError]:
    """Check that something is limited."""
    if asked.request is None and asked.response is None:
        yield FieldError((), "needs one of request and response")


@api_type
class BandwidthLimit(ApiModel):
    """How fast bodies go, all of a route together."""

    request: RequestBandwidth | None = None
    response: ResponseBandwidth | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(bandwidth_limit_errors(self))
        return self
