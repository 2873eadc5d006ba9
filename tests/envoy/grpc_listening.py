"""A gRPC server of tests, on an event loop and a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from grpclib.const import Handler
from grpclib.encoding.base import CodecBase
from grpclib.protocol import H2Protocol
from grpclib.server import Server

from tests.ports import free_port


class _Server(Server):
    """Ends with its connections, which clients keep."""

    def __init__(self, handlers: GrpcListening, codec: CodecBase | None) -> None:
        super().__init__([handlers], codec=codec)
        self._kept: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        made = super()._protocol_factory()
        self._kept.append(made)
        return made

    async def end(self) -> None:
        self.close()
        await self.wait_closed()
        for each in self._kept:
            if hasattr(each, "connection"):  # one that never came about has none
                each.connection.close()
        # A transport is closed in the next round of the loop.
        await asyncio.sleep(0)


class GrpcListening:
    """Serves on the loopback address from entering it until it is left.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        codec: CodecBase | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        """Prepare to serve.

        Args:
            handlers: by path.
            codec: of messages; that of protobuf where None.
            tls: its TLS; without TLS where None.
            port: of its own; any where 0.
        """
        self._handlers, self._codec, self._tls = dict(handlers), codec, tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = port or free_port()

    def __mapping__(self) -> dict[str, Handler]:
        return self._handlers

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = _Server(self, self._codec)
        await self._server.start("127.0.0.1", self.port, ssl=self._tls)

    async def _stop(self) -> None:
        await self._server.end()
