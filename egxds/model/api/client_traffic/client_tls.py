"""tls of a ClientTrafficPolicy, as a user writes it: how TLS is agreed on, and which clients are let in. Pure.

Source: Envoy Gateway v1.9, ClientTLSSettings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from egxds.model.api.client_traffic.scalars import TextMatch, like
from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.tls_settings import TlsSettings
from egxds.model.api.validation import FieldError, refuse

Fingerprint = Literal["JA3", "JA4"]
ClientMode = Literal["Request", "RequireAny", "VerifyIfGiven", "RequireAndVerify"]

CertificateHash = Annotated[
    str,
    like(
        r"[0-9a-fA-F]{64}|([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}",
        "is no SHA-256 of a certificate in hexadecimal, as openssl x509 -noout -fingerprint -sha256 writes it",
    ),
]
SpkiHash = Annotated[str, like(r"[A-Za-z0-9+/]{43}=", "is no SHA-256 of a public key in base64")]


@api_type
class OtherName(TextMatch):
    """A name of another type, by the number of that."""

    oid: Annotated[str, like(r"[0-2](\.(0|[1-9][0-9]*))+", "is no number of a type: write it like 1.3.6.1")]


@api_type
class SubjectNames(ApiModel):
    """Names of which a client's certificate must have one."""

    is_narrowing = True

    dns_names: tuple[TextMatch, ...] = ()
    email_addresses: tuple[TextMatch, ...] = ()
    ip_addresses: tuple[TextMatch, ...] = ()
    uris: tuple[TextMatch, ...] = ()
    other_names: tuple[OtherName, ...] = ()


@api_type
class RevokedCertificates(ApiModel):
    """Lists of certificates that count no more (CRL), in ConfigMaps or Secrets.

    Attributes:
        only_verify_leaf_certificate: whether the client's own is looked up alone, and not those it is issued by.
    """

    is_narrowing = True

    refs: tuple[SecretObjectReference, ...] = Field(min_length=1, max_length=8)
    only_verify_leaf_certificate: StrictBool = False


def validation_errors(asked: ClientValidation) -> Iterator[FieldError]:
    """Check that somebody is named, without whom Envoy asks no client for a certificate (seen with 1.40)."""
    if asked.optional is not None and asked.mode is not None:
        yield FieldError(("optional",), "and mode cannot both be given; delete optional")
    if asked.client_mode != "Request" and not asked.ca_certificate_refs:
        yield FieldError((), f"mode {asked.client_mode} needs caCertificateRefs: without any, Envoy asks nobody")
    if asked.crl is not None and not asked.ca_certificate_refs:
        yield FieldError(("crl",), "needs caCertificateRefs")


@api_type
class ClientValidation(ApiModel):
    """What is asked of clients' certificates.

    Attributes:
        spki_hashes: SHA-256 of public keys, in base64.
        certificate_hashes: SHA-256 of certificates, in hexadecimal.
    """

    is_narrowing = True

    mode: ClientMode | None = None
    optional: StrictBool | None = None
    ca_certificate_refs: Annotated[
        tuple[SecretObjectReference, ...], Field(alias="caCertificateRefs", max_length=8)
    ] = ()
    spki_hashes: tuple[SpkiHash, ...] = ()
    certificate_hashes: tuple[CertificateHash, ...] = ()
    subject_alt_names: SubjectNames = SubjectNames()
    crl: RevokedCertificates | None = None
    allow_expired_certificate: StrictBool = False

    @property
    def client_mode(self) -> ClientMode:
        """What is asked; `optional` is the older way to say it."""
        return self.mode or ("VerifyIfGiven" if self.optional else "RequireAndVerify")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(validation_errors(self))
        return self


@api_type
class Resumable(ApiModel):
    """A way to take up a session again."""


@api_type
class SessionResumption(ApiModel):
    """By which ways sessions are taken up again: by tickets that clients keep, or by what Envoy keeps."""

    stateless: Resumable | None = None
    stateful: Resumable | None = None


@api_type
class TlsSession(ApiModel):
    """Sessions of TLS; without a way named, each connection begins anew."""

    resumption: SessionResumption = SessionResumption()


@api_type
class ClientTls(TlsSettings):
    """How TLS is agreed on with clients, and which of them are let in.

    Attributes:
        fingerprints: of what clients say first, for logs and headers to tell (`%TLS_JA3_FINGERPRINT%`).
    """

    is_narrowing = True

    client_validation: ClientValidation | None = None
    session: TlsSession = TlsSession()
    fingerprints: tuple[Fingerprint, ...] = Field(default=(), max_length=2)
