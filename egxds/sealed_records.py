"""Records that a file of `stateDir` grows by, each under a checksum. Cellar, pure.

A record is its length, a checksum and its content. The checksum covers the content and, by the checksum before it, all
that stands before: a record can neither be changed nor moved without notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

_LENGTH_BYTES = 8
_SEAL_BYTES = 32
HEAD_BYTES = _LENGTH_BYTES + _SEAL_BYTES
"""Of what stands before the content of a record."""


class UnreadableStateError(Exception):
    """A file is not one of ours, or of another version, or damaged; the message says which."""


def first_seal(head: bytes) -> bytes:
    """Return the checksum that stands before the first record: that of the line that a file opens with."""
    return hashlib.sha256(head).digest()


def seal_records(contents: Iterable[bytes], seal: bytes) -> tuple[bytes, bytes]:
    """Return records, and the checksum of the last.

    Args:
        contents: of each of them.
        seal: the checksum before the first.
    """
    found: list[bytes] = []
    for content in contents:
        seal = hashlib.sha256(seal + content).digest()
        found.append(len(content).to_bytes(_LENGTH_BYTES, "big") + seal + content)
    return b"".join(found), seal


def sealed_records(data: bytes, seal: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records whose checksums are right, up to the first that is not, each with where it ends.

    Args:
        data: the records, and whatever follows them.
        seal: the checksum before the first.
    """
    at = 0
    while len(data) - at >= _LENGTH_BYTES + _SEAL_BYTES:
        start = at + _LENGTH_BYTES + _SEAL_BYTES
        end = start + int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        content = data[start:end]
        seal = hashlib.sha256(seal + content).digest()
        if end > len(data) or seal != data[at + _LENGTH_BYTES : start]:
            return
        yield end, content
        at = end


def record_bytes(head: bytes) -> int:
    """Return how long the content of a record is, by the `HEAD_BYTES` before it."""
    return int.from_bytes(head[:_LENGTH_BYTES], "big")


def checked_seal(head: bytes, content: bytes, seal: bytes) -> bytes | None:
    """Return the checksum of a record; None where that is not the one that stands before it.

    Args:
        head: the `HEAD_BYTES` before it.
        content: of the record.
        seal: the checksum of the record before.
    """
    found = hashlib.sha256(seal + content).digest()
    return found if found == head[_LENGTH_BYTES:] else None
