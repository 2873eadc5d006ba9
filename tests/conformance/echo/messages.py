"""A request as a backend sees it, and what it answers, whatever the version of HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.conformance.echo.pod import Pod
from tests.conformance.tls import server_name

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """What reached a backend.

    Attributes:
        target: path and query as they were sent.
        proto: `HTTP/1.1` or `HTTP/2.0`.
        headers: without those that begin with a colon.
        tls: what is known of the TLS connection.
    """

    method: str
    target: str
    host: str
    proto: str
    headers: Headers
    tls: dict[str, object] | None


@dataclass(frozen=True)
class Response:
    """What it answers.

    Attributes:
        trailers: with HTTP/2 alone.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    trailers: Headers = ()


class ResetConnectionError(Exception):
    """The backend breaks the connection off instead of answering."""


Respond = Callable[[Pod, Request], Awaitable[Response]]


def tls_state(writer: asyncio.StreamWriter) -> dict[str, object] | None:
    """Say what is known of a connection's TLS; nothing where it has none."""
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if tls is None:
        return None
    shown = tls.getpeercert(binary_form=True)
    return {
        "version": tls.version(),
        "serverName": server_name(tls),
        "negotiatedProtocol": tls.selected_alpn_protocol() or "",
        "cipherSuite": (tls.cipher() or ("",))[0],
        "peerCertificates": [ssl.DER_cert_to_PEM_cert(shown)] if shown else [],
    }
