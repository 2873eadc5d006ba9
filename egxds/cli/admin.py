"""Asks a running daemon's admin API on behalf of a command."""

from __future__ import annotations

import contextlib
import enum
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from egxds.cli.load import load_settings
from egxds.cli.output import FINDINGS, USAGE, write_message
from egxds.cut_text import cut
from egxds.names import REQUEST_HEADER
from egxds.settings.daemon import AdminSettings

_SHOWN_CHARACTERS = 500
_TIMEOUT_S = 10
_ORDER_TIMEOUT_S = 90
"""What is ordered may take its time: all hooks of all Gateways are asked."""

_UNIX = "unix:"


class ListForm(enum.Enum):
    """The form of a list on standard output."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


def admin_address(config: Path | None, admin: str | None) -> str:
    """Return where the daemon's admin API is; both a settings file and an address are a usage error."""
    if config is not None and admin is not None:
        write_message("give -c or --admin, not both")
        raise typer.Exit(USAGE)
    if config is None:
        return admin or AdminSettings().address
    return load_settings(config).admin.address


def fetch(address: str, path: str) -> Any:
    """Return what the daemon answers; where it cannot be asked, say so and exit 1.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
    """
    status, body = _ask(address, "GET", path)
    if status != http.client.OK:
        raise _unexpected(address, status, path, body)
    return json.loads(body)


def order(address: str, path: str) -> Any:
    """Have the daemon do something, and return what it answers; None where what the path names is not there.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
    """
    status, body = _ask(address, "POST", path, _ORDER_TIMEOUT_S)
    if status not in (http.client.OK, http.client.NOT_FOUND):
        raise _unexpected(address, status, path, body)
    return json.loads(body) if status == http.client.OK else None


def _ask(address: str, method: str, path: str, timeout_s: float = _TIMEOUT_S) -> tuple[int, bytes]:
    try:
        with contextlib.closing(_connection(address, timeout_s)) as connection:
            connection.request(method, path, headers={REQUEST_HEADER: "egxds"})
            response = connection.getresponse()
            return response.status, response.read()
    except (OSError, ValueError, http.client.HTTPException) as err:
        write_message(f"cannot ask the daemon at {address}: {err}; is it running, and is that its admin.address?")
        raise typer.Exit(FINDINGS) from err


def _unexpected(address: str, status: int, path: str, body: bytes) -> typer.Exit:
    reason = _reason(body)
    write_message(f"the daemon at {address} answers {status} for {path}" + (f": {reason}" if reason else ""))
    return typer.Exit(FINDINGS)


def _reason(body: bytes) -> str:
    """Return what the daemon says of a refusal: a page's error, or a line of text."""
    try:
        text = str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        text = body.decode(errors="replace").strip()
    return cut(text, _SHOWN_CHARACTERS)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket, as HTTPConnection does to a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    if address.startswith(_UNIX):
        return _UnixConnection(address.removeprefix(_UNIX), timeout_s)
    host, _, port = address.rpartition(":")
    return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)


@contextlib.contextmanager
def event_stream(address: str, path: str, last_id: str, timeout_s: float) -> Iterator[EventStream]:
    """Open a stream of events.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
        last_id: of the event to go on from; empty for the first time.
        timeout_s: how long the daemon may say nothing.

    Raises:
        OSError, ValueError, http.client.HTTPException: the daemon cannot be asked, or says nothing any more.
    """
    with contextlib.closing(_connection(address, timeout_s)) as connection:
        connection.request("GET", path, headers={"Last-Event-ID": last_id} if last_id else {})
        # Taken over: where the answer says that the connection ends with it, the connection forgets its socket.
        sock = connection.sock
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"{response.status} {_reason(response.read())}")
        yield EventStream(response, sock)


class EventStream:
    """What comes over an open stream (HTML standard, section 9.2.6)."""

    def __init__(self, response: http.client.HTTPResponse, sock: socket.socket) -> None:
        self._response = response
        self._sock = sock

    def next(self, timeout_s: float) -> tuple[str, str] | None:
        """Return id and data of what comes next; None at the end. A comment has neither.

        Args:
            timeout_s: how long nothing may come.
        """
        self._sock.settimeout(timeout_s)
        fields = {"id": "", "data": ""}
        while line := self._response.readline().decode():
            if line == "\n":
                return fields["id"], fields["data"]
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        return None
