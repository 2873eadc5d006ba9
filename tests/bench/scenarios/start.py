"""How long a start takes: with nothing known, and with clients that have everything already."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from egxds import names
from tests.bench import documents, process_figures
from tests.bench.measurements import Row, Spread, milliseconds, single
from tests.bench.parameters import Layout, Parameters
from tests.bench.probes import until_answered
from tests.bench.scenario import Bench
from tests.bench.site import READY_LIMIT_S, Site

_PARSE = """
import pathlib, sys, time, yaml
texts = [path.read_bytes() for path in pathlib.Path(sys.argv[1]).iterdir()]
begun = time.perf_counter()
for text in texts:
    for document in yaml.load_all(text, yaml.CSafeLoader):
        pass
print(time.perf_counter() - begun)
"""


def cold_start(bench: Bench, size: int, layout: Layout) -> Row:
    """Start the process, until a client has everything, and until an Envoy started with it serves."""
    snapshot_s, yaml_s, served_s, floor_s = [], [], [], []
    with Site(bench.directory(), bench.parameters, size, layout) as site:
        for _ in range(_starts(bench.parameters)):
            snapshot_s.append(_until_whole(site))
            yaml_s.append(_parse(site.files.directory))
        site.envoy()
        site.floor()
        for _ in range(_starts(bench.parameters)):
            served_s.append(_until_served(site))
            floor_s.append(_floor(site))
    figures = {
        "first snapshot": milliseconds(snapshot_s),
        "C loader": milliseconds(yaml_s),
        "snapshot / C loader": Spread("times", tuple(a / b for a, b in zip(snapshot_s, yaml_s, strict=True))),
        "until served": milliseconds(served_s),
        "floor until served": milliseconds(floor_s),
    }
    return Row(size, layout, figures)


def _starts(parameters: Parameters) -> int:
    """A start costs as much as hundreds of changes."""
    return max(1, min(3, parameters.samples // 3))


def _until_whole(site: Site) -> float:
    site.daemon.kill()
    begun = time.perf_counter()
    site.daemon.launch()
    with site.client() as client:
        whole_at = client.wait_whole(site.clusters)
    process_figures.settle(site.daemon.pid)
    return whole_at - begun


def _parse(directory: Path) -> float:
    """Return the seconds that PyYAML's C loader takes for the same bytes, in a process of its own."""
    run = [sys.executable, "-c", _PARSE, str(directory)]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def _until_served(site: Site) -> float:
    """Start the daemon and an Envoy at one time."""
    envoy = site.envoy()
    site.daemon.kill()
    envoy.kill()
    begun = time.perf_counter()
    site.daemon.launch()
    envoy.start()
    served_at = _first_answer(site.http_port)
    process_figures.settle(site.daemon.pid)
    return served_at - begun


def _floor(site: Site) -> float:
    """Start an Envoy whose bare server has everything ready."""
    floor = site.floor()
    floor.envoy.kill()
    begun = time.perf_counter()
    floor.envoy.start()
    return _first_answer(floor.http_port) - begun


def _first_answer(port: int) -> float:
    return until_answered(port, documents.host(0), "/", lambda answer: documents.CONTENT in answer[1], READY_LIMIT_S)


def restart(bench: Bench, size: int, layout: Layout) -> Row:
    """Start again with nothing changed, for a client that reports the versions that it has."""
    with Site(bench.directory(), bench.parameters, size, layout) as site:
        with site.client() as client:
            client.wait_whole(site.clusters)
        process_figures.settle(site.daemon.pid)
        site.daemon.kill()
        begun = time.perf_counter()
        site.daemon.launch()
        with site.client(client.held.versions) as back:
            arrivals = back.wait(lambda arrival: arrival.type_url == names.SECRET)
            process_figures.settle(site.daemon.pid)
            arrivals += back.drain()
    sent: Counter[str] = Counter()
    for arrival in arrivals:
        sent[arrival.type_url] += len(arrival.changed + arrival.removed)
    figures = {f"sent: {names.SHORT_NAMES[type_url]}": single(sent[type_url], "") for type_url in names.PUSH_ORDER}
    return Row(size, layout, {"until the last of it": milliseconds([arrivals[-1].at - begun]), **figures})
