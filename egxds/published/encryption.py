"""What stands in a store, encrypted with a key that is not there. Pure.

Equal contents come to equal bytes under one key (AES-SIV, RFC 5297): so they are named by the digest of what stands
there, as without a key. Who has no key can hold all of it against its name, and what is there already is not put again.
What shows without the key is that two things are equal, and how large they are; no guess at a content can be tried.
What was changed, or is there as something else, is not decrypted. Whoever may write there can put one thing of a kind
in the place of another.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_HEAD = b"\0egxds encrypted 1\0"
_CIPHER_KEY_BYTES = 64
_MARK_BYTES = 8

FILE = b"file"
REPLY = b"reply"
"""What something is, which nothing else is decrypted as."""


class EncryptionError(ValueError):
    """Something cannot be decrypted; the message says why, and what to do."""


class Encryption(Protocol):
    """How contents stand in a store."""

    @property
    def mark(self) -> str:
        """Another one for each key, by which no key is found; empty without one."""
        ...

    def encrypted(self, kind: bytes, content: bytes) -> bytes:
        """Return a content as it stands there.

        Args:
            kind: what it is.
            content: not empty.
        """
        ...

    def decrypted(self, kind: bytes, stored: bytes) -> bytes:
        """Return the content of what stands there.

        Args:
            kind: what it is to be.
            stored: what stands there.

        Raises:
            EncryptionError: it was encrypted with another key, or not at all, or as something else.
        """
        ...


class Unencrypted:
    """Contents as they are.

    Attributes:
        mark: empty.
    """

    mark = ""

    def encrypted(self, _kind: bytes, content: bytes) -> bytes:
        """See `Encryption`."""
        return content

    def decrypted(self, _kind: bytes, stored: bytes) -> bytes:
        """See `Encryption`."""
        if stored.startswith(_HEAD):
            raise EncryptionError("is encrypted: name the key in sources.etcd.keyFile")
        return stored


class Encrypted:
    """Contents under a key.

    Attributes:
        mark: another one for each key.
    """

    def __init__(self, key: bytes) -> None:
        """Prepare.

        Args:
            key: 32 bytes.
        """
        self._cipher = AESSIV(_derived(key, b"contents", _CIPHER_KEY_BYTES))
        self.mark = _derived(key, b"mark", _MARK_BYTES).hex()

    def encrypted(self, kind: bytes, content: bytes) -> bytes:
        """See `Encryption`."""
        return _HEAD + self._cipher.encrypt(content, [kind])

    def decrypted(self, kind: bytes, stored: bytes) -> bytes:
        """See `Encryption`."""
        if not stored.startswith(_HEAD):
            raise EncryptionError("is not encrypted, and sources.etcd.keyFile is given: publish anew with that")
        try:
            return self._cipher.decrypt(stored[len(_HEAD) :], [kind])
        except (InvalidTag, ValueError) as err:
            raise EncryptionError(
                "cannot be decrypted: sources.etcd.keyFile is not the key that it was encrypted with"
            ) from err


UNENCRYPTED = Unencrypted()


def _derived(key: bytes, purpose: bytes, size_bytes: int) -> bytes:
    """Return a key of its own for a purpose."""
    return HKDF(SHA256(), size_bytes, salt=None, info=b"egxds store 1: " + purpose).derive(key)
