"""A file that is edited is cut where it changed, and comes to what it would come to if it were cut from nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egxds.files.documents.document import FileDocuments
from egxds.files.documents.split import split_documents
from egxds.problems import Problem

LIMIT = 6
PIECES = (
    *("a: 1\n", "b: |\n  x\n", "  y\n", "c: 'open\n", "# comment\n", "\n", " ", "-", "\t", "#", "a", "é", "✓", "𝄞"),
    *("---\n", "--- # said\n", "--- |\n", "---", "...\n", "...", "----\n", " ---\n", "\n---", "\n--", "-\n", ".\n"),
    *("%YAML 1.2\n", "%TAG ! x\n", "%", "\ufeff", "\ufeff---\n", "---\n\ufeff", "\r\n", "\r", "---\r\n", "---\r"),
)
"""What makes a cut depend on more than one character, and halves of it."""

TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.lists(st.sampled_from(PIECES), max_size=3).map("".join)),
    min_size=1,
    max_size=5,
)
"""Edits one after the other: from where to where of the text, and what stands there instead."""


def edited(text: str, start: float, end: float, put: str) -> str:
    """Replace a part of a text."""
    first, last = sorted((round(start * len(text)), round(end * len(text))))
    return text[:first] + put + text[last:]


def cut(text: str, before: FileDocuments | None = None) -> FileDocuments | Problem:
    """Cut a text, with what its file held before."""
    return split_documents("x.yaml", text, LIMIT, before or FileDocuments())


def seen(outcome: FileDocuments | Problem) -> object:
    """Return all that can be told from what a file holds."""
    if isinstance(outcome, Problem):
        return str(outcome)
    texts = [(outcome.line_of(each), each.text, each.digest, each.file) for each in outcome.documents]
    return texts, outcome.pieces()


@given(text=TEXTS, edits=EDITS)
@example(text="a\n---\nb\n---\nc\n", edits=[(0.0, 0.0, "# comment\n")])
@example(text="a\n---\n" * 6, edits=[(0.0, 0.5, ""), (1.0, 1.0, "a\n---\n" * 3)])
@example(text="a\n--", edits=[(1.0, 1.0, "-"), (1.0, 1.0, "-"), (1.0, 1.0, "\nb")])
def test_an_edit_comes_to_what_cutting_from_nothing_comes_to(text: str, edits: list[tuple[float, float, str]]) -> None:
    """After any edits, one on top of the other; and no document stands at two places."""
    before = cut(text)
    for start, end, put in edits:
        text = edited(text, start, end, put)
        known = before if isinstance(before, FileDocuments) else FileDocuments()
        now = cut(text, known)
        assert seen(now) == seen(cut(text))
        if isinstance(now, FileDocuments):
            assert len(set(now.documents)) == len(now.documents)
            assert "".join(now.pieces()) == text.replace("\r\n", "\n").replace("\r", "\n")
        before = now


@given(text=TEXTS)
def test_a_text_that_did_not_change_is_what_it_was(text: str) -> None:
    """The same object, to whatever compares by identity; whatever its line breaks are written as."""
    before = cut(text)
    if isinstance(before, FileDocuments):
        assert cut(text, before) is before
        assert cut("".join(before.pieces()).replace("\n", "\r\n"), before) is before


DOCUMENTS = [f"a: {number}\n" for number in range(5)]


@pytest.mark.parametrize(
    ("after", "others"),
    [
        (["a: 0\n", "a: 1\n", "a: 20\n", "a: 3\n", "a: 4\n"], 1),
        (["# top\na: 0\n", *DOCUMENTS[1:]], 0),
        ([*DOCUMENTS[:3], "# between\na: 3\n", "a: 4\n"], 0),
        ([*DOCUMENTS, "a: 5\n"], 1),
        (["a: -1\n", *DOCUMENTS], 1),
        (DOCUMENTS[:2] + DOCUMENTS[3:], 0),
        ([*DOCUMENTS[:2], "# only a comment\n", *DOCUMENTS[3:]], 0),
        ([DOCUMENTS[1], DOCUMENTS[0], *DOCUMENTS[2:]], 0),
        ([*DOCUMENTS[:2], "a: 2\nb: '\n", *DOCUMENTS[3:]], 1),
    ],
)
def test_documents_around_an_edit_are_the_same_ones(after: list[str], others: int) -> None:
    """Whatever is edited, added, moved or deleted, only what has another text is another document."""
    before = split_documents("x.yaml", "---\n".join(DOCUMENTS), 10)
    assert isinstance(before, FileDocuments)
    now = split_documents("x.yaml", "---\n".join(after), 10, before)
    assert isinstance(now, FileDocuments)
    assert len(set(now.documents).difference(before.documents)) == others


def test_a_comment_leaves_the_documents_as_a_whole_what_they_were() -> None:
    """So whoever takes documents need not look at them."""
    before = split_documents("x.yaml", "a: 1\n---\nb: 2\n", 10)
    assert isinstance(before, FileDocuments)
    now = split_documents("x.yaml", "# new\na: 1\n--- # new\n# too\nb: 2\n", 10, before)
    assert isinstance(now, FileDocuments)
    assert now.documents is before.documents
    assert [now.line_of(document) for document in now.documents] == [2, 5]
