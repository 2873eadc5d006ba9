"""A reply as it stands in a store. Pure.

What stands there is input from outside: how large a reply comes out is limited before it is, and its body is held
against its digest. What is read is then judged as a reply from the network is.

    C                                       a claim
    R sha256 of body, size of reply, body   a reply that fits beside its key, compressed
    P sha256 of body, size, digests         one that stands in parts, whose bodies are one body together

The digest is of the body as it stands there: where that is encrypted, one of the reply would have guesses tried at it.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CLAIM = b"C"
_WHOLE, _IN_PARTS = b"R", b"P"
_HEAD = struct.Struct(">32sI")
_DIGEST_BYTES = 32

PART_BYTES = 512 * 1024
"""In one key: etcd takes 1.5 MiB in a request where nobody has it take more."""

LARGEST_BODY_BYTES = 8 * 1024 * 1024
"""Of a reply, compressed: a store keeps it for hours, and everything that was there before."""

_LEVEL = 1
"""Of compression: replies are lists of alike things, and somebody waits."""


class StoredReplyError(ValueError):
    """What stands in a store is no reply; the message says why."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A reply as it is to be stored.

    Attributes:
        value: what stands at its key.
        parts: digest → what stands in parts beside it; mostly nothing.
    """

    value: bytes = field(repr=False)
    parts: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was read at a key.

    Attributes:
        digest: of the body as it stands there, all of it.
        size_bytes: of the reply.
        body: of the reply, compressed, and encrypted where there is a key; empty where it stands in parts.
        parts: their digests.
    """

    digest: bytes
    size_bytes: int
    body: bytes = field(repr=False)
    parts: Sequence[str] = ()


def _as_it_is(content: bytes) -> bytes:
    return content


def packed(reply: bytes, encrypted: Callable[[bytes], bytes] = _as_it_is) -> Packed | None:
    """Return a reply as it is to be stored; nothing where it is too large for that.

    Args:
        reply: what was said.
        encrypted: returns a part of its body as that stands in the store.
    """
    body = zlib.compress(reply, _LEVEL)
    if len(body) > LARGEST_BODY_BYTES:
        return None
    parts = [encrypted(body[start : start + PART_BYTES]) for start in range(0, len(body), PART_BYTES)]
    head = _HEAD.pack(_digest(parts), len(reply))
    if len(parts) == 1:
        return Packed(_WHOLE + head + parts[0])
    digests = [hashlib.sha256(part) for part in parts]
    value = b"".join((_IN_PARTS, head, *(each.digest() for each in digests)))
    return Packed(value, {each.hexdigest(): part for each, part in zip(digests, parts, strict=True)})


def read_value(value: bytes) -> Stored | None:
    """Return what stands at a key; None for a claim.

    Raises:
        StoredReplyError: it is neither.
    """
    if value == CLAIM:
        return None
    kind, rest = value[:1], value[1 + _HEAD.size :]
    if kind not in (_WHOLE, _IN_PARTS) or len(value) < 1 + _HEAD.size:
        raise StoredReplyError("is no reply")
    digest, size_bytes = _HEAD.unpack_from(value, 1)
    if kind == _WHOLE:
        return Stored(digest, size_bytes, rest)
    if not rest or len(rest) % _DIGEST_BYTES or len(rest) // _DIGEST_BYTES > LARGEST_BODY_BYTES // PART_BYTES:
        raise StoredReplyError("has no parts, or too many")
    parts = [rest[start : start + _DIGEST_BYTES].hex() for start in range(0, len(rest), _DIGEST_BYTES)]
    return Stored(digest, size_bytes, b"", parts)


def unpacked(
    stored: Stored, parts: Sequence[bytes], limit_bytes: int, decrypted: Callable[[bytes], bytes] = _as_it_is
) -> bytes:
    """Return a reply.

    Args:
        stored: what stands at its key.
        parts: what stands in parts beside it; nothing where its body stands at its key.
        limit_bytes: how large it may be.
        decrypted: returns a part of its body from what stands in the store; what it raises is raised.

    Raises:
        StoredReplyError: it is larger, or not what its digest and its size say.
    """
    if stored.size_bytes > limit_bytes:
        raise StoredReplyError(f"has {stored.size_bytes} bytes, and no more are taken than {limit_bytes}")
    bodies = parts or (stored.body,)
    if _digest(bodies) != stored.digest:
        raise StoredReplyError("is not what its digest says")
    body = b"".join(map(decrypted, bodies))
    reader = zlib.decompressobj()
    try:
        reply = reader.decompress(body, stored.size_bytes + 1)
    except zlib.error as err:
        raise StoredReplyError("cannot be decompressed") from err
    if len(reply) != stored.size_bytes or not reader.eof:
        raise StoredReplyError("is not as large as it says")
    return reply


def _digest(bodies: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for body in bodies:
        digest.update(body)
    return digest.digest()
