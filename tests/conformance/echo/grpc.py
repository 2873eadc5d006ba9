"""What the suite's gRPC echo server answers."""

from __future__ import annotations

from http import HTTPStatus

from tests.conformance import grpc_messages
from tests.conformance.echo.messages import Request, Response
from tests.conformance.echo.pod import Pod

_METHODS = frozenset(f"/{grpc_messages.SERVICE}/{method}" for method in ("Echo", "EchoTwo"))
_HEADERS = (("content-type", "application/grpc"),)


async def respond(pod: Pod, request: Request) -> Response:
    """Answer a call; methods other than Echo and EchoTwo are not implemented."""
    if request.target not in _METHODS:
        code = str(grpc_messages.CODES.index("Unimplemented"))
        return Response(HTTPStatus.OK, _HEADERS, b"", (("grpc-status", code),))
    pod.log.append(f"Received over plaintext: {request.target}")
    headers = [(name.lower(), value) for name, value in request.headers]
    message = grpc_messages.echo_response(request.target, request.host, headers, pod.context)
    return Response(HTTPStatus.OK, _HEADERS, grpc_messages.framed(message), (("grpc-status", "0"),))
