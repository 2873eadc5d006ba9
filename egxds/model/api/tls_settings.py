"""How TLS is agreed on, as a user writes it for clients or for backends. Pure.

Source: Envoy Gateway v1.9, TLSSettings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from egxds.model.api.client_traffic.scalars import like
from egxds.model.api.object import ApiModel, api_type
from egxds.model.api.tls_words import check_cipher, check_curve, check_signature
from egxds.model.api.validation import FieldError, refuse

TlsVersion = Literal["Auto", "1.0", "1.1", "1.2", "1.3"]

_LOWEST = {"Auto": 0, "1.0": 1, "1.1": 2, "1.2": 3, "1.3": 4}
_HIGHEST = {**_LOWEST, "Auto": 5}

Alpn = Annotated[
    str, Field(min_length=1, max_length=255), like(r"[\x21-\x7e]+", "is no protocol: write it like h2 or http/1.1")
]


def tls_errors(tls: TlsSettings) -> Iterator[FieldError]:
    """Check that some version is left, and that ciphers are of one that is."""
    if _LOWEST[tls.lowest_version] > _HIGHEST[tls.highest_version]:
        yield FieldError(("minVersion",), "must not be above maxVersion, which is 1.3 where it is not given")
    if tls.min_version == "1.3" and tls.ciphers:
        yield FieldError(("ciphers",), "are none of TLS 1.3, the lowest version here; delete them")


@api_type
class TlsSettings(ApiModel):
    """How TLS is agreed on.

    Attributes:
        ciphers: for versions up to 1.2, the preferred ones first.
        alpn_protocols: None where it goes by what is spoken inside; empty where nothing is said of them.
    """

    is_narrowing = True

    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None
    ciphers: tuple[Annotated[str, AfterValidator(check_cipher)], ...] = ()
    ecdh_curves: Annotated[tuple[Annotated[str, AfterValidator(check_curve)], ...], Field(alias="ecdhCurves")] = ()
    signature_algorithms: tuple[Annotated[str, AfterValidator(check_signature)], ...] = ()
    alpn_protocols: Annotated[tuple[Alpn, ...] | None, Field(alias="alpnProtocols")] = None

    @property
    def lowest_version(self) -> TlsVersion:
        """The lowest that is agreed on."""
        return self.min_version or "1.2"

    @property
    def highest_version(self) -> TlsVersion:
        """The highest that is agreed on."""
        return self.max_version or "1.3"

    @property
    def agreement(self) -> TlsSettings:
        """The same, without what it may be a part of."""
        return self.over(TlsSettings())

    def over(self, others: TlsSettings) -> TlsSettings:
        """Return the same, with what others say of whatever this says nothing of.

        Of versions the others count only where this says of neither: there might be none left between the two.
        """
        versions = self if self.min_version is not None or self.max_version is not None else others
        said = {
            "minVersion": versions.min_version,
            "maxVersion": versions.max_version,
            # They are for versions below.
            "ciphers": (self.ciphers or others.ciphers) if versions.min_version != "1.3" else (),
            "ecdhCurves": self.ecdh_curves or others.ecdh_curves,
            "signatureAlgorithms": self.signature_algorithms or others.signature_algorithms,
            "alpnProtocols": self.alpn_protocols if self.alpn_protocols is not None else others.alpn_protocols,
        }
        return TlsSettings.model_validate(said)

    @model_validator(mode="after")
    def _check_agreement(self) -> Self:
        refuse(tls_errors(self))
        return self
