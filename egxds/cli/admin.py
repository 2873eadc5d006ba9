"""Asks a running daemon's admin API on behalf of a command."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from egxds.cli.output import FINDINGS, UNREACHED, USAGE, write_message
from egxds.cut_text import cut
from egxds.names import ADMIN_ADDRESS, ENVOY_GATEWAY_KIND, REQUEST_HEADER, VERSION_HEADER, joined_admin_address

_SHOWN_CHARACTERS = 500
_TIMEOUT_S = 10
_ORDER_TIMEOUT_S = 90
"""What is ordered may take its time: all hooks of all Gateways are asked."""

_STATUSES = {http.client.BAD_REQUEST: USAGE, http.client.NOT_FOUND: FINDINGS}
"""HTTP status → exit status: the daemon understood the question, and has no answer to it."""

_UNIX = "unix:"
_LAST_PORT = 65_535


def admin_address(config: Path | None, admin: str | None) -> str:
    """Return where the daemon's admin API is; both a settings file and an address are a usage error."""
    if config is not None and admin is not None:
        write_message("give -c or --admin, not both")
        raise click.exceptions.Exit(USAGE)
    if config is None:
        return _checked(ADMIN_ADDRESS if admin is None else admin, "--admin")
    return _checked(_written_address(config), f"admin.address of {config}")


def _checked(address: str, where: str) -> str:
    """Return an address that can be connected to; where it is none, say what it should be and exit 2."""
    host, _, port = address.rpartition(":")
    if "://" in address:
        written = urlsplit(address).netloc
        fault = f"it is no URL: write {written}" if written else "it is no URL"
    elif address.startswith(_UNIX):
        fault = "" if address.removeprefix(_UNIX) else "the path is missing"
    elif not host or not port:
        fault = "the port is missing" if address.strip(":") else "it is empty"
    else:
        fault = "" if port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _LAST_PORT else f"{port!r} is no port"
    if fault:
        write_message(f"{where} takes HOST:PORT or unix:PATH, not {address!r}: {fault}")
        raise click.exceptions.Exit(USAGE)
    return address


def _written_address(config: Path) -> str:
    """Return what a settings file says of the address, without the rest of it, which takes longer than to ask."""
    from egxds.cli.settings_text import read_settings_text
    from egxds.errors import YamlRefused
    from egxds.yaml_input.load import load

    try:
        settings = load(read_settings_text(config))
    except YamlRefused as err:
        write_message(f"{config}:{err.line}: error: {err.message}")
        raise click.exceptions.Exit(USAGE) from err
    address = _address_in(settings) if isinstance(settings, dict) else None
    if not isinstance(address, str):
        write_message(f"{config} says no admin.address that can be used; `egxds serve -c {config}` says what is wrong")
        raise click.exceptions.Exit(USAGE)
    return address


def _address_in(settings: dict[str, Any]) -> object:
    """Return what settings say of the address: ours in one word, those of Envoy Gateway as a block of host and port."""
    if settings.get("kind") != ENVOY_GATEWAY_KIND:
        return _at(settings, "admin", "address", ADMIN_ADDRESS)
    parts = _at(settings, "admin", "address", None) or {}
    ours = _at(settings.get("egxds") or {}, "admin", "address", None)
    if ours is not None or not isinstance(parts, dict):
        return ours
    return joined_admin_address(parts.get("host") or "", parts.get("port") or 0)


def _at(settings: dict[str, Any], block: str, key: str, default: str | None) -> Any:
    """Return a key of a block; None where the block is none."""
    found = settings.get(block, {})
    return found.get(key, default) if isinstance(found, dict) else None


def fetch(address: str, path: str) -> Any:
    """Return what the daemon answers; where it cannot be asked, say so and exit 3.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
    """
    status, body = _ask(address, "GET", path)
    if status != http.client.OK:
        raise _refused(address, status, path, body)
    return json.loads(body)


def fetch_if_there(address: str, path: str) -> Any:
    """Return what the daemon answers, None where it has no such thing; where it cannot be asked, say so and exit 3.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
    """
    status, body = _ask(address, "GET", path)
    if status not in (http.client.OK, http.client.NOT_FOUND):
        raise _refused(address, status, path, body)
    return json.loads(body) if status == http.client.OK else None


def order(address: str, path: str) -> Any:
    """Have the daemon do something, and return what it answers; None where what the path names is not there.

    Args:
        address: of the admin API: `host:port` or `unix:/path`.
        path: below it.
    """
    status, body = _ask(address, "POST", path, _ORDER_TIMEOUT_S)
    if status not in (http.client.OK, http.client.NOT_FOUND):
        raise _refused(address, status, path, body)
    return json.loads(body) if status == http.client.OK else None


def readiness(address: str) -> tuple[bool, str]:
    """Return whether the daemon is ready, and what it says of it; where it cannot be asked, say so and exit 3."""
    status, body = _ask(address, "GET", "/readyz")
    return status == http.client.OK, body.decode(errors="replace")


def _ask(address: str, method: str, path: str, timeout_s: float = _TIMEOUT_S) -> tuple[int, bytes]:
    try:
        with contextlib.closing(_connection(address, timeout_s)) as connection:
            connection.request(method, path, headers={REQUEST_HEADER: "egxds"})
            response = connection.getresponse()
            status, body, version = response.status, response.read(), response.headers.get(VERSION_HEADER)
    except (OSError, ValueError, http.client.HTTPException) as err:
        write_message(f"cannot ask the daemon at {address}: {_why(err, timeout_s)}")
        raise click.exceptions.Exit(UNREACHED) from err
    if version is None:
        write_message(f"what answers at {address} is no egxds: give the admin.address of its settings")
        raise click.exceptions.Exit(UNREACHED)
    return status, body


def _why(err: Exception, timeout_s: float) -> str:
    if isinstance(err, TimeoutError):
        return f"no answer within {timeout_s} s"
    if isinstance(err, http.client.RemoteDisconnected):
        return "it closed the connection without an answer; is that its admin.address?"
    if isinstance(err, http.client.HTTPException):
        return "what answers speaks no HTTP/1.1, as the xDS port does not; give its admin.address"
    reason = err.strerror if isinstance(err, OSError) and err.strerror else err
    return f"{reason}; is it running, and is that its admin.address?"


def _refused(address: str, status: int, path: str, body: bytes) -> click.exceptions.Exit:
    reason = _reason(body)
    # A query may hold headers of a request that somebody asks about.
    page = path.partition("?")[0]
    write_message(f"the daemon at {address} answers {status} for {page}" + (f": {reason}" if reason else ""))
    return click.exceptions.Exit(_STATUSES.get(status, UNREACHED))


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
