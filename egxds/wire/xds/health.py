"""Wire room: the standard gRPC health check, which says SERVING once an Envoy would be served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

import anyio
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from egxds.generated.grpc.health.v1 import (
    HealthBase,
    HealthCheckRequest,
    HealthCheckResponse,
    HealthCheckResponseServingStatus,
)
from egxds.inspect.status import StatusStore

MAX_REQUEST_BYTES = 4096


class HealthService(HealthBase):
    """grpc.health.v1.Health, for the server as a whole and for each of its services."""

    def __init__(self, status: StatusStore, services: Collection[str]) -> None:
        """Prepare to answer.

        Args:
            status: knows whether an Envoy would be served.
            services: full names of the other services of this server.
        """
        self._status = status
        self._services = {"", *services}
        self._wakes: set[anyio.Event] = set()
        status.subscribe(self._wake_all)

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def check(self, message: HealthCheckRequest) -> HealthCheckResponse:
        """Say how things are.

        Raises:
            GRPCError: there is no such service.
        """
        if message.service not in self._services:
            raise GRPCError(Status.NOT_FOUND, f"unknown service {message.service!r}")
        return HealthCheckResponse(self._serving_status(message.service))

    async def watch(self, message: HealthCheckRequest) -> AsyncIterator[HealthCheckResponse]:
        """Say how things are, and again whenever that changes."""
        told: HealthCheckResponseServingStatus | None = None
        while True:
            # Made before looking, lest a change be missed while the response is written.
            wake = anyio.Event()
            self._wakes.add(wake)
            try:
                status = self._serving_status(message.service)
                if status != told:
                    yield HealthCheckResponse(status)
                    told = status
                await wake.wait()
            finally:
                self._wakes.discard(wake)

    def _serving_status(self, service: str) -> HealthCheckResponseServingStatus:
        if service not in self._services:
            return HealthCheckResponseServingStatus.SERVICE_UNKNOWN
        if self._status.not_ready():
            return HealthCheckResponseServingStatus.NOT_SERVING
        return HealthCheckResponseServingStatus.SERVING
