"""Wire room: sockets that the service manager has bound, instead of such that we bind.

The manager keeps them while we are away: who connects in between is not refused, it waits, and is served as soon as we
are back. So they are taken and never removed, and the file of a Unix socket is the manager's. Which socket is for which
server is told by its name (FileDescriptorName= of the .socket unit). It has to be bound where the settings say, since
that is where others look for us: `egxds bootstrap`, the commands, a health check.

Source: sd_listen_fds(3), systemd.socket(5).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path

import anyio

from egxds.errors import StartError
from egxds.wire.listen import Address, BoundSocket, TcpAddress, UnixPath, parse_address

XDS, ADMIN = "xds", "admin"

_FIRST_DESCRIPTOR = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def handed_over(environment: MutableMapping[str, str] = os.environ) -> Mapping[str, socket.socket]:
    """Take what the service manager hands over; there is nothing to be taken a second time, nor for child processes.

    Args:
        environment: says what there is, and for whom; the variables are removed.

    Returns:
        The sockets by name; none where there are none, or they are another process's.

    Raises:
        StartError: it hands over what nobody here listens on.
    """
    pid, count, names = (environment.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdigit() or not int(count):
        return {}
    named = names.split(":")
    if len(set(named)) != int(count) or not {XDS, ADMIN}.issuperset(named):
        raise StartError(
            f"the service manager hands over sockets of these names: {names or 'none'}; there may be one with "
            f"FileDescriptorName={XDS} and one with FileDescriptorName={ADMIN}"
        )
    return {name: _socket(name, descriptor) for descriptor, name in enumerate(named, _FIRST_DESCRIPTOR)}


async def checked(handed: Mapping[str, socket.socket], name: str, text: str) -> BoundSocket | None:
    """Return the socket that was handed over for a server; None where there is none, and it has to bind its own.

    Args:
        handed: all of them, by name.
        name: of the server: its setting is `<name>.address`.
        text: that setting.

    Raises:
        StartError: it is bound elsewhere.
    """
    given = handed.get(name)
    if given is None:
        return None
    wanted, address = parse_address(f"{name}.address", text), _address_of(given)
    if not await _is_same(wanted, address):
        raise StartError(
            f"{name}.address is {wanted}, but the socket that the service manager hands over is bound to {address}: "
            "write the same into both (ListenStream= of the .socket unit)"
        )
    return BoundSocket(given, address)


def _socket(name: str, descriptor: int) -> socket.socket:
    try:
        given = socket.socket(fileno=descriptor)
        is_listening = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as err:
        raise StartError(f"what the service manager hands over as {name} is no socket: {err.strerror}") from err
    if given.type != socket.SOCK_STREAM or not is_listening:
        raise StartError(f"what the service manager hands over as {name} does not listen: use ListenStream=, Accept=no")
    given.set_inheritable(False)
    return given


def _address_of(given: socket.socket) -> Address:
    where = given.getsockname()
    return UnixPath(Path(os.fsdecode(where))) if given.family == socket.AF_UNIX else TcpAddress(*where[:2])


async def _is_same(wanted: Address, address: Address) -> bool:
    if isinstance(wanted, UnixPath) or isinstance(address, UnixPath):
        return _is_same_path(wanted, address)
    found = await anyio.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return any(where[:2] == (address.host, address.port) for *_, where in found)


def _is_same_path(one: Address, other: Address) -> bool:
    if not isinstance(one, UnixPath) or not isinstance(other, UnixPath):
        return False
    return os.path.realpath(one.path) == os.path.realpath(other.path)
