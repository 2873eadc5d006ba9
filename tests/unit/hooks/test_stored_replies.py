"""How replies stand in a store: what is put there comes out again, and what is no reply is none."""

from __future__ import annotations

import hashlib
import random
import zlib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.hooks.shared.stored import (
    CLAIM,
    LARGEST_BODY_BYTES,
    PART_BYTES,
    Stored,
    StoredReplyError,
    packed,
    read_value,
    unpacked,
)
from egxds.published.encryption import KEY_BYTES, REPLY, Encrypted

LIMIT = 32 * 1024 * 1024


@given(st.binary(max_size=4096))
def test_a_reply_comes_out_as_it_was_put(reply: bytes) -> None:
    """Equal replies stand there as equal bytes."""
    found = packed(reply)
    assert found is not None
    assert found == packed(reply)
    stored = read_value(found.value)
    assert stored is not None
    assert unpacked(stored, (), LIMIT) == reply


@given(st.binary(max_size=200))
def test_whatever_stands_there_is_a_claim_a_reply_or_an_error(value: bytes) -> None:
    """Nothing else comes of it."""
    try:
        stored = read_value(value)
        if stored is None:
            assert value == CLAIM
        else:
            unpacked(stored, (), LIMIT)
    except StoredReplyError:
        pass


def test_what_is_larger_than_it_says_is_not_read_to_its_end() -> None:
    """A few bytes may be a gigabyte."""
    bomb = zlib.compress(bytes(64 * 1024 * 1024))
    with pytest.raises(StoredReplyError, match="not as large as it says"):
        unpacked(Stored(hashlib.sha256(bomb).digest(), 100, bomb), (), LIMIT)
    with pytest.raises(StoredReplyError, match="no more are taken than 10"):
        unpacked(Stored(bytes(32), 100, b""), (), 10)


def test_what_was_changed_is_not_read() -> None:
    """Nothing of it is decrypted or decompressed."""
    with pytest.raises(StoredReplyError, match="not what its digest says"):
        unpacked(Stored(bytes(32), 100, b"another"), (), LIMIT, lambda _: pytest.fail("it was decrypted"))


@pytest.mark.parametrize("reply", [b"a small one", random.Random(1).randbytes(2 * PART_BYTES)])
def test_no_guess_at_an_encrypted_reply_can_be_tried(reply: bytes) -> None:
    """What stands there in the clear is of what is encrypted."""
    under_key = Encrypted(bytes(KEY_BYTES))
    found = packed(reply, partial(under_key.encrypted, REPLY))
    assert found is not None
    body = zlib.compress(reply, 1)
    guesses = [hashlib.sha256(each).digest() for each in (reply, body, body[:PART_BYTES])]
    shown = [found.value, *map(bytes.fromhex, found.parts), *found.parts.values()]
    assert not [guess for guess in guesses for each in shown if guess in each]
    stored = read_value(found.value)
    assert stored is not None
    assert unpacked(stored, tuple(found.parts.values()), LIMIT, partial(under_key.decrypted, REPLY)) == reply


def test_the_parts_of_a_reply_are_limited() -> None:
    """By what is put there."""
    head = bytes(36)
    most = LARGEST_BODY_BYTES // PART_BYTES
    assert read_value(b"P" + head + bytes(32 * most)) is not None
    for parts in (0, 31, 32 * (most + 1)):
        with pytest.raises(StoredReplyError, match="parts"):
            read_value(b"P" + head + bytes(parts))
