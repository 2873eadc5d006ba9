"""Files as they stand in a generation, and a generation as files. Pure.

A file is published as the text that was read and checked, with LF for every line break: what is served is what was
checked, whatever is written to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import TypeVar

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.documents.split import documents_in
from egxds.files.reading.content import ReadLimits
from egxds.problems import Location, Problem, error
from egxds.published.encryption import UNENCRYPTED, Encryption
from egxds.published.manifest import (
    LARGEST_BUCKET_BYTES,
    Files,
    PublishedFile,
    bucket_digests,
    bucket_name,
    content_digest,
    encoded_buckets,
    file_fault,
    file_of,
    files_in,
    in_buckets,
    stored_chunks,
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Content:
    """All files of a generation, as they are stored.

    Attributes:
        files: path → the file.
        placed: name of a bucket → the files in it.
        buckets: name of a bucket → its content.
        digests: name of a bucket → its digest.
        homes: digest of a chunk → names of the buckets of the files that have it.
        digest: of all files.
        size_bytes: of all files.
        blobs: digest → chunk as it stands in the store, of the files of which it is known what they hold.
        texts: path → what the file holds, of those.
    """

    files: Files
    placed: Mapping[str, Files] = field(repr=False)
    buckets: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, str] = field(repr=False)
    homes: Mapping[str, frozenset[str]] = field(repr=False)
    digest: str
    size_bytes: int
    blobs: Mapping[str, bytes] = field(repr=False)
    texts: Mapping[str, bytes] = field(repr=False)

    def files_in(self, names: Iterable[str]) -> Files:
        """Return the files in some buckets."""
        return files_in(self.placed, names)


def content_of(files: Mapping[str, bytes], encryption: Encryption = UNENCRYPTED) -> Content:
    """Return what files come to.

    Args:
        files: path → what the file holds.
        encryption: of what stands in the store.
    """
    published, blobs = _stored(files, encryption)
    placed = in_buckets(published.values())
    buckets = encoded_buckets(placed)
    digests = bucket_digests(buckets)
    size_bytes = sum(map(len, files.values()))
    return Content(
        published,
        placed,
        buckets,
        digests,
        homes=_with_homes({}, placed),
        digest=content_digest(digests),
        size_bytes=size_bytes,
        blobs=blobs,
        texts=dict(files),
    )


def edited(
    content: Content, changed: Mapping[str, bytes], gone: Collection[str] = (), there: Files = MappingProxyType({})
) -> Content:
    """Return what files come to of which some are others, unencrypted; what is not is not looked at.

    Args:
        content: what they came to before.
        changed: path → what the file holds now; of these alone the chunks are among those of what is returned.
        gone: paths of files that are there no more.
        there: files that are in a store as they are, by their paths.
    """
    stored, blobs = _stored(changed, UNENCRYPTED)
    others = {**stored, **there}
    names = {bucket_name(path) for path in (*others, *gone)}
    before = content.files_in(names)
    now = {**{path: file for path, file in before.items() if path not in gone}, **others}
    placed = in_buckets(now.values())
    buckets = encoded_buckets(placed)
    # A copy by the interpreter, of which what is other is taken out: an edit costs itself.
    files = dict(content.files)
    for path in gone:
        files.pop(path, None)
    files.update(others)
    digests = {**_without(content.digests, names), **bucket_digests(buckets)}
    return Content(
        files,
        placed={**_without(content.placed, names), **placed},
        buckets={**_without(content.buckets, names), **buckets},
        digests=digests,
        homes=_with_homes(_without_homes(content.homes, before.values(), names), placed),
        digest=content_digest(digests),
        size_bytes=content.size_bytes - _size_bytes(before) + _size_bytes(now),
        blobs=blobs,
        texts=changed,
    )


def _stored(texts: Mapping[str, bytes], encryption: Encryption) -> tuple[Files, Mapping[str, bytes]]:
    """Return what files come to, and their chunks as they stand in the store, by their digests."""
    chunks = {path: stored_chunks(text, encryption) for path, text in texts.items()}
    files = {path: file_of(path, text, chunks[path]) for path, text in texts.items()}
    blobs = chain.from_iterable(zip(files[path].chunks, chunks[path], strict=True) for path in texts)
    return files, dict(blobs)


def _with_homes(homes: Mapping[str, frozenset[str]], placed: Mapping[str, Files]) -> Mapping[str, frozenset[str]]:
    """Return where chunks are, those of more buckets among them."""
    found = dict(homes)
    for name, files in placed.items():
        here = frozenset((name,))
        for digest in chain.from_iterable(file.chunks for file in files.values()):
            found[digest] = found[digest] | here if digest in found else here
    return found


def _without_homes(
    homes: Mapping[str, frozenset[str]], files: Iterable[PublishedFile], names: AbstractSet[str]
) -> Mapping[str, frozenset[str]]:
    """Return where chunks are but in some buckets, which have these files."""
    found = dict(homes)
    for digest in chain.from_iterable(file.chunks for file in files):
        left = found.pop(digest, frozenset()) - names
        if left:
            found[digest] = left
    return found


def _size_bytes(files: Files) -> int:
    return sum(file.size_bytes for file in files.values())


def _without(parts: Mapping[str, _T], names: Collection[str]) -> Mapping[str, _T]:
    return {name: part for name, part in parts.items() if name not in names}


def faults_of(content: Content, limits: ReadLimits) -> Iterator[Problem]:
    """Yield what keeps files from being a generation that every replica takes; of all of them, at the place `.`.

    Args:
        content: what they come to; problems name the paths in it.
        limits: of replicas.
    """
    for path, file in sorted(content.files.items()):
        fault = file_fault(file, limits)
        if fault:
            yield error(Location(path, 0), fault)
    crowded = any(len(bucket) > LARGEST_BUCKET_BYTES for bucket in content.buckets.values())
    if len(content.files) > limits.files or crowded:
        yield error(Location(".", 0), f"{len(content.files)} files are too many: join some")
    if content.size_bytes > limits.total_bytes:
        yield error(
            Location(".", 0), f"{content.size_bytes} bytes are more than the {limits.total_bytes} that are taken"
        )


def tree_of(files: Mapping[str, bytes], limits: ReadLimits) -> FileTree:
    """Return the files of a generation as if they had been read from a directory.

    Args:
        files: path → what the file holds.
        limits: how much is taken of one.
    """
    read = {path: documents_in(path, content, limits.documents) for path, content in sorted(files.items())}
    problems = tuple(each for each in read.values() if isinstance(each, Problem))
    taken = {path: each for path, each in read.items() if isinstance(each, FileDocuments)}
    return FileTree(taken, problems, frozenset(read.keys() - taken.keys()))


def text_of(documents: FileDocuments) -> bytes:
    """Return a file as it is published."""
    return "".join(documents.pieces()).encode()
