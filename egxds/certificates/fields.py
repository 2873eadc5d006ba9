"""What Envoy looks at in the certificate that it shows to clients. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from cryptography import x509

from egxds.certificates.der import elements, first_element

_VERSION, _EXTENSIONS, _BIT_STRING, _SEQUENCE = 0xA0, 0xA3, 0x03, 0x30
_SUBJECT, _PUBLIC_KEY = 4, 5
_COMMON_NAME = bytes.fromhex("0603550403")
_ALTERNATIVE_NAMES = bytes.fromhex("0603551d11")
_BASIC_CONSTRAINTS = bytes.fromhex("0603551d13")
_AUTHORITY = bytes.fromhex("0101ff")
_KEY_USAGE = bytes.fromhex("0603551d0f")
_SIGNATURE_BIT = 0x80
_TLS_FEATURE = bytes.fromhex("06082b06010505070118")
_MUST_STAPLE = bytes.fromhex("3003020105")
_DNS_NAME, _URI, _IP_ADDRESS = 0x82, 0x86, 0x87
_NAME_TAGS = frozenset({0xA0, 0x81, _DNS_NAME, 0xA3, 0xA4, 0xA5, _URI, _IP_ADDRESS, 0x88})


class KeyKind(Enum):
    """Kinds of public keys, as far as Envoy tells them apart."""

    RSA = "RSA"
    CURVE = "on one of the curves that are served, which it names"
    OTHER_CURVE = "on another curve, or on one that it describes"
    ED25519 = "Ed25519"
    OTHER = "of any other kind"


_KINDS = {
    bytes.fromhex("06092a864886f70d010101"): KeyKind.RSA,
    bytes.fromhex("06072a8648ce3d0201"): KeyKind.OTHER_CURVE,
    bytes.fromhex("06032b6570"): KeyKind.ED25519,
}
_CURVES = {bytes.fromhex(name) for name in ("06082a8648ce3d030107", "06052b81040022", "06052b81040023")}
"""P-256, P-384 and P-521."""


@dataclass(frozen=True, slots=True)
class CertificateFields:
    """What Envoy looks at.

    Attributes:
        key_kind: of the public key.
        has_identity: whether it names somebody of whom Envoy takes note.
        must_be_stapled: whether clients are to be shown an OCSP response with it.
        may_sign: whether its key may be used for signatures.
        is_authority: whether it is that of an authority, which vouches for others.
        dns_names: in lower case, in their order.
    """

    key_kind: KeyKind
    has_identity: bool
    must_be_stapled: bool
    may_sign: bool
    is_authority: bool
    dns_names: tuple[str, ...]


def fields_of(certificate: x509.Certificate) -> CertificateFields:
    """Read the fields."""
    parts = list(elements(first_element(certificate.tbs_certificate_bytes).content))
    if parts[0].tag == _VERSION:
        del parts[0]
    extensions = _extensions(parts[-1].content) if parts[-1].tag == _EXTENSIONS else {}
    names = tuple(_names(extensions.get(_ALTERNATIVE_NAMES, b"")))
    identities = [name for tag, name in names if tag in (_DNS_NAME, _URI, _IP_ADDRESS)]
    return CertificateFields(
        key_kind=_key_kind(parts[_PUBLIC_KEY].content),
        has_identity=_has_common_name(parts[_SUBJECT].content) or bool(identities),
        must_be_stapled=extensions.get(_TLS_FEATURE) == _MUST_STAPLE,
        may_sign=_KEY_USAGE not in extensions or _has_signature_bit(extensions[_KEY_USAGE]),
        is_authority=_AUTHORITY in extensions.get(_BASIC_CONSTRAINTS, b""),
        dns_names=tuple(name.decode("latin-1").lower() for tag, name in names if tag == _DNS_NAME),
    )


def _key_kind(public_key: bytes) -> KeyKind:
    algorithm = tuple(elements(first_element(public_key).content))
    kind = _KINDS.get(algorithm[0].whole, KeyKind.OTHER)
    if kind is KeyKind.OTHER_CURVE and algorithm[-1].whole in _CURVES:
        return KeyKind.CURVE
    return kind


def _extensions(content: bytes) -> Mapping[bytes, bytes]:
    """Return the values of extensions by their encoded object identifiers."""
    found = (tuple(elements(extension.content)) for extension in elements(first_element(content).content))
    return {parts[0].whole: parts[-1].content for parts in found}


def _has_common_name(subject: bytes) -> bool:
    attributes = (attribute for group in elements(subject) for attribute in elements(group.content))
    return any(attribute.content.startswith(_COMMON_NAME) for attribute in attributes)


def _names(value: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the alternative names; none where they cannot be read, which Envoy takes for none, too."""
    try:
        names = first_element(value)
        found = [(name.tag, name.content) for name in elements(names.content)]
    except ValueError:
        return
    if names.tag == _SEQUENCE and _NAME_TAGS.issuperset(tag for tag, _ in found):
        yield from found


def _has_signature_bit(key_usage: bytes) -> bool:
    """Look into a key usage; one that cannot be read allows nothing."""
    try:
        bits = first_element(key_usage)
    except ValueError:
        return False
    return bits.tag == _BIT_STRING and len(bits.content) > 1 and bool(bits.content[1] & _SIGNATURE_BIT)
