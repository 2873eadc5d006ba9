"""headers of a ClientTrafficPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, HeaderSettings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.client_traffic.scalars import TextMatch
from egxds.model.api.filters import HttpHeader
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, Path, refuse
from egxds.settings.client_traffic import WithUnderscoresAction
from egxds.settings.quantities import ByteSize

XfccMode = Literal["Sanitize", "ForwardOnly", "AppendForward", "SanitizeSet", "AlwaysForwardOnly"]
XfccDetail = Literal["Subject", "Cert", "Chain", "DNS", "URI"]
RequestId = Literal["PreserveOrGenerate", "Preserve", "Generate", "Disable"]

_MAX_HEADER_BYTES = 8192 * 1024
_FIXED = frozenset({"host", "content-length", "transfer-encoding"})
"""Headers that say whose request it is and where it ends: changed, others would be asked, or something else read."""


@api_type
class ForwardedClientCert(ApiModel):
    """What backends are told of a client's certificate (x-forwarded-client-cert), and whom they hear it from."""

    is_narrowing = True

    mode: XfccMode = "Sanitize"
    cert_details_to_add: tuple[XfccDetail, ...] = Field(default=(), max_length=5)


@api_type
class ClientHost(ApiModel):
    """What becomes of the host of a request.

    Attributes:
        strip_port: routes take no notice of a port in any case; whether backends see none either.
        strip_trailing_host_dot: an absolute name is the same host here, whatever is asked.
    """

    strip_port: StrictBool = False
    strip_trailing_host_dot: StrictBool | None = None


def mutation_errors(headers: HeaderMutations) -> Iterator[FieldError]:
    """Check which headers are changed."""
    named: list[tuple[Path, str]] = [(("remove", at), name) for at, name in enumerate(headers.remove)]
    for field, entries in (("set", headers.set), ("add", headers.add), ("addIfAbsent", headers.add_if_absent)):
        named += [((field, at, "name"), entry.name) for at, entry in enumerate(entries)]
    for path, name in named:
        if name.lower() in _FIXED:
            yield FieldError(path, f"{name} is not to be changed here")


@api_type
class HeaderMutations(ApiModel):
    """Headers to set, to add and to remove."""

    is_narrowing = True

    set: tuple[HttpHeader, ...] = Field(default=(), max_length=64)
    add: tuple[HttpHeader, ...] = Field(default=(), max_length=64)
    add_if_absent: tuple[HttpHeader, ...] = Field(default=(), max_length=64)
    remove: tuple[HeaderName, ...] = Field(default=(), max_length=64)
    remove_on_match: tuple[TextMatch, ...] = Field(default=(), max_length=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(mutation_errors(self))
        return self


def header_errors(headers: ClientHeaders) -> Iterator[FieldError]:
    """Check that what becomes of a request's id is said once."""
    if headers.preserve_x_request_id is not None and headers.request_id is not None:
        yield FieldError(("preserveXRequestID",), "and requestID cannot both be given; delete preserveXRequestID")


@api_type
class ClientHeaders(ApiModel):
    """What becomes of headers.

    Attributes:
        disable_rate_limit_headers: whether answers say nothing of limits of rates.
    """

    is_narrowing = True

    enable_envoy_headers: StrictBool = False
    disable_rate_limit_headers: StrictBool = False
    x_forwarded_client_cert: ForwardedClientCert | None = None
    with_underscores_action: WithUnderscoresAction | None = None
    preserve_x_request_id: Annotated[StrictBool | None, Field(alias="preserveXRequestID")] = None
    request_id: Annotated[RequestId | None, Field(alias="requestID")] = None
    early_request_headers: HeaderMutations | None = None
    late_response_headers: HeaderMutations | None = None
    max_request_header_limit: Annotated[ByteSize, Field(ge=1, le=_MAX_HEADER_BYTES)] | None = None
    host: ClientHost = ClientHost()

    @property
    def request_id_action(self) -> RequestId:
        """What becomes of x-request-id."""
        return self.request_id or ("PreserveOrGenerate" if self.preserve_x_request_id else "Generate")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(header_errors(self))
        return self
