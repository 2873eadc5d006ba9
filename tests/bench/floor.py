"""The floor of the benchmarks: a bare ADS server that pushes ready-made bytes and does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio  # type: ignore[import-untyped]
from envoy.service.discovery.v3 import discovery_pb2

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"

Bodies = dict[str, bytes]
"""Resource name → encoded message."""


class FloorServer:
    """Serves fixed resources to every stream, and pushes what it is told, without looking at it."""

    def __init__(self, resources: dict[str, Bodies]) -> None:
        self._resources = resources
        self._streams: set[asyncio.Queue[bytes]] = set()
        self._nonce = 0
        self._server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of the loopback address."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._serve, request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString
        )
        methods = {"DeltaAggregatedResources": handler}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        """End every stream."""
        await self._server.stop(0)

    def frame(self, type_url: str, bodies: Bodies) -> bytes:
        """Encode a response, ahead of the moment that is measured."""
        self._nonce += 1
        response = discovery_pb2.DeltaDiscoveryResponse(type_url=type_url, nonce=str(self._nonce))
        for name, body in bodies.items():
            resource = response.resources.add(name=name, version=str(self._nonce))
            resource.resource.type_url = type_url
            resource.resource.value = body
        encoded: bytes = response.SerializeToString()
        return encoded

    def push(self, frame: bytes) -> None:
        """Send an encoded response to every stream."""
        for stream in self._streams:
            stream.put_nowait(frame)

    async def _serve(self, requests: AsyncIterator[Any], _: Any) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._streams.add(queue)
        reader = asyncio.create_task(self._read(requests, queue))
        try:
            while True:
                yield await queue.get()
        finally:
            reader.cancel()
            self._streams.discard(queue)

    async def _read(self, requests: AsyncIterator[Any], queue: asyncio.Queue[bytes]) -> None:
        asked: set[str] = set()
        async for request in requests:
            if request.resource_names_subscribe or request.type_url not in asked:
                asked.add(request.type_url)
                bodies = self._resources.get(request.type_url, {})
                wanted = set(request.resource_names_subscribe)
                queue.put_nowait(
                    self.frame(request.type_url, {n: b for n, b in bodies.items() if not wanted or n in wanted})
                )
