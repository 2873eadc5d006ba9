"""Which lines about a client are written, and which are counted."""

from __future__ import annotations

from egxds.wire.xds.client_lines import NEW_CLIENTS, USUAL, ClientLines, Line

ODD = Line("192.0.2.1", "n1", "session.unexpected_request")


def written(lines: ClientLines, line: Line, count: int, now_s: float = 0.0) -> int:
    """Return how many of some equal lines are written."""
    return sum(lines.unwritten(line, now_s) is not None for _ in range(count))


def test_the_same_again_and_again_is_counted() -> None:
    """Some are written, and the next one after some time says how many were not."""
    lines = ClientLines()
    assert written(lines, ODD, 10_000) == USUAL.burst
    assert lines.unwritten(ODD, 60.0) == 10_000 - USUAL.burst
    assert lines.unwritten(ODD, 60.0) == 0


def test_other_events_of_a_client_have_lines_of_their_own() -> None:
    """Who asks oddly is still said to have left."""
    lines = ClientLines()
    written(lines, ODD, 10_000)
    assert lines.unwritten(ODD._replace(event="session.close"), 0.0) == 0


def test_a_client_that_is_known_keeps_its_lines() -> None:
    """Another at its address, which calls itself something else each time, takes none of them."""
    lines = ClientLines()
    good = ODD._replace(node="good")
    assert lines.unwritten(good._replace(event="session.open"), 0.0) == 0
    stranger = (lines.unwritten(ODD._replace(node=f"n{number}"), 0.0) for number in range(10_000))
    assert sum(unwritten is not None for unwritten in stranger) == NEW_CLIENTS.burst - 1
    assert lines.unwritten(good._replace(event="session.push"), 0.0) is not None


def test_another_address_has_new_clients_of_its_own() -> None:
    """Who comes from elsewhere is written whatever happens here."""
    lines = ClientLines()
    for number in range(10_000):
        lines.unwritten(ODD._replace(node=f"n{number}"), 0.0)
    assert lines.unwritten(ODD._replace(host="192.0.2.2"), 0.0) == 0
