"""jwt of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, JWT. Of the settings of a connection to a server of keys those are served that are about
how long it is waited for and how often it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from egxds.model.api.object import CORE_GROUP, ApiModel, api_type
from egxds.model.api.references import BackendRef
from egxds.model.api.scalars import Duration, HeaderName, ObjectName, Word, is_header_value
from egxds.model.api.validation import FieldError, refuse


def _check_claim(value: str) -> str:
    if not all(value.split(".")):
        raise ValueError("has nothing before, behind or between its dots, of which each leads into a claim")
    return value


Claim = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_check_claim)]
"""The name of a claim; a dot leads into one that holds others."""

_NO_URI = "is not a URI of a key set: write it like https://issuer.example.com/jwks.json"


def _check_uri(value: str) -> str:
    try:
        uri = urlsplit(value)
        is_uri = bool(uri.scheme in ("http", "https") and uri.hostname and uri.port != 0)
    except ValueError as err:
        raise ValueError(_NO_URI) from err
    if not is_uri or uri.username is not None or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(_NO_URI)
    return value


def _check_prefix(value: str) -> str:
    if not is_header_value(value):
        raise ValueError("holds a control character, which no header may")
    return value


KeysUri = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_check_uri)]
"""Where a set of keys is: of http or https, without a user."""


@api_type
class BackOff(ApiModel):
    """How long is waited before a request is sent again: at first, and at the most."""

    base_interval: Duration | None = None
    max_interval: Duration | None = None


@api_type
class RetryAttempt(ApiModel):
    """One further attempt."""

    unserved_fields = frozenset({"timeout"})

    back_off: BackOff | None = None


@api_type
class KeysRetry(ApiModel):
    """How often keys are asked for again."""

    unserved_fields = frozenset({"retryOn", "numAttemptsPerPriority"})

    num_retries: Annotated[StrictInt, Field(ge=0, le=100)] = 2
    per_retry: RetryAttempt | None = None


@api_type
class HttpTimeouts(ApiModel):
    """How long an answer is waited for."""

    unserved_fields = frozenset({"connectionIdleTimeout", "maxConnectionDuration", "maxStreamDuration"})

    request_timeout: Duration | None = None


@api_type
class KeysTimeouts(ApiModel):
    """How long a server of keys is waited for."""

    unserved_fields = frozenset({"tcp"})

    http: HttpTimeouts | None = None


@api_type
class KeysServerSettings(ApiModel):
    """How a server of keys is spoken to."""

    unserved_fields = frozenset(
        {
            "circuitBreaker",
            "connection",
            "dns",
            "healthCheck",
            "http2",
            "loadBalancer",
            "proxyProtocol",
            "tcpKeepalive",
        }
    )

    retry: KeysRetry | None = None
    timeout: KeysTimeouts | None = None


@api_type
class RemoteKeys(ApiModel):
    """Keys that a server has.

    Attributes:
        backend_refs: who is asked; otherwise whom the URI names.
        cache_duration: for which they are used before they are asked for again.
        failed_refetch_duration: after which they are asked for again where that has failed.
    """

    is_narrowing = True
    refused_fields = frozenset({"backendRef"})

    uri: KeysUri
    backend_refs: tuple[BackendRef, ...] = Field(default=(), max_length=16)
    cache_duration: Duration | None = None
    failed_refetch_duration: Duration | None = None
    backend_settings: KeysServerSettings | None = None


@api_type
class KeysReference(ApiModel):
    """A ConfigMap with keys, in the policy's own namespace."""

    is_narrowing = True

    group: Word = CORE_GROUP
    kind: Word = "ConfigMap"
    name: ObjectName


def local_keys_errors(keys: LocalKeys) -> Iterator[FieldError]:
    """Check that the keys are where their type says."""
    given = {"Inline": keys.inline, "ValueRef": keys.value_ref}
    if given.pop(keys.type) is None or any(value is not None for value in given.values()):
        field = "inline" if keys.type == "Inline" else "valueRef"
        yield FieldError((), f"type {keys.type} needs {field}, and takes nothing else")


@api_type
class LocalKeys(ApiModel):
    """Keys that stand in the policy, or in a ConfigMap."""

    is_narrowing = True

    type: Literal["Inline", "ValueRef"] = "Inline"
    # Where the key is symmetric, whoever knows it makes tokens.
    inline: Annotated[str, Field(min_length=1)] | None = Field(default=None, repr=False)
    value_ref: KeysReference | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(local_keys_errors(self))
        return self


@api_type
class ClaimHeader(ApiModel):
    """A header by which backends are told a claim."""

    is_narrowing = True

    header: HeaderName
    claim: Claim


@api_type
class TokenHeader(ApiModel):
    """A header that may have a token, behind a prefix."""

    is_narrowing = True

    name: HeaderName
    value_prefix: Annotated[str, Field(max_length=256), AfterValidator(_check_prefix)] = ""


@api_type
class TokenSources(ApiModel):
    """Where requests have their token."""

    is_narrowing = True

    headers: tuple[TokenHeader, ...] = ()
    cookies: tuple[HeaderName, ...] = ()
    params: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = ()


def provider_errors(provider: JwtProvider) -> Iterator[FieldError]:
    """Check that keys come from one place, and that a route is chosen again only for a reason."""
    if (provider.remote_keys is None) == (provider.local_keys is None):
        yield FieldError((), "give one of remoteJWKS and localJWKS")
    if provider.recompute_route and not provider.claim_to_headers:
        yield FieldError(("recomputeRoute",), "needs claimToHeaders: without them no other route could match")


@api_type
class JwtProvider(ApiModel):
    """Whose tokens are taken.

    Attributes:
        issuer: that tokens must name; where it is not given, nobody looks.
        audiences: of which tokens must name one; the same.
        recompute_route: whether the route is chosen again, with the headers that claims have become.
        extract_from: where tokens are; otherwise in Authorization behind `Bearer `, or in the parameter access_token.
    """

    is_narrowing = True

    name: Annotated[str, Field(min_length=1, max_length=253)]
    issuer: Annotated[str, Field(max_length=253)] = ""
    audiences: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=8)
    remote_keys: Annotated[RemoteKeys | None, Field(alias="remoteJWKS")] = None
    local_keys: Annotated[LocalKeys | None, Field(alias="localJWKS")] = None
    claim_to_headers: tuple[ClaimHeader, ...] = ()
    recompute_route: StrictBool = False
    extract_from: TokenSources | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(provider_errors(self))
        return self


def jwt_errors(jwt: Jwt) -> Iterator[FieldError]:
    """Check that providers are told apart."""
    seen: set[str] = set()
    for at, provider in enumerate(jwt.providers):
        if provider.name in seen:
            yield FieldError(("providers", at, "name"), f"another provider is named {provider.name}, too; rename one")
        seen.add(provider.name)


@api_type
class Jwt(ApiModel):
    """Who has to show a token (RFC 7519); of several providers, one has to take it.

    Attributes:
        optional: whether a request without any is let in; one with a bad one is not.
        fail_open: whether one with a bad one is let in, too.
    """

    is_narrowing = True

    providers: tuple[JwtProvider, ...] = Field(min_length=1, max_length=4)
    optional: StrictBool = False
    fail_open: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(jwt_errors(self))
        return self
