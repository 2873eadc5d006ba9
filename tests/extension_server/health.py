"""grpc.health.v1 as the extension server serves it, where it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc  # type: ignore[import-untyped]

from egxds.generated.grpc.health.v1 import HealthCheckRequest, HealthCheckResponse, HealthCheckResponseServingStatus


class Health:
    """Says to those who watch whether the server serves.

    Attributes:
        watches: how many have asked.
    """

    def __init__(self) -> None:
        self.watches = 0
        self._is_serving = True
        self._changed = asyncio.Event()

    def say(self, *, is_serving: bool) -> None:
        """Say this from now on."""
        self._is_serving = is_serving
        self._changed.set()
        self._changed = asyncio.Event()

    def handler(self) -> Any:
        """Return what a server adds to its handlers."""
        watch = grpc.unary_stream_rpc_method_handler(
            self._watch,
            request_deserializer=HealthCheckRequest.parse,
            response_serializer=bytes,
        )
        return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Watch": watch})

    async def _watch(self, _request: HealthCheckRequest, _context: Any) -> AsyncIterator[HealthCheckResponse]:
        self.watches += 1
        while True:
            changed = self._changed
            status = (
                HealthCheckResponseServingStatus.SERVING
                if self._is_serving
                else HealthCheckResponseServingStatus.NOT_SERVING
            )
            yield HealthCheckResponse(status=status)
            await changed.wait()
