"""Certificates out of a text, as far as Envoy takes them. Pure."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm

from egxds.certificates.der import first_element
from egxds.certificates.fields import has_legible_names
from egxds.certificates.pem import read_pem

UNREADABLE = (TypeError, ValueError, UnsupportedAlgorithm, InternalError)
"""What the library raises: of a key whose numbers are broken it says that something is wrong inside of itself."""

_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})


def read_certificates(text: bytes, entry: str) -> tuple[x509.Certificate, ...] | str:
    """Return all certificates of a text, at least one, or what is wrong with one.

    Args:
        text: PEM.
        entry: what people know the text by.
    """
    blocks = read_pem(text)
    if isinstance(blocks, str):
        return f"{entry}: {blocks}"
    bodies = [block.body for block in blocks if block.label in _LABELS]
    if not bodies:
        return f"{entry} is not a chain of certificates in PEM"
    chain: list[x509.Certificate] = []
    for position, body in enumerate(bodies, 1):
        certificate = _certificate(body)
        if certificate is None:
            return f"{entry}: certificate {position} of {len(bodies)} cannot be read"
        chain.append(certificate)
    return tuple(chain)


def _certificate(body: bytes) -> x509.Certificate | None:
    """Read a certificate; what stands behind it, as in a TRUSTED CERTIFICATE, is left out."""
    try:
        with warnings.catch_warnings():
            # About serial numbers that are not positive, which Envoy takes.
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(first_element(body).whole)
            return certificate if has_legible_names(certificate) else None
    except (*UNREADABLE, x509.InvalidVersion):
        return None
