"""Names of backends that a real Envoy asks DNS for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.envoy_process import EnvoyProcess
from tests.ports import free_port
from tests.unit.translate.asking import Case, ask
from tests.unit.translate.builders import address, at, backend, gateway, listener, route, rule
from tests.unit.translate.reading import translate
from tests.unit.translate.static_envoy import bootstrap

pytestmark = pytest.mark.envoy

_HEAD_BYTES = 12
_TYPE_A = b"\0\1"


class _NameServer:
    """Answers every question for an IPv4 address with 127.0.0.1, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            self.socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], _HEAD_BYTES
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        self.asked.append(".".join(labels))
        question = query[_HEAD_BYTES : at + 5]
        is_address = question[-4:-2] == _TYPE_A
        head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.1")
        return head + question + (record if is_address else b"")


@pytest.fixture
def name_server() -> Iterator[_NameServer]:
    """A DNS server."""
    server = _NameServer()
    yield server
    server.socket.close()


def _resolver(server: _NameServer) -> dict[str, object]:
    host, port = server.socket.getsockname()
    return {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": host, "port_value": port}}],
        },
    }


@pytest.mark.parametrize("name", ["app.test.", "app.test"])
def test_name_of_a_backend_is_asked_for(
    name: str, name_server: _NameServer, envoy_binary: Path, tmp_path: Path
) -> None:
    """A name is one for DNS with a dot at its end, too (envoyproxy/envoy issue 20545)."""
    with EchoBackend("one") as one:
        app, port = at(route("app", rule(backend(address(name, one.port))))), free_port()
        served = translate(gateway(listener("http", app), addresses=("127.0.0.1",)))
        config = {**bootstrap(served, {80: port}), "typed_dns_resolver_config": _resolver(name_server)}
        process = EnvoyProcess(envoy_binary, config, tmp_path)
        process.start()
        try:
            process.wait_ready()
            assert ask(Case("", "/"), port).backend == "one"
        finally:
            process.discard()
    assert set(name_server.asked) == {"app.test"}
