"""HTTP/2 for a backend, with and without TLS."""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from tests.conformance.echo.messages import Headers, Request, Respond, Response, tls_state
from tests.conformance.echo.pod import Pod


class Http2Connection:
    """One connection; its requests are answered side by side."""

    def __init__(self, pod: Pod, respond: Respond, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pod = pod
        self._respond = respond
        self._reader = reader
        self._writer = writer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._asked: dict[int, Headers] = {}
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve it until the client closes it."""
        self._h2.initiate_connection()
        self._flush()
        while data := await self._reader.read(65536):
            try:
                events = self._h2.receive_data(data)
            except ProtocolError:
                break
            for event in events:
                self._take(event)
            self._flush()
        for answer in self._answers:
            answer.cancel()

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._asked[event.stream_id] = [(str(name), str(value)) for name, value in event.headers]
        elif isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            self._asked.pop(event.stream_id, None)
        elif isinstance(event, StreamEnded):
            task = asyncio.create_task(self._answer(event.stream_id, self._request(self._asked[event.stream_id])))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    def _request(self, headers: Headers) -> Request:
        pseudo = {name: value for name, value in headers if name.startswith(":")}
        rest = [(name.title(), value) for name, value in headers if not name.startswith(":")]
        host = pseudo.get(":authority", "")
        return Request(pseudo[":method"], pseudo[":path"], host, "HTTP/2.0", rest, tls_state(self._writer))

    async def _answer(self, stream: int, request: Request) -> None:
        response = await self._respond(self._pod, request)
        if self._asked.pop(stream, None) is not None:
            self._send(stream, response)
            self._flush()

    def _send(self, stream: int, response: Response) -> None:
        head = [(":status", str(response.status)), *((name.lower(), value) for name, value in response.headers)]
        is_whole = not response.body and not response.trailers
        self._h2.send_headers(stream, head, end_stream=is_whole)
        if response.body:
            self._h2.send_data(stream, response.body, end_stream=not response.trailers)
        if response.trailers:
            self._h2.send_headers(stream, list(response.trailers), end_stream=True)

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
