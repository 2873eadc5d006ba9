"""One changed virtual host in a real Envoy, by what its table is split by; egxds has no part in it."""

from __future__ import annotations

import time
from pathlib import Path

from egxds import names
from egxds.app.bootstrap import XdsConnection, bootstrap
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
    """Push one change to an Envoy of each way."""
    figures: dict[str, Spread] = {}
    for way in WAYS:
        figures |= _measure(way, size, bench.directory(), bench.parameters.samples)
    return Row(size, layout, figures, "served: pushed → served; main: CPU of Envoy's main thread; memory: of Envoy")


def _measure(way: Way, size: int, directory: Path, samples: int) -> dict[str, Spread]:
    port, served_s, main_s = free_port(), [], []
    bodies = way.bodies(size, "first") | {names.LISTENER: {documents.HTTP: listener(port, way)}}
    with BareServer(bodies) as server:
        envoy = _envoy(server.port, directory)
        try:
            begun = time.perf_counter()
            envoy.start()
            start_s = _until_served(port, "first") - begun
            process_figures.settle(envoy.pid)
            resident = process_figures.resident_mib(envoy.pid)
            for _ in range(samples):
                served, main = _push(server, envoy, way, size, port)
                served_s.append(served)
                main_s.append(main)
        finally:
            envoy.kill()
    return {
        f"{way.name}: served": milliseconds(served_s),
        f"{way.name}: main": milliseconds(main_s),
        f"{way.name}: start": milliseconds([start_s]),
        f"{way.name}: memory": single(resident, "MiB"),
    }


def _push(server: BareServer, envoy: EnvoyProcess, way: Way, size: int, port: int) -> tuple[float, float]:
    word = next_word()
    messages = [encode_response(type_url, bodies) for type_url, bodies in way.changed(size, word).items()]
    server.take(messages)
    spent = process_figures.thread_cpu_s(envoy.pid, envoy.pid)
    begun = time.perf_counter()
    server.push(messages)
    served_s = _until_served(port, word) - begun
    process_figures.settle(envoy.pid)
    return served_s, process_figures.thread_cpu_s(envoy.pid, envoy.pid) - spent


def _until_served(port: int, content: str) -> float:
    return until_answered(
        port, documents.host(0), "/", lambda answer: answer[1].get(documents.CONTENT) == content, READY_LIMIT_S
    )


def _envoy(xds_port: int, directory: Path) -> EnvoyProcess:
    settings = Settings.model_validate({"sources": {"files": {"paths": ["unused"]}}})
    connection = XdsConnection(address=f"127.0.0.1:{xds_port}")
    return EnvoyProcess(find_envoy(None), bootstrap(settings, documents.GATEWAY, "split", 0, connection), directory)
