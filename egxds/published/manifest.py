"""Which files a generation has, and which blobs these are made of. Pure.

A manifest is cut into buckets by a hash of each path, so that an edit of one file among 10,000 has one bucket of some
80 lines written anew. A bucket is lines, sorted by path, and equal files come to equal bytes whoever publishes them:

    <path> TAB <bytes> TAB <sha256 of a chunk>[,<sha256>…]

A file is cut into chunks of one size; an empty one has none.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from egxds.files.reading.content import ReadLimits
from egxds.published.encryption import FILE, UNENCRYPTED, Encryption
from egxds.published.layout import digest_of

CHUNK_BYTES = 512 * 1024
"""Of a file in one blob: etcd takes 1.5 MiB in a request where nobody has it take more."""

LARGEST_BUCKET_BYTES = 1024 * 1024
"""As it is written in one request."""

MOST_PATH_BYTES = 1024
MOST_NAME_BYTES = 255
"""Of a file or directory, which is what file systems take."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,11}")
_FIELDS = 3


class ManifestError(ValueError):
    """A bucket is none; the message says why."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a generation.

    Attributes:
        path: relative to what was published, with `/`.
        size_bytes: of all of it.
        chunks: the digests of its parts, in their order.
    """

    path: str
    size_bytes: int
    chunks: tuple[str, ...]


Files = Mapping[str, PublishedFile]
"""Files by their paths."""


def file_fault(file: PublishedFile, limits: ReadLimits) -> str:
    """Say why no file of a generation may be like this; nothing where one may.

    Args:
        file: as the manifest has it.
        limits: how deep it may stand, and how large it may be.
    """
    too_large = f"is larger than {limits.file_bytes} bytes: split it" if file.size_bytes > limits.file_bytes else ""
    return _path_fault(file.path, limits.walk.depth) or too_large


def _path_fault(path: str, most_depth: int) -> str:
    parts = path.split("/")
    if not path.isprintable() or "\\" in path:
        return "its path has characters that cannot be shown, or a backslash: rename it"
    if any(part in ("", ".", "..") for part in parts):
        return "is no path of a file below what is published"
    if len(path.encode()) > MOST_PATH_BYTES or any(len(part.encode()) > MOST_NAME_BYTES for part in parts):
        return f"its path is longer than {MOST_PATH_BYTES} bytes, or a name in it than {MOST_NAME_BYTES}: shorten it"
    return f"stands deeper than {most_depth} directories: move it up" if len(parts) > most_depth else ""


def chunks_of(content: bytes) -> Iterator[bytes]:
    """Cut a file into chunks."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def stored_chunks(content: bytes, encryption: Encryption) -> tuple[bytes, ...]:
    """Return the chunks of a file as they stand in a store."""
    return tuple(encryption.encrypted(FILE, chunk) for chunk in chunks_of(content))


def published_file(path: str, content: bytes, encryption: Encryption = UNENCRYPTED) -> PublishedFile:
    """Say what a file comes to in a manifest.

    Args:
        path: of the file.
        content: what it holds.
        encryption: of what stands in a store.
    """
    return file_of(path, content, stored_chunks(content, encryption))


def file_of(path: str, content: bytes, chunks: Iterable[bytes]) -> PublishedFile:
    """Say what a file comes to in a manifest, of which it is known how it stands in a store.

    Args:
        path: of the file.
        content: what it holds.
        chunks: that, as it stands in a store.
    """
    return PublishedFile(path, len(content), tuple(map(digest_of, chunks)))


def chunk_sizes(files: Iterable[PublishedFile]) -> Mapping[str, int]:
    """Return the bytes of every chunk of some files, by its digest."""
    starts = ((file, range(0, file.size_bytes, CHUNK_BYTES)) for file in files)
    return {
        digest: min(CHUNK_BYTES, file.size_bytes - start)
        for file, places in starts
        for digest, start in zip(file.chunks, places, strict=True)
    }


def bucket_name(path: str) -> str:
    """Return the bucket that a file belongs to: `00` to `7f`."""
    return f"{hashlib.sha256(path.encode()).digest()[0] >> 1:02x}"


def in_buckets(files: Iterable[PublishedFile]) -> Mapping[str, Files]:
    """Return the files in each bucket, by its name; those that would be empty are absent."""
    buckets: defaultdict[str, dict[str, PublishedFile]] = defaultdict(dict)
    for file in files:
        buckets[bucket_name(file.path)][file.path] = file
    return buckets


def files_in(buckets: Mapping[str, Files], names: Iterable[str]) -> Files:
    """Return the files in some buckets together."""
    return {path: file for name in names for path, file in buckets.get(name, {}).items()}


def encoded_buckets(buckets: Mapping[str, Files]) -> Mapping[str, bytes]:
    """Return what stands in buckets, by their names, sorted.

    Args:
        buckets: name → the files in it.
    """
    return {name: "".join(_lines(buckets[name])).encode() for name in sorted(buckets)}


def _lines(files: Files) -> Iterator[str]:
    for path in sorted(files):
        yield f"{path}\t{files[path].size_bytes}\t{','.join(files[path].chunks)}\n"


def decoded_bucket(name: str, content: bytes, limits: ReadLimits) -> tuple[PublishedFile, ...]:
    """Return the files of a bucket.

    Args:
        name: `00` to `7f`.
        content: what stands in it.
        limits: of files.

    Raises:
        ManifestError: it is none, or holds a file that may not be there.
    """
    if not content or len(content) > LARGEST_BUCKET_BYTES:
        raise ManifestError(f"a bucket has between 1 and {LARGEST_BUCKET_BYTES} bytes, and this one {len(content)}")
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as err:
        raise ManifestError("not UTF-8") from err
    if lines.pop():
        raise ManifestError("its last line has no end")
    files = tuple(_file(line) for line in lines)
    _check_places(name, files, limits)
    return files


def bucket_digests(buckets: Mapping[str, bytes]) -> Mapping[str, str]:
    """Return the digests of buckets, by their names."""
    return {name: digest_of(content) for name, content in buckets.items()}


def content_digest(buckets: Mapping[str, str]) -> str:
    """Return one digest of all files of a generation.

    Args:
        buckets: name → digest of its content.
    """
    return digest_of("".join(f"{name} {buckets[name]}\n" for name in sorted(buckets)).encode())


def assembled(file: PublishedFile, chunks: Sequence[bytes]) -> bytes:
    """Put a file together.

    Args:
        file: as the manifest has it.
        chunks: what stands in its blobs, each held against its digest before.

    Raises:
        ManifestError: together they are not as long as it says.
    """
    content = b"".join(chunks)
    if len(content) != file.size_bytes:
        raise ManifestError(f"{file.path} is {len(content)} bytes and not {file.size_bytes}")
    return content


def _file(line: str) -> PublishedFile:
    fields = line.split("\t")
    if len(fields) != _FIELDS or not _SIZE.fullmatch(fields[1]):
        raise ManifestError(f"no line of a manifest: {line!r}")
    path, size, digests = fields[0], int(fields[1]), fields[2]
    chunks = tuple(digests.split(",")) if digests else ()
    if not all(map(_SHA256.fullmatch, chunks)):
        raise ManifestError(f"no digests: {line!r}")
    if len(chunks) != -(-size // CHUNK_BYTES):
        raise ManifestError(f"{path!r} has {len(chunks)} chunks, which are not those of {size} bytes")
    return PublishedFile(path, size, chunks)


def _check_places(name: str, files: Sequence[PublishedFile], limits: ReadLimits) -> None:
    """Check that each file stands where it belongs, once, and is within the limits."""
    paths = [file.path for file in files]
    if any(one >= other for one, other in pairwise(paths)):
        raise ManifestError("its lines are not in their order, or one is there twice")
    for file in files:
        fault = file_fault(file, limits)
        if fault or bucket_name(file.path) != name:
            raise ManifestError(f"{file.path!r}: {fault or 'belongs to another bucket'}")
