"""Which lines about a client are written, and which are counted."""

from __future__ import annotations

import pytest

from egxds.wire.xds.client_lines import CUT_OFF_S, NEW_CLIENTS, OF_ADDRESS, USUAL, ClientLines, Line

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


@pytest.mark.parametrize("nodes", [1, 1000])
def test_who_is_cut_off_again_and_again_is_a_line_in_a_while(nodes: int) -> None:
    """However slowly it comes back, and whatever it is called; the first time is said in full."""
    lines, said = ClientLines(), []
    for visit in range(24 * 60):
        now_s = 61.0 * visit
        one = Line("192.0.2.1", f"n{visit % nodes}", "")
        said += [event for event in ("session.open",) if lines.unwritten(one._replace(event=event), now_s) is not None]
        lines.cut_off(one.host, one.node, now_s)
        ended = ("session.refused", "session.close")
        said += [event for event in ended if lines.unwritten(one._replace(event=event), now_s) is not None]
    seldom = 24 * 60 * 61 / CUT_OFF_S + 1
    assert said[:3] == ["session.open", "session.refused", "session.close"]
    assert said.count("session.refused") <= seldom
    assert said.count("session.close") <= seldom


def test_who_was_cut_off_once_is_written_about_as_before() -> None:
    """After some time; what it refuses is written all along."""
    lines = ClientLines()
    lines.cut_off(ODD.host, ODD.node, 0.0)
    pushed, refused = ODD._replace(event="session.push"), ODD._replace(event="session.nack")
    assert [written(lines, pushed, 5, 1.0), written(lines, refused, 5, 1.0)] == [1, 5]
    assert written(lines, pushed, 5, CUT_OFF_S) == 5


def test_an_address_with_thousands_of_known_clients_fills_no_log() -> None:
    """Each of them has lines of its own, and all together no more than an address has."""
    lines = ClientLines()
    for number in range(4000):
        lines.unwritten(ODD._replace(node=f"n{number}"), float(number))
    hours = 24
    said = sum(
        lines.unwritten(ODD._replace(node=f"n{number}"), 4000.0 + 3600.0 * hour) is not None
        for hour in range(hours)
        for number in range(4000)
    )
    assert said == hours * OF_ADDRESS.burst
