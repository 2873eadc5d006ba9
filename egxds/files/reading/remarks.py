"""What is said of files though nothing is wrong with them: they may be meant otherwise. Touches /proc.

Each is said once for all files that it holds for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from egxds.files.reading.listing import SUFFIXES, Listing

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_SUFFIXES = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


@dataclass(frozen=True, slots=True)
class Remark:
    """A path, and what is said of it."""

    path: str
    message: str


def remarks_about(listing: Listing) -> Iterator[Remark]:
    """Yield what is to be said of what was found."""
    if not (listing.faults or listing.left_out):
        for path in listing.empty:
            yield Remark(path, f"holds no file that is read: their names end in {_SUFFIXES}")
    if listing.others:
        more = f"; and so for {len(listing.others) - 1} other files" if len(listing.others) > 1 else ""
        yield Remark(next(iter(listing.others)), f"is not read, since its name does not end in {_SUFFIXES}{more}")
    # Such a mount is of the file and not of its name. Whoever replaces it outside makes another file, and the old one
    # is read for ever; there is no event, and nothing that a poll could find.
    for real in sorted(listing.files.keys() & _mount_points()):
        message = (
            "is mounted as a single file, so that the old one is still read here when it is replaced outside, as most "
            "editors do: mount the directory that holds it instead"
        )
        yield Remark(os.fspath(listing.files[real]), message)


def _mount_points() -> frozenset[str]:
    """Return the real paths at which something is mounted; none where that cannot be known."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:  # not Linux, or no /proc
        return frozenset()
    return frozenset(_path(line.split(b" ")[4]) for line in lines)


def _path(written: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), written))
