"""A file's bytes into documents."""

from __future__ import annotations

import codecs
import hashlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from egxds.errors import YamlRefused
from egxds.files.documents.document import FileDocuments, SourceDocument
from egxds.files.documents.split import decode_text, split_documents
from egxds.problems import Problem
from egxds.yaml_input.load import load


def split_file(text: str, max_documents: int = 100, before: FileDocuments | None = None) -> FileDocuments:
    """Split a text that is not refused."""
    documents = split_documents("routes.yaml", text, max_documents, before or FileDocuments())
    assert not isinstance(documents, Problem), documents
    return documents


def split(text: str, max_documents: int = 100) -> tuple[SourceDocument, ...]:
    """Return the documents of a text that is not refused."""
    return split_file(text, max_documents).documents


def placed(text: str) -> list[tuple[int, SourceDocument]]:
    """Return the documents of a text with their lines."""
    found = split_file(text)
    return [(found.line_of(document), document) for document in found.documents]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", [(1, "a: 1\n")]),
        ("a: 1", [(1, "a: 1")]),
        ("---\na: 1\n---\nb: 2\n", [(2, "a: 1\n"), (4, "b: 2\n")]),
        ("a: 1\n--- # the second\nb: 2", [(1, "a: 1\n"), (3, "b: 2")]),
        ("--- {a: 1}\n---\t{b: 2}\n", [(1, " {a: 1}\n"), (2, "\t{b: 2}\n")]),
        ("--- |\n  text\n", [(1, " |\n  text\n")]),
        ("a: 1\n...\nb: 2\n...\n", [(1, "a: 1\n"), (3, "b: 2\n")]),
        ("%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n", [(3, "a: 1\n"), (7, "b: 2\n")]),
        ("\ufeffa: 1\n", [(1, "a: 1\n")]),
        ("\ufeff---\na: 1\n\ufeff---\n\ufeffb: 2\n", [(2, "a: 1\n"), (4, "b: 2\n")]),
        ("a: 1\r\n---\r\nb:\r\n- c\r\n", [(1, "a: 1\n"), (3, "b:\n- c\n")]),
        ("a: 1\r---\rb: 2\r", [(1, "a: 1\n"), (3, "b: 2\n")]),
        ("# first\n\n  # indented\n  a: 1\n  b: 2\n", [(4, "  a: 1\n  b: 2\n")]),
        ("a: |\n  x\n---\n  y", [(1, "a: |\n  x\n"), (4, "  y")]),
        ("a: 'x\n---\nb: 2", [(1, "a: 'x\n"), (3, "b: 2")]),
        ("----\na: 1\n ---\n---b\n", [(1, "----\na: 1\n ---\n---b\n")]),
        ("a: '#'\n---\n'# no comment'", [(1, "a: '#'\n"), (3, "'# no comment'")]),
        ("", []),
        ("\n \t\n# comment\n---\n# comment\n---\n---", []),
    ],
)
def test_where_documents_start_and_end(text: str, expected: list[tuple[int, str]]) -> None:
    """Markers at the start of a line separate documents; those without content are left out."""
    assert [(line, document.text) for line, document in placed(text)] == expected


def test_document_knows_file_and_digest() -> None:
    """A document carries its file as the user names it and the SHA-256 of its text."""
    (document,) = split("a: 1\n")
    assert document.file == "routes.yaml"
    assert document.digest == hashlib.sha256(b"a: 1\n").hexdigest()


def test_digest_does_not_depend_on_place_or_line_breaks() -> None:
    """The same document elsewhere, or saved on Windows, has the same digest."""
    first, second = split("a: 1\nb: 2\n---\n# moved\na: 1\r\nb: 2\r\n")
    assert first.digest == second.digest


def test_document_that_did_not_change_is_the_same_one() -> None:
    """Lines above, and changes of its neighbours, make no other document of it; it stands elsewhere all the same."""
    before = split_file("a: 1\n---\nb: 2\n---\nc: 3\n")
    after = split_file("# new\na: 1\n---\nb: 20\nb2: 3\n---\nc: 3\n", before=before)
    assert [new is old for new, old in zip(after.documents, before.documents, strict=True)] == [True, False, True]
    assert [after.line_of(document) for document in after.documents] == [2, 4, 7]


def test_equal_documents_of_one_file_are_two() -> None:
    """Each has its own line, also after another look."""
    before = split_file("a: 1\n---\na: 1\n---\na: 1\n")
    after = split_file("a: 1\n---\na: 1\n---\na: 1\n# end\n", before=before)
    assert [after.line_of(document) for document in after.documents] == [1, 3, 5]


def test_broken_document_leaves_its_neighbours_alone() -> None:
    """An unclosed quote ends with its document."""
    (_, before), (_, broken), (line, after) = placed("a: 1\n---\nb: 'never closed\n---\nc: 3\n")
    assert load(before.text) == {"a": 1}
    with pytest.raises(YamlRefused):
        load(broken.text)
    assert load(after.text, line) == {"c": 3}


def test_too_many_documents_are_refused() -> None:
    """One more document than allowed is a problem on the line it starts."""
    assert len(split("---\na: 1\n" * 5, 5)) == 5
    problem = split_documents("routes.yaml", "---\na: 1\n" * 6, 5)
    assert isinstance(problem, Problem)
    assert str(problem) == "routes.yaml:12: error: more than 5 documents in one file: split it"


def test_separators_without_documents_do_not_count() -> None:
    """Only documents with content count against the limit."""
    assert len(split("---\n" * 1000 + "a: 1\n", 1)) == 1


DOCUMENTS = st.lists(
    st.dictionaries(
        st.text(st.characters(codec="ascii")),
        st.text(st.characters(codec="ascii")) | st.integers() | st.lists(st.booleans()),
        min_size=1,
    ),
    max_size=5,
)


def written(data: object) -> str:
    """Write a document whose scalars mean the same in YAML 1.1 and 1.2."""
    return yaml.safe_dump(data, default_style='"')


@given(DOCUMENTS)
def test_splitting_then_loading_gives_each_document(documents: list[object]) -> None:
    """Documents joined by separators come out as if each had been loaded alone."""
    text = "".join(f"---\n{written(document)}" for document in documents)
    assert [load(document.text, line) for line, document in placed(text)] == documents


@given(st.text(alphabet="a:-. #%\n\r\t\ufeff'", max_size=80))
def test_documents_are_pieces_of_the_text(text: str) -> None:
    """Each document stands at its line of the file, in order, and no piece is given twice."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    reached = 0
    for line, document in placed(text):
        taken = document.text.removesuffix("\n").split("\n")
        first = line - 1
        assert first >= reached
        assert lines[first].endswith(taken[0])
        assert lines[first + 1 : first + len(taken)] == taken[1:]
        reached = first + len(taken) - 1


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"a: 1\nb: \0\n", 2, "NUL"),
        ("a: 1\nb: caf\xe9\n".encode("latin-1"), 2, "not UTF-8"),
        (b"\xff\xfea\x00", 0, "UTF-16"),
        (codecs.BOM_UTF16_BE + "a: 1".encode("utf-16-be"), 0, "UTF-16"),
        (b"\xed\xa0\x80", 1, "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0", 3, "not a text file"),
    ],
)
def test_what_is_no_text_is_a_problem(data: bytes, line: int, said: str) -> None:
    """A file that is not UTF-8 text is reported with the line of a byte that shows it."""
    problem = decode_text("routes.yaml", data)
    assert isinstance(problem, Problem)
    assert problem.location.line == line
    assert said in problem.message


def test_utf_8_is_text() -> None:
    """Any UTF-8 is decoded, with or without a byte order mark."""
    assert decode_text("routes.yaml", "a: é✓\n".encode()) == "a: é✓\n"
    (document,) = split("\ufeffa: é✓\n")
    assert document.text == "a: é✓\n"
