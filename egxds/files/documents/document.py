"""What the files room hands on: YAML documents, each with the place it came from. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.problems import Location, Problem


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One YAML document of a file.

    Attributes:
        location: the file as the user names it, and the line the document's text starts on.
        text: the document without its separator.
        digest: SHA-256 (hex) of the text.
    """

    location: Location
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class FileTree:
    """Everything under the watched paths, read at one moment.

    Attributes:
        documents: sorted by file and line.
        problems: files that could not be read, are too large, or hold no text.
        unread: files (as the user names them) that exist but could not be read or split, or whose directory cannot
            be looked into: what they said before is not known to be gone.
    """

    documents: tuple[SourceDocument, ...]
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()
