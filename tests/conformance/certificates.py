"""The certificates that the suite makes before its first test, made anew for each run; our own tests have them too."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.data import Manifest
from tests.conformance.own import NAMESPACE as OWN

INFRA = "gateway-conformance-infra"
APP = "gateway-conformance-app-backend"
WEB = "gateway-conformance-web-backend"

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key.

    Attributes:
        cert: PEM.
        key: PEM.
    """

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey

    @property
    def cert(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key(self) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.private_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def issue(names: tuple[str, ...], issuer: Issued | None = None, *, is_ca: bool = False) -> Issued:
    """Make a certificate.

    Args:
        names: DNS names, and URIs where there is `://` in it; the first is the subject's.
        issuer: who signs it; None for one that signs itself.
        is_ca: whether it may sign others.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
    )
    return Issued(builder.sign(issuer.private_key if issuer else key, hashes.SHA256()), key)


def _name(name: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name)


def trust() -> Iterator[Manifest]:
    """Make the Secrets and ConfigMaps of one run."""
    checks, frontend, per_port, other, web = (
        issue((name,), is_ca=True) for name in ("checks", "frontend", "per-port", "mismatch", "web-backend")
    )
    identities = ("abc.example.com", "spiffe://abc.example.com/test-identity", "other.example.com")
    wildcards = ("*", "*.org", "*.wildcard.org")
    passthrough = issue(("abc.example.com",), checks)
    yield _secret(WEB, "certificate", issue(("*",)))
    yield _secret(APP, "tls-passthrough-checks-certificate", passthrough)
    yield _bundle(WEB, "web-backend-cm", web)
    for namespace in (INFRA, OWN):
        yield _secret(namespace, "tls-validity-checks-certificate", issue(wildcards, is_ca=True))
        yield _secret(namespace, "tls-validity-checks-client-certificate", issue(("client",), frontend))
        yield _secret(namespace, "tls-validity-checks-per-port-client-certificate", issue(("client",), per_port))
        yield _secret(namespace, "tls-checks-certificate", issue(identities, checks))
        yield _secret(namespace, "tls-checks-client-certificate", issue(("client",), checks))
        yield _secret(namespace, "tls-passthrough-checks-certificate", passthrough)
        yield _secret(namespace, "tls-terminate-checks-certificate", issue(("tls.example.com",), checks))
        yield _bundle(namespace, "tls-validity-checks-ca-certificate", frontend)
        yield _bundle(namespace, "tls-validity-checks-per-port-ca-certificate", per_port)
        yield _bundle(namespace, "tls-checks-ca-certificate", checks)
        yield _bundle(namespace, "mismatch-ca-certificate", other)


def _secret(namespace: str, name: str, issued: Issued) -> Manifest:
    data = {"tls.crt": issued.cert, "tls.key": issued.key}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": encoded}


def _bundle(namespace: str, name: str, authority: Issued) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": authority.cert}}
