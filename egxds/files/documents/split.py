"""One file's bytes into text, and its text into YAML documents. Pure.

Nothing is parsed here, so a broken document never touches its neighbours. A line that starts with `---` or `...` is a
marker wherever it stands, inside quotes and block scalars too (YAML 1.2, section 9.1.2), so the text can be cut at
lines.

To cut before parsing is also what makes a change of one document in a large file cheap: documents are known again by
the digest of their text, and PyYAML's C loader takes about 0.33 ms for a route.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise

from egxds.files.documents.document import FileDocuments, SourceDocument
from egxds.problems import Location, Problem, error

_NO_DOCUMENTS = FileDocuments()
_MARKER = re.compile(r"\n\ufeff?(?:---|\.\.\.)(?=[ \t\n]|\Z)")
_BEFORE_CONTENT = re.compile(r"(?:[ \t\n\ufeff]++|#[^\n]*+|(?<=[\n\ufeff])%[^\n]*+)*+")


def decode_text(file: str, data: bytes) -> str | Problem:
    """Return the text of a file, or the problem that it is none.

    Args:
        file: the file as the user names it.
        data: all of it.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return error(Location(file, 0), "is UTF-16: save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        return error(Location(file, _line(data, nul)), "a NUL byte: this is not a text file; remove it or move it away")
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        byte = data[err.start]
        return error(Location(file, _line(data, err.start)), f"not UTF-8 (byte 0x{byte:02X}): save the file as UTF-8")


def split_documents(
    file: str, text: str, max_documents: int, before: FileDocuments = _NO_DOCUMENTS
) -> FileDocuments | Problem:
    """Cut a file's text into its documents.

    Line breaks become LF. What comes before a document's first content (blank lines, comments, directives) is left
    off, so that it starts on the line a user would point at; documents without content are left out.

    Args:
        file: the file as the user names it.
        text: all of it.
        max_documents: how many are taken.
        before: what the file held; a document that did not change is the same one again.

    Returns:
        The documents in order, or the problem that there are too many.
    """
    lines = "\n" + text.replace("\r\n", "\n").replace("\r", "\n")
    starts: list[int] = []
    texts: list[str] = []
    line, counted_to = 0, 0
    for start, end in _segments(lines):
        content = _content_start(lines, start, end)
        if content == end:
            continue
        line += lines.count("\n", counted_to, content)
        counted_to = content
        if len(texts) == max_documents:
            return error(Location(file, line), f"more than {max_documents} documents in one file: split it")
        starts.append(line)
        texts.append(lines[content:end].removeprefix("\ufeff"))
    end_line = line + lines.count("\n", counted_to) + 1
    return _documents(file, texts, list(pairwise([*starts, end_line])), before)


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _segments(lines: str) -> Iterator[tuple[int, int]]:
    """Yield where the text between two markers starts and ends."""
    start = 0
    for marker in _MARKER.finditer(lines):
        yield start, marker.start() + 1
        start = marker.end()
    yield start, len(lines)


def _content_start(lines: str, start: int, end: int) -> int:
    """Return the start of the first line with content, which keeps its indentation; `end` where there is none."""
    skipped = _BEFORE_CONTENT.match(lines, start, end)
    content = skipped.end() if skipped else start
    if content == end:
        return end
    line_start = lines.rfind("\n", start, content) + 1
    return line_start or start


def _documents(file: str, texts: list[str], lines: list[tuple[int, int]], before: FileDocuments) -> FileDocuments:
    """Make the documents of a file, those of before where nothing of them changed.

    Args:
        file: the file as the user names it.
        texts: of each document.
        lines: of each, the first and that of the next document, or of the end of the file.
        before: what the file held.
    """
    known = {(document.text, document.lines): document for document in before.documents}
    made: list[SourceDocument] = []
    for text, (start, end) in zip(texts, lines, strict=True):
        same = known.pop((text, end - start), None)
        made.append(same if same is not None else _document(file, text, end - start))
    return FileDocuments(tuple(made), lines[0][0] if lines else 1)


def _document(file: str, text: str, lines: int) -> SourceDocument:
    return SourceDocument(file, text, hashlib.sha256(text.encode()).hexdigest(), lines)
