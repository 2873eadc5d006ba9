"""Three replicas that follow etcd, each with many Envoys: one edit for all of them, and one replica less."""

from __future__ import annotations

import time

from egxds import names
from tests.bench import process_figures
from tests.bench.bare_server import BareServer, encode_response
from tests.bench.crowd_handle import CrowdHandle, first_requests
from tests.bench.delta_client import DeltaClient
from tests.bench.fleet import GATEWAY, MeasuredFleet
from tests.bench.measurements import Row, Spread, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.site import MeasuredDaemon

_IDLE_S = 5.0
_ROUTES = f"{GATEWAY}/http"


def fleet(bench: Bench, size: int, _layout: Layout) -> Row:
    """Publish edits of a route that all Envoys follow, look at the quiet behind that, and kill a replica."""
    with MeasuredFleet(bench.directory(), bench.parameters, size) as all_of_it:
        body = _body(all_of_it.replicas[0])
        until_last_s, cpu_s = [], []
        for _ in range(bench.parameters.samples):
            all_of_it.settle()
            spent = all_of_it.cpu_s()
            began, last = all_of_it.publish_edit()
            until_last_s.append(last - began)
            all_of_it.settle()
            cpu_s += [after - before for before, after in zip(spent, all_of_it.cpu_s(), strict=True)]
        figures = {
            "until the last": milliseconds(until_last_s),
            **_floor(bench, body, all_of_it.envoys),
            "publish": milliseconds(all_of_it.published.took_s),
            "written": Spread("KiB", tuple(each / 1024 for each in all_of_it.published.written)),
            "cpu of a replica": milliseconds(cpu_s),
            **_quiet(all_of_it, bench.parameters.clients),
            **_one_less(all_of_it),
            "etcd, all routes": single(all_of_it.first_bytes / 2**20, "MiB"),
            "etcd, its database": single(all_of_it.published.kept_mib, "MiB"),
        }
        note = f"{len(all_of_it.replicas) + 1} replicas, {all_of_it.envoys} Envoys, {len(body)} bytes to each"
    return Row(size, "", figures, note)


def _body(replica: MeasuredDaemon) -> bytes:
    """Return what an edit sends to each Envoy."""
    with DeltaClient(replica.xds_port, GATEWAY, {names.ROUTE_CONFIGURATION: (_ROUTES,)}) as client:
        client.wait(lambda arrival: arrival.type_url == names.ROUTE_CONFIGURATION)
        return client.held.bodies[names.ROUTE_CONFIGURATION][_ROUTES]


def _floor(bench: Bench, body: bytes, count: int) -> dict[str, Spread]:
    """Have a bare loop write as much to as many sockets."""
    until_s, spent_s = [], []
    wanted = {names.ROUTE_CONFIGURATION: (_ROUTES,)}
    with BareServer({names.ROUTE_CONFIGURATION: {_ROUTES: body}}) as bare, CrowdHandle() as crowd:
        crowd.expect(names.ROUTE_CONFIGURATION, count)
        crowd.connect(bare.port, count, first_requests(GATEWAY, wanted))
        crowd.wait_last()
        for number in range(bench.parameters.samples):
            mark = f"bare-{number:05}"
            message = encode_response(names.ROUTE_CONFIGURATION, {_ROUTES: body}, mark)
            crowd.expect(names.ROUTE_CONFIGURATION, count, mark.encode())
            begun = time.perf_counter()
            spent_s.append(bare.push_frames(message))
            until_s.append(crowd.wait_last() - begun)
    return {"bare loop": milliseconds(until_s), "cpu of the bare loop": milliseconds(spent_s)}


def _quiet(all_of_it: MeasuredFleet, clients: int) -> dict[str, Spread]:
    """Look at replicas that have nothing to do but to keep their streams."""
    all_of_it.settle()
    before = all_of_it.cpu_s()
    time.sleep(_IDLE_S)
    shares = tuple(100 * (now - then) / _IDLE_S for then, now in zip(before, all_of_it.cpu_s(), strict=True))
    memory_mib = process_figures.settled_mib(all_of_it.pids[-1])
    each_kib = (memory_mib - all_of_it.alone_mib) * 1024 / clients
    return {
        "idle": Spread("% of a core", shares),
        "memory of a replica": single(memory_mib, "MiB"),
        "of it an Envoy": single(each_kib, "KiB"),
    }


def _one_less(all_of_it: MeasuredFleet) -> dict[str, Spread]:
    """Kill a replica and publish an edit at once: its Envoys have it when they are back, and in sync."""
    all_of_it.settle()
    began = time.perf_counter()
    all_of_it.kill_one()
    spent = all_of_it.cpu_s()
    _, last = all_of_it.publish_edit()
    all_of_it.settle()
    cpu_s = [after - before for before, after in zip(spent, all_of_it.cpu_s(), strict=True)]
    return {"one less": milliseconds([last - began]), "its cpu at each other": milliseconds(cpu_s)}
