"""Which Envoys are connected, lost and behind."""

from __future__ import annotations

from egxds.inspect.envoys import FORGET_LOST_S, MOST_LOST, EnvoyBook, Lag, OfferedState


def test_an_envoy_is_lost_with_its_last_stream() -> None:
    """Two processes of one node, while it restarts hot, are one Envoy."""
    book = EnvoyBook()
    book.opened(1, "a")
    book.opened(2, "a")
    book.opened(3, "b")
    assert book.connected == 2
    assert (book.closed(1, 10.0), list(book.lost(10.0))) == (False, [])
    assert (book.closed(2, 11.0), list(book.lost(11.0))) == (False, [("a", 11.0)])
    assert (book.closed(3, 12.0), list(book.lost(12.0))) == (True, [("b", 12.0), ("a", 11.0)])
    assert book.connected == 0


def test_an_envoy_that_comes_back_is_not_lost() -> None:
    """Nor one that stayed away for so long that somebody has taken it away."""
    book = EnvoyBook()
    for stream, node in enumerate("ab"):
        book.opened(stream, node)
        book.closed(stream, 10.0)
    book.opened(3, "a")
    assert (list(book.lost(20.0)), book.lost_count(20.0)) == ([("b", 10.0)], 1)
    assert book.lost_count(11.0 + FORGET_LOST_S) == 0


def test_a_stream_that_never_said_whose_it_is() -> None:
    """It is nobody's, and nobody is lost with it."""
    book = EnvoyBook()
    assert not book.closed(7, 10.0)
    book.offered(7, OfferedState(1), 10.0)
    book.took_all(7)
    assert (book.lags(10.0, 9), book.lost_count(10.0)) == ([], 0)


def test_strangers_do_not_fill_the_book() -> None:
    """Of those that are lost the oldest makes room."""
    book = EnvoyBook()
    for stream in range(MOST_LOST + 5):
        book.opened(stream, f"n{stream}")
        book.closed(stream, 1.0)
    assert book.lost_count(1.0) == MOST_LOST
    assert ("n4", 1.0) not in set(book.lost(1.0))


def test_a_lag_begins_with_the_first_state_that_was_not_taken() -> None:
    """It goes on with the next ones, and is over when all has been taken; the slowest comes first."""
    book = EnvoyBook()
    book.opened(1, "quick")
    book.opened(2, "slow")
    for stream in (1, 2):
        book.offered(stream, OfferedState(1), 10.0)
        book.took_all(stream)
        book.offered(stream, OfferedState(2), 20.0)
    book.offered(2, OfferedState(4), 25.0)
    book.took_all(1)
    assert book.lags(30.0, 9) == [Lag("slow", 10.0, 3), Lag("quick", 0.0, 0)]
    book.took_all(2)
    book.offered(2, OfferedState(4), 40.0)
    assert book.lags(50.0, 9) == [Lag("quick", 0.0, 0), Lag("slow", 0.0, 0)]


def test_the_slowest_come_first_however_many_there_are() -> None:
    """Those that fell behind first; one that caught up and fell behind again is behind since then."""
    book = EnvoyBook()
    for stream in range(100):
        book.opened(stream, f"n{stream}")
        book.offered(stream, OfferedState(1), float(stream))
    book.took_all(0)
    book.offered(0, OfferedState(2), 200.0)
    book.closed(1, 200.0)
    assert [lag.node_id for lag in book.lags(300.0, 2)] == ["n2", "n3"]
    assert [(lag.node_id, lag.seconds) for lag in book.lags(300.0, 999)][-1] == ("n0", 100.0)


def test_states_of_two_stores_are_not_one_though_they_have_one_number() -> None:
    """Who has taken the third of the head has nothing of a candidate; how many are in between nobody knows."""
    book = EnvoyBook()
    head, candidate = OfferedState(3), OfferedState(3, turn=1)
    book.opened(1, "a")
    book.offered(1, head, 10.0)
    book.took_all(1)
    assert (book.has_taken(1, head), book.has_taken(1, candidate)) == (True, False)
    book.offered(1, candidate, 20.0)
    assert not book.has_taken(1, candidate)
    assert book.lags(25.0, 9) == [Lag("a", 5.0, 1)]
    assert book.took_all(1)
    assert (book.has_taken(1, head), book.has_taken(1, candidate)) == (False, True)
    assert book.lags(25.0, 9) == [Lag("a", 0.0, 0)]
