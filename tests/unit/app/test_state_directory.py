"""Whatever lies in the directory of states costs a message about that thing, and nothing else."""

from __future__ import annotations

import hashlib
import math
import os
import socket
from collections.abc import Callable
from pathlib import Path
from unittest.mock import ANY

import pytest
from envoy.config.listener.v3 import listener_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egxds import names
from egxds.app.held_states import GATEWAY_STATES, SUFFIX, file_name
from egxds.app.state_directory import StateDirectory
from egxds.hooks.policy.outcome import Accepted
from egxds.hooks.policy.saved_state import SavedState
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource, Resources
from tests.unit.app.states import encode_state, files, kept, loaded, state, written

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that does not exist yet."""
    return tmp_path / "var" / "state"


def sealed(payload: bytes) -> bytes:
    """Return a file of the first version whose checksum is right, whatever it holds."""
    return b"egxds accepted state 1 %s\n" % hashlib.sha256(payload).hexdigest().encode() + payload


def with_body(body: bytes, type_url: str = names.LISTENER) -> bytes:
    """Return a file whose checksum is right, with one resource of some bytes."""
    accepted = Accepted({type_url: Resources({"http": Resource(type_url, "http", body)})})
    return encode_state(SavedState("a/b", accepted))


def nameless_any() -> bytes:
    """Return a listener with a filter whose configuration does not parse."""
    listener = listener_pb2.Listener(name="http")
    config = listener.filter_chains.add().filters.add(name="hcm").typed_config
    config.type_url = names.TYPE_PREFIX + "envoy.config.listener.v3.Listener"
    config.value = b"\xff"
    return encode(listener)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "it is no state of egxds", id="empty"),
        pytest.param(b"egxds accepted state 4\n", "it has version 4 and not 3", id="version"),
        pytest.param(b"egxds accepted state 1 x\n{}", "it is damaged: its checksum does not match", id="damaged"),
        pytest.param(sealed(b"[" * 100_000), "RecursionError", id="nested lists"),
        pytest.param(with_body(b"\xff"), "the listener 'http' in it does not parse", id="listener"),
        pytest.param(with_body(nameless_any()), "the listener 'http' in it does not parse", id="filter"),
        pytest.param(with_body(b""), "the listener 'http' in it has another name", id="name"),
        pytest.param(encode_state(state("a/b", x=math.inf)), "a time that there is not", id="time"),
        pytest.param(encode_state(state("a")), "it is a copy: the state of a is in", id="no Gateway"),
        pytest.param(encode_state(state("shop/gw")), "it is a copy: the state of shop/gw is in", id="copy"),
    ],
)
async def test_a_file_that_cannot_be_used_is_set_aside(directory: Path, content: bytes, said: str) -> None:
    """It is named in the log and counted, the others are read, and the next state takes its place."""
    await written(directory, state(), state("a/b"))
    (path,) = files(directory, "a_b-*")
    path.write_bytes(content)
    held, (line,) = await loaded(directory)
    assert (held.of_gateway("a/b"), kept(held, "shop/gw")) == (None, encode_state(state()))
    assert line.startswith("hook.state_ignored: ")
    assert said in line
    (aside,) = files(directory, "a_b-*.unusable")
    assert aside.read_bytes() == content
    held.keep(state("a/b"))
    await held.flush()
    assert await loaded(directory) == (ANY, [])


def fifo(path: Path) -> None:
    """Make a named pipe."""
    os.mkfifo(path)


def sparse(path: Path) -> None:
    """Make a file of 2 GB that takes no room."""
    path.touch()
    os.truncate(path, 2 * 1024**3)


def sparse_start(path: Path) -> None:
    """Make a file that starts as a state does, and goes on for 400 MB."""
    path.write_bytes(b"egxds accepted state 3\n")
    os.truncate(path, 400 * 1024**2)


def link(path: Path) -> None:
    """Make a link to something that never ends."""
    path.symlink_to("/dev/zero")


def socket_file(path: Path) -> None:
    """Make a Unix socket."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("make", [fifo, sparse, sparse_start, link, socket_file, Path.mkdir])
async def test_a_thing_that_is_no_file_of_ours_is_set_aside(directory: Path, make: Callable[[Path], object]) -> None:
    """Whatever lies there is neither waited for nor taken into memory."""
    await written(directory, state())
    path = directory / f"x{SUFFIX}"
    make(path)
    held, (line,) = await loaded(directory)
    assert kept(held, "shop/gw") == encode_state(state())
    assert line.startswith("hook.state_ignored: it ")
    assert sorted(entry.name for entry in files(directory, "x*")) == ["x.state.unusable"]


async def test_few_files_are_kept_aside(directory: Path) -> None:
    """They do not fill the disk, however many come."""
    await written(directory, state())
    for at in range(30):
        (directory / f"{at}{SUFFIX}").touch()
    await loaded(directory)
    assert len(files(directory, "*.unusable")) == 10


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_bytes_of_a_file_raise(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever a disk or a crash made of a file, loading ends with what can be used."""
    whole = encode_state(state("a/b"))
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    path = tmp_path / "state" / file_name("a/b")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=64)) + whole[end:])
    (found,) = StateDirectory(path.parent).read(f"*{SUFFIX}", GATEWAY_STATES)
    assert found.state is None or encode_state(found.state) == whole
