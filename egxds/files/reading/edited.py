"""Which files an edit touched, where that can be told from their paths alone. Touches the file system and blocks.

A watcher says which paths changed, and most of the time these are files that are written, replaced, added or deleted
in directories that were looked into. Then nothing else has to be looked at. Whatever could lead further has
everything listed anew: a directory, a symbolic link, a file of a Kubernetes volume, a file that a link leads to, a
path that was given as a file, and all of it while anything could not be read or was over a limit.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from egxds.files.reading.listing import Listing, is_for_people, is_leftover, is_wanted

_NO_TEXT = "\ufffd"
"""Stands in a path for what is no UTF-8: such a name cannot be told from its event."""


def is_plain(listing: Listing) -> bool:
    """Whether every file was found in a directory, by its own path, and every directory was looked into.

    What is remarked of a directory without files holds no longer when one comes, so that is not plain either.
    """
    is_given = any(isinstance(file, Path) for file in listing.files.values())
    return not (is_given or listing.links or listing.generations or listing.faults or listing.left_out or listing.empty)


def edited_files(listing: Listing, paths: Iterable[str]) -> Mapping[str, Path | None] | None:
    """Return the files that some paths stand for.

    Args:
        listing: what there was before, all of it plain.
        paths: real paths that may have changed.

    Returns:
        Path as the file is reached → the file, or None where it is gone. None instead of all that where it must be
        listed anew.
    """
    found: dict[str, Path | None] = {}
    for real in paths:
        directory, _, name = real.rpartition("/")
        reached = listing.directories.get(directory)
        if reached is None or real in listing.directories or _NO_TEXT in real:
            return None
        if is_leftover(name):
            continue
        path = Path(reached, name)
        exists = is_regular(real)
        if exists is None:
            return None
        if is_wanted(name):
            found[os.fspath(path)] = path if exists else None
        elif exists != (os.fspath(path) in listing.others) and not is_for_people(name):
            return None
    return found


def is_regular(path: str) -> bool | None:
    """Tell a regular file from nothing at all; None where it is something else, or cannot be told."""
    try:
        return True if stat.S_ISREG(os.lstat(path).st_mode) else None
    except FileNotFoundError:
        return False
    except OSError:
        return None
