"""Sets of JSON Web Keys (RFC 7517): what Envoy takes of one, and how it is written to it. Pure.

Envoy refuses a filter of which a set has no key that it can use, and with it the tokens of everybody else (seen with
1.40); keys that it cannot use beside others are passed over. So those are kept that it can use, with the fields that
it reads, and a set without any is refused here. A symmetric key is a secret: no part of a set is in a message.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

JWKS_ENTRY = "jwks"

_Json = Mapping[str, object]
_LEAST_RSA_BITS, _MOST_RSA_BITS = 1024, 8192
_ED25519_BYTES = 32
_READ = ("kty", "kid", "alg", "use", "crv", "n", "e", "x", "y", "k")
_CURVES: Mapping[str, tuple[ec.EllipticCurve, str]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
}


def read_json_web_keys(text: str) -> str | tuple[str, ...]:
    """Read a set of keys.

    Args:
        text: the set, as JSON.

    Returns:
        The keys that Envoy can use, written anew; or in a tuple why there are none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ("is no JSON",)
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        return ("has no list of keys under keys, as RFC 7517 has it",)
    usable = [{name: key[name] for name in _READ if isinstance(key.get(name), str)} for key in keys if _is_usable(key)]
    if not usable:
        return ("has no key that Envoy can use: RSA, EC on P-256, P-384 or P-521, Ed25519, or oct",)
    return json.dumps({"keys": usable}, sort_keys=True)


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict):
        return False
    judge = _KINDS.get(str(key.get("kty")))
    algorithm = key.get("alg", "")
    try:
        return judge is not None and isinstance(algorithm, str) and judge(key, algorithm)
    except (ValueError, TypeError, KeyError, binascii.Error, UnsupportedAlgorithm):
        return False


def _is_rsa(key: _Json, algorithm: str) -> bool:
    modulus, exponent = _number(key["n"]), _number(key["e"])
    rsa.RSAPublicNumbers(exponent, modulus).public_key()
    fits = _LEAST_RSA_BITS <= modulus.bit_length() <= _MOST_RSA_BITS
    return fits and algorithm in ("", *(f"{kind}{bits}" for kind in ("RS", "PS") for bits in (256, 384, 512)))


def _is_elliptic(key: _Json, algorithm: str) -> bool:
    curve, own = _CURVES[str(key["crv"])]
    ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
    return algorithm in ("", own)


def _is_edwards(key: _Json, algorithm: str) -> bool:
    return key["crv"] == "Ed25519" and len(_decoded(key["x"])) == _ED25519_BYTES and algorithm in ("", "EdDSA")


def _is_symmetric(key: _Json, algorithm: str) -> bool:
    return bool(_decoded(key["k"])) and algorithm in ("", "HS256", "HS384", "HS512")


_KINDS: Mapping[str, Callable[[_Json, str], bool]] = {
    "RSA": _is_rsa,
    "EC": _is_elliptic,
    "OKP": _is_edwards,
    "oct": _is_symmetric,
}


def _number(value: object) -> int:
    return int.from_bytes(_decoded(value), "big")


def _decoded(value: object) -> bytes:
    """Decode base64url, in which padding is left out."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    text = value.rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
