"""What one stream may name has a size; names that are dropped make room."""

from __future__ import annotations

import pytest

from egxds import names
from egxds.errors import RemoteProtocolError
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Request
from egxds.sessions.named_resources import BYTES_SETTING, NameLimits

NODE = Node("n", "default/web", "")


def _request(type_url: str = names.ENDPOINT, *, subscribe: int = 0, at: int = 0, reported: int = 0) -> Request:
    """Ask for so many names of 100 bytes, and report so many."""
    return Request(
        type_url,
        NODE,
        subscribe=_names(subscribe, at),
        initial_versions=dict.fromkeys(_names(reported), ""),
    )


def _names(count: int, at: int = 0) -> tuple[str, ...]:
    return tuple(f"{at + number:0100}" for number in range(count))


def _refused(session: DeltaSession, request: Request) -> str:
    with pytest.raises(RemoteProtocolError) as refused:
        session.receive(request, 0.0)
    assert refused.value.status == 8
    return refused.value.limit


def test_names_without_end_are_refused() -> None:
    """With the name of the limit, and nothing of the request is taken."""
    session = DeltaSession(limits=NameLimits(size_bytes=1000))
    for at in range(10):
        session.receive(_request(subscribe=1, at=at), 0.0)
    assert _refused(session, _request(subscribe=1, at=10)) == BYTES_SETTING
    assert session.status()[0].subscribed == 10


def test_names_that_are_dropped_make_room() -> None:
    """And one that is asked for again takes none."""
    session = DeltaSession(limits=NameLimits(size_bytes=1000))
    session.receive(_request(subscribe=5), 0.0)
    for at in range(100):
        session.receive(_request(subscribe=5), 0.0)
        session.receive(_request(subscribe=4, at=at + 10), 0.0)
        session.receive(Request(names.ENDPOINT, unsubscribe=_names(4, at + 10)), 0.0)
    assert session.status()[0].subscribed == 5


def test_what_is_reported_counts_over_all_types() -> None:
    """A client that takes no answer would have it kept for each."""
    session = DeltaSession(limits=NameLimits(size_bytes=1000))
    session.receive(_request(names.CLUSTER, reported=6), 0.0)
    assert _refused(session, _request(names.LISTENER, reported=6)) == BYTES_SETTING


def test_letters_of_all_alphabets_count_as_bytes() -> None:
    """They take up to four."""
    session = DeltaSession(limits=NameLimits(size_bytes=1000))
    request = Request(names.ENDPOINT, NODE, subscribe=("€" * 334,))
    assert _refused(session, request) == BYTES_SETTING


def test_honest_envoy_is_far_below() -> None:
    """Ten thousand names of 200 bytes, asked for and reported, of clusters and of endpoints: a tenth of the limit."""
    session = DeltaSession(limits=NameLimits(size_bytes=NameLimits().size_bytes // 10))
    long_names = tuple(f"{number:0200}" for number in range(10_000))
    reported = dict.fromkeys(long_names, "0123456789abcdef")
    session.receive(Request(names.CLUSTER, NODE, subscribe=("*",), initial_versions=reported), 0.0)
    session.receive(Request(names.ENDPOINT, NODE, subscribe=long_names, initial_versions=reported), 0.0)
    assert [status.subscribed for status in session.status()] == [0, 10_000]
