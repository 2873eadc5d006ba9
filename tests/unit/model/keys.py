"""Certificates and keys made on the fly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey | ed25519.Ed25519PrivateKey

BORN = datetime(2026, 1, 1, tzinfo=UTC)
DIES = BORN + timedelta(days=90)


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Make a key on a curve, P-256 where none is named."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def key_pem(key: PrivateKey, password: bytes = b"") -> str:
    """Write a key, encrypted where there is a password."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def certificate_pem(key: PrivateKey, *hostnames: str) -> str:
    """Write a certificate that a key signed for itself, valid from BORN to DIES.

    Args:
        key: the key.
        hostnames: its DNS names; without any it has a common name alone.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Shop")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BORN)
        .not_valid_after(DIES)
    )
    if hostnames:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, hostnames))), critical=False)
    certificate = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM).decode()
