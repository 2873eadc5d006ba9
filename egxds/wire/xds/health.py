"""Wire room: the standard gRPC health check, which says SERVING once an Envoy would be served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from google.protobuf.message import DecodeError
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from egxds.generated.health_pb2 import HealthCheckRequest, HealthCheckResponse
from egxds.grpc.messages import receive_message
from egxds.inspect.status import StatusStore

if TYPE_CHECKING:
    from collections.abc import Collection

    from grpclib.server import Stream

_MAX_REQUEST_BYTES = 4096
_SERVICE = "/grpc.health.v1.Health/"


class HealthService:
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
        self._is_ending = False
        status.subscribe(self._wake_all)

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods by path, as grpclib asks for them."""
        return {
            _SERVICE + "Check": Handler(self._check, Cardinality.UNARY_UNARY, bytes, bytes),
            _SERVICE + "Watch": Handler(self._watch, Cardinality.UNARY_STREAM, bytes, bytes),
        }

    def end(self) -> None:
        """End every watch."""
        self._is_ending = True
        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def _check(self, call: Stream[bytes, bytes]) -> None:
        service = await _asked_service(call)
        if service not in self._services:
            raise GRPCError(Status.NOT_FOUND, f"unknown service {service!r}")
        await call.send_message(_encode(self._serving_status(service)))

    async def _watch(self, call: Stream[bytes, bytes]) -> None:
        service = await _asked_service(call)
        told: HealthCheckResponse.ServingStatus | None = None
        while not self._is_ending:
            status = self._serving_status(service)
            if status != told:
                await call.send_message(_encode(status))
                told = status
            await self._until_woken()
        raise GRPCError(Status.UNAVAILABLE, "the server is shutting down")

    async def _until_woken(self) -> None:
        wake = anyio.Event()
        self._wakes.add(wake)
        try:
            await wake.wait()
        finally:
            self._wakes.discard(wake)

    def _serving_status(self, service: str) -> HealthCheckResponse.ServingStatus:
        if service not in self._services:
            return HealthCheckResponse.SERVICE_UNKNOWN
        if self._is_ending or self._status.not_ready():
            return HealthCheckResponse.NOT_SERVING
        return HealthCheckResponse.SERVING


async def _asked_service(call: Stream[bytes, bytes]) -> str:
    message = await receive_message(call, _MAX_REQUEST_BYTES)
    if message is None:
        raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
    try:
        return HealthCheckRequest.FromString(message).service
    except DecodeError as err:
        raise GRPCError(Status.INVALID_ARGUMENT, "not a HealthCheckRequest") from err


def _encode(status: HealthCheckResponse.ServingStatus) -> bytes:
    return HealthCheckResponse(status=status).SerializeToString()
