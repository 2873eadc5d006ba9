"""However many frames come, and of however many connections: a turn of the loop takes in few of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

import anyio
import pytest

from egxds.wire.grpc.paced_reading import TURN_WORK, PacedReading, Reader
from egxds.wire.turns import Turns

if TYPE_CHECKING:
    import asyncio

pytestmark = pytest.mark.anyio

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
FEW = 4
"""Frames with headers of sixty bytes that are short work together."""


def frame(kind: int, size: int) -> bytes:
    """Return a frame of a type, with a payload of some bytes."""
    return size.to_bytes(3, "big") + bytes((kind, 0)) + bytes(4) + bytes(size)


class Transport:
    """Stands in for asyncio's."""

    def __init__(self) -> None:
        self.is_paused = False

    def pause_reading(self) -> None:
        """Read nothing more."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Read again."""
        self.is_paused = False

    def is_closing(self) -> bool:
        """It never is."""
        return False


class Connection:
    """One that is read, and what of it was taken in."""

    def __init__(self, turns: Turns) -> None:
        self.transport = Transport()
        self.held = 0
        self.taken = bytearray()
        self.calls: list[bytes] = []
        reader = Reader(lambda _: None, self._take, lambda _: None, self._hold, lambda: None)
        self.reading = PacedReading(cast("asyncio.Transport", self.transport), turns, reader)

    def _take(self, data: bytes) -> None:
        self.taken += data
        self.calls.append(data)

    def _hold(self, by: int) -> None:
        self.held += by


@pytest.fixture
def anyio_backend() -> str:
    """Turns are turns of asyncio's loop."""
    return "asyncio"


BURSTS = {
    "streams that are reset": frame(HEADERS, 60) + frame(RESET, 4),
    "SETTINGS": frame(SETTINGS, 6),
    "PING": frame(PING, 8),
    "CONTINUATION": frame(CONTINUATION, 0),
    "DATA of a KiB": frame(DATA, 1024),
}


def frames_in(data: bytes) -> int:
    """Count frames."""
    count = at = 0
    while at < len(data):
        at += 9 + int.from_bytes(data[at : at + 3], "big")
        count += 1
    return count


@pytest.mark.parametrize("burst", BURSTS.values(), ids=BURSTS)
@pytest.mark.parametrize("size", [30 * 1024, 200 * 1024], ids=["a small piece", "a large piece"])
async def test_a_turn_takes_in_few_frames_of_a_connection(burst: bytes, size: int) -> None:
    """Reading is paused meanwhile, what waits is counted, and in the end all of it has been taken in."""
    one = Connection(Turns())
    data = PREFACE + burst * (size // len(burst))
    one.reading.receive(PREFACE)
    one.calls.clear()
    one.reading.receive(data[len(PREFACE) :])
    assert one.transport.is_paused
    assert one.held == len(data) - len(PREFACE)
    while one.transport.is_paused:
        await anyio.lowlevel.checkpoint()
    assert bytes(one.taken) == data
    assert one.held == 0
    assert max(map(frames_in, one.calls)) <= TURN_WORK


async def test_a_turn_takes_in_few_frames_of_many_connections() -> None:
    """A thousand that say a little at the same time: what is over waits in line."""
    turns = Turns()
    connections = [Connection(turns) for _ in range(1000)]
    said = frame(HEADERS, 60) * FEW
    for one in connections:
        one.reading.receive(PREFACE + said)
    seen = [0, taken := sum(len(one.calls) for one in connections)]
    while taken < len(connections):
        await anyio.lowlevel.checkpoint()
        seen.append(taken := sum(len(one.calls) for one in connections))
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 32
    assert all(bytes(one.taken) == PREFACE + said for one in connections)


async def test_what_is_stopped_is_let_go() -> None:
    """Nothing of it waits any more, and its turn does nothing."""
    one = Connection(Turns())
    one.reading.receive(PREFACE + frame(PING, 8) * 1000)
    one.reading.stop()
    assert one.held == 0
    before = len(one.calls)
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
    assert len(one.calls) == before
