"""Sockets that a service manager hands over: which are taken, and which cannot be meant."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from egxds.errors import StartError
from egxds.wire.handed_sockets import checked, handed_over
from egxds.wire.listen import TcpAddress, UnixPath

pytestmark = pytest.mark.anyio


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    """A socket that listens on the loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def port_of(bound: socket.socket) -> int:
    """Where it listens."""
    port: int = bound.getsockname()[1]
    return port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_socket_of_the_settings_is_taken(tcp: socket.socket, host: str) -> None:
    """A socket that is bound where the settings say is the server's."""
    bound = await checked({"xds": tcp}, "xds", f"{host}:{port_of(tcp)}")
    assert bound is not None
    assert (bound.socket, bound.address) == (tcp, TcpAddress("127.0.0.1", port_of(tcp)))


async def test_a_server_without_a_socket_binds_its_own(tcp: socket.socket) -> None:
    """A socket of another name is another server's."""
    assert await checked({"xds": tcp}, "admin", "127.0.0.1:19080") is None


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.0.0.2:{port}", "0.0.0.0:{port}", "unix:/run/xds.sock"])
async def test_a_socket_that_is_bound_elsewhere_is_refused(tcp: socket.socket, text: str) -> None:
    """Who looks for the server where the settings say would find nobody: that is said, with both addresses."""
    text = text.format(port=port_of(tcp))
    with pytest.raises(StartError) as refused:
        await checked({"xds": tcp}, "xds", text)
    assert f"xds.address is {text}," in str(refused.value)
    assert f"bound to 127.0.0.1:{port_of(tcp)}: " in str(refused.value)
    assert "ListenStream=" in str(refused.value)


async def test_a_unix_socket_by_any_of_its_paths(tmp_path: Path) -> None:
    """/var/run is a link to /run: what counts is where a path leads."""
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "run" / "xds.sock"))
        taken = await checked({"xds": bound}, "xds", f"unix:{tmp_path}/var/xds.sock")
        assert taken is not None
        assert taken.address == UnixPath(tmp_path / "run" / "xds.sock")
        with pytest.raises(StartError, match="bound to unix:"):
            await checked({"xds": bound}, "xds", "127.0.0.1:18000")


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "own", "LISTEN_FDS": "0"}, {"LISTEN_PID": "own"}],
    ids=["none", "another process's", "no socket", "no count"],
)
def test_nothing_is_handed_over(environment: dict[str, str]) -> None:
    """Without sockets for this process there are none, and child processes hear nothing of those of others."""
    given = {name: value.replace("own", str(os.getpid())) for name, value in environment.items()}
    assert handed_over(given) == {}
    assert given == {}


@pytest.mark.parametrize("names", ["", "egxds.socket", "xds:xds", "xds:other", "xds:admin:admin", "unknown"])
def test_sockets_that_nobody_here_listens_on(names: str) -> None:
    """A name that means nothing here, or one that comes twice, is refused with what to write."""
    count = str(len(names.split(":")))
    with pytest.raises(StartError, match="FileDescriptorName=xds"):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": names})


_TAKE = """
import os, sys
from egxds.errors import StartError
from egxds.wire.handed_sockets import handed_over
os.dup2(int(sys.argv[1]), 3)
try:
    (taken,) = handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "xds"}).values()
    print(taken.getsockname(), os.get_inheritable(3))
except StartError as err:
    print(err)
"""


def taken(descriptor: int) -> str:
    """What a process says that is handed an open file."""
    command = [sys.executable, "-c", _TAKE, str(descriptor)]
    done = subprocess.run(command, pass_fds=[descriptor], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_a_socket_is_taken_and_child_processes_have_none_of_it(tcp: socket.socket) -> None:
    """It is taken as it is, and closed in what the daemon starts."""
    assert taken(tcp.fileno()) == f"{tcp.getsockname()} False"


def test_what_cannot_be_listened_on(tmp_path: Path) -> None:
    """A file, a socket that does not listen, and one for datagrams are refused with what to write instead."""
    with (tmp_path / "file").open("w") as file:
        assert "is no socket" in taken(file.fileno())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as deaf:
        for each in (datagrams, deaf):
            assert "does not listen: use ListenStream=" in taken(each.fileno())
