"""Files as they stand in a generation, and a generation as files. Pure.

A file is published as the text that was read and checked, with LF for every line break: what is served is what was
checked, whatever is written to it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.documents.split import documents_in
from egxds.files.reading.content import ReadLimits
from egxds.problems import Location, Problem, error
from egxds.published.encryption import UNENCRYPTED, Encryption
from egxds.published.manifest import (
    LARGEST_BUCKET_BYTES,
    Files,
    bucket_digests,
    content_digest,
    encoded_buckets,
    file_fault,
    file_of,
    files_in,
    in_buckets,
    stored_chunks,
)


@dataclass(frozen=True, slots=True)
class Content:
    """All files of a generation, as they are stored.

    Attributes:
        files: path → the file.
        placed: name of a bucket → the files in it.
        buckets: name of a bucket → its content.
        digests: name of a bucket → its digest.
        digest: of all files.
        size_bytes: of all files.
        blobs: digest → chunk, as it stands in the store.
        homes: digest of a chunk → names of the buckets of the files that have it.
        texts: path → what the file holds.
    """

    files: Files
    placed: Mapping[str, Files] = field(repr=False)
    buckets: Mapping[str, bytes] = field(repr=False)
    digests: Mapping[str, str] = field(repr=False)
    digest: str
    size_bytes: int
    blobs: Mapping[str, bytes] = field(repr=False)
    homes: Mapping[str, frozenset[str]] = field(repr=False)
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
    stored = {path: stored_chunks(content, encryption) for path, content in files.items()}
    published = {path: file_of(path, content, stored[path]) for path, content in files.items()}
    placed = in_buckets(published.values())
    buckets = encoded_buckets(placed)
    digests = bucket_digests(buckets)
    chunks = (zip(published[path].chunks, stored[path], strict=True) for path in files)
    blobs = dict(chain.from_iterable(chunks))
    size_bytes = sum(map(len, files.values()))
    homes, texts = _homes(placed), dict(files)
    return Content(published, placed, buckets, digests, content_digest(digests), size_bytes, blobs, homes, texts)


def _homes(placed: Mapping[str, Files]) -> Mapping[str, frozenset[str]]:
    homes: dict[str, frozenset[str]] = {}
    for name, files in placed.items():
        only = frozenset((name,))
        for digest in chain.from_iterable(file.chunks for file in files.values()):
            homes[digest] = homes[digest] | only if digest in homes else only
    return homes


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
