"""BackendTLSPolicy, and what certificates are checked against, as a user writes them. Pure.

Source: Gateway API v1.6, BackendTLSPolicySpec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from egxds.model.api.object import CORE_GROUP, GATEWAY_GROUP, ApiModel, Body, Kind, api_type
from egxds.model.api.policies import PolicyBody, PolicyTargets
from egxds.model.api.references import LocalObjectReference
from egxds.model.api.scalars import PreciseHostname, ServerName
from egxds.model.api.validation import FieldError, refuse

_URI = r"^[a-zA-Z][a-zA-Z0-9+\-.]*://[^\x00-\x20\x7f]+$"


@api_type
class AuthorityReference(LocalObjectReference):
    """Who certificates are to be issued by: a ConfigMap or a Secret in the policy's own namespace."""

    is_narrowing = True

    group: str = CORE_GROUP
    kind: str = "ConfigMap"


def name_errors(name: SubjectAltName) -> Iterator[FieldError]:
    """Check that a name of a certificate is given where its type says."""
    given = {"Hostname": name.hostname, "URI": name.uri}
    if given.pop(name.type) is None:
        yield FieldError((), f"type {name.type} needs {'hostname' if name.type == 'Hostname' else 'uri'}")
    if any(value is not None for value in given.values()):
        yield FieldError((), f"type {name.type} takes nothing else; delete it")


@api_type
class SubjectAltName(ApiModel):
    """A name that a certificate may have."""

    is_narrowing = True

    type: Literal["Hostname", "URI"]
    hostname: ServerName | None = None
    uri: Annotated[str, Field(min_length=1, max_length=253, pattern=_URI)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(name_errors(self))
        return self


def validation_errors(validation: BackendTlsValidation) -> Iterator[FieldError]:
    """Check that authorities are given, in one of the two ways."""
    if bool(validation.ca_certificate_refs) == (validation.well_known is not None):
        yield FieldError((), "give one of caCertificateRefs and wellKnownCACertificates")


@api_type
class BackendTlsValidation(ApiModel):
    """How the certificate of a backend is checked.

    Attributes:
        hostname: the server name that is asked for, and the name that the certificate is to have unless others are.
    """

    is_narrowing = True

    hostname: PreciseHostname
    ca_certificate_refs: Annotated[tuple[AuthorityReference, ...], Field(alias="caCertificateRefs", max_length=8)] = ()
    well_known: Annotated[Literal["System"] | None, Field(alias="wellKnownCACertificates")] = None
    subject_alt_names: tuple[SubjectAltName, ...] = Field(default=(), max_length=5)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(validation_errors(self))
        return self


@api_type
class BackendTlsPolicySpec(PolicyTargets):
    """spec of a BackendTLSPolicy.

    Attributes:
        options: what an implementation may know; of those here none.
    """

    is_narrowing = True

    validation: BackendTlsValidation
    options: dict[str, str] = Field(default_factory=dict)


BACKEND_TLS_POLICY = Kind(GATEWAY_GROUP, "BackendTLSPolicy", ("v1", "v1alpha3", "v1alpha2"), PolicyBody, Body.DOCUMENT)
