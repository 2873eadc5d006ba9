"""Many bare clients in a process of their own, so that their CPU is not the server's: `python -m tests.bench.crowd`.

Takes orders on standard input and answers each on standard output, one JSON object a line; bytes are base64:

    {"expect": {"type": URL, "mark": BYTES, "count": N}}
        answered at once; later, when N clients have had a response of the type that holds the mark: {"last": T}
    {"connect": {"port": P, "count": N, "requests": [BYTES, …], "at_once": M}}
        opens N streams, M at a time, each with these requests

T is of `time.perf_counter`, which is one clock for all processes of a machine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from typing import Any, cast

import uvloop

from egxds.generated import discovery_pb2
from tests.bench.grpc_stream import GrpcStream, StreamEndedError


class Expectation:
    """What all clients wait for."""

    def __init__(self, type_url: str, mark: bytes, count: int) -> None:
        self._type_url = type_url
        self._mark = mark
        self._count = count
        self._seen: set[Client] = set()

    def take(self, client: Client, response: discovery_pb2.DeltaDiscoveryResponse, message: bytes, at: float) -> None:
        """Look at a response, and say when it was the last."""
        if response.type_url != self._type_url or self._mark not in message or client in self._seen:
            return
        self._seen.add(client)
        if len(self._seen) == self._count:
            say({"last": at})


class Crowd:
    """The clients, and what they wait for."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self.expectation: Expectation | None = None

    async def obey(self, order: dict[str, Any]) -> None:
        """Do what one line says."""
        if "expect" in order:
            wanted = order["expect"]
            self.expectation = Expectation(wanted["type"], base64.b64decode(wanted["mark"]), wanted["count"])
            say({"expecting": wanted["count"]})
        else:
            await self._connect(**order["connect"])

    async def _connect(self, port: int, count: int, requests: list[str], at_once: int) -> None:
        messages = [base64.b64decode(request) for request in requests]
        limit = asyncio.Semaphore(at_once)
        loop = asyncio.get_running_loop()

        async def connect(number: int) -> Client:
            async with limit:
                _, client = await loop.create_connection(lambda: Client(self, port), "127.0.0.1", port)
            first, *others = messages
            client.send(first + _node_id(number), *others)
            return client

        known = len(self._clients)
        self._clients += await asyncio.gather(*(connect(known + number) for number in range(count)))
        say({"connected": len(self._clients)})


class Client(asyncio.Protocol):
    """One stream; acknowledges whatever comes."""

    def __init__(self, crowd: Crowd, port: int) -> None:
        self._crowd = crowd
        self._grpc = GrpcStream(f"127.0.0.1:{port}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        say({"lost": repr(exc)})

    def send(self, *messages: bytes) -> None:
        """Send requests."""
        for message in messages:
            self._grpc.send(message)
        self._write()

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._grpc.receive(data)
        except StreamEndedError:
            self._transport.close()
            return
        at = time.perf_counter()
        for message in messages:
            self._take(message, at)
        self._write()

    def _take(self, message: bytes, at: float) -> None:
        response = discovery_pb2.DeltaDiscoveryResponse.FromString(message)
        acknowledgement = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        self._grpc.send(acknowledgement.SerializeToString())
        if self._crowd.expectation is not None:
            self._crowd.expectation.take(self, response, message, at)

    def _write(self) -> None:
        outgoing = self._grpc.take_outgoing()
        if outgoing:
            self._transport.write(outgoing)


def _node_id(number: int) -> bytes:
    """Return what gives a request that ends with it a node id of its own; fields that are there twice are merged."""
    request = discovery_pb2.DeltaDiscoveryRequest()
    request.node.id = f"crowd-{number}"
    return request.SerializeToString()


def say(answer: dict[str, object]) -> None:
    """Write one line."""
    print(json.dumps(answer), flush=True)


async def main() -> None:
    """Obey until standard input ends."""
    crowd = Crowd()
    reader = asyncio.StreamReader(limit=2**27)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await crowd.obey(json.loads(line))


if __name__ == "__main__":
    uvloop.run(main())
