"""A generation in memory, and how the next one differs from it. Pure.

It knows its files by the digests that a manifest has of them, and bucket by bucket, as they stand in a store: so of
the next generation only those buckets are read that are others, and of their files only those whose digests are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from egxds.files.documents.document import FileDocuments
from egxds.published.content import text_of
from egxds.published.encryption import UNENCRYPTED, Encryption
from egxds.published.followed import Followed
from egxds.published.manifest import (
    Files,
    bucket_digests,
    encoded_buckets,
    files_in,
    in_buckets,
    published_file,
)
from egxds.published.record import Record


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """All files of a generation, whole. Compared by identity.

    Attributes:
        origin: which one it is; None where that is not known.
        digests: name of a bucket → its digest.
        buckets: name of a bucket → the files in it.
        documents: path → what the file holds.
        size_bytes: of all files.
    """

    origin: Followed | None = None
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    buckets: Mapping[str, Files] = field(default_factory=dict, repr=False)
    documents: Mapping[str, FileDocuments] = field(default_factory=dict, repr=False)
    size_bytes: int = 0

    def other_buckets(self, record: Record) -> frozenset[str]:
        """Return the names of the buckets that another generation has otherwise, or has not."""
        return frozenset(name for name, _ in self.digests.items() ^ record.buckets.items())

    def files_in(self, names: Iterable[str]) -> Files:
        """Return the files in some buckets."""
        return files_in(self.buckets, names)


@dataclass(frozen=True, slots=True)
class Difference:
    """What the next generation has otherwise.

    Attributes:
        names: buckets that are others, or gone.
        found: the files in those, as the next generation has them.
        changed: those of them that are others than before, or new.
        gone: paths of files that are there no more.
    """

    names: frozenset[str]
    found: Files
    changed: Files
    gone: frozenset[str]


def difference(before: Generation, names: frozenset[str], found: Files) -> Difference:
    """Compare a generation with what was read of the next one.

    Args:
        before: the generation.
        names: of the buckets that differ.
        found: the files that stand in them now.
    """
    known = before.files_in(names)
    changed = {path: file for path, file in found.items() if known.get(path) != file}
    return Difference(names, found, changed, frozenset(known.keys() - found.keys()))


def following(
    before: Generation, origin: Followed, other: Difference, documents: Mapping[str, FileDocuments]
) -> Generation:
    """Return the next generation.

    Args:
        before: the one that it was compared with.
        origin: which one it is.
        other: what it has otherwise.
        documents: what its changed files hold.
    """
    known = before.files_in(other.names)
    size_bytes = before.size_bytes + sum(file.size_bytes for file in other.found.values())
    # A copy by the interpreter, of which what is other is taken out: an edit costs itself.
    held = dict(before.documents)
    for path in other.gone:
        held.pop(path, None)
    held.update(documents)
    return Generation(
        origin,
        digests=origin.buckets,
        buckets={**_without(before.buckets, other.names), **in_buckets(other.found.values())},
        documents=held,
        size_bytes=size_bytes - sum(file.size_bytes for file in known.values()),
    )


def touched(before: Generation, now: Generation) -> frozenset[str]:
    """Return the paths of files that differ between two generations; only buckets that differ are gone over."""
    names = frozenset(name for name, _ in before.digests.items() ^ now.digests.items())
    then, is_now = before.files_in(names), now.files_in(names)
    return frozenset(
        path for path in then.keys() | is_now.keys() if before.documents.get(path) is not now.documents.get(path)
    )


def generation_of(
    documents: Mapping[str, FileDocuments], origin: Followed | None, encryption: Encryption = UNENCRYPTED
) -> Generation:
    """Return what files that were kept come to as a generation.

    Args:
        documents: path → what the file held.
        origin: of which generation they were; None where that is not known.
        encryption: of what stands in the store.
    """
    files = [published_file(path, text_of(held), encryption) for path, held in documents.items()]
    buckets = in_buckets(files)
    digests = bucket_digests(encoded_buckets(buckets))
    return Generation(origin, digests, buckets, documents, sum(file.size_bytes for file in files))


def _without(buckets: Mapping[str, Files], names: frozenset[str]) -> Mapping[str, Files]:
    return {name: files for name, files in buckets.items() if name not in names}
