"""Certificates and keys: whether Envoy would take them, and what it is sent of them. Pure.

Python reads certificates that Envoy's TLS library does not. What Envoy refuses is never sent: one that is running would
keep the old certificate, and the next one that starts would have none, for this hostname and by chance for others
(envoyproxy/gateway issue 9463). What it takes was tried with Envoy 1.40, and `tests/envoy/test_certificates.py` tries
it again:

- RSA keys from 2048 to 16384 bits, elliptic curves P-256, P-384 and P-521 by name, Ed25519; no RSA-PSS keys.
- A certificate with a key on a curve may be used for signatures, where it says what it may be used for.
- It names somebody: by a common name, a DNS name, a URI or an IP address.
- It need not be stapled: there is no OCSP response to send with it.
- What follows it is sent along and not looked into: any certificates, in any order. Expired ones are served.

The text is written anew (`pem`), and the key in one form (PKCS#8), so that neither is ever a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from egxds.certificates.chain import UNREADABLE, read_certificates
from egxds.certificates.der import first_element
from egxds.certificates.fields import KeyKind, fields_of
from egxds.certificates.pem import read_pem, write_pem
from egxds.certificates.validity import Validity

CERTIFICATE_ENTRY = "tls.crt"
KEY_ENTRY = "tls.key"

_KEY_LABELS = frozenset(
    {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
)
_MIN_RSA_BITS, _MAX_RSA_BITS, _MAX_RSA_EXPONENT = 2048, 16384, 2**33 - 1


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate, those that vouch for it, and its key.

    Attributes:
        chain: the certificate, then the others in their order.
        key: the key of the first.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)

    def certificates_pem(self) -> bytes:
        """Write the chain as Envoy takes it."""
        return b"".join(write_pem("CERTIFICATE", each.public_bytes(Encoding.DER)) for each in self.chain)

    def key_pem(self) -> bytes:
        """Write the key as Envoy takes it."""
        return write_pem("PRIVATE KEY", self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))

    def validity(self) -> Validity:
        """Return the time of the certificate."""
        return Validity(self.chain[0].not_valid_before_utc, self.chain[0].not_valid_after_utc)

    def dns_names(self) -> tuple[str, ...]:
        """Return the DNS names of the certificate, in lower case."""
        return fields_of(self.chain[0]).dns_names


def read_key_pair(data: Mapping[str, bytes]) -> KeyPair | tuple[str, ...]:
    """Read the values of a Secret that is to serve TLS.

    Args:
        data: the Secret's values by name.

    Returns:
        The pair, or why it cannot serve, without any part of the values.
    """
    found = _read(data)
    return (tuple(_leaf_faults(found.chain[0])) or found) if isinstance(found, KeyPair) else found


def key_pair_faults(data: Mapping[str, bytes]) -> tuple[str, ...]:
    """Say why the values of a Secret are of no use as a certificate and its key; empty where they are.

    The certificate of an authority is there to be trusted, and need not be one that serves TLS.

    Args:
        data: the Secret's values by name.
    """
    found = _read(data)
    if not isinstance(found, KeyPair):
        return found
    leaf = found.chain[0]
    return () if fields_of(leaf).is_authority else tuple(_leaf_faults(leaf))


def _read(data: Mapping[str, bytes]) -> KeyPair | tuple[str, ...]:
    """Read a certificate with its key, whether or not it can serve TLS."""
    missing = [name for name in (CERTIFICATE_ENTRY, KEY_ENTRY) if not data.get(name)]
    if missing:
        return (f"{' and '.join(missing)} missing or empty",)
    chain, key = read_certificates(data[CERTIFICATE_ENTRY], CERTIFICATE_ENTRY), _key(data[KEY_ENTRY])
    if isinstance(chain, str) or isinstance(key, str):
        return tuple(found for found in (chain, key) if isinstance(found, str))
    return tuple(_mismatch(chain, key)) or KeyPair(chain, key)


def key_pair(data: Mapping[str, bytes]) -> KeyPair:
    """Read the values of a Secret in which nothing is wrong.

    Raises:
        ValueError: something is.
    """
    found = read_key_pair(data)
    if isinstance(found, KeyPair):
        return found
    raise ValueError("; ".join(found))


def _key(text: bytes) -> PrivateKeyTypes | str:
    """Return the first key of a text, which is the one that Envoy takes, or what is wrong with it."""
    blocks = read_pem(text)
    if isinstance(blocks, str):
        return f"{KEY_ENTRY}: {blocks}"
    block = next((block for block in blocks if block.label in _KEY_LABELS), None)
    if block is None:
        return f"{KEY_ENTRY} is not a private key in PEM"
    if block.is_encrypted:
        return f"{KEY_ENTRY} is encrypted; Envoy needs it without a password"
    try:
        # Left to the library, the look at the numbers of an RSA key takes 0.07 s, or 0.5 of a large one.
        key = load_der_private_key(first_element(block.body).whole, password=None, unsafe_skip_rsa_key_validation=True)
    except UNREADABLE:
        return f"{KEY_ENTRY} is not a private key in PEM, or not one of a kind that Envoy takes"
    if isinstance(key, RSAPrivateKey) and not _is_consistent(key.private_numbers()):
        return f"{KEY_ENTRY} is broken: its numbers do not belong together"
    return key


def _is_consistent(key: RSAPrivateNumbers) -> bool:
    """Tell whether the numbers of a key fit each other; Envoy's library asks that, and not whether primes are prime."""
    p, q, d = key.p, key.q, key.d
    return (
        p > 1
        and q > 1
        and p * q == key.public_numbers.n
        and d * key.public_numbers.e % (p - 1) == 1
        and d * key.public_numbers.e % (q - 1) == 1
        and (key.dmp1, key.dmq1) == (d % (p - 1), d % (q - 1))
        and key.iqmp * q % p == 1
    )


def _leaf_faults(leaf: x509.Certificate) -> Iterator[str]:
    fields = fields_of(leaf)
    yield from _key_faults(leaf, fields.key_kind)
    if fields.key_kind is KeyKind.CURVE and not fields.may_sign:
        yield "its key usage does not allow digitalSignature, which a key on a curve is needed for"
    if not fields.has_identity:
        yield "the certificate names nobody; give it a DNS name"
    if fields.must_be_stapled:
        yield "the certificate must be stapled, and there is no OCSP response to send with it; issue it without"


def _key_faults(leaf: x509.Certificate, kind: KeyKind) -> Iterator[str]:
    if kind is KeyKind.OTHER_CURVE:
        yield "the key is on a curve that Envoy does not take, or whose name is not said; use P-256, P-384 or P-521"
        return
    key = _public_key(leaf) if kind is not KeyKind.OTHER else None
    if key is None:
        yield "the key is of a kind that Envoy does not take; use RSA or an elliptic curve"
    elif isinstance(key, RSAPublicKey):
        if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
            yield f"the key has {key.key_size} bits; Envoy takes RSA keys of {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits"
        if key.public_numbers().e > _MAX_RSA_EXPONENT:
            yield f"the public exponent of the key is larger than {_MAX_RSA_EXPONENT}; use 65537"


def _mismatch(chain: tuple[x509.Certificate, ...], key: PrivateKeyTypes) -> Iterator[str]:
    """Say that a key is not that of the first certificate, and of which it is."""
    own = _encoded(key.public_key())
    if _is_of(own, chain[0]):
        return
    fault = f"{KEY_ENTRY} does not belong to the first certificate in {CERTIFICATE_ENTRY}"
    position = next((at for at, each in enumerate(chain, 1) if _is_of(own, each)), None)
    yield fault if position is None else f"{fault}, but to certificate {position}; move that to the front"


def _is_of(public_key: bytes, certificate: x509.Certificate) -> bool:
    found = _public_key(certificate)
    return found is not None and _encoded(found) == public_key


def _public_key(certificate: x509.Certificate) -> PublicKeyTypes | None:
    """Return the key of a certificate; nothing where it is of a kind that cannot be read, or broken."""
    try:
        return certificate.public_key()
    except UNREADABLE:
        return None


def _encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
