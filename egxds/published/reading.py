"""What stands in a store of generations, each read held against the digest that it is named by. Waits for the store.

Nothing is believed that is not what its name says. Whoever reads a generation that is swept meanwhile finds something
missing: that is an error that names the key and the generation, and never half of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from egxds.etcd.operations import EtcdStore, Form, Get, GetPrefix, KeyStore, KeyValue, WatchNews
from egxds.files.reading.content import ReadLimits
from egxds.published.batches import MOST_READ_BYTES, MOST_READS, batches
from egxds.published.candidate import NO_CANDIDATE, Candidate, FoundCandidate, found_candidate
from egxds.published.encryption import FILE, UNENCRYPTED, Encryption, EncryptionError
from egxds.published.errors import PublishedContentError
from egxds.published.layout import Layout, check_content
from egxds.published.manifest import ManifestError, PublishedFile, assembled, chunk_sizes, decoded_bucket
from egxds.published.record import LARGEST_RECORD_BYTES, Record, RecordError, decoded_record

_LINE_BYTES = 150
"""Of a bucket, as most paths are."""

_MOST_DIGITS = 18
_SizeOf = Callable[[str], int]

Contents = Mapping[str, bytes]
"""What stands at keys of buckets and blobs."""

NOTHING_AHEAD: Contents = {}


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket by its name, and a generation that has it."""

    name: str
    record: Record

    @property
    def generation(self) -> int:
        return self.record.generation

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return _LINE_BYTES * self.record.files // max(1, len(self.record.buckets))


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was found.

    Attributes:
        record: what it says.
        mod_revision: of the change that put it there.
    """

    record: Record
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was in force at one moment, and what must not have changed when something else comes to be.

    Attributes:
        head: the record in force; None where nothing was published.
        head_revision: of the change that put it there; 0 for none.
        swept: how often something was removed.
        swept_revision: of the change that said so; 0 for none.
        found: what stands at the key of the candidate.
    """

    head: Record | None
    head_revision: int
    swept: int
    swept_revision: int
    found: FoundCandidate = NO_CANDIDATE

    @property
    def last_candidate(self) -> Candidate | None:
        """What was put for some nodes since what is in force came to be, also where it was taken back."""
        found = self.found.candidate
        return found if found is not None and found.comes_after(self.head) else None

    @property
    def candidate(self) -> Candidate | None:
        """The candidate, where it is to be served."""
        return self.last_candidate if self.found.live is not None else None


class Generations:
    """The generations of a store, to be read."""

    def __init__(
        self, store: KeyStore, layout: Layout, limits: ReadLimits, encryption: Encryption = UNENCRYPTED
    ) -> None:
        """Prepare to read.

        Args:
            store: where they are.
            layout: below which prefix.
            limits: of what is taken.
            encryption: of what files hold.
        """
        self.store = store
        self.layout = layout
        self.limits = limits
        self._encryption = encryption

    async def look(self) -> Seen:
        """Return what is in force, and what stands at the key of the candidate."""
        layout = self.layout
        looks = (Get(layout.head), Get(layout.swept), Get(layout.candidate))
        head, swept, candidate = (await self.store.transact((), looks)).found
        return Seen(
            self._record(head[0]) if head else None,
            head[0].mod_revision if head else 0,
            self._counter(swept[0]) if swept else 0,
            swept[0].mod_revision if swept else 0,
            found_candidate(candidate),
        )

    def check_candidate(self, seen: Seen) -> None:
        """Check that what stands at the key of the candidate can be read, if anything does.

        Raises:
            PublishedContentError: it cannot.
        """
        if seen.found.fault:
            fault = f"{seen.found.fault}: what is published next for all removes it"
            raise PublishedContentError(self.layout.candidate, fault)

    async def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the generations that are kept, the newest first."""
        prefix = self.layout.generations
        (found,) = (await self.store.transact((), (GetPrefix(prefix, Form.KEYS),))).found
        numbers = [each.key.removeprefix(prefix) for each in found]
        return tuple(sorted((int(number) for number in numbers if number.isdecimal()), reverse=True))

    async def kept(self, numbers: Iterable[int]) -> tuple[Kept, ...]:
        """Return the records of generations, those of them that are kept, in the order of their numbers."""
        keys = [self.layout.generation(number) for number in numbers]
        found = await self._found(keys, lambda _: LARGEST_RECORD_BYTES)
        return tuple(Kept(self._record(found[key]), found[key].mod_revision) for key in keys if key in found)

    async def files(self, record: Record) -> Mapping[str, PublishedFile]:
        """Return all files of a generation by their paths, which are within the limits."""
        files = await self.bucket_files(record, record.buckets)
        size_bytes = sum(file.size_bytes for file in files.values())
        if (len(files), size_bytes) != (record.files, record.size_bytes):
            fault = f"says {record.files} files of {record.size_bytes} bytes, and has {len(files)} of {size_bytes}"
            raise PublishedContentError(self.layout.head, fault, record.generation)
        return files

    async def bucket_files(
        self, record: Record, names: Iterable[str], ahead: Contents = NOTHING_AHEAD
    ) -> Mapping[str, PublishedFile]:
        """Return the files in some buckets of a generation by their paths.

        Args:
            record: of the generation.
            names: of the buckets.
            ahead: what was read already, which is checked as the rest is.
        """
        wanted = {record.buckets[name]: _Bucket(name, record) for name in names}
        return {file.path: file for file in await self._files(wanted, ahead)}

    async def all_files(self, records: Iterable[Record]) -> Sequence[PublishedFile]:
        """Return the files of several generations, what is common to them once."""
        wanted = {digest: _Bucket(name, each) for each in records for name, digest in each.buckets.items()}
        return await self._files(wanted, NOTHING_AHEAD)

    async def _files(self, wanted: Mapping[str, _Bucket], ahead: Contents) -> Sequence[PublishedFile]:
        """Return the files in buckets, which are given by their digests."""
        for each in wanted.values():
            self._check_limits(each.record)
        keys = {self.layout.bucket(digest): each for digest, each in wanted.items()}
        generations = {key: each.generation for key, each in keys.items()}
        found = await self._contents(generations, lambda key: keys[key].size, ahead)
        files: list[PublishedFile] = []
        for key, each in keys.items():
            try:
                files += decoded_bucket(each.name, found[key], self.limits)
            except ManifestError as err:
                raise PublishedContentError(key, str(err), each.generation) from err
        return files

    async def blobs(
        self, sizes: Mapping[str, int], generation: int, ahead: Contents = NOTHING_AHEAD
    ) -> Mapping[str, bytes]:
        """Return chunks of files by their digests.

        Args:
            sizes: digest → bytes of the chunk.
            generation: the one that they are read for.
            ahead: what was read already, which is checked as the rest is.
        """
        keys = {self.layout.blob(digest): size for digest, size in sizes.items()}
        found = await self._contents(dict.fromkeys(keys, generation), keys.__getitem__, ahead)
        return {digest: found[self.layout.blob(digest)] for digest in sizes}

    async def texts(self, record: Record, known: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return what all files of a generation hold, by their paths.

        Args:
            record: of the generation.
            known: chunks that need not be read, by their digests.
        """
        files = await self.files(record)
        sizes = chunk_sizes(files.values())
        read = await self.blobs({digest: sizes[digest] for digest in sizes if digest not in known}, record.generation)
        return self.assembled(files, {**known, **read}, record.generation)

    def assembled(
        self, files: Mapping[str, PublishedFile], blobs: Mapping[str, bytes], generation: int
    ) -> Mapping[str, bytes]:
        """Put files together.

        Args:
            files: path → file.
            blobs: all their chunks, by their digests, as they stand in the store.
            generation: the one that they are of.
        """
        try:
            return {path: assembled(file, self._chunks(file, blobs)) for path, file in files.items()}
        except ManifestError as err:
            raise PublishedContentError(self.layout.buckets, str(err), generation) from err
        except EncryptionError as err:
            raise PublishedContentError(self.layout.blobs, str(err), generation) from err

    def _chunks(self, file: PublishedFile, blobs: Mapping[str, bytes]) -> Sequence[bytes]:
        return [self._encryption.decrypted(FILE, blobs[digest]) for digest in file.chunks]

    def _check_limits(self, record: Record) -> None:
        limits = self.limits
        if record.files > limits.files or record.size_bytes > limits.total_bytes:
            fault = f"has {record.files} files of {record.size_bytes} bytes, and no more are taken than "
            raise PublishedContentError(
                self.layout.head, f"{fault}{limits.files} of {limits.total_bytes}", record.generation
            )

    def _record(self, found: KeyValue) -> Record:
        try:
            return decoded_record(found.value)
        except RecordError as err:
            raise PublishedContentError(found.key, f"is no record: {err}") from err

    def _counter(self, found: KeyValue) -> int:
        text = found.value.decode("ascii", "replace")
        if not (text.isdecimal() and len(text) <= _MOST_DIGITS):
            raise PublishedContentError(found.key, "is no number")
        return int(text)

    async def _contents(self, wanted: Mapping[str, int], size_of: _SizeOf, ahead: Contents) -> Contents:
        """Return what stands at keys that end with digests.

        Args:
            wanted: key → the generation that it is read for.
            size_of: tells about how many bytes stand there.
            ahead: what was read already.
        """
        read = await self._found([key for key in wanted if key not in ahead], size_of)
        found = {key: ahead[key] for key in wanted if key in ahead} | {key: each.value for key, each in read.items()}
        for key, generation in wanted.items():
            if key not in found:
                raise PublishedContentError(key, "is not there", generation)
            check_content(key, found[key], generation)
        return found

    async def _found(self, keys: Sequence[str], size_of: _SizeOf) -> Mapping[str, KeyValue]:
        found: dict[str, KeyValue] = {}
        for batch in batches(keys, size_of, MOST_READS, MOST_READ_BYTES):
            answer = await self.store.transact((), [Get(key) for key in batch])
            found.update((each.key, each) for entry in answer.found for each in entry)
        return found


class WatchedGenerations(Generations):
    """The generations of a store that tells what changes.

    Attributes:
        watched: the store.
    """

    def __init__(
        self, store: EtcdStore, layout: Layout, limits: ReadLimits, encryption: Encryption = UNENCRYPTED
    ) -> None:
        """See `Generations`."""
        super().__init__(store, layout, limits, encryption)
        self.watched = store

    def watch_head(self, from_revision: int) -> AbstractAsyncContextManager[AsyncIterator[WatchNews]]:
        """Be told of every change of the head and of the candidate, from one of the store's revisions on."""
        return self.watched.watch_prefix(self.layout.head, from_revision)
