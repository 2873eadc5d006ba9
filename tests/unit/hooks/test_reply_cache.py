"""The memory of replies: identical requests within their time, bounded in number and bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.hooks.calls import CallKey, HookCall
from egxds.hooks.replies.cache import ReplyCache
from egxds.hooks.replies.check import RouteEdit
from egxds.settings.extensions import Hook


def key(request: bytes, manager: str = "m", hook: Hook = Hook.ROUTE) -> CallKey:
    """Make the key of a call."""
    return HookCall(manager, hook, "subject", request).key()


@pytest.mark.parametrize(
    ("asked", "now_s", "is_known"),
    [
        (key(b"request"), 9.9, True),
        (key(b"request"), 10.0, False),
        (key(b"other"), 1.0, False),
        (key(b"request", manager="n"), 1.0, False),
        (key(b"request", hook=Hook.VIRTUAL_HOST), 1.0, False),
    ],
)
def test_only_an_identical_request_in_time_is_known(asked: CallKey, now_s: float, is_known: bool) -> None:
    """Manager, hook and request must be the same, and the reply young enough."""
    cache = ReplyCache()
    cache.put(key(b"request"), RouteEdit(b"reply"), 5, expires_s=10.0)
    assert cache.get(asked, now_s) == (RouteEdit(b"reply") if is_known else None)


def test_the_least_used_goes_first() -> None:
    """A reply that was used lately outlives an older one."""
    cache = ReplyCache(max_entries=2)
    for request in (b"a", b"b"):
        cache.put(key(request), RouteEdit(request), 1, expires_s=10.0)
    cache.get(key(b"a"), 0.0)
    cache.put(key(b"c"), RouteEdit(b"c"), 1, expires_s=10.0)
    assert [request for request in (b"a", b"b", b"c") if cache.get(key(request), 0.0)] == [b"a", b"c"]


@given(sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 50)), max_size=60))
def test_the_memory_is_bounded(sizes: list[tuple[int, int]]) -> None:
    """Whatever is put in, bytes and number stay within their bounds and the count of bytes is right."""
    cache = ReplyCache(max_bytes=100, max_entries=4)
    held: dict[int, int] = {}
    for name, size in sizes:
        cache.put(key(bytes([name])), RouteEdit(b""), size, expires_s=10.0)
        held[name] = size
        assert len(cache) <= 4
        assert cache.size_bytes <= 100
    present = [name for name in held if cache.get(key(bytes([name])), 0.0)]
    assert cache.size_bytes == sum(held[name] for name in present)
    assert len(cache) == len(present)


def test_everything_can_be_forgotten() -> None:
    """As if nothing had been put in."""
    cache = ReplyCache()
    cache.put(key(b"a"), RouteEdit(b""), 7, expires_s=1.0)
    cache.clear()
    assert (len(cache), cache.size_bytes, cache.get(key(b"a"), 0.0)) == (0, 0, None)


def test_what_is_too_old_is_dropped() -> None:
    """An expired reply takes no memory once it was asked for."""
    cache = ReplyCache()
    cache.put(key(b"a"), RouteEdit(b""), 7, expires_s=1.0)
    cache.get(key(b"a"), 2.0)
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_what_is_too_old_is_dropped_unasked() -> None:
    """Expired replies that nobody asks for again do not pile up; younger ones stay."""
    cache = ReplyCache()
    for at, request in enumerate((b"a", b"b", b"c")):
        cache.put(key(request), RouteEdit(b""), 7, expires_s=float(at))
    cache.drop_expired(1.0)
    assert (len(cache), cache.size_bytes, cache.get(key(b"c"), 1.0)) == (1, 7, RouteEdit(b""))
