"""Certificates for tests, made on the spot."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    cert: str
    key: str

    def secret(self, name: str, namespace: str = "default") -> str:
        """Return it as the YAML of a TLS Secret."""
        cert, key = (base64.b64encode(text.encode()).decode() for text in (self.cert, self.key))
        return (
            f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
            f"type: kubernetes.io/tls\ndata: {{tls.crt: {cert}, tls.key: {key}}}\n"
        )


class Authority:
    """A CA.

    Attributes:
        cert: its own certificate, PEM.
    """

    def __init__(self, name: str = "Test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.cert = _pem(made.sign(self._key, hashes.SHA256()))

    def issue(self, *hostnames: str, days_left: int = 30) -> Pair:
        """Issue a certificate.

        Args:
            hostnames: its DNS names, addresses and URIs; the first is its common name, too.
            days_left: negative for one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0])])
        names = x509.SubjectAlternativeName([_san(hostname) for hostname in hostnames])
        made = self._builder(name, key, days_left).add_extension(names, critical=False)
        return Pair(_pem(made.sign(self._key, hashes.SHA256())), _key_pem(key))

    def revoke(self, *pairs: Pair, days_left: int = 30) -> str:
        """Return a list of certificates that count no more, PEM.

        Args:
            pairs: those.
            days_left: negative for a list that is out of date.
        """
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        made = made.last_update(now - 365 * _DAY).next_update(now + days_left * _DAY)
        for pair in pairs:
            number = x509.load_pem_x509_certificate(pair.cert.encode()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now - _DAY).build()
            made = made.add_revoked_certificate(entry)
        signed = made.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days_left: int = 30
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 365 * _DAY)
            .not_valid_after(now + days_left * _DAY)
        )


def _san(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
