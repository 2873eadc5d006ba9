"""One file's bytes into text, and its text into YAML documents. Pure.

Nothing is parsed here, so a broken document never touches its neighbours. A line that starts with `---` or `...` is a
marker wherever it stands, inside quotes and block scalars too (YAML 1.2, section 9.1.2), so the text can be cut at
lines.

To cut before parsing is also what makes a change of one document in a large file cheap: PyYAML's C loader takes about
0.33 ms for a route. And a change costs its own part of the file. A marker is known by its own line and the character
before it, and what a document is, by what stands between two markers; nothing depends on text further up, directives
included, which `_BEFORE_CONTENT` passes over within their segment. So what stands before the last marker that the
change cannot have touched is cut as before, and what stands from the first marker behind it on, too:

    before  ... document | marker | document | marker | document ...
                         ^ kept up to here            ^ kept from here on
    change                             ######

Only what is in between is cut anew; a document in it that is the same text as one that stood there is that one.
Where the change starts and ends is found by looking whether the pieces of before (documents, and what is between them)
stand in the new text where they stood, from the front and then from the back. That runs in C and copies nothing:
20,000 pieces of 4.4 MB together take 3 ms, where a copy of that text takes as long by the memory that it touches first.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, repeat, takewhile
from operator import sub, truth
from sys import intern

from egxds.files.documents.document import FileDocuments, SourceDocument
from egxds.problems import Location, Problem, error

_NO_DOCUMENTS = FileDocuments()
_MARKER = re.compile(r"\n\ufeff?(?:---|\.\.\.)(?=[ \t\n]|\Z)")
_MARKER_AT_TOP = re.compile(r"\ufeff?(?:---|\.\.\.)(?=[ \t\n]|\Z)")
_BEFORE_CONTENT = re.compile(r"(?:[ \t\n\ufeff]++|#[^\n]*+|(?<![^\n\ufeff])%[^\n]*+)*+")


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
        return error(Location(file, _line(data, err.start)), "not UTF-8: save the file as UTF-8")


def documents_in(
    file: str, data: bytes, max_documents: int, before: FileDocuments = _NO_DOCUMENTS
) -> FileDocuments | Problem:
    """Return the documents of a file, or what keeps it from having any.

    Args:
        file: the file as the user names it.
        data: all of it.
        max_documents: how many are taken.
        before: what the file held; a document that did not change is the same one again.
    """
    text = decode_text(file, data)
    return text if isinstance(text, Problem) else split_documents(file, text, max_documents, before)


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
        The documents in order, those of before where nothing changed; or the problem that there are too many.
    """
    lines = _with_line_feeds(text)
    changed = _changed_part(before.pieces(), lines)
    if changed is None:
        return before
    kept = len(before.documents) - len(before.documents[changed.documents])
    places = list(islice(_places(lines, changed.start, changed.end), max(0, max_documents - kept) + 1))
    if kept + len(places) <= max_documents:
        return _replaced(file, lines, places, before, changed)
    # Which document is one too many depends on all before it.
    start, _ = next(islice(_places(lines, 0, len(lines)), max_documents, None))
    message = f"more than {max_documents} documents in one file: split it"
    return error(Location(file, lines.count("\n", 0, start) + 1), message)


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _with_line_feeds(text: str) -> str:
    """Return a text with LF for every line break; looking for one character first is 20 times as fast as for two."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True)
class _ChangedPart:
    """What of a file is cut anew.

    Attributes:
        documents: those of before that stood in it.
        start: where it starts in the new text.
        end: where it ends there.
    """

    documents: slice
    start: int
    end: int


def _changed_part(pieces: Sequence[str], lines: str) -> _ChangedPart | None:
    """Find the part of a file outside of which all is cut as it was; None where nothing changed.

    Args:
        pieces: what the file held: gaps and documents in turn.
        lines: what it holds now.
    """
    starts = accumulate(map(len, pieces), initial=0)
    in_front = _count_until_false(map(lines.startswith, pieces, starts))
    length = sum(map(len, pieces[:in_front]))
    if in_front == len(pieces) and length == len(lines):
        return None
    rest = pieces[in_front:]
    ends = accumulate(map(len, reversed(rest)), sub, initial=len(lines))
    behind = len(pieces) - _count_until_false(map(lines.endswith, reversed(rest), repeat(length), ends))
    # The last document in front may not end where it did: its marker, or the character after that, is in the change.
    first = max(0, in_front // 2 - 1)
    # Nor may the first document behind start where it did; but it ends there, if it is all there.
    last = behind // 2 + 1
    start = sum(map(len, pieces[: 2 * first]))
    return _ChangedPart(slice(first, last), start, len(lines) - sum(map(len, pieces[2 * last :])))


def _count_until_false(found: Iterable[bool]) -> int:
    return len(tuple(takewhile(truth, found)))


def _places(lines: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each document in a part of a text starts and ends.

    Args:
        lines: the text.
        start: of the text, or the end of a document.
        end: of the text, or the end of a document.
    """
    for segment, segment_end in _segments(lines, start, end):
        content = _content_start(lines, segment, segment_end)
        if content < segment_end:
            yield content + lines.startswith("\ufeff", content), segment_end


def _segments(lines: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the text between two markers starts and ends."""
    at_top = _MARKER_AT_TOP.match(lines) if start == 0 else None
    # The line break that a marker starts with is the last character of the document before it.
    position = max(0, start - 1)
    if at_top:
        start = position = at_top.end()
    for marker in _MARKER.finditer(lines, position, end):
        yield start, marker.start() + 1
        start = marker.end()
    yield start, end


def _content_start(lines: str, start: int, end: int) -> int:
    """Return the start of the first line with content, which keeps its indentation; `end` where there is none."""
    skipped = _BEFORE_CONTENT.match(lines, start, end)
    content = skipped.end() if skipped else start
    if content == end:
        return end
    line_start = lines.rfind("\n", start, content) + 1
    return line_start or start


def _replaced(
    file: str, lines: str, places: Sequence[tuple[int, int]], before: FileDocuments, changed: _ChangedPart
) -> FileDocuments:
    """Return the documents of a file of which a part is cut anew.

    Args:
        file: the file as the user names it.
        lines: its text.
        places: where the documents of the changed part start and end.
        before: what the file held.
        changed: the part.
    """
    first, last = changed.documents.start, changed.documents.stop
    ends = [changed.start, *(end for _, end in places)]
    gaps = [intern(lines[end:start]) for end, (start, _) in zip(ends, places, strict=False)]
    # The gap at the end of the part goes on behind it.
    gap, *gaps_behind = before.gaps[last:] or ("",)
    gaps.append(intern(lines[ends[-1] : changed.end] + gap))
    replaced = before.documents[changed.documents]
    made = _documents(file, [lines[start:end] for start, end in places], replaced)
    same = made == replaced
    documents = before.documents if same else (*before.documents[:first], *made, *before.documents[last:])
    return FileDocuments(documents, (*before.gaps[:first], *gaps, *gaps_behind))


def _documents(file: str, texts: Sequence[str], before: tuple[SourceDocument, ...]) -> tuple[SourceDocument, ...]:
    """Make documents of texts, each at most once the one of before that is the same text."""
    known = defaultdict[str, list[SourceDocument]](list)
    for document in reversed(before):
        known[document.text].append(document)
    return tuple(known[text].pop() if known[text] else _document(file, text) for text in texts)


def _document(file: str, text: str) -> SourceDocument:
    return SourceDocument(file, text, hashlib.sha256(text.encode()).hexdigest())
