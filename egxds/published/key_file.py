"""The key that contents of a store are encrypted with. Reads a file, and awaits."""

from __future__ import annotations

import base64
from binascii import Error as Base64Error
from pathlib import Path

from anyio import to_thread

from egxds.etcd.errors import EtcdError
from egxds.published.encryption import KEY_BYTES, UNENCRYPTED, Encrypted, Encryption
from egxds.settings.etcd import EtcdSource

_LARGEST_BYTES = 128


class KeyFileError(EtcdError):
    """The key cannot be read, or is none; the message says which file and why, and holds nothing of it."""


def encryption_of(source: EtcdSource, base: Path) -> Encryption:
    """Return how contents of a store are encrypted.

    Args:
        source: the store.
        base: directory that relative paths start from.

    Raises:
        KeyFileError: there is to be a key, and it cannot be used.
    """
    return UNENCRYPTED if source.key_file is None else Encrypted(_key_in(base / source.key_file))


async def read_encryption(source: EtcdSource, base: Path) -> Encryption:
    """Return how contents of a store are encrypted, a key being read beside the event loop; see `encryption_of`."""
    return UNENCRYPTED if source.key_file is None else await to_thread.run_sync(encryption_of, source, base)


def _key_in(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(_LARGEST_BYTES)
    except OSError as err:
        raise KeyFileError(f"sources.etcd.keyFile: cannot use {path}: {(err.strerror or str(err)).lower()}") from err
    key = found if len(found) == KEY_BYTES else _decoded(found)
    if len(key) != KEY_BYTES:
        raise KeyFileError(
            f"sources.etcd.keyFile: {path} is no key: write {KEY_BYTES} random bytes, as they are or in base64 "
            f"(openssl rand -base64 {KEY_BYTES})"
        )
    return key


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except Base64Error:
        return b""
