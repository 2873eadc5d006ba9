"""What the suite's TCP, UDP and DNS backends answer."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import cast

from tests.conformance.echo.messages import tls_state
from tests.conformance.echo.pod import Pod

WELCOME = "Gateway API Test TCP Server\n"
_DNS_ANSWER = b"\x81\x80"
_WHO_AM_I = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"
"""Points to the name of the question; type A, class IN, 60 s, four bytes."""


async def serve_tcp(pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Welcome a client, and answer its lines."""
    tls = tls_state(writer)
    seen: dict[str, object] = {**pod.context, "tcpport": "3000", "isTLS": tls is not None}
    if tls is not None:
        seen["tls"] = tls
    answers = {"TEST": json.dumps(seen), "IS_TLS": json.dumps(tls is not None), "PING": "PONG"}
    writer.write(WELCOME.encode())
    while line := await reader.readline():
        answer = answers.get(line.decode().strip())
        if answer is not None:
            writer.write(f"{answer}\n".encode())


class UdpEcho(asyncio.DatagramProtocol):
    """Answers every datagram with what it said, and who answers."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = {"request": data.decode("latin-1"), **self._pod.context}
        self._transport.sendto(json.dumps(answer).encode(), addr)


class Dns(UdpEcho):
    """Answers every question with the pod's own address."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        counts = b"\x00\x01\x00\x01\x00\x00\x00\x00"
        end = data.index(b"\x00", 12) + 5
        answer = _WHO_AM_I + socket.inet_aton(self._pod.address)
        self._transport.sendto(data[:2] + _DNS_ANSWER + counts + data[12:end] + answer, addr)
