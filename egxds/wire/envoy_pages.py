"""Wire room: the admin page of an Envoy → its bytes, by one request: a GET, but where the Envoy is ours to order.

It may be somebody else who answers: what is taken ends after `LIMIT_S` and `MOST_BYTES`, whoever it is.
"""

from __future__ import annotations

import anyio
import h11
from anyio.abc import ByteReceiveStream

from egxds.wire.listen import TcpAddress, UnixPath, parse_address

LIMIT_S = 2.0
"""How long one may take, connecting included."""

MOST_BYTES = 8 * 1024 * 1024
"""Of an answer; Envoy says 2 kB of an endpoint."""

_CHUNK = 64 * 1024
_OK = 200


class PageError(Exception):
    """An Envoy's admin page cannot be read; the message says why, in one line."""


async def fetch_page(address: str, path: str) -> bytes:
    """Return a page.

    Args:
        address: of the admin page, as a setting has it.
        path: with its query.

    Raises:
        PageError: there is none, or not in time, or it is too large.
    """
    return await _ask(address, "GET", path)


async def order_envoy(address: str, path: str) -> None:
    """Have an Envoy do something.

    Args:
        address: of its admin page, as a setting has it.
        path: with its query.

    Raises:
        PageError: it does not, or not in time.
    """
    await _ask(address, "POST", path)


async def _ask(address: str, method: str, path: str) -> bytes:
    try:
        with anyio.fail_after(LIMIT_S):
            return await _fetch(parse_address("envoys", address), method, path)
    except TimeoutError as err:
        raise PageError(f"no answer within {LIMIT_S:g} s") from err
    except (anyio.BrokenResourceError, anyio.EndOfStream) as err:
        raise PageError("it closed the connection without an answer") from err
    except OSError as err:
        cause = err.__cause__ if isinstance(err.__cause__, OSError) else err
        raise PageError((cause.strerror or str(cause) or "cannot connect").lower()) from err
    except ValueError as err:
        raise PageError(f"no address can be like that: {err}") from err
    except h11.ProtocolError as err:
        raise PageError("what answers speaks no HTTP/1.1") from err


async def _fetch(address: TcpAddress | UnixPath, method: str, path: str) -> bytes:
    connecting = (
        anyio.connect_unix(address.path)
        if isinstance(address, UnixPath)
        else anyio.connect_tcp(address.host, address.port)
    )
    protocol = h11.Connection(h11.CLIENT)
    headers = [("Host", "localhost"), ("Connection", "close"), ("Accept", "application/json")]
    if method == "POST":
        headers.append(("Content-Length", "0"))
    async with await connecting as stream:
        await stream.send(protocol.send(h11.Request(method=method, target=path, headers=headers)) or b"")
        await stream.send(protocol.send(h11.EndOfMessage()) or b"")
        return await _body(protocol, stream)


async def _body(protocol: h11.Connection, stream: ByteReceiveStream) -> bytes:
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            try:
                protocol.receive_data(await stream.receive(_CHUNK))
            except anyio.EndOfStream:
                protocol.receive_data(b"")
        elif isinstance(event, h11.Response) and event.status_code != _OK:
            raise PageError(f"it answers {event.status_code}")
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                raise PageError(f"its answer is over {MOST_BYTES // 1024**2} MiB")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return bytes(body)
