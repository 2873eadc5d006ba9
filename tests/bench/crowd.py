"""Many bare clients in a process of their own, so that their CPU is not the server's: `python -m tests.bench.crowd`.

Takes orders on standard input and answers each on standard output, one JSON object a line; bytes are base64:

    {"expect": {"type": URL, "mark": BYTES, "count": N}}
        answered at once; later, when N clients have had a response of the type that holds the mark: {"last": T}
    {"connect": {"port": P, "count": N, "requests": [BYTES, …], "at_once": M, "others": [P, …]}}
        opens N streams, M at a time, each with these requests; one that is lost comes back at one of the other ports,
        with the versions that it has, after as long as an Envoy waits

T is of `time.perf_counter`, which is one clock for all processes of a machine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

import uvloop
from envoy.service.discovery.v3 import discovery_pb2 as whole_discovery_pb2

from egxds.generated import discovery_pb2
from tests.bench.grpc_stream import GrpcStream, StreamEndedError

_BACK_OFF_S = 0.1
"""What an Envoy waits at most before it connects again, by the bootstrap of ours."""


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

    async def _connect(
        self, port: int, count: int, requests: list[str], at_once: int, others: Sequence[int] = ()
    ) -> None:
        messages = [base64.b64decode(request) for request in requests]
        limit = asyncio.Semaphore(at_once)
        known = len(self._clients)

        async def connect(number: int) -> Client:
            client = Client(
                self, [message + _node_id(number) * (not at) for at, message in enumerate(messages)], others
            )
            async with limit:
                await client.connect(port)
            return client

        self._clients += await asyncio.gather(*(connect(known + number) for number in range(count)))
        say({"connected": len(self._clients)})


class Client:
    """One Envoy, with one stream after the other; acknowledges whatever comes."""

    def __init__(self, crowd: Crowd, requests: Sequence[bytes], others: Sequence[int]) -> None:
        self.crowd = crowd
        self._requests = requests
        self._others = others
        self._versions: dict[str, dict[str, str]] = {}
        self._again: asyncio.Task[None] | None = None

    async def connect(self, port: int) -> None:
        """Open a stream, with the versions that it has."""
        loop = asyncio.get_running_loop()
        _, stream = await loop.create_connection(lambda: _Stream(self, port), "127.0.0.1", port)
        stream.send(*(self._with_versions(request) for request in self._requests))

    def lost(self, exc: Exception | None) -> None:
        """Go elsewhere, or say that there is nowhere to go."""
        if self._others:
            self._again = asyncio.get_running_loop().create_task(self._come_back())
        else:
            say({"lost": repr(exc)})

    def take(self, response: discovery_pb2.DeltaDiscoveryResponse, message: bytes, at: float) -> None:
        """Take note of what came."""
        if self._others:
            versions = self._versions.setdefault(response.type_url, {})
            versions.update((each.name, each.version) for each in response.resources)
        if self.crowd.expectation is not None:
            self.crowd.expectation.take(self, response, message, at)

    async def _come_back(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(0, _BACK_OFF_S))
            try:
                await self.connect(random.choice(self._others))
            except OSError:
                continue
            return

    def _with_versions(self, request: bytes) -> bytes:
        """Return a request with what is to be added to it; fields of a message that is written twice are merged."""
        if not self._versions:
            return request
        type_url = discovery_pb2.DeltaDiscoveryRequest.FromString(request).type_url
        known = whole_discovery_pb2.DeltaDiscoveryRequest()
        known.initial_resource_versions.update(self._versions.get(type_url, {}))
        encoded: bytes = known.SerializeToString()
        return request + encoded


class _Stream(asyncio.Protocol):
    def __init__(self, client: Client, port: int) -> None:
        self._client = client
        self._grpc = GrpcStream(f"127.0.0.1:{port}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.lost(exc)

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
        self._client.take(response, message, at)

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
