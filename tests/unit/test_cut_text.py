"""What strangers say, in a length that we choose."""

from __future__ import annotations

from egxds.cut_text import cut, cut_identity


def test_a_short_text_is_as_it_was() -> None:
    """Nothing is said about what was not cut."""
    assert (cut("envoy", 5), cut_identity("envoy", 5)) == ("envoy", "envoy")


def test_a_cut_says_how_long_the_text_was() -> None:
    """In bytes, as it came."""
    assert cut("ä" * 1024, 2) == "ää…(2048 bytes)"


def test_names_that_differ_behind_the_cut_differ() -> None:
    """Two nodes with long names are not taken for one."""
    first, second = (cut_identity("n" * 1000 + end, 10) for end in "ab")
    assert first != second
    assert first == cut_identity("n" * 1000 + "a", 10)
    assert first.startswith("nnnnnnnnnn…(1001 bytes, sha256 ")
