"""Writes of one turn go out together, in order, and none is lost by a close."""

from __future__ import annotations

from typing import Any

import anyio.lowlevel
import pytest

from egxds.grpc.gathered_writes import GatheredWrites

pytestmark = pytest.mark.anyio


class Recorded:
    """A transport that remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.closing = True
        self.done.append("closed")

    def abort(self) -> None:
        self.closing = True
        self.done.append("aborted")

    def is_closing(self) -> bool:
        return self.closing


async def gathered() -> tuple[GatheredWrites, Recorded]:
    """Return one, and what is behind it."""
    recorded = Recorded()
    transport: Any = recorded
    return GatheredWrites(transport), recorded


async def test_one_turn_is_one_write() -> None:
    """And the next turn is another."""
    writes, recorded = await gathered()
    for part in (b"a", b"b", b"c"):
        writes.write(part)
    assert recorded.done == []
    await anyio.lowlevel.checkpoint()
    writes.write(b"d")
    await anyio.lowlevel.checkpoint()
    assert recorded.done == [b"abc", b"d"]


async def test_what_waits_is_written_before_a_close_and_not_before_an_abort() -> None:
    """As with any transport."""
    writes, recorded = await gathered()
    writes.write(b"a")
    writes.close()
    await anyio.lowlevel.checkpoint()
    assert recorded.done == [b"a", "closed"]
    assert writes.is_closing()
    writes, recorded = await gathered()
    writes.write(b"a")
    writes.abort()
    await anyio.lowlevel.checkpoint()
    assert recorded.done == ["aborted"]
