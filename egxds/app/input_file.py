"""The input that was read and accepted last as a file that grows by what changed, and back. Pure.

    egxds last good input 1
    record, record, ... end         all of it
    record, ... end                 what changed since; and so on

A file is what stands before, in and behind its documents, in turn: its pieces. A row says from which piece on how many
are replaced by which, so that one document of thousands costs itself. What is compared to find them runs in C. Rows of
many pieces are cut, so that nothing holds up the event loop while they are encoded: the interpreter changes threads in
between. What is in force of what a file held before is a file, too, in a table of its own. Beside them stands who has
which address and port until he needs it no more: that alone of a resolution is not in the objects.

What counts is the last of it that is there as a whole; a crash tears off no more than what it interrupts.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq, truth
from sys import intern
from typing import Any

from egxds.files.documents.document import FileDocuments, SourceDocument
from egxds.ip_text import ip_text
from egxds.model.api.gateway import GATEWAY
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolver import Owners
from egxds.model.store.last_good import KeptBar, LastGood
from egxds.object_key import ObjectKey
from egxds.sealed_records import UnreadableStateError, first_seal, seal_records, sealed_records

VERSION = 1
MAGIC = b"egxds last good input"
PIECES_OF_A_RECORD = 1000

_HEAD = b"%s %d\n" % (MAGIC, VERSION)
_FIRST_SEAL = first_seal(_HEAD)

_FILES, _HELD, _ADDRESSES, _SOCKETS, _ORIGIN, _BARRED = _TABLES = (
    *("files", "held", "addresses", "sockets", "origin"),
    "barred",
)

_Row = list[Any]
"""A table and a key in it; then nothing where that is gone. Of a file: which of its pieces are replaced (from where on,
how many) and by which. Of an address or a socket: the Gateway's namespace and name, or its address. Of the origin,
which has one key, what the source said. Of what an object must not say, the fields of a `KeptBar`."""


@dataclass(frozen=True, slots=True)
class KeptInput:
    """What a start goes on from.

    Attributes:
        good: the documents.
        owners: who has which address and port.
    """

    good: LastGood
    owners: Owners


_NOTHING = KeptInput(LastGood(), Owners())


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds.

    Attributes:
        kept: all that it says.
        seal: the checksum of its last record.
    """

    kept: KeptInput
    seal: bytes


def begin(kept: KeptInput) -> tuple[Written, bytes]:
    """Return the content of a new file."""
    content, seal = seal_records(_contents(list(_changes(_NOTHING, kept, None))), _FIRST_SEAL)
    return Written(kept, seal), _HEAD + content


def go_on(written: Written, kept: KeptInput) -> tuple[Written, bytes]:
    """Return what is to be appended to a file; nothing where it comes to the same.

    Args:
        written: what the file holds.
        kept: what it is to hold.
    """
    rows = list(_changes(written.kept, kept, kept.good.touched))
    content, seal = seal_records(_contents(rows) if rows else (), written.seal)
    return Written(kept, seal), content


def decode_input(_name: str, data: bytes) -> tuple[KeptInput, int]:
    """Read the content of a file.

    Returns:
        The last of it that is whole, and how many bytes behind that count for nothing.

    Raises:
        UnreadableStateError: it holds nothing whole that this version can read.
    """
    head, _, content = data.partition(b"\n")
    version = head.removeprefix(MAGIC).strip()
    if version != b"%d" % VERSION:
        raise UnreadableStateError(f"it has version {version.decode(errors='replace')} and not {VERSION}")
    try:
        return _read_last(content)
    # Its checksum is right, so this is a file that somebody wrote: whatever is in it is no reason not to start.
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as err:
        raise UnreadableStateError(f"it is not put together as it should be: {type(err).__name__}: {err}") from err


def _changes(before: KeptInput, now: KeptInput, touched: frozenset[str] | None) -> Iterator[_Row]:
    then, new = before.good, now.good
    yield from _changed_files(_FILES, then.files, new.files, touched)
    yield from _changed_files(_HELD, then.held, new.held, None)
    was, now_has = before.owners, now.owners
    addresses = {key for key, _ in was.addresses.items() ^ now_has.addresses.items()}
    yield from ([_ADDRESSES, _name(key), *_some(now_has.addresses.get(key))] for key in sorted(addresses))
    barred = {key for key in then.barred.keys() | new.barred.keys() if then.barred.get(key) != new.barred.get(key)}
    yield from ([_BARRED, [*key], *_some(_bar_fields(new.barred.get(key)))] for key in sorted(barred))
    if then.origin != new.origin:
        yield [_ORIGIN, [], *_some(new.origin or None)]
    sockets = {socket for socket, _ in was.sockets.items() ^ now_has.sockets.items()}
    for socket in sockets:
        yield [_SOCKETS, [*socket[:3], socket[3].value], *_some(_name(now_has.sockets.get(socket)))]


def _changed_files(
    table: str,
    before: Mapping[str, FileDocuments],
    now: Mapping[str, FileDocuments],
    touched: frozenset[str] | None,
) -> Iterator[_Row]:
    for name in sorted(touched if touched is not None else before.keys() | now.keys()):
        for row in _rows(before.get(name), now.get(name)):
            yield [table, name, *row]


def _name(gateway: ObjectKey | None) -> list[str] | None:
    return [gateway.namespace, gateway.name] if gateway is not None else None


def _bar_fields(bar: KeptBar | None) -> list[object] | None:
    if bar is None:
        return None
    documents = [[each.file, each.text] if each is not None else None for each in (bar.barred, bar.former)]
    return [*documents, bar.why, [*bar.versions]]


def _some(value: object) -> list[object]:
    return [value] if value is not None else []


def _rows(before: FileDocuments | None, now: FileDocuments | None) -> Iterator[_Row]:
    """Yield how to come from what a file held to what it holds."""
    if before is now:
        return
    if now is None:
        yield []
    else:
        yield from _splices(before.pieces() if before is not None else (), now.pieces())


def _splices(before: Sequence[str], now: Sequence[str]) -> Iterator[_Row]:
    at = _count_same(before, now)
    behind = _count_same(reversed(before[at:]), reversed(now[at:]))
    dropped, added = len(before) - behind - at, now[at : len(now) - behind]
    if dropped or added:
        for start in range(0, max(len(added), 1), PIECES_OF_A_RECORD):
            yield [at + start, dropped if start == 0 else 0, added[start : start + PIECES_OF_A_RECORD]]


def _count_same(one: Iterable[str], other: Iterable[str]) -> int:
    return len(tuple(takewhile(truth, map(eq, one, other))))


def _contents(rows: Iterable[_Row]) -> Iterator[bytes]:
    """Yield the content of each record."""
    group: list[_Row] = []
    pieces = 0
    for row in rows:
        group.append(row)
        pieces += 1 + len(row[-1])
        if pieces >= PIECES_OF_A_RECORD:
            yield _content(group, is_end=False)
            group, pieces = [], 0
    yield _content(group, is_end=True)


def _content(rows: Sequence[_Row], *, is_end: bool) -> bytes:
    return json.dumps({"rows": rows, "end": is_end}, separators=(",", ":")).encode()


def _read_last(content: bytes) -> tuple[KeptInput, int]:
    tables: dict[str, dict[Any, Any]] = {table: {} for table in _TABLES}
    waiting: list[_Row] = []
    whole_bytes = 0
    for end, record in sealed_records(content, _FIRST_SEAL):
        found = json.loads(record)
        waiting += found["rows"]
        if found["end"]:
            for table, key, *change in waiting:
                (_take_files if table in (_FILES, _HELD) else _take)(tables[table], key, change)
            waiting, whole_bytes = [], end
    if not whole_bytes:
        raise UnreadableStateError("it is damaged: its checksum does not match")
    files, held = (
        {name: _documents(name, pieces) for name, pieces in tables[each].items()} for each in (_FILES, _HELD)
    )
    barred = {ObjectKey(*map(str, key)): _bar(*fields) for key, fields in tables[_BARRED].items()}
    good = LastGood(files, held, origin=str(tables[_ORIGIN].get((), "")), barred=barred)
    return KeptInput(good, _owners(tables)), len(content) - whole_bytes


def _owners(tables: Mapping[str, Mapping[Any, Any]]) -> Owners:
    addresses = {_gateway(key): ip_text(ipaddress.ip_address(address)) for key, address in tables[_ADDRESSES].items()}
    sockets = {
        (str(class_name), str(address), int(port), Transport(transport)): _gateway(key)
        for (class_name, address, port, transport), key in tables[_SOCKETS].items()
    }
    return Owners(addresses, sockets)


def _bar(barred: Sequence[str], former: Sequence[str] | None, why: str, versions: Iterable[str]) -> KeptBar:
    return KeptBar(_document(*barred), _document(*former) if former is not None else None, why, tuple(versions))


def _gateway(key: Sequence[str]) -> ObjectKey:
    namespace, name = key
    return ObjectKey(*GATEWAY.id, str(namespace), str(name))


def _take(table: dict[Any, Any], key: Sequence[Any], change: _Row) -> None:
    if change:
        (table[tuple(key)],) = change
    else:
        table.pop(tuple(key), None)


def _take_files(files: dict[str, list[str]], name: str, splice: _Row) -> None:
    if not splice:
        files.pop(name, None)
        return
    at, dropped, pieces = splice
    files.setdefault(name, [])[at : at + dropped] = pieces


def _files(table: Mapping[str, Sequence[str]]) -> Mapping[str, FileDocuments]:
    return {name: _documents(name, pieces) for name, pieces in table.items()}


def _documents(name: str, pieces: Sequence[str]) -> FileDocuments:
    texts, gaps = pieces[1::2], pieces[::2]
    if len(gaps) != len(texts) + 1:
        raise ValueError(f"the pieces of {name!r} are no file")
    return FileDocuments(tuple(_document(name, text) for text in texts), tuple(map(intern, gaps)))


def _document(file: str, text: str) -> SourceDocument:
    return SourceDocument(file, text, hashlib.sha256(text.encode()).hexdigest())
