"""A store of keys in one file of `stateDir`, as etcd is one: for one process that writes, and any that read. Blocks.

    egxds history 1
    record, record, ...        each a transaction: what it removed and put, sealed (`egxds.sealed_records`)

So generations are published, rolled back to, read and swept here by the same code as in etcd. Nothing waits: what is
asked for is there when the call returns, and `at_once` runs what is written for a store that has to be waited for.

A record is appended and made durable, or nothing has happened: a crash leaves a torn end, which is left out when the
file is read. Nothing is appended behind such an end, or to what another process has put there.

    NOT OPEN ---- asked for ------------------------> what is whole of the file is known; OPEN
    OPEN -------- a transaction --------------------> appended, durable; OPEN
    OPEN -------- it has a torn end, or has outgrown
                  what is needed of it -------------> what is needed is written beside it, and put in its place; OPEN
    OPEN -------- it cannot be written -------------> NOT OPEN

Only keys are held in memory, and where each value stands. What a reader has open stays as it was when the file is
begun again: that is another file.
"""

from __future__ import annotations

import json
import os
import weakref
from bisect import bisect_left
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from egxds.app.state_files import append, identity_of, opened, put_in_place
from egxds.etcd.operations import (
    Delete,
    Form,
    Get,
    GetPrefix,
    KeyValue,
    Operation,
    Put,
    Transacted,
    Unchanged,
)
from egxds.published.batches import batches
from egxds.sealed_records import (
    HEAD_BYTES,
    UnreadableStateError,
    checked_seal,
    first_seal,
    record_bytes,
    seal_records,
)

FILE_NAME = "generations.history"
LARGEST_BYTES = 16 * 1024 * 1024 * 1024
"""Of the file: nothing that stands in it is read by the way."""

_MAGIC = b"egxds history"
_HEAD = b"%s 1\n" % _MAGIC
_FIRST_SEAL = first_seal(_HEAD)
_OUTGROWN = 2
_SMALL_BYTES = 256 * 1024
"""What may stand there that is not needed any more, beside as much again as is needed."""

_RECORD_BYTES = 1024 * 1024
_CLUSTER_ID = 0
_T = TypeVar("_T")


def at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """Run what waits for nothing, as all does that asks a file; may be called in a thread.

    Raises:
        RuntimeError: it does wait for something.
    """
    try:
        work.send(None)
    except StopIteration as done:
        found: _T = done.value
        return found
    work.close()
    raise RuntimeError("it waits")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands."""

    at: int
    size_bytes: int
    mod_revision: int


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Open:
    """A file, and what is known of it; it is closed when nobody has this any more."""

    descriptor: int
    places: dict[str, _Place] = field(default_factory=dict)
    revision: int = 0
    seal: bytes = _FIRST_SEAL
    whole_bytes: int = len(_HEAD)

    def __post_init__(self) -> None:
        weakref.finalize(self, os.close, self.descriptor)

    def value(self, key: str) -> bytes:
        """Return what stands at a key."""
        place = self.places[key]
        return os.pread(self.descriptor, place.size_bytes, place.at)

    @property
    def needed_bytes(self) -> int:
        """Of the values that there are."""
        return sum(place.size_bytes for place in self.places.values())

    def take(self, end: int, seal: bytes, content: bytes) -> None:
        """Take a record that ends at a place of the file."""
        head, _, values = content.partition(b"\n")
        said = json.loads(head)
        for key in said["gone"]:
            self.places.pop(key, None)
        at = end - len(values)
        for key, size_bytes, mod_revision in said["put"]:
            if not isinstance(key, str) or size_bytes < 0:
                raise ValueError("a record has something else than keys and values")
            self.places[key] = _Place(at, size_bytes, mod_revision)
            at += size_bytes
        self.revision, self.seal, self.whole_bytes = int(said["revision"]), seal, end
        if at != end:
            raise ValueError("a record has other values than it says")


class HistoryFile:
    """A store in a file; see `KeyStore`."""

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: of the file, which need not be there.
        """
        self._path = path
        self._open: _Open | None = None

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """See `KeyStore`.

        Raises:
            OSError: the file cannot be read, or not be written.
            UnreadableStateError: it is no history.
        """
        file = self._opened()
        if any(_revision_of(file, each.key) != each.mod_revision for each in conditions):
            return Transacted(False, file.revision if file else 0, _CLUSTER_ID)
        draft = _Draft(file)
        found = tuple(draft.apply(operation) for operation in operations)
        if draft.changes:
            self._write(draft)
        return Transacted(True, self._open.revision if self._open else 0, _CLUSTER_ID, found)

    @property
    def needed_bytes(self) -> int:
        """Of the values that there are."""
        file = self._opened()
        return file.needed_bytes if file else 0

    @property
    def torn_bytes(self) -> int:
        """How much at its end counts for nothing; before anything is written."""
        file = self._opened()
        return os.fstat(file.descriptor).st_size - file.whole_bytes if file else 0

    def tidy(self) -> None:
        """Begin the file again where too much stands in it that is not needed. Raises OSError."""
        file = self._opened()
        if file is not None and file.whole_bytes > _OUTGROWN * file.needed_bytes + _SMALL_BYTES:
            self._begin_again(file)

    def close(self) -> None:
        """Let go of the file; it is opened when it is asked for again."""
        self._open = None

    def _opened(self) -> _Open | None:
        """Return the file; None where there is none."""
        if self._open is None:
            try:
                self._open = _read(self._path)
            except FileNotFoundError:
                return None
        return self._open

    def _write(self, draft: _Draft) -> None:
        file = self._opened()
        if file is None or not self._is_ours(file):
            file = self._begin_again(file)
        content = draft.record(file.revision + 1)
        record, seal = seal_records((content,), file.seal)
        try:
            append(self._path, record)
        except OSError:
            # What of it was written counts for nothing: nothing is put behind it, and a full disk has use for its room.
            with suppress(OSError):
                os.truncate(self._path, file.whole_bytes)
            self.close()
            raise
        file.take(file.whole_bytes + len(record), seal, content)

    def _is_ours(self, file: _Open) -> bool:
        """Tell whether what stands there is what was read or written last, and nothing else."""
        try:
            status = self._path.lstat()
        except OSError:
            return False
        is_same = identity_of(status) == identity_of(os.fstat(file.descriptor))
        return is_same and status.st_size == file.whole_bytes

    def _begin_again(self, file: _Open | None) -> _Open:
        """Write what is needed into a file of its own."""
        put_in_place(self._path, (_HEAD, *_whole(file)) if file is not None else (_HEAD,))
        self._open = _read(self._path)
        return self._open


class _Draft:
    """What a transaction does; what it looks up is found as what it did before has left it."""

    def __init__(self, file: _Open | None) -> None:
        self._file = file
        self._keys = sorted(file.places) if file else []
        self.changes: dict[str, bytes | None] = {}

    def apply(self, operation: Operation) -> tuple[KeyValue, ...]:
        """Do one thing more; return what it looks up."""
        match operation:
            case Get(key):
                return self._found(key, Form.VALUES)
            case GetPrefix(prefix, form, limit):
                found = (each for key in self._below(prefix) for each in self._found(key, form))
                return tuple(islice(found, limit or None))
            case Put(key, value):
                self.changes[key] = value
            case Delete(key) if key in self.changes or (self._file is not None and key in self._file.places):
                self.changes[key] = None
        return ()

    def _below(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start alike, in their order; what is put here comes last."""
        yield from takewhile(
            lambda key: key.startswith(prefix), islice(self._keys, bisect_left(self._keys, prefix), None)
        )

    def _found(self, key: str, form: Form) -> tuple[KeyValue, ...]:
        file = self._file
        if key in self.changes:
            value = self.changes[key]
            return () if value is None else (KeyValue(key, value, (file.revision if file else 0) + 1),)
        if file is None or key not in file.places:
            return ()
        value = file.value(key) if form is Form.VALUES else b""
        return (KeyValue(key, value, file.places[key].mod_revision),)

    def record(self, revision: int) -> bytes:
        """Return it as a record, where the store has a revision behind it."""
        put = {key: value for key, value in self.changes.items() if value is not None}
        gone = [key for key, value in self.changes.items() if value is None]
        return _record(revision, gone, {key: (value, revision) for key, value in put.items()})


def _record(revision: int, gone: Sequence[str], put: Mapping[str, tuple[bytes, int]]) -> bytes:
    said = [[key, len(value), mod_revision] for key, (value, mod_revision) in put.items()]
    head = json.dumps({"revision": revision, "gone": gone, "put": said}, separators=(",", ":")).encode()
    return b"".join((head, b"\n", *(value for value, _ in put.values())))


def _whole(file: _Open) -> Iterator[bytes]:
    """Yield all that is needed of a file as records, one at a time in memory."""
    seal = _FIRST_SEAL
    for keys in batches(sorted(file.places), lambda key: file.places[key].size_bytes, 10_000, _RECORD_BYTES):
        put = {key: (file.value(key), file.places[key].mod_revision) for key in keys}
        record, seal = seal_records((_record(file.revision, (), put),), seal)
        yield record


def _revision_of(file: _Open | None, key: str) -> int:
    place = file.places.get(key) if file else None
    return place.mod_revision if place else 0


def _read(path: Path) -> _Open:
    """Read what is whole of a file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        UnreadableStateError: it is no history, or one of another version.
    """
    with opened(path, _MAGIC, LARGEST_BYTES) as stream:
        if stream.readline(len(_HEAD)) != _HEAD:
            raise UnreadableStateError("it is of another version of egxds")
        file = _Open(os.dup(stream.fileno()))
        try:
            for end, seal, content in _records(stream):
                file.take(end, seal, content)
        # Its checksum is right, so this is a file that somebody wrote.
        except (AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as err:
            raise UnreadableStateError(f"it is not put together as it should be: {type(err).__name__}") from err
    return file


def _records(stream: BinaryIO) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield what is whole of a file behind its first line, one record at a time in memory.

    Yields:
        Where a record ends, its checksum, and its content.
    """
    at, seal, size_bytes = len(_HEAD), _FIRST_SEAL, os.fstat(stream.fileno()).st_size
    while len(head := stream.read(HEAD_BYTES)) == HEAD_BYTES:
        at += HEAD_BYTES + record_bytes(head)
        if at > size_bytes:
            return
        content = stream.read(record_bytes(head))
        checked = checked_seal(head, content, seal)
        if checked is None:
            return
        seal = checked
        yield at, seal, content
