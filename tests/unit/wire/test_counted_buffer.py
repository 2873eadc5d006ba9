"""What came of a stream is counted until it is read, and let go of when nobody will read it."""

from __future__ import annotations

from functools import partial

import pytest

from egxds.wire.grpc.counted_connection import CountedBuffer
from egxds.wire.grpc.unread_bytes import UnreadBytes

pytestmark = pytest.mark.anyio


def _end() -> None:
    raise AssertionError("nothing is over its limit")


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough."""
    return "asyncio"


async def test_a_frame_counts_until_all_of_it_is_read() -> None:
    """With its bytes, and what it takes beside them."""
    unread = UnreadBytes(10_000)
    buffer = CountedBuffer(lambda _: None, unread.open(_end))
    buffer.add(b"0123456789", 10)
    buffer.add(b"0123456789", 10)
    assert unread.held_bytes == 20 + 2 * 256
    assert await buffer.read(15) == b"012345678901234"
    assert unread.held_bytes == 5 + 256
    assert await buffer.read(5) == b"56789"
    assert unread.held_bytes == 0


async def test_what_nobody_will_read_is_let_go() -> None:
    """At once, and not when garbage is collected; what of it is read after all counts no more."""
    unread = UnreadBytes(10_000)
    buffer = CountedBuffer(lambda _: None, unread.open(_end))
    buffer.add(bytes(1000), 1000)
    buffer.drop()
    assert unread.held_bytes == 0
    assert buffer.unacked_size() == 0
    buffer.add(bytes(1000), 1000)
    assert unread.held_bytes == 0


def test_the_largest_goes_until_there_is_room() -> None:
    """Each once, and it counts no more from then on."""
    ended: list[str] = []
    unread = UnreadBytes(100)
    small, large, largest = (unread.open(partial(ended.append, name)) for name in ("small", "large", "largest"))
    small.change(10)
    large.change(80)
    unread.keep_within_limit()
    assert not ended
    largest.change(120)
    unread.keep_within_limit()
    assert ended == ["largest"]
    largest.change(500)
    assert unread.held_bytes == 90
