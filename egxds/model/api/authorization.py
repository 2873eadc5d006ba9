"""authorization of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, Authorization. Rules are tried in their order, and the first that matches decides.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from egxds.model.api.jwt import Claim
from egxds.model.api.matches import regex_errors
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.scalars import HeaderName
from egxds.model.api.validation import FieldError, refuse

Action = Literal["Allow", "Deny"]
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

_NO_RANGE = "is not a range of addresses: write it like 192.168.1.0/24 or 2001:db8::/64"


def _check_cidr(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as err:
        raise ValueError(_NO_RANGE) from err
    if "/" not in value:
        raise ValueError(_NO_RANGE)
    return value


Cidr = Annotated[str, AfterValidator(_check_cidr)]
"""A range of IP addresses."""


@api_type
class AuthorizationHeader(ApiModel):
    """A header that must have one of some values."""

    is_narrowing = True

    name: HeaderName
    values: tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...] = Field(min_length=1, max_length=256)


@api_type
class TokenClaim(ApiModel):
    """A claim that must have one of some values.

    Attributes:
        name: a dot leads into a claim that holds others.
        value_type: whether it is a text, or a list of which one entry will do.
    """

    is_narrowing = True

    name: Claim
    value_type: Literal["String", "StringArray"] = "String"
    values: tuple[str, ...] = Field(min_length=1, max_length=128)


def token_principal_errors(principal: TokenPrincipal) -> Iterator[FieldError]:
    """Check that it says anything."""
    if not (principal.claims or principal.scopes):
        yield FieldError((), "give claims, or scopes: one that says nothing is everybody with a token")


@api_type
class TokenPrincipal(ApiModel):
    """Whoever has a token that says some things; all of them.

    Attributes:
        provider: whose token; one of the policy's `jwt`.
        scopes: that its claim `scope`, or `scp`, must have.
    """

    is_narrowing = True

    provider: Annotated[str, Field(min_length=1, max_length=253)]
    claims: tuple[TokenClaim, ...] = Field(default=(), max_length=16)
    scopes: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(token_principal_errors(self))
        return self


def principal_errors(principal: Principal) -> Iterator[FieldError]:
    """Check that it says anything."""
    if not (principal.client_cidrs or principal.headers or principal.jwt is not None):
        yield FieldError((), "give clientCIDRs, headers, or jwt: one that says nothing is everybody")


@api_type
class Principal(ApiModel):
    """Who asks; all that it says must hold, of a list any entry."""

    is_narrowing = True
    refused_fields = frozenset({"clientIPGeoLocations", "clientCert"})

    client_cidrs: Annotated[tuple[Cidr, ...], Field(alias="clientCIDRs")] = ()
    headers: tuple[AuthorizationHeader, ...] = Field(default=(), max_length=256)
    jwt: TokenPrincipal | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(principal_errors(self))
        return self


def operation_path_errors(path: OperationPath) -> Iterator[FieldError]:
    """Check the path of an operation."""
    if path.type == "RegularExpression":
        yield from regex_errors(path.value, ("value",))
    elif not path.value.startswith("/"):
        yield FieldError(("value",), f"must start with '/' in a path of type {path.type}")


@api_type
class OperationPath(ApiModel):
    """The path of a request, without what is asked for behind it.

    Attributes:
        invert: whether every other path is meant.
    """

    is_narrowing = True

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = Field(default="/", min_length=1, max_length=1024)
    invert: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(operation_path_errors(self))
        return self


def operation_errors(operation: Operation) -> Iterator[FieldError]:
    """Check that it says anything."""
    if not operation.methods and operation.path is None:
        yield FieldError((), "give methods, or path: one that says nothing is every request")


@api_type
class Operation(ApiModel):
    """What is asked; all that it says must hold, of the methods any."""

    is_narrowing = True

    methods: tuple[Method, ...] = Field(default=(), max_length=16)
    path: OperationPath | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(operation_errors(self))
        return self


def rule_errors(rule: AuthorizationRule) -> Iterator[FieldError]:
    """Check that it says for whom, or for what, it is."""
    if rule.principal is None and rule.operation is None:
        yield FieldError((), "give principal, or operation: what is for everybody is defaultAction")


@api_type
class AuthorizationRule(ApiModel):
    """Requests, and what becomes of them.

    Attributes:
        name: for statistics and logs of Envoy.
    """

    is_narrowing = True
    refused_fields = frozenset({"cel"})

    name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    action: Action
    principal: Principal | None = None
    operation: Operation | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(rule_errors(self))
        return self


@api_type
class Authorization(ApiModel):
    """Which requests get through.

    Attributes:
        default_action: what becomes of those that no rule matches.
    """

    is_narrowing = True

    rules: tuple[AuthorizationRule, ...] = ()
    default_action: Action = "Deny"
