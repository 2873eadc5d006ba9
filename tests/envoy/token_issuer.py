"""Who issues tokens: keys that are made here, tokens that are signed by them, and a server that has the keys."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.envoy.certificates import Pair
from tests.envoy.listening import HttpServer, JsonHandler, Listening
from tests.envoy.tls_backend import TlsServer, server_context

_RSA_BITS, _EXPONENT = 2048, 65537
_DAY_S = 86400


def text_of(value: bytes) -> str:
    """Return bytes in base64url, without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(_EXPONENT, _RSA_BITS)


def key_set(*names: str) -> dict[str, Any]:
    """Return the set of the public keys of some names."""
    return {"keys": [_public(name) for name in names]}


def _public(name: str) -> dict[str, str]:
    numbers = _key(name).public_key().public_numbers()
    modulus = text_of(numbers.n.to_bytes(_RSA_BITS // 8, "big"))
    return {"kty": "RSA", "kid": name, "alg": "RS256", "use": "sig", "n": modulus, "e": "AQAB"}


def token(issuer: str = "https://issuer.test", key: str = "first", valid_s: int = _DAY_S, **claims: Any) -> str:
    """Return a signed token.

    Args:
        issuer: that it names.
        key: name of the key that signs it.
        valid_s: for which it is valid from now on; one that is negative has it expired.
        claims: what else it says.
    """
    head = {"alg": "RS256", "typ": "JWT", "kid": key}
    said = {"iss": issuer, "sub": "ann", "exp": int(time.time()) + valid_s, **claims}
    signed = ".".join(text_of(json.dumps(part).encode()) for part in (head, said))
    signature = _key(key).sign(signed.encode(), padding.PKCS1v15(), SHA256())
    return f"{signed}.{text_of(signature)}"


def bearer(**said: Any) -> dict[str, str]:
    """Return the header that brings a token, as `token` makes it."""
    return {"authorization": f"Bearer {token(**said)}"}


class _Keys:
    """What a server of keys answers, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: Mapping[str, Any] = key_set("first")
        self.asked = 0


class _Handler(JsonHandler):
    server: Any

    def respond(self) -> None:
        self.server.said.asked += 1
        self.answer(200, self.server.said.keys)


class KeyServer(Listening):
    """Answers everything with a set of keys, with TLS where it is given a certificate."""

    def __init__(self, port: int = 0, directory: Path | None = None, pair: Pair | None = None) -> None:
        """Start it.

        Args:
            port: of its own, or any.
            directory: for the files of its certificate.
            pair: its certificate; without it, it speaks plain text.
        """
        self._said = _Keys()
        secure = server_context(directory, pair) if directory is not None and pair is not None else None
        server: Any = TlsServer(secure, _Handler) if secure is not None else HttpServer(_Handler, port)
        server.said = self._said
        super().__init__(server)

    @property
    def asked(self) -> int:
        """How often it was asked."""
        return self._said.asked

    def use(self, *names: str) -> None:
        """Have the keys of some names from now on."""
        self._said.keys = key_set(*names)
