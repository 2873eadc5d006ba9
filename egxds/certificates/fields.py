"""What Envoy looks at in the certificate that it shows to clients. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from cryptography import x509

from egxds.certificates.der import Element, elements, first_element

_VERSION, _EXTENSIONS, _BIT_STRING, _SEQUENCE = 0xA0, 0xA3, 0x03, 0x30
_ISSUER, _SUBJECT, _PUBLIC_KEY = 2, 4, 5
_ENCODINGS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Tags of texts that Envoy's library reads."""

_OTHER_TEXTS = frozenset({_BIT_STRING, *range(0x12, 0x17), *range(0x19, 0x1C)})
"""Tags of those for which it takes any bytes. Of tags that are no texts it refuses some, and nobody has them."""

_LAST_OF_PLANE = 0xFFFE
_RESERVED = range(0xFDD0, 0xFDEF + 1)
_BMP, _BMP_END = 0x1E, 0xFFFF
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
    OTHER_CURVE = "on another curve, on one that it describes, or written as nobody does"
    ED25519 = "Ed25519"
    OTHER = "of any other kind"


_KINDS = {
    bytes.fromhex("06092a864886f70d010101"): KeyKind.RSA,
    bytes.fromhex("06072a8648ce3d0201"): KeyKind.OTHER_CURVE,
    bytes.fromhex("06032b6570"): KeyKind.ED25519,
}
_CURVES = {bytes.fromhex(name) for name in ("06082a8648ce3d030107", "06052b81040022", "06052b81040023")}
"""P-256, P-384 and P-521."""

_POINT_FORMS = (b"\x02", b"\x03", b"\x04")
"""Compressed, or not; a third way to write a point, which is both, is not taken."""


@dataclass(frozen=True, slots=True)
class CertificateFields:
    """What Envoy looks at.

    Attributes:
        key_kind: of the public key.
        has_identity: whether it names somebody of whom Envoy takes note.
        must_be_stapled: whether clients are to be shown an OCSP response with it.
        may_sign: whether its key may be used for signatures.
        is_authority: whether it may vouch for others and says that its key is not for signing anything else. Many a
            certificate that serves TLS is marked as an authority's, too: `openssl req -x509` makes no others.
        dns_names: in lower case, in their order.
    """

    key_kind: KeyKind
    has_identity: bool
    must_be_stapled: bool
    may_sign: bool
    is_authority: bool
    dns_names: tuple[str, ...]


def has_legible_names(certificate: x509.Certificate) -> bool:
    """Tell whether subject and issuer are texts that Envoy's library reads."""
    parts = _parts(certificate)
    attributes = chain(_attributes(parts[_ISSUER].content), _attributes(parts[_SUBJECT].content))
    values = (tuple(elements(attribute.content))[-1] for attribute in attributes)
    return all(_is_legible(value) for value in values)


def fields_of(certificate: x509.Certificate) -> CertificateFields:
    """Read the fields."""
    parts = _parts(certificate)
    extensions = _extensions(parts[-1].content) if parts[-1].tag == _EXTENSIONS else {}
    names = tuple(_names(extensions.get(_ALTERNATIVE_NAMES, b"")))
    identities = [name for tag, name in names if tag in (_DNS_NAME, _URI, _IP_ADDRESS)]
    may_sign = _KEY_USAGE not in extensions or _has_signature_bit(extensions[_KEY_USAGE])
    return CertificateFields(
        key_kind=_key_kind(parts[_PUBLIC_KEY].content),
        has_identity=_has_common_name(parts[_SUBJECT].content) or bool(identities),
        must_be_stapled=extensions.get(_TLS_FEATURE) == _MUST_STAPLE,
        may_sign=may_sign,
        is_authority=not may_sign and _AUTHORITY in extensions.get(_BASIC_CONSTRAINTS, b""),
        dns_names=tuple(name.decode("latin-1").lower() for tag, name in names if tag == _DNS_NAME),
    )


def _parts(certificate: x509.Certificate) -> list[Element]:
    """Return the parts of a certificate, without its version, which may be missing."""
    parts = list(elements(first_element(certificate.tbs_certificate_bytes).content))
    return parts[1:] if parts[0].tag == _VERSION else parts


def _attributes(name: bytes) -> Iterator[Element]:
    """Yield the attributes of a name, which is a sequence of sets of them."""
    return (attribute for group in elements(name) for attribute in elements(group.content))


def _is_legible(value: Element) -> bool:
    """Tell whether a text has only characters that are some, and none that its kind does not have."""
    encoding = _ENCODINGS.get(value.tag)
    if encoding is None:
        return value.tag in _OTHER_TEXTS
    try:
        characters = [ord(character) for character in value.content.decode(encoding)]
    except UnicodeDecodeError:
        return False
    limit = _BMP_END if value.tag == _BMP else sys.maxunicode
    return all(
        each <= limit and each & _LAST_OF_PLANE != _LAST_OF_PLANE and each not in _RESERVED for each in characters
    )


def _key_kind(public_key: bytes) -> KeyKind:
    algorithm, point = elements(public_key)
    named = tuple(elements(algorithm.content))
    kind = _KINDS.get(named[0].whole, KeyKind.OTHER)
    if kind is KeyKind.OTHER_CURVE and named[-1].whole in _CURVES and point.content[1:2] in _POINT_FORMS:
        return KeyKind.CURVE
    return kind


def _extensions(content: bytes) -> Mapping[bytes, bytes]:
    """Return the values of extensions by their encoded object identifiers."""
    found = (tuple(elements(extension.content)) for extension in elements(first_element(content).content))
    return {parts[0].whole: parts[-1].content for parts in found}


def _has_common_name(subject: bytes) -> bool:
    return any(attribute.content.startswith(_COMMON_NAME) for attribute in _attributes(subject))


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
    if bits.tag != _BIT_STRING or len(bits.content) < 2:
        return False
    unused = (1 << bits.content[0]) - 1
    return bool(bits.content[1] & _SIGNATURE_BIT) and not bits.content[-1] & unused
