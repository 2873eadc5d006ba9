"""Calls of the suite's gRPC echo service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance import grpc_messages
from tests.conformance.clients.http import HttpRequest, send

_HEADERS = {"content-type": "application/grpc", "te": "trailers", "user-agent": "conformance"}


@dataclass(frozen=True)
class GrpcAnswer:
    """What a call came to.

    Attributes:
        code: name of the status code.
        seen: method, headers, namespace and pod; nothing where the call failed.
    """

    code: str
    seen: dict[str, Any]


def call(address: str, port: int, method: str, authority: str, metadata: Mapping[str, str]) -> GrpcAnswer:
    """Make one call.

    Raises:
        OSError: the connection failed.
    """
    target = f"/{grpc_messages.SERVICE}/{method}"
    request = HttpRequest("POST", authority, target, {**_HEADERS, **metadata}, grpc_messages.framed(b""))
    answer = send(address, port, request, "HTTP/2")
    status = answer.trailers.get("grpc-status") or answer.headers.get("grpc-status")
    code = grpc_messages.OF_HTTP.get(answer.status, "Unknown") if status is None else grpc_messages.CODES[int(status)]
    message = grpc_messages.unframed(answer.body)
    return GrpcAnswer(code, grpc_messages.read_echo_response(message) if code == "OK" else {})
