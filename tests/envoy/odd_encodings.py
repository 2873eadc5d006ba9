"""A certificate and a key that are good, or would be, in odd bytes and odd text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes as Key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from egxds.certificates.der import elements, first_element
from tests.envoy.odd_certificates import (
    CA,
    GOOD,
    GOOD_KEY,
    KEY,
    LEAF,
    RSA_KEY,
    RSA_LEAF,
    Odd,
    certify,
    der,
    key_pem,
    pem,
    pem_of,
)

_SEC1 = PrivateFormat.TraditionalOpenSSL
_CHAIN = GOOD + pem_of(CA)
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04


def odd_bytes() -> Iterator[Odd]:
    """Yield certificates that no library of today makes."""
    body = der(certify(KEY, serial=0x11, extensions=[(x509.BasicConstraints(False, None), True)]))
    head, constraints = bytes.fromhex("a003020102020111"), bytes.fromhex("0603551d130101ff")

    def with_(name: str, old: bytes, new: bytes, refused: str = "", stricter: str = "") -> Odd:
        assert old in body
        return Odd(name, pem("CERTIFICATE", body.replace(old, new)), GOOD_KEY, refused, stricter)

    yield with_("negative serial number", head, head[:-1] + b"\x91")
    yield with_("serial number zero", head, head[:-1] + b"\x00")
    yield with_("version 2", head, bytes.fromhex("a003020101020111"), "cannot be read")
    yield with_("version 4", head, bytes.fromhex("a003020103020111"), "cannot be read")
    yield with_("name that is no UTF-8", b"\x0c\x09shop", b"\x0c\x09sho\xff", "cannot be read")
    der_only = "Python's library reads DER alone, Envoy's some BER; no CA of today issues it"
    yield with_("BER for yes", constraints, constraints[:-1] + b"\x01", "cannot be read", der_only)
    yield with_("a default that is said", constraints, constraints[:-1] + b"\x00", "cannot be read", der_only)
    relabelled = pem("CERTIFICATE", _with_key_of(RSA_LEAF, bytes.fromhex("06092a864886f70d01010a")))
    yield Odd("RSA-PSS key", relabelled, key_pem(RSA_KEY), "of a kind that Envoy does not take")
    yield Odd("bytes behind it", pem("CERTIFICATE", body + b"\0\0"), GOOD_KEY)
    yield Odd("trust behind it", pem("TRUSTED CERTIFICATE", body + bytes.fromhex("3000")), GOOD_KEY)
    yield Odd("cut within the bytes", pem("CERTIFICATE", body[:-9]), GOOD_KEY, "cannot be read")
    described = _with_key_of(LEAF, bytes.fromhex("06072a8648ce3d0201") + _p256())
    yield Odd("curve that is described", pem("CERTIFICATE", described), GOOD_KEY, "name is not said")


def odd_key_forms() -> Iterator[Odd]:
    """Yield the forms of keys."""
    sec1, pkcs8 = _key_bytes(KEY, _SEC1), _key_bytes(KEY, PrivateFormat.PKCS8)
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    p256 = pem("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
    rsa, none = pem_of(RSA_LEAF), "is not a private key in PEM"
    yield Odd("key in PKCS#1", rsa, key_pem(RSA_KEY, _SEC1))
    yield Odd("key in SEC 1", GOOD, key_pem(KEY, _SEC1))
    yield Odd("key behind its parameters, as `openssl ecparam -genkey` writes it", GOOD, p256 + key_pem(KEY, _SEC1))
    yield Odd("key of OpenSSH", GOOD, key_pem(KEY, PrivateFormat.OpenSSH), none)
    yield Odd("public key", GOOD, public, none)
    yield Odd("key in DER", GOOD, pkcs8, none)
    yield Odd("encrypted key", GOOD, key_pem(KEY, password=b"x"), "is encrypted")
    yield Odd("encrypted key in PKCS#1", rsa, key_pem(RSA_KEY, _SEC1, b"x"), "is encrypted")
    yield Odd("key named EC in PKCS#8", GOOD, pem("EC PRIVATE KEY", pkcs8))
    yield Odd("key named RSA that is none", GOOD, pem("RSA PRIVATE KEY", pkcs8))
    yield Odd("key without a kind in SEC 1", GOOD, pem("PRIVATE KEY", sec1))
    yield Odd("bytes behind the key", GOOD, pem("PRIVATE KEY", pkcs8 + b"\0"))
    yield Odd("key that is broken", rsa, pem("RSA PRIVATE KEY", _broken(_key_bytes(RSA_KEY, _SEC1))), "is broken")
    yield Odd("two keys", GOOD, GOOD_KEY + key_pem(RSA_KEY))
    yield Odd("two keys, the other first", GOOD, key_pem(RSA_KEY) + GOOD_KEY, "does not belong")
    yield Odd("certificate and key in both", GOOD_KEY + GOOD, GOOD + GOOD_KEY)
    yield Odd("key that is cut off", GOOD, GOOD_KEY[:100], "cut off")
    yield Odd("no certificate", b" \n", GOOD_KEY, "is not a chain of certificates in PEM")
    yield Odd("no key", GOOD, b" \n", none)
    yield Odd("certificate in DER", der(LEAF), GOOD_KEY, "is not a chain of certificates in PEM")
    yield Odd("request", pem("CERTIFICATE REQUEST", der(LEAF)), GOOD_KEY, "is not a chain of certificates in PEM")
    yield Odd("old name of a certificate", pem("X509 CERTIFICATE", der(LEAF)), GOOD_KEY)
    yield Odd(
        "what is no certificate, beside it", pem("DH PARAMETERS", b"ab") + GOOD + pem("X509 CRL", b"ab"), GOOD_KEY
    )


def odd_texts() -> Iterator[Odd]:
    """Yield what people and programs do to the text."""
    for name, written in _LINES.items():
        yield Odd(name, written(_CHAIN), written(GOOD_KEY))
    bag = b"Bag Attributes\n    friendlyName: shop\nsubject=CN = shop.test\n"
    yield Odd("no newline between (envoyproxy/gateway issue 8519)", GOOD.rstrip() + pem_of(CA), GOOD_KEY)
    yield Odd("text around, as of `openssl pkcs12`", bag + GOOD + b"the end", bag + GOOD_KEY)
    yield Odd("comments in UTF-8 and in Latin-1", "# für\n".encode() + GOOD + b"# f\xfcr\n" + pem_of(CA), GOOD_KEY)
    yield Odd("text before the dashes", b"crt: " + GOOD, b'"' + GOOD_KEY.rstrip() + b'"')
    yield Odd("NUL between", GOOD + b"\0" + pem_of(CA), GOOD_KEY)
    yield Odd("headers", GOOD.replace(b"-----\n", b"-----\nName: shop\n\n", 1), GOOD_KEY)
    yield Odd("lines of 76", pem("CERTIFICATE", der(LEAF), 76), GOOD_KEY)
    yield Odd("one long line", pem("CERTIFICATE", der(LEAF), 9999), GOOD_KEY)
    yield Odd("UTF-16", GOOD.decode().encode("utf-16"), GOOD_KEY, "is not a chain of certificates in PEM")
    for name, text in {
        "a letter that is none of base64": GOOD[:100] + b"!" + GOOD[101:],
        "a comment within": GOOD.replace(b"-----\n", b"-----\n# shop\n", 1),
        r"\n instead of newlines": GOOD.replace(b"\n", b"\\n"),
        "six dashes": GOOD.replace(b"-----", b"------"),
    }.items():
        yield Odd(name, text, GOOD_KEY, "is not base64")
    for name, text in {
        "no END": GOOD[: GOOD.index(b"-----END")],
        "no BEGIN": GOOD.partition(b"\n")[2],
        "another END": GOOD.replace(b"END CERTIFICATE", b"END CERT"),
        "cut within the first": GOOD[:300],
    }.items():
        yield Odd(name, text, GOOD_KEY, "cut off")


_LINES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "CR": lambda text: text.replace(b"\n", b"\r"),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "indented": lambda text: b"".join(b"    " + line for line in text.splitlines(keepends=True)),
    "indented by a tab": lambda text: b"".join(b"\t" + line for line in text.splitlines(keepends=True)),
    "blanks behind lines": lambda text: text.replace(b"\n", b" \t\n"),
    "blank lines within": lambda text: text.replace(b"\n", b"\n\n"),
    "blank lines before": lambda text: b"\n \n" + text,
    "no last newline": lambda text: text.rstrip(),
    "no newlines": lambda text: text.replace(b"\n", b""),
    "blanks instead of newlines": lambda text: text.replace(b"\n", b" "),
    "blanks within lines": lambda text: text[:60] + b"  " + text[60:],
}


def _key_bytes(key: Key, form: PrivateFormat) -> bytes:
    return key.private_bytes(Encoding.DER, form, NoEncryption())


def _broken(key: bytes) -> bytes:
    """Change the last byte of an RSA key, which is of a number that follows from the others."""
    return key[:-1] + bytes([key[-1] ^ 2])


def _with_key_of(certificate: x509.Certificate, algorithm: bytes) -> bytes:
    """Return a certificate with the kind of its key said in other words."""
    outer = list(elements(first_element(der(certificate)).content))
    inner = [part.whole for part in elements(outer[0].content)]
    key = list(elements(first_element(inner[6]).content))
    inner[6] = _tlv(_SEQUENCE, _tlv(_SEQUENCE, algorithm) + key[1].whole)
    return _tlv(_SEQUENCE, _tlv(_SEQUENCE, b"".join(inner)) + outer[1].whole + outer[2].whole)


def _p256() -> bytes:
    """Return the numbers of P-256 (SEC 2, 2.4.2)."""
    prime = bytes.fromhex("00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
    a = bytes.fromhex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc")
    b = bytes.fromhex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")
    base = bytes.fromhex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    order = bytes.fromhex("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    field = _tlv(_SEQUENCE, bytes.fromhex("06072a8648ce3d0101") + _tlv(_INTEGER, prime))
    curve = _tlv(_SEQUENCE, _tlv(_OCTETS, a) + _tlv(_OCTETS, b))
    one = _tlv(_INTEGER, b"\x01")
    return _tlv(_SEQUENCE, one + field + curve + _tlv(_OCTETS, base) + _tlv(_INTEGER, order) + one)


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    head = length if len(content) < 0x80 else bytes([0x80 | len(length)]) + length
    return bytes([tag]) + head + content
