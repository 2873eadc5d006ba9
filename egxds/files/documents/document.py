"""What the files room hands on: YAML documents, file by file, and which files are others than before. Pure.

A document does not know its line. What stands around it in its file can change without a change of it, and then it is
the same object still: a comment at the top of a file of 10,000 documents changes none of them. Where a document starts
is looked up in its file, when somebody looks. All that goes over the documents of a file runs in C: adding up
lengths, counting lines, copying tuples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, islice, repeat
from operator import attrgetter

from egxds.problems import Location, Problem


@dataclass(frozen=True, slots=True, eq=False)
class SourceDocument:
    """One YAML document of a file; the same text at another place is another document. Compared by identity.

    Attributes:
        file: the file as the user names it.
        text: the document without its separator.
        digest: SHA-256 (hex) of the text.
    """

    file: str
    text: str = field(repr=False)
    digest: str


@dataclass(frozen=True)
class FileDocuments:
    """The documents of one file, and what stands between them: together they are its text, which is kept nowhere else.

    Attributes:
        documents: in their order.
        gaps: what stands before each document and after the last: separators, comments, directives, blank lines.
    """

    documents: tuple[SourceDocument, ...] = ()
    gaps: tuple[str, ...] = ("",)

    def pieces(self) -> tuple[str, ...]:
        """Return gaps and documents as they follow each other, with LF for every line break."""
        texts = map(attrgetter("text"), self.documents)
        return (*chain.from_iterable(zip(self.gaps, texts, strict=False)), self.gaps[-1])

    def line_of(self, document: SourceDocument) -> int:
        """Return the line on which a document of this file starts."""
        return self._first_lines[document]

    @cached_property
    def _first_lines(self) -> Mapping[SourceDocument, int]:
        """Where every document starts; made once somebody looks."""
        lines = accumulate(map(str.count, self.pieces(), repeat("\n")), initial=1)
        return dict(zip(self.documents, islice(lines, 1, None, 2), strict=False))


@dataclass(frozen=True, slots=True)
class FileTree:
    """Everything under the watched paths, read at one moment.

    Attributes:
        files: file (as the user names it) → its documents.
        problems: files that could not be read, are too large, or hold no text; sorted by place.
        unread: files that exist but could not be read or split, or whose directory cannot be looked into: what they
            said before is not known to be gone.
        touched: files that may differ from the tree before in any of this; whoever has seen that one need not look
            at the others. None where all may.
        origin: what the source of it tells it by, in words of its own; empty where there is nothing to tell.
        is_whole: whether nobody is in the middle of writing it, so that what is not in it is gone.
    """

    files: Mapping[str, FileDocuments] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()
    touched: frozenset[str] | None = field(default=None, compare=False)
    origin: str = field(default="", compare=False)
    is_whole: bool = field(default=False, compare=False)

    @property
    def documents(self) -> tuple[SourceDocument, ...]:
        """All documents, sorted by file and line."""
        return tuple(document for file in sorted(self.files) for document in self.files[file].documents)

    def locate(self, document: SourceDocument) -> Location:
        """Return where a document of this tree starts."""
        return Location(document.file, self.files[document.file].line_of(document))
