"""A store in a file does what etcd does, and a crash at any byte leaves what was there before, or after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.app.history.history_file import HistoryFile, at_once
from egxds.etcd.operations import Delete, Form, Get, GetPrefix, Operation, Put, Transacted, Unchanged
from egxds.sealed_records import UnreadableStateError, first_seal, seal_records
from tests.etcd_fake import FakeEtcd

EVERYTHING = GetPrefix("")
_KEYS = st.sampled_from(("a", "b/1", "b/2", "c"))
_OPERATIONS = st.one_of(
    st.builds(Get, _KEYS),
    st.builds(GetPrefix, st.sampled_from(("", "b/", "x")), st.sampled_from(Form), st.integers(0, 2)),
    st.builds(Put, _KEYS, st.binary(max_size=20)),
    st.builds(Delete, _KEYS),
)
_STEPS = st.lists(
    st.tuples(st.lists(st.tuples(_KEYS, st.booleans()), max_size=2), st.lists(_OPERATIONS, max_size=4), st.booleans()),
    max_size=12,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file is to be."""
    return tmp_path / "generations.history"


def transact(store: HistoryFile | FakeEtcd, *operations: Operation, conditions: Sequence[Unchanged] = ()) -> Transacted:
    """Do something."""
    return at_once(store.transact(conditions, operations))


def contents(path: Path) -> dict[str, bytes]:
    """Return what somebody finds who opens a file."""
    return {each.key: each.value for each in transact(HistoryFile(path), EVERYTHING).found[0]}


def _found(done: Transacted) -> list[list[tuple[str, bytes]]]:
    return [[(each.key, each.value) for each in entry] for entry in done.found]


def _seen(store: HistoryFile | FakeEtcd, key: str) -> int:
    found = transact(store, Get(key)).found[0]
    return found[0].mod_revision if found else 0


def _askable(operations: Sequence[Operation]) -> list[Operation]:
    """Write each key once, as etcd asks for, and look below prefixes first: nobody does so behind what they put."""
    looks = [each for each in operations if isinstance(each, Get | GetPrefix)]
    writes = {each.key: each for each in operations if isinstance(each, Put | Delete)}
    return [*sorted(looks, key=lambda each: not isinstance(each, GetPrefix)), *writes.values()]


@settings(max_examples=100)
@given(steps=_STEPS)
def test_it_does_what_etcd_does(steps: list[tuple[list[tuple[str, bool]], list[Operation], bool]]) -> None:
    """Whatever is asked of it, by one who has it open or opens it each time."""
    etcd = FakeEtcd()
    with TemporaryDirectory() as directory:
        path = Path(directory) / "history"
        store = HistoryFile(path)
        for seen, operations, is_opened_again in steps:
            store = HistoryFile(path) if is_opened_again else store
            wanted = _askable(operations)
            done, expected = (
                transact(
                    each,
                    *wanted,
                    conditions=[Unchanged(key, _seen(each, key) if right else 10**6) for key, right in seen],
                )
                for each in (store, etcd)
            )
            assert done.succeeded == expected.succeeded
            assert _found(done) == _found(expected)
            assert contents(path) == {key: each.value for key, each in etcd.cluster.keys.items()}
            store.tidy()


@settings(max_examples=50)
@given(cut=st.floats(0, 1))
def test_a_crash_leaves_what_was_there_before_or_after(cut: float) -> None:
    """And who goes on writes nothing behind a torn end."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "history"
        transact(HistoryFile(path), Put("a", b"1"), Put("b", b"1"))
        before = path.stat().st_size
        transact(HistoryFile(path), Put("a", b"2"), Delete("b"), Put("c", b"2"))
        os.truncate(path, before + round(cut * (path.stat().st_size - before)))
        found = contents(path)
        assert found in ({"a": b"1", "b": b"1"}, {"a": b"2", "c": b"2"})
        transact(HistoryFile(path), Put("d", b"3"))
        assert contents(path) == {**found, "d": b"3"}


def test_what_is_not_needed_makes_room(path: Path) -> None:
    """A file is begun again that has outgrown what is needed of it, and whoever reads the old one goes on."""
    store, reader = HistoryFile(path), HistoryFile(path)
    transact(store, Put("kept", b"k"))
    transact(reader, EVERYTHING)
    for number in range(20):
        transact(store, Put("large", bytes([number]) * 100_000))
        store.tidy()
    assert path.stat().st_size < 800_000
    assert contents(path) == {"kept": b"k", "large": bytes([19]) * 100_000}
    assert transact(reader, Get("kept")).found[0][0].value == b"k"


def test_it_is_for_its_owner_alone(path: Path) -> None:
    """Private keys stand in it."""
    transact(HistoryFile(path), Put("a", b"1"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_where_it_could_not_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has happened, and nothing is in the way of the next."""
    store = HistoryFile(path)
    transact(store, Put("a", b"1"))

    def half(path: Path, content: bytes) -> None:
        with path.open("ab") as file:
            file.write(content[:-1])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("egxds.app.history.history_file.append", half)
        with pytest.raises(OSError, match="No space"):
            transact(store, Put("a", b"2"))
    assert contents(path) == {"a": b"1"}
    transact(store, Put("b", b"3"))
    assert contents(path) == {"a": b"1", "b": b"3"}


def sealed(*contents: bytes) -> bytes:
    """Return a file whose checksums are right, whatever it holds."""
    head = b"egxds history 1\n"
    return head + seal_records(contents, first_seal(head))[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"something else",
        b"egxds history 2\n",
        sealed(b""),
        sealed(b"[]"),
        sealed(b"{}"),
        sealed(b'{"revision":"1"}'),
        sealed(b'{"revision":1,"gone":[],"put":[["a",100,1]]}\nx'),
        sealed(b'{"revision":1,"gone":[],"put":[["a",-1,1]]}\n'),
        sealed(b'{"revision":1,"gone":[],"put":[[1,0,1]]}\n'),
        sealed(b'{"revision":[],"gone":[],"put":[]}\n'),
        sealed(b"[" * 100_000),
    ],
)
def test_what_is_no_history(path: Path, content: bytes) -> None:
    """It is said, and not written over."""
    path.write_bytes(content)
    with pytest.raises(UnreadableStateError):
        transact(HistoryFile(path), Put("a", b"1"))
    assert path.read_bytes() == content
