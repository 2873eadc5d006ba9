"""What a stranger can have written into the log."""

from __future__ import annotations

from egxds.wire.repeated_lines import RepeatedLines


def test_a_line_is_written_once_a_minute_with_what_was_not() -> None:
    """Of each kind and client; the first one at once."""
    lines = RepeatedLines(60.0)
    told = [lines.unwritten(("ended", "10.0.0.1"), at_s) for at_s in (0.0, 1.0, 59.9, 60.0, 61.0, 180.0)]
    assert told == [0, None, None, 2, None, 1]
    assert lines.unwritten(("ended", "10.0.0.2"), 61.0) == 0
    assert lines.unwritten(("refused", "10.0.0.1"), 61.0) == 0


def test_any_number_of_clients_is_remembered_in_little_room() -> None:
    """The one that was written longest ago makes room."""
    lines = RepeatedLines(60.0)
    for number in range(1025):
        lines.unwritten(("ended", str(number)), 0.0)
    assert lines.unwritten(("ended", "1"), 1.0) is None
    assert lines.unwritten(("ended", "0"), 1.0) == 0
