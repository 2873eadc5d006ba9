"""extAuth of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, ExtAuth. Of the settings of the connection to the server its retries are served.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from egxds.model.api.jwt import KeysRetry
from egxds.model.api.object import CORE_GROUP, ApiModel, api_type
from egxds.model.api.references import BackendObjectReference, BackendRef
from egxds.model.api.scalars import Duration, HeaderName, ObjectName, Word
from egxds.model.api.validation import FieldError, refuse

_MOST_BYTES = 2**32 - 1
_STATUSES = frozenset(
    {*range(400, 418), 421, 422, 423, 424, 426, 428, 429, 431, *range(500, 509), 510, 511},
)
"""Those of errors that Envoy can answer with (StatusCode); it refuses the whole configuration for any other."""


def _check_path(value: str) -> str:
    if not value.startswith("/") or not value.isascii() or not value.isprintable() or set(value) & {" ", "?", "#"}:
        raise ValueError("is not a path: it starts with '/', and has neither spaces nor '?' nor '#'")
    return value


def _check_status(value: int) -> int:
    if value not in _STATUSES:
        raise ValueError("is not a status of an error, from 400 to 599, that Envoy answers with")
    return value


@api_type
class ServerSettings(ApiModel):
    """How a server is spoken to."""

    refused_fields = frozenset(
        {
            "circuitBreaker",
            "connection",
            "dns",
            "healthCheck",
            "http2",
            "loadBalancer",
            "proxyProtocol",
            "tcpKeepalive",
            "timeout",
        }
    )

    retry: KeysRetry | None = None


def server_errors(server: AuthorizationServer) -> Iterator[FieldError]:
    """Check that it is said who is asked."""
    if not server.refs:
        yield FieldError(("backendRefs",), "name at least one backend: somebody has to be asked")


@api_type
class AuthorizationServer(ApiModel):
    """Who is asked, by gRPC (envoy.service.auth.v3.Authorization).

    Attributes:
        backend_ref: the older way to name one.
        backend_refs: any of them; they count more.
    """

    is_narrowing = True

    backend_ref: BackendObjectReference | None = None
    backend_refs: tuple[BackendRef, ...] = Field(default=(), max_length=16)
    backend_settings: ServerSettings | None = None

    @property
    def refs(self) -> tuple[BackendObjectReference, ...]:
        """Those that may be asked."""
        return self.backend_refs or (() if self.backend_ref is None else (self.backend_ref,))

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(server_errors(self))
        return self


@api_type
class HttpAuthorizationServer(AuthorizationServer):
    """Who is asked by HTTP, with the request's own method.

    Attributes:
        path: that the path of the request is put behind.
        headers_to_backend: of its answer, which backends are told.
    """

    refused_fields = frozenset({"pathOverride"})

    path: Annotated[str, Field(max_length=1024), AfterValidator(_check_path)] | None = None
    headers_to_backend: tuple[HeaderName, ...] = ()


@api_type
class BodyToServer(ApiModel):
    """How much of a body the server is told; a request with more is answered 413."""

    is_narrowing = True

    max_request_bytes: Annotated[StrictInt, Field(ge=1, le=_MOST_BYTES)]


@api_type
class ValueReference(ApiModel):
    """An entry of a Secret or ConfigMap, in the policy's own namespace."""

    is_narrowing = True

    group: Word = CORE_GROUP
    kind: Word
    name: ObjectName
    key: Annotated[str, Field(min_length=1, max_length=253)]


def context_errors(extension: ContextExtension) -> Iterator[FieldError]:
    """Check that the value is where its type says."""
    is_ref = extension.type == "ValueRef"
    if is_ref != (extension.value_ref is not None) or (is_ref and extension.value is not None):
        yield FieldError((), f"type {extension.type} needs {'valueRef' if is_ref else 'value'}, and takes nothing else")


@api_type
class ContextExtension(ApiModel):
    """What a server by gRPC is told with every question, and backends are not."""

    is_narrowing = True

    name: Annotated[str, Field(min_length=1)]
    type: Literal["Value", "ValueRef"] = "Value"
    value: str | None = Field(default=None, repr=False)
    value_ref: ValueReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(context_errors(self))
        return self


def ext_auth_errors(asked: ExtAuth) -> Iterator[FieldError]:
    """Check that one server is asked, and told each thing once."""
    if (asked.grpc is None) == (asked.http is None):
        yield FieldError((), "give one of grpc and http")
    seen: set[str] = set()
    for at, extension in enumerate(asked.context_extensions):
        if extension.name in seen:
            message = f"another entry is named {extension.name}, too; rename one"
            yield FieldError(("contextExtensions", at, "name"), message)
        seen.add(extension.name)


@api_type
class ExtAuth(ApiModel):
    """That a server decides who gets in.

    Attributes:
        headers_to_ext_auth: that the server is told; without any, by gRPC all of them, and by HTTP authorization alone.
        fail_open: whether a request is let in where no answer is to be had.
        recompute_route: whether the route is chosen again, with the headers that the server sets.
        include_route_metadata: whether the server is told which objects the route was made from.
        status_on_error: what a request is answered where no answer is to be had.
    """

    is_narrowing = True

    grpc: AuthorizationServer | None = None
    http: HttpAuthorizationServer | None = None
    headers_to_ext_auth: tuple[HeaderName, ...] = ()
    body_to_ext_auth: BodyToServer | None = None
    timeout: Duration | None = None
    fail_open: StrictBool = False
    recompute_route: StrictBool = False
    include_route_metadata: StrictBool = False
    context_extensions: tuple[ContextExtension, ...] = ()
    status_on_error: Annotated[StrictInt, AfterValidator(_check_status)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(ext_auth_errors(self))
        return self
