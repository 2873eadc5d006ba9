"""Wire room: a setting's address → a bound socket, or an error that names the setting."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.errors import StartError
from egxds.telemetry import log

UNIX_PREFIX = "unix:"

UNIX_PEER = "unix socket"
"""Stands for the address of a client that has none; any number of them may be one client, or many."""

_SOCKET_MODE = 0o660
"""The owner and the group may connect: an Envoy runs as another user of the same group."""

_MAX_PORT = 65_535


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


async def bind(setting: str, text: str) -> BoundSocket:
    """Bind a socket to an address; a socket file that nobody listens on is replaced.

    Args:
        setting: where the address comes from, for messages.
        text: as `parse_address` reads it.

    Raises:
        StartError: it is no address, or taken, or not ours to bind.
    """
    address = parse_address(setting, text)
    try:
        if isinstance(address, UnixPath):
            return await to_thread.run_sync(_bind_unix, setting, address)
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


def _bind_unix(setting: str, address: UnixPath) -> BoundSocket:
    _remove_stale(setting, address.path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(address.path))
        # Nobody gets in between: a socket that does not listen yet refuses every connection.
        address.path.chmod(_SOCKET_MODE)
    except OSError:
        bound.close()
        raise
    return BoundSocket(bound, address, _inode(address.path))


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
