"""Certificates and keys that are odd in one way each, made on the spot."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes as Key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "shop.test"
_BORN, _DIES = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2046, 1, 1, tzinfo=dt.UTC)
_WIDTH = 64
_KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
KEY, CA_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


@dataclass(frozen=True)
class Odd:
    """A certificate and a key as a Secret may have them.

    Attributes:
        name: what is odd; where a public issue taught it, its name stands behind.
        certificate: tls.crt.
        key: tls.key.
        refused: words that egxds has for it; empty where it takes it.
        stricter: why egxds refuses what Envoy takes; empty where it does not.
    """

    name: str
    certificate: bytes
    key: bytes
    refused: str = ""
    stricter: str = ""

    @property
    def data(self) -> dict[str, bytes]:
        """The values of a Secret."""
        return {"tls.crt": self.certificate, "tls.key": self.key}


def pem(label: str, body: bytes, width: int = _WIDTH) -> bytes:
    """Write a block."""
    text = base64.b64encode(body).decode()
    lines = "\n".join(text[at : at + width] for at in range(0, len(text), width))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def der(certificate: x509.Certificate) -> bytes:
    """Return the bytes of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def pem_of(*chain: x509.Certificate) -> bytes:
    """Write certificates, one after the other."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def key_pem(key: Key, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes = b"") -> bytes:
    """Write a key, encrypted where there is a password."""
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(password) if password else NoEncryption())


def certify(
    key: Key,
    *,
    subject: Sequence[x509.NameAttribute[str]] = (x509.NameAttribute(NameOID.COMMON_NAME, HOST),),
    names: Sequence[x509.GeneralName] = (x509.DNSName(HOST),),
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    serial: int = 1,
    born: dt.datetime = _BORN,
    dies: dt.datetime = _DIES,
    signer: Key = CA_KEY,
    pss: padding.PSS | None = None,
) -> x509.Certificate:
    """Make a certificate."""
    name = x509.Name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
    )
    builder = builder.not_valid_before(born).not_valid_after(dies)
    alternative = [(x509.SubjectAlternativeName(names), False)] if names else []
    for extension, is_critical in (*alternative, *extensions):
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(signer, hashes.SHA256(), rsa_padding=pss)


def uses(*allowed: str) -> tuple[x509.KeyUsage, bool]:
    """Return what a key may be used for."""
    return x509.KeyUsage(**{use: use in allowed for use in _KEY_USES}), True


def raw(identifier: str, value: bytes) -> tuple[x509.UnrecognizedExtension, bool]:
    """Return an extension with any value."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), value), False


LEAF, RSA_LEAF = certify(KEY), certify(RSA_KEY)
CA = certify(CA_KEY, names=(), extensions=[(x509.BasicConstraints(True, None), True)])
GOOD, GOOD_KEY = pem_of(LEAF), key_pem(KEY)


def of(name: str, key: Key, refused: str = "", **odd: object) -> Odd:
    """Make one with a key of its own."""
    return Odd(name, pem_of(certify(key, **odd)), key_pem(key), refused)  # type: ignore[arg-type]


def odd_keys() -> Iterator[Odd]:
    """Yield every kind of key."""
    yield of("RSA 1024", rsa.generate_private_key(65537, 1024), "has 1024 bits")
    yield of("RSA 2047", rsa.generate_private_key(65537, 2047), "has 2047 bits")
    yield of("RSA 2048", RSA_KEY)
    yield of("RSA 2056", rsa.generate_private_key(65537, 2056))
    yield of("RSA 4484", _mersenne_key(2203, 2281))
    yield of("RSA 8676", _mersenne_key(4253, 4423))
    yield of("RSA 15636", _mersenne_key(4423, 11213))
    yield of("RSA 19630", _mersenne_key(9689, 9941), "has 19630 bits")
    yield of("RSA exponent 3", rsa.generate_private_key(3, 2048))
    yield of("RSA exponent of 33 bits", _mersenne_key(1279, 2203, 2**33 - 9))
    yield of("RSA exponent of 34 bits", _mersenne_key(1279, 2203, 2**33 + 17), "public exponent")
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        yield of(f"{curve.name}", ec.generate_private_key(curve))
    for other in (ec.SECP224R1(), ec.SECP256K1(), ec.BrainpoolP256R1()):
        yield of(f"{other.name}", ec.generate_private_key(other), "on a curve that Envoy does not take")
    yield of("Ed25519", ed25519.Ed25519PrivateKey.generate())
    yield of("Ed448", ed448.Ed448PrivateKey.generate(), "of a kind that Envoy does not take")
    yield of("DSA", dsa.generate_private_key(2048), "of a kind that Envoy does not take")


def odd_fields() -> Iterator[Odd]:
    """Yield what may stand in a certificate."""
    organization = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop")]
    mail, address = x509.RFC822Name("a@shop.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    yield of("expired", KEY, dies=_BORN + dt.timedelta(days=1))
    yield of("not yet valid", KEY, born=_DIES - dt.timedelta(days=1))
    yield of("without end", KEY, dies=dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))
    yield of("common name alone", KEY, names=())
    yield of("DNS name alone", KEY, subject=())
    yield of("IP address alone", KEY, subject=(), names=[address])
    yield of("URI alone", KEY, subject=(), names=[x509.UniformResourceIdentifier("spiffe://shop/a")])
    yield of("mail alone", KEY, "names nobody", subject=(), names=[mail])
    yield of("organization alone", KEY, "names nobody", subject=organization, names=())
    yield of("nobody", KEY, "names nobody", subject=(), names=())
    yield of("alternative names that cannot be read", KEY, names=(), extensions=[raw("2.5.29.17", b"\x04\x02ab")])
    yield of("nobody legible", KEY, "names nobody", subject=(), names=(), extensions=[raw("2.5.29.17", b"\x30\x05ab")])
    yield of("names that are none", KEY, names=[x509.DNSName(name) for name in ("*", "a*.test", "", ".test", "x_y")])
    yield of("a thousand names", KEY, names=[x509.DNSName(f"h{at}.test") for at in range(1000)])
    yield of("unknown critical extension", KEY, extensions=[(raw("1.2.3.4.5", b"a")[0], True)])
    yield of("illegible constraints", KEY, extensions=[raw("2.5.29.19", b"\x04\x02ab")])
    yield of("for clients", KEY, extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)])
    yield of("RSA-PSS signature", RSA_KEY, signer=RSA_KEY, pss=signed)
    yield Odd("CA as leaf", pem_of(CA), key_pem(CA_KEY))
    for kind, key, refused in (("curve", KEY, "digitalSignature"), ("RSA", RSA_KEY, "")):
        yield of(f"{kind} for signatures", key, extensions=[uses("digital_signature")])
        yield of(f"{kind} for key agreement", key, refused, extensions=[uses("key_agreement")])
        yield of(f"{kind} for certificates", key, refused, extensions=[uses("key_cert_sign")])
        yield of(f"{kind} for what cannot be read", key, refused, extensions=[raw("2.5.29.15", b"\x04\x02ab")])
    staple = x509.TLSFeature([x509.TLSFeatureType.status_request])
    yield of("must staple (pomerium/pomerium issue 2852)", KEY, "stapled", extensions=[(staple, False)])
    yield of("must staple, critical", RSA_KEY, "stapled", extensions=[(staple, True)])
    yield of("other TLS feature", KEY, extensions=[(x509.TLSFeature([x509.TLSFeatureType.status_request_v2]), False)])
    yield of("illegible TLS feature", KEY, extensions=[raw("1.3.6.1.5.5.7.1.24", b"\x04\x02ab")])


def odd_chains() -> Iterator[Odd]:
    """Yield what may follow the certificate."""
    vouching, unrelated = pem_of(CA), pem_of(RSA_LEAF)
    yield Odd("chain", GOOD + vouching, GOOD_KEY)
    yield Odd("chain that starts elsewhere", vouching + GOOD, GOOD_KEY, "to certificate 2; move that to the front")
    yield Odd("certificate twice", GOOD * 2, GOOD_KEY)
    yield Odd("certificates in any order", GOOD + unrelated + vouching * 2, GOOD_KEY)
    yield Odd("a hundred", GOOD + vouching * 100, GOOD_KEY)
    yield Odd("odd key in the chain", GOOD + pem_of(certify(ed448.Ed448PrivateKey.generate())), GOOD_KEY)
    yield Odd("short key in the chain", GOOD + pem_of(certify(rsa.generate_private_key(65537, 1024))), GOOD_KEY)
    yield Odd("junk in the chain", GOOD + pem("CERTIFICATE", b"hello"), GOOD_KEY, "certificate 2 of 2 cannot be read")
    yield Odd("empty block in the chain", GOOD + pem("CERTIFICATE", b""), GOOD_KEY, "certificate 2 of 2")
    cut = "chain that is cut off (kgateway-dev/kgateway PR 10047)"
    yield Odd(cut, GOOD + vouching[:300], GOOD_KEY, "cut off")
    yield Odd("bytes behind one in the chain", GOOD + pem("CERTIFICATE", der(CA) + b"\0"), GOOD_KEY)
    yield Odd("key of another", GOOD, key_pem(CA_KEY), "does not belong to the first certificate")
    yield Odd("key of another kind", GOOD, key_pem(RSA_KEY), "does not belong to the first certificate")


def _mersenne_key(one: int, other: int, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """Return an RSA key of two known primes, 2 to a power less one each: to find large ones takes minutes."""
    p, q = 2**one - 1, 2**other - 1
    d = pow(exponent, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(exponent, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
