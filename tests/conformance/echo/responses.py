"""What the suite's echo server answers to HTTP requests."""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from urllib.parse import parse_qs

from tests.conformance.echo.messages import Request, ResetConnectionError, Response
from tests.conformance.echo.pod import Pod, seconds

HTTP_PORT = 3000
_SET_HEADER = "X-Echo-Set-Header"


async def respond(pod: Pod, request: Request) -> Response:
    """Answer by the path: a status, a failure that ends after some attempts, or what reached the backend."""
    path, _, query = request.target.partition("?")
    status = re.fullmatch(r"/status/(\d{3})", path)
    if path == "/health":
        return Response(HTTPStatus.OK, (), b"OK")
    if status:
        return Response(int(status[1]))
    if path.startswith("/retry/"):
        return await _retried(pod, request, parse_qs(query))
    return await _echo(pod, request, parse_qs(query))


async def respond_h2c(pod: Pod, request: Request) -> Response:
    """Answer on the port that speaks HTTP/2 alone."""
    return await _echo(pod, request, parse_qs(request.target.partition("?")[2]))


async def _retried(pod: Pod, request: Request, query: dict[str, list[str]]) -> Response:
    """Fail until a request has been tried as often as it asks for."""
    if "uuid" not in query or "succeedAfter" not in query:
        return Response(HTTPStatus.BAD_REQUEST)
    uuid = query["uuid"][0]
    if pod.attempts.get(uuid, 0) >= int(query["succeedAfter"][0]):
        return await _echo(pod, request, query)
    pod.attempts[uuid] = pod.attempts.get(uuid, 0) + 1
    await _delay(query, "delayRetry")
    if "responseCode" in query:
        return Response(int(query["responseCode"][0]))
    raise ResetConnectionError


async def _echo(pod: Pod, request: Request, query: dict[str, list[str]]) -> Response:
    pod.log.append(f"Echoing back request made to {request.target} to client")
    await _delay(query, "delay")
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    seen: dict[str, object] = {
        "path": request.target.replace("//", "/"),
        "host": request.host,
        "method": request.method,
        "proto": request.proto,
        "headers": headers,
        "httpPort": str(HTTP_PORT),
        **pod.context,
    }
    if request.tls is not None:
        seen["tls"] = request.tls
    body = json.dumps(seen).encode()
    return Response(HTTPStatus.OK, [*_asked_headers(request), ("Content-Type", "application/json")], body)


async def _delay(query: dict[str, list[str]], key: str) -> None:
    if key in query:
        await asyncio.sleep(seconds(query[key][0]))


def _asked_headers(request: Request) -> list[tuple[str, str]]:
    """Return the headers that the client asks for, one line for each name."""
    asked: dict[str, str] = {}
    lists = (value for name, value in request.headers if name == _SET_HEADER)
    for pair in (pair for text in lists for pair in text.split(",") if pair.strip()):
        name, _, value = pair.strip().partition(":")
        asked[name] = f"{asked[name]},{value.strip()}" if name in asked else value
    return list(asked.items())
