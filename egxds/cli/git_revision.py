"""Which revision of a git repository lies in a directory. Reads files.

Nothing of the repository is run, and git need not be there. So it is not told whether files were edited since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_LARGEST_BYTES = 16 * 1024 * 1024
"""Of a file of references; others are a line."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE = re.compile(r"ref: (refs(?:/[^/.\s][^/\s]*)+)")
_LINK = re.compile(r"gitdir: (.+)")


def git_revision(path: Path) -> str:
    """Return the commit that is checked out around a path; nothing where there is none, or it cannot be told.

    Args:
        path: of a file or directory.
    """
    try:
        return next((_commit(git) for each in _above(path) if (git := _git_directory(each)) is not None), "")
    except (OSError, ValueError, RuntimeError):  # links that lead in circles are a RuntimeError
        return ""


def _above(path: Path) -> Iterator[Path]:
    start = path.resolve()
    yield start
    yield from start.parents


def _git_directory(top: Path) -> Path | None:
    """Return where the repository of a working tree is: below it, or where a file says, as of a second working tree."""
    named = top / ".git"
    if named.is_dir():
        return named
    link = _LINK.fullmatch(_text(named).strip())
    return top / link[1] if link else None


def _commit(git: Path) -> str:
    head = _text(git / "HEAD").strip()
    reference = _REFERENCE.fullmatch(head)
    if reference is None:
        return _checked(head)
    common = git / (_text(git / "commondir").strip() or ".")
    loose = (_checked(_text(directory / reference[1]).strip()) for directory in (git, common))
    return next(filter(None, loose), "") or _packed(common, reference[1])


def _packed(common: Path, reference: str) -> str:
    for line in _text(common / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return _checked(commit)
    return ""


def _checked(commit: str) -> str:
    return commit if _COMMIT.fullmatch(commit) else ""


def _text(path: Path) -> str:
    """Return what a regular file holds; nothing of any other, which may have one wait."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(_LARGEST_BYTES)
