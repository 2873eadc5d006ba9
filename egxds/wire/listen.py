"""Wire room: a setting's address → a bound socket, or an error that names the setting."""

from __future__ import annotations

import errno
import grp
import ipaddress
import os
import pwd
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.errors import StartError
from egxds.settings.clients import SocketSettings
from egxds.telemetry import log

UNIX_PREFIX = "unix:"

UNIX_PEER = "unix socket"
"""Stands for the address of a client that has none; any number of them may be one client, or many."""

_MAX_PORT = 65_535

_CREDENTIALS = struct.Struct("3i")
"""Of the other end of a Unix socket: process, user, group (unix(7), SO_PEERCRED)."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port.

    Attributes:
        host: address or name, without the brackets of IPv6.
        port: 0 for any free one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixPath:
    """A Unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"{UNIX_PREFIX}{self.path}"


Address = TcpAddress | UnixPath


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A socket with its address, not yet listening.

    Attributes:
        socket: TCP or Unix.
        address: where it is bound; the port is the one that the system chose where the setting left it open.
        inode: of the socket file; 0 for TCP.
    """

    socket: socket.socket
    address: Address
    inode: int = 0

    async def remove_file(self) -> None:
        """Remove the file of a Unix socket, unless another process has put its own in the place."""
        await to_thread.run_sync(self._remove_file)

    def _remove_file(self) -> None:
        if isinstance(self.address, UnixPath) and _inode(self.address.path) == self.inode:
            self.address.path.unlink(missing_ok=True)


def parse_address(setting: str, text: str) -> Address:
    """Read `host:port`, `[ipv6]:port` or `unix:/path`.

    Args:
        setting: where the text comes from, such as `xds.address`, for the message.
        text: the address.

    Raises:
        StartError: it is none of the three.
    """
    path = text.removeprefix(UNIX_PREFIX)
    if path and path != text:
        return UnixPath(Path(path))
    host, _, port = text.rpartition(":")
    if host and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT:
        return TcpAddress(host.removeprefix("[").removesuffix("]"), int(port))
    raise StartError(f"{setting}: {text!r} is no address; write host:port, [ipv6]:port or unix:/path")


async def bind(setting: str, text: str, access: SocketSettings | None = None) -> BoundSocket:
    """Bind a socket to an address; a socket file that nobody listens on is replaced.

    Args:
        setting: where the address comes from, for messages.
        text: as `parse_address` reads it.
        access: who may connect to a Unix socket; None for owner and group.

    Raises:
        StartError: it is no address, or taken, or not ours to bind, or is to belong to a group that it cannot.
    """
    address = parse_address(setting, text)
    try:
        if isinstance(address, UnixPath):
            given = await to_thread.run_sync(_file_access, setting, access or SocketSettings())
            return await to_thread.run_sync(_bind_unix, setting, address, given)
        return await _bind_tcp(address)
    except OSError as err:
        raise StartError(f"{setting}: cannot listen on {address}: {_reason(err)}") from err


def _reason(err: OSError) -> str:
    text = (err.strerror or str(err)).lower()
    if err.errno == errno.EADDRINUSE:
        return f"{text}; stop the process that listens there or choose another address"
    return text


async def _bind_tcp(address: TcpAddress) -> BoundSocket:
    found = await anyio.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, where = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return BoundSocket(bound, TcpAddress(address.host, bound.getsockname()[1]))


@dataclass(frozen=True, slots=True)
class _FileAccess:
    """Mode and group of a socket file; -1 for the group that it has anyway."""

    mode: int
    group: int


def _file_access(setting: str, access: SocketSettings) -> _FileAccess:
    key = setting.rpartition(".")[0]
    group = -1 if access.group is None else _number(f"{key}.socket.group", access.group, _group_number)
    return _FileAccess(int(access.mode, 8), group)


def user_numbers(setting: str, access: SocketSettings) -> frozenset[int] | None:
    """Return the users who may connect to a Unix socket; None for whoever can.

    Args:
        setting: the address of the socket, for messages.
        access: names them.

    Raises:
        StartError: one of them does not exist on this machine.
    """
    if access.allow_users is None:
        return None
    if not hasattr(socket, "SO_PEERCRED"):
        raise StartError(f"{setting.rpartition('.')[0]}.socket.allowUsers: this system does not say who connects")
    key = f"{setting.rpartition('.')[0]}.socket.allowUsers"
    return frozenset(_number(key, user, _user_number) for user in access.allow_users)


def user_of(connected: socket.socket) -> int:
    """Return the user at the other end of a Unix socket, as the system has it since the connection was made."""
    _, user, _ = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(user)


def _group_number(name: str) -> int:
    return grp.getgrnam(name).gr_gid


def _user_number(name: str) -> int:
    return pwd.getpwnam(name).pw_uid


def _number(setting: str, named: str | int, find: Callable[[str], int]) -> int:
    if isinstance(named, int):
        return named
    try:
        return find(named)
    except KeyError as err:
        raise StartError(f"{setting}: this machine knows no {named!r}; create it, or write a number") from err


def _bind_unix(setting: str, address: UnixPath, access: _FileAccess) -> BoundSocket:
    _remove_stale(setting, address.path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(address.path))
        # Nobody gets in between: a socket that does not listen yet refuses every connection.
        _give_to_group(setting, address, access.group)
        address.path.chmod(access.mode)
    except (OSError, StartError):
        bound.close()
        raise
    return BoundSocket(bound, address, _inode(address.path))


def _give_to_group(setting: str, address: UnixPath, group: int) -> None:
    if group < 0:
        return
    try:
        os.chown(address.path, -1, group)
    except PermissionError as err:
        address.path.unlink()
        key = f"{setting.rpartition('.')[0]}.socket.group"
        advice = "egxds has to be in it itself (SupplementaryGroups= of its unit, group_add of its container)"
        raise StartError(f"{key}: cannot give {address} to group {group}: {advice}") from err


def _inode(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return 0


def _remove_stale(setting: str, path: Path) -> None:
    """Remove a socket file that a process left behind."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StartError(f"{setting}: {path} exists and is no socket; remove it or choose another path")
    if _is_listening(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink(missing_ok=True)


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True


def warn_if_open(setting: str, address: Address, advice: str) -> None:
    """Say so where others than this machine reach an address.

    Args:
        setting: that names it.
        address: where a server is bound.
        advice: what comes of it, and what to do.
    """
    if isinstance(address, TcpAddress) and not _is_loopback(address.host):
        log.warning("wire.address_open", setting=setting, address=str(address), advice=advice)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
