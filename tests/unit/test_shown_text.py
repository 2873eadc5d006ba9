"""What somebody else wrote moves no cursor, forges no line, and stands in the order in which it is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.shown_text import shown, shown_lines, shown_name

ANY = st.text(alphabet=st.characters(exclude_categories=()))

ODD = {
    "escape sequence": ("\x1b[2J", r"\x1b[2J"),
    "carriage return": ("ok\rno", r"ok\rno"),
    "line break": ("a\nb", r"a\nb"),
    "DEL": ("\x7f", r"\x7f"),
    "CSI of C1": ("\x9b2J", r"\u009b2J"),
    "next line of C1": ("\x85", r"\u0085"),
    "right-to-left override": ("\u202egpj.exe", r"\u202egpj.exe"),
    "isolate": ("\u2066a\u2069", r"\u2066a\u2069"),
    "zero width": ("a\u200bb\u200d\ufeff", r"a\u200bb\u200d\ufeff"),
    "line separator": ("\u2028", r"\u2028"),
    "tag letters": ("\U000e0041", r"\U000e0041"),
    "byte that is no text": ("\udcff", r"\xff"),
    "byte that is no text, of C1": ("\udc85", r"\x85"),
    "half of a pair": ("\ud800", r"\ud800"),
    "letters": ("Grüße 東京", "Grüße 東京"),
}


@pytest.mark.parametrize(("text", "expected"), ODD.values(), ids=ODD)
def test_what_is_escaped(text: str, expected: str) -> None:
    """All that is no letter, sign or common space."""
    assert shown(text) == expected


@given(ANY)
def test_nothing_comes_raw(text: str) -> None:
    """Whatever it is; what is printable stays."""
    assert shown(text).isprintable()
    assert all(line.isprintable() for line in shown_lines(text).split("\n"))
    assert shown(shown(text)) == shown(text)


@given(ANY, ANY)
def test_names_of_two_files_are_two(one: str, other: str) -> None:
    """A name cannot be written so that it looks like another."""
    assert (shown_name(one) == shown_name(other)) is (one == other)
