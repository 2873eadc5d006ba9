"""Certificates and keys: whether Envoy would take them, and whether their time is now. Pure.

What Envoy takes was tried with Envoy 1.40 (`--mode validate`): RSA keys from 2048 bits, elliptic curves P-256,
P-384 and P-521, Ed25519, no encrypted keys. An expired certificate is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

CERTIFICATE_ENTRY = "tls.crt"
KEY_ENTRY = "tls.key"

_MIN_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def key_pair_faults(data: Mapping[str, bytes]) -> Iterator[str]:
    """Say why the values of a Secret cannot serve TLS; say nothing where they can.

    Args:
        data: the Secret's values by name.

    Yields:
        What is wrong, without any part of the values.
    """
    missing = [name for name in (CERTIFICATE_ENTRY, KEY_ENTRY) if not data.get(name)]
    if missing:
        yield f"{' and '.join(missing)} missing or empty"
        return
    leaf = _leaf(data[CERTIFICATE_ENTRY])
    key = _public_half(data[KEY_ENTRY])
    yield from (fault for fault in (leaf, key) if isinstance(fault, str))
    if isinstance(leaf, str) or isinstance(key, str):
        return
    yield from _key_faults(leaf)
    if _encoded(leaf) != _encoded(key):
        yield f"{KEY_ENTRY} does not belong to the first certificate in {CERTIFICATE_ENTRY}"


@dataclass(frozen=True, slots=True)
class Validity:
    """The time of a certificate: from when on it is valid, and until when."""

    begins: datetime
    ends: datetime

    def fault(self, now: datetime) -> str:
        """Say that the certificate is expired or not yet valid; empty where it is in its time.

        Args:
            now: the time to judge by, with its zone.
        """
        if now > self.ends:
            return f"the certificate expired at {self.ends.isoformat()}; renew it"
        if now < self.begins:
            return f"the certificate is not valid before {self.begins.isoformat()}"
        return ""


def validity_of(certificate: bytes) -> Validity:
    """Return the time of the first certificate of a chain.

    Args:
        certificate: PEM of a chain that `key_pair_faults` finds nothing wrong with.
    """
    leaf = x509.load_pem_x509_certificates(certificate)[0]
    return Validity(leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _leaf(certificate: bytes) -> PublicKeyTypes | str:
    """Return the public key of the first certificate, or what is wrong with the chain."""
    try:
        return x509.load_pem_x509_certificates(certificate)[0].public_key()
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        return f"{CERTIFICATE_ENTRY} is not a chain of certificates in PEM"


def _public_half(key: bytes) -> PublicKeyTypes | str:
    """Return the public key that belongs to a private one, or what is wrong with it."""
    try:
        return load_pem_private_key(key, password=None).public_key()
    except TypeError:
        return f"{KEY_ENTRY} is encrypted; Envoy needs it without a password"
    except (ValueError, UnsupportedAlgorithm):
        return f"{KEY_ENTRY} is not a private key in PEM"


def _key_faults(key: PublicKeyTypes) -> Iterator[str]:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _MIN_RSA_BITS:
            yield f"the key has {key.key_size} bits; Envoy takes RSA keys from {_MIN_RSA_BITS} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, _CURVES):
            yield f"the key is on curve {key.curve.name}; Envoy takes P-256, P-384 and P-521"
    elif not isinstance(key, ed25519.Ed25519PublicKey):
        yield "the key is of a kind that Envoy does not take; use RSA or an elliptic curve"


def _encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
