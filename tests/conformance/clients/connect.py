"""Connections of clients, to the address that a Gateway's status says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conformance.tls import client_context, verify_name

LIMIT_S = 30.0
"""For one request: three times as long as in the suite, for a machine that does much else."""


@dataclass(frozen=True)
class Tls:
    """How a client speaks TLS.

    Attributes:
        server_name: asked for, and checked where there is a `ca`.
        ca: PEM; None where any certificate will do.
        pair: the client's own certificate and key, PEM.
        protocols: for ALPN.
    """

    server_name: str
    ca: str | None = None
    pair: tuple[str, str] | None = None
    protocols: tuple[str, ...] = ()


@contextmanager
def connect(address: str, port: int, tls: Tls | None = None) -> Iterator[socket.socket]:
    """Open a connection for a while.

    Raises:
        OSError: it was refused, reset, or its certificate is not the right one.
    """
    with socket.create_connection((address, port), LIMIT_S) as plain:
        if tls is None:
            yield plain
            return
        context = client_context(tls.ca, tls.pair, *tls.protocols)
        with context.wrap_socket(plain, server_hostname=tls.server_name) as secure:
            if tls.ca:
                verify_name(secure.getpeercert(binary_form=True), tls.server_name)
            yield secure
