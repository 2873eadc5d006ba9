"""One changed virtual host in a real Envoy, by what its table is split by; egxds has no part in it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from egxds import names
from egxds.app.bootstrap import bootstrap
from egxds.app.client_tls import XdsConnection
from egxds.app.envoy import find_envoy
from egxds.settings.daemon import Settings
from tests.bench import documents, process_figures
from tests.bench.bare_server import BareServer, encode_response
from tests.bench.changes import next_word
from tests.bench.measurements import Row, Spread, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.probes import until_answered
from tests.bench.scenario import Bench
from tests.bench.site import READY_LIMIT_S
from tests.bench.splits import WAYS, Way, listener
from tests.envoy.envoy_process import EnvoyProcess
from tests.ports import free_port


def splits(bench: Bench, size: int, layout: Layout) -> Row:
    """Push changes to an Envoy of each way, one way after the other in every round."""
    with ExitStack() as stack:
        served = [stack.enter_context(_Served(way, size, bench.directory())) for way in WAYS]
        for _ in range(bench.parameters.samples):
            for one in served:
                one.push()
    figures: dict[str, Spread] = {}
    for one in served:
        figures |= one.figures()
    return Row(size, layout, figures, "served: pushed → served; main: CPU of Envoy's main thread; memory: of Envoy")


class _Served:
    """An Envoy that is served by one way, and what was measured of it."""

    def __init__(self, way: Way, size: int, directory: Path) -> None:
        self._way = way
        self._size = size
        self._port = free_port()
        bodies = way.bodies(size, "first") | {names.LISTENER: {documents.HTTP: listener(self._port, way)}}
        self._server = BareServer(bodies)
        self._directory = directory
        self._served_s: list[float] = []
        self._main_s: list[float] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._server)
            self._envoy = _envoy(self._server.port, self._directory)
            stack.callback(self._envoy.kill)
            begun = time.perf_counter()
            self._envoy.start()
            self._start_s = _until_served(self._port, "first") - begun
            process_figures.settle(self._envoy.pid)
            self._resident_mib = process_figures.resident_mib(self._envoy.pid)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def push(self) -> None:
        """Change the first host, and wait until Envoy has nothing more to do."""
        word, pid = next_word(), self._envoy.pid
        changed = self._way.changed(self._size, word)
        messages = [encode_response(type_url, bodies) for type_url, bodies in changed.items()]
        self._server.take(messages)
        spent = process_figures.thread_cpu_s(pid, pid)
        begun = time.perf_counter()
        self._server.push(messages)
        self._served_s.append(_until_served(self._port, word) - begun)
        process_figures.settle(pid)
        self._main_s.append(process_figures.thread_cpu_s(pid, pid) - spent)

    def figures(self) -> dict[str, Spread]:
        """Return what was measured."""
        return {
            f"{self._way.name}: served": milliseconds(self._served_s),
            f"{self._way.name}: main": milliseconds(self._main_s),
            f"{self._way.name}: start": milliseconds([self._start_s]),
            f"{self._way.name}: memory": single(self._resident_mib, "MiB"),
        }


def _until_served(port: int, content: str) -> float:
    return until_answered(
        port, documents.host(0), "/", lambda answer: answer[1].get(documents.CONTENT) == content, READY_LIMIT_S
    )


def _envoy(xds_port: int, directory: Path) -> EnvoyProcess:
    settings = Settings.model_validate({"sources": {"files": {"paths": ["unused"]}}})
    connection = XdsConnection(addresses=(f"127.0.0.1:{xds_port}",))
    return EnvoyProcess(find_envoy(None), bootstrap(settings, documents.GATEWAY, "split", 0, connection), directory)
