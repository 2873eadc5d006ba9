"""All backends: one event loop in a thread, each pod at an address of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import h11

from tests.conformance.echo import grpc, http1, responses
from tests.conformance.echo.http2 import Http2Connection
from tests.conformance.echo.messages import Respond
from tests.conformance.echo.pod import Pod
from tests.conformance.echo.streams import Dns, UdpEcho, serve_tcp

TCP_PORT, H2C_PORT, TLS_PORT, UDP_PORT, DNS_PORT = 3000, 3001, 8443, 8080, 53

T = TypeVar("T")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Closable = asyncio.Server | asyncio.DatagramTransport
Start = Callable[[Pod, ssl.SSLContext | None], Coroutine[Any, Any, list[Closable]]]


async def _start_http(pod: Pod, tls: ssl.SSLContext | None) -> list[Closable]:
    plain = await _listen(pod, TCP_PORT, _http(pod, responses.respond))
    h2c = await _listen(pod, H2C_PORT, _http2(pod, responses.respond_h2c))
    secure = [await _listen(pod, TLS_PORT, _by_alpn(pod, responses.respond), tls)] if tls else []
    return [plain, h2c, *secure]


async def _start_grpc(pod: Pod, tls: ssl.SSLContext | None) -> list[Closable]:
    plain = await _listen(pod, TCP_PORT, _http2(pod, grpc.respond))
    return [plain, *([await _listen(pod, TLS_PORT, _http2(pod, grpc.respond), tls)] if tls else [])]


async def _start_tcp(pod: Pod, tls: ssl.SSLContext | None) -> list[Closable]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_tcp(pod, reader, writer)

    return [await _listen(pod, TCP_PORT, serve), *([await _listen(pod, TLS_PORT, serve, tls)] if tls else [])]


async def _start_udp(pod: Pod, _tls: ssl.SSLContext | None) -> list[Closable]:
    return [await _listen_udp(pod, UDP_PORT, UdpEcho)]


async def _start_dns(pod: Pod, _tls: ssl.SSLContext | None) -> list[Closable]:
    return [await _listen_udp(pod, DNS_PORT, Dns)]


SERVERS: Mapping[str, Start] = {
    "http": _start_http,
    "grpc": _start_grpc,
    "tcp": _start_tcp,
    "udp": _start_udp,
    "dns": _start_dns,
}
"""What a pod speaks → what listens then."""


class Backends:
    """Runs the pods."""

    def __init__(self, network: ipaddress.IPv4Network) -> None:
        self._free = [str(address) for address in network.hosts()]
        self._listening: dict[str, list[Closable]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backends")

    def take_address(self) -> str:
        """Return an address that no pod has."""
        return self._free.pop(0)

    def start(self, pod: Pod, speaks: str, tls: ssl.SSLContext | None) -> None:
        """Have a pod listen.

        Args:
            pod: at an address taken before.
            speaks: a row of `SERVERS`.
            tls: where it listens with TLS too.
        """
        self._listening[pod.address] = self._run(SERVERS[speaks](pod, tls))

    def stop(self, pod: Pod) -> None:
        """End a pod; its address becomes free."""
        listening = self._listening.pop(pod.address)
        self._run(_close(listening))
        self._free.append(pod.address)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listening in self._listening.values():
            self._run(_close(listening))
        self._run(_cancel_the_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _close(listening: list[Closable]) -> None:
    for each in listening:
        each.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _listen(pod: Pod, port: int, serve: Serve, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, EOFError, h11.RemoteProtocolError):
            """The client went away."""
        finally:
            writer.close()

    return await asyncio.start_server(connected, pod.address, port, ssl=tls)


async def _listen_udp(pod: Pod, port: int, protocol: type[UdpEcho]) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol(pod), local_addr=(pod.address, port))
    return transport


def _http(pod: Pod, respond: Respond) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http1.serve(pod, respond, reader, writer)

    return serve


def _http2(pod: Pod, respond: Respond) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Http2Connection(pod, respond, reader, writer).serve()

    return serve


def _by_alpn(pod: Pod, respond: Respond) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        chosen = _http2 if tls.selected_alpn_protocol() == "h2" else _http
        await chosen(pod, respond)(reader, writer)

    return serve
