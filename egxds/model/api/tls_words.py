"""The names of ciphers, curves and signatures that Envoy 1.40 takes. Pure.

One that it does not know costs a Listener, or a cluster.

Ciphers have two names each, OpenSSL's and that of the standard (RFC 5246); those of equal preference stand in brackets.
"""

from __future__ import annotations

_KEYED = ("ECDHE-ECDSA", "ECDHE-RSA")
_CIPHERS = frozenset(
    {
        *(f"{key}-{cipher}" for key in _KEYED for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384")),
        *(f"{key}-{cipher}" for key in _KEYED for cipher in ("CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA")),
        *("ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"),
        "DES-CBC3-SHA",
        *(
            f"TLS_ECDHE_{key}_WITH_AES_{each}"
            for key in ("ECDSA", "RSA")
            for each in ("128_GCM_SHA256", "256_GCM_SHA384")
        ),
        *(f"TLS_ECDHE_{key}_WITH_AES_{each}_CBC_SHA" for key in ("ECDSA", "RSA") for each in ("128", "256")),
        *(f"TLS_ECDHE_{key}_WITH_CHACHA20_POLY1305_SHA256" for key in ("ECDSA", "RSA")),
        *(f"TLS_RSA_WITH_AES_{each}" for each in ("128_GCM_SHA256", "256_GCM_SHA384", "128_CBC_SHA", "256_CBC_SHA")),
    }
)
_CURVES = frozenset(
    {"P-256", "P-384", "P-521", "X25519", "X25519MLKEM768", "prime256v1", "secp384r1", "secp521r1", "x25519"}
)
_SIGNATURES = frozenset(
    {
        *(f"rsa_pkcs1_{digest}" for digest in ("sha1", "sha256", "sha384", "sha512")),
        *(f"rsa_pss_rsae_{digest}" for digest in ("sha256", "sha384", "sha512")),
        *("ecdsa_sha1", "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ed25519"),
    }
)


def check_cipher(value: str) -> str:
    """Check the name of a cipher, or of several of equal preference in brackets.

    Raises:
        ValueError: Envoy does not know it.
    """
    is_group = value.startswith("[") and value.endswith("]")
    unknown = [each for each in (value[1:-1].split("|") if is_group else [value]) if each not in _CIPHERS]
    if unknown:
        raise ValueError("is no cipher of TLS up to 1.2 that Envoy knows, such as ECDHE-RSA-AES128-GCM-SHA256")
    return value


def check_curve(value: str) -> str:
    """Check the name of a curve.

    Raises:
        ValueError: Envoy does not know it.
    """
    if value not in _CURVES:
        raise ValueError(f"is no curve that Envoy knows: {', '.join(sorted(_CURVES))}")
    return value


def check_signature(value: str) -> str:
    """Check the name of a way to sign.

    Raises:
        ValueError: Envoy does not know it.
    """
    if value not in _SIGNATURES:
        raise ValueError(f"is no signature algorithm that Envoy knows: {', '.join(sorted(_SIGNATURES))}")
    return value
