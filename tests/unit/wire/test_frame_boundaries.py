"""Bytes of a connection are cut where frames end, however they come."""

from __future__ import annotations

import itertools
from collections import Counter

import hypothesis.strategies as st
from hypothesis import given

from egxds.wire.grpc.frame_boundaries import FrameBoundaries, FrameCost

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 2, 3, 4, 6, 8
FRAMES = st.lists(st.tuples(st.sampled_from((DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, 77)), st.integers(0, 40)))


def frame(kind: int, size: int = 0) -> bytes:
    """Return a frame of a type, with a payload of some bytes."""
    return size.to_bytes(3, "big") + bytes((kind, 0)) + bytes(4) + bytes(size)


def pieces(data: bytes, ends: list[int]) -> list[bytes]:
    """Cut bytes at random places."""
    at = sorted({0, len(data), *(end % (len(data) + 1) for end in ends)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


@given(FRAMES, st.lists(st.integers(0, 2000), max_size=8), st.integers(1, 5))
def test_every_byte_is_taken_in_once_and_every_frame_counted(
    frames: list[tuple[int, int]], ends: list[int], most: int
) -> None:
    """Whatever the pieces and the room of a turn are."""
    data = PREFACE + b"".join(frame(kind, size) for kind, size in frames)
    boundaries, costs, taken = FrameBoundaries(), Counter[FrameCost](), b""
    for piece in pieces(data, ends):
        at = 0
        while at < len(piece):
            cut = boundaries.cut(piece, at, most)
            assert cut.end > at
            taken += piece[at : cut.end]
            at, costs = cut.end, costs + cut.costs
    assert taken == data
    assert costs == FrameBoundaries().cut(data, 0, 10**9).costs


def test_a_cut_is_where_a_frame_ends() -> None:
    """So that h2 is never given more frames than there is room for."""
    data = PREFACE + frame(PING, 8) * 10
    assert FrameBoundaries().cut(data, 0, 4).end == len(PREFACE) + 4 * 17


def test_a_frame_is_counted_as_what_it_costs() -> None:
    """Full DATA costs by its bytes, SETTINGS by the values in it."""
    sent = [(DATA, 1024), (DATA, 3), (HEADERS, 60), (RESET, 4), (SETTINGS, 0), (SETTINGS, 18), (PING, 8), (77, 5)]
    data = PREFACE + b"".join(frame(kind, size) for kind, size in sent)
    assert FrameBoundaries().cut(data, 0, 100).costs == {
        FrameCost.OTHER: 2,
        FrameCost.STREAM: 2,
        FrameCost.SETTINGS: 4,
        FrameCost.PING: 1,
    }


def test_headers_fill_a_turn_by_their_bytes() -> None:
    """They may be many in one frame; against the budget it counts as one."""
    data = PREFACE + frame(HEADERS, 12 * 1024) * 3
    cut = FrameBoundaries().cut(data, 0, 40)
    assert cut.end == len(PREFACE + frame(HEADERS, 12 * 1024))
    assert cut.costs == {FrameCost.STREAM: 1}
