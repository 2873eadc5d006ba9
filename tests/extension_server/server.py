"""A real extension server as a process: `python -m tests.extension_server.server --listen ADDRESS --control PORT`.

It listens for hook calls on ADDRESS (`127.0.0.1:PORT` or `unix:PATH`) and for orders on the control port of
127.0.0.1: one JSON object a line, answered by one a line.

    {"mode": "hang", "hook": "Route"}      what to do from now on; without a hook: for all hooks
    {"mode": "slow", "ms": 300}            answer, but later
    {"mode": "oversize", "size": 50000000} answer with that many bytes
    {"mode": "unacceptable"}               answer what parses, and what Envoy would refuse all the same
    {"mode": "inline", "hook": "HTTPListener"} answer with listeners that refer to no RouteConfiguration
    {"mode": "refuse"}                     stop listening; any other mode starts again on the same address
    {"mode": "flap", "ms": 100}            stop listening for that long, start again for that long, and so on
    {"serving": false}                     with --health: say NOT_SERVING to those who watch
    {"word": "2"}                          have the header that virtual hosts get say that, as other logic would
    {"counting": true}                     have that header say which call it is from, so that no two answers are alike
    {}                                     nothing; only answer

Every answer is {"mode": {hook: mode}, "listening": bool, "calls": {hook: count}, "cancelled": {hook: count},
"watches": count}. With --tls DIRECTORY it speaks TLS with the directory's server.crt and server.key, and asks clients
for certificates of its ca.crt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from tests.extension_server.edits import EDITS, break_a_rule, put_routes_inline, rename, say_otherwise
from tests.extension_server.health import Health
from tests.extension_server.protocol import METHODS, SERVICE, Method

MODES = (
    "ok",
    "unavailable",
    "internal",
    "failed-precondition",
    "permission-denied",
    "hang",
    "garbage",
    "wrong-name",
    "oversize",
    "slow",
    "refuse",
    "flap",
    "die-mid-call",
    "empty",
    "unacceptable",
    "inline",
)
GARBAGE = b"\xff\xff\xff\xff\xff\xff"
_DEFAULT_OVERSIZE = 40 * 1024 * 1024
_HOOKS = tuple(method.hook for method in METHODS)

# grpc.aio, and messages built at run time, carry no type hints.
_Message = Any
_Context = Any


class Behaviour:
    """What the server is told to do, and what it has been asked."""

    def __init__(self, word: str = "1") -> None:
        self.word = word
        self.is_counting = False
        self.modes = dict.fromkeys(_HOOKS, "ok")
        self.calls: Counter[str] = Counter()
        self.cancelled: Counter[str] = Counter()
        self.delay_s = 0.0
        self.oversize = _DEFAULT_OVERSIZE

    async def answer(self, method: Method, request: _Message, context: _Context) -> _Message | bytes:
        """Do what the mode of this hook says."""
        self.calls[method.hook] += 1
        try:
            return await self._answer(method, request, context)
        except asyncio.CancelledError:
            self.cancelled[method.hook] += 1
            raise

    async def _answer(self, method: Method, request: _Message, context: _Context) -> _Message | bytes:
        mode = self.modes[method.hook]
        if mode == "hang":
            await asyncio.Event().wait()
        elif mode == "die-mid-call":
            os._exit(1)
        elif mode == "slow":
            await asyncio.sleep(self.delay_s)
        elif mode in ("unavailable", "internal", "failed-precondition", "permission-denied"):
            await context.abort(grpc.StatusCode[mode.upper().replace("-", "_")], f"told to be {mode}")
        return self._reply(method, request, mode)

    def _reply(self, method: Method, request: _Message, mode: str) -> _Message | bytes:
        if mode == "garbage":
            return GARBAGE
        if mode == "oversize":
            return bytes(self.oversize)
        response: _Message = method.response()
        if mode == "empty":
            return response
        EDITS[method.hook](request, response)
        if method.hook == "VirtualHost":
            say_otherwise(response, f"{self.word}-{self.calls[method.hook]}" if self.is_counting else self.word)
        if mode == "wrong-name":
            rename(response)
        if mode == "unacceptable":
            break_a_rule(response)
        if mode == "inline":
            put_routes_inline(response.listener)
        return response


def _encode(reply: _Message | bytes) -> bytes:
    encoded: bytes = reply if isinstance(reply, bytes) else reply.SerializeToString()
    return encoded


class ExtensionServer:
    """The listening half: can stop and start again on its address."""

    def __init__(self, options: argparse.Namespace, behaviour: Behaviour) -> None:
        self.health = Health() if options.health else None
        self._address = options.listen
        self._credentials = _credentials(options.tls) if options.tls else None
        self._behaviour = behaviour
        self._server: _Context = None

    @property
    def is_listening(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        if self._server is not None:
            return
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
        handlers = {method.name: self._handler(method) for method in METHODS}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if self.health is not None:
            server.add_generic_rpc_handlers((self.health.handler(),))
        if self._credentials is None:
            server.add_insecure_port(self._address)
        else:
            server.add_secure_port(self._address, self._credentials)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)

    def _handler(self, method: Method) -> Any:
        async def serve(request: _Message, context: _Context) -> _Message | bytes:
            return await self._behaviour.answer(method, request, context)

        return grpc.unary_unary_rpc_method_handler(
            serve, request_deserializer=method.request.FromString, response_serializer=_encode
        )


def _credentials(directory: Path) -> Any:
    key, cert, ca = ((directory / name).read_bytes() for name in ("server.key", "server.crt", "ca.crt"))
    return grpc.ssl_server_credentials([(key, cert)], root_certificates=ca, require_client_auth=True)


class Control:
    """The ordering half."""

    def __init__(self, server: ExtensionServer, behaviour: Behaviour) -> None:
        self._server = server
        self._behaviour = behaviour
        self._flapping: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the orders of one connection."""
        while line := await reader.readline():
            answer = await self._obey(json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _obey(self, order: dict[str, Any]) -> dict[str, object]:
        behaviour = self._behaviour
        health = self._server.health
        mode = order.get("mode")
        if mode is not None:
            if mode not in MODES:
                return {"error": f"no such mode: {mode}"}
            await self._change_mode(mode, order)
        if "word" in order:
            behaviour.word = order["word"]
        behaviour.is_counting = order.get("counting", behaviour.is_counting)
        if "serving" in order and health is not None:
            health.say(is_serving=order["serving"])
        return {
            "mode": behaviour.modes,
            "listening": self._server.is_listening,
            "calls": {hook: behaviour.calls[hook] for hook in _HOOKS},
            "cancelled": {hook: behaviour.cancelled[hook] for hook in _HOOKS},
            "watches": health.watches if health else 0,
        }

    async def _change_mode(self, mode: str, order: dict[str, Any]) -> None:
        behaviour = self._behaviour
        behaviour.delay_s = order.get("ms", 0) / 1000
        behaviour.oversize = order.get("size", _DEFAULT_OVERSIZE)
        hooks = (order["hook"],) if "hook" in order else _HOOKS
        behaviour.modes.update(dict.fromkeys(hooks, mode))
        await self._end_flapping()
        await (self._server.stop() if mode == "refuse" else self._server.start())
        if mode == "flap":
            self._enough.clear()
            self._flapping = asyncio.create_task(self._flap(behaviour.delay_s))

    async def _flap(self, interval_s: float) -> None:
        while not self._enough.is_set():
            await self._server.stop()
            await self._pause(interval_s)
            await self._server.start()
            await self._pause(interval_s)

    async def _pause(self, interval_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._enough.wait(), interval_s)

    async def _end_flapping(self) -> None:
        """Let the server finish what it is at: a start that is broken off leaves the port half open."""
        flapping, self._flapping = self._flapping, None
        if flapping is not None:
            self._enough.set()
            await flapping


async def run(options: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    behaviour = Behaviour(options.word)
    server = ExtensionServer(options, behaviour)
    await server.start()
    control = await asyncio.start_server(Control(server, behaviour).serve, "127.0.0.1", options.control)
    async with control:
        await control.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="tests.extension_server.server")
    parser.add_argument("--listen", required=True, help="127.0.0.1:PORT or unix:PATH")
    parser.add_argument("--control", required=True, type=int, help="control port on 127.0.0.1")
    parser.add_argument("--tls", type=Path, help="directory of server.crt, server.key and ca.crt")
    parser.add_argument("--health", action="store_true", help="serve grpc.health.v1 too")
    parser.add_argument("--word", default="1", help="what the header says that virtual hosts get")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
