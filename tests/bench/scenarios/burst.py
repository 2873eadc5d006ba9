"""500 edits within a second: how many times Envoy is told, and how late."""

from __future__ import annotations

import re
import time

from egxds import names
from tests.bench import documents, process_figures
from tests.bench.delta_client import Arrival
from tests.bench.measurements import Row, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench

EDITS = 500
_WITHIN_S = 1.0
_WORD = re.compile(rb"burst(\d{4})")


def burst(bench: Bench, size: int, layout: Layout) -> Row:
    """Save edits of many routes at an even pace, and look at when each was on the wire."""
    site = bench.site(size, layout)
    site.envoy()
    routes, pid = min(size, EDITS), site.daemon.pid
    saved_at = []
    with site.client() as client:
        client.wait_whole(site.clusters)
        process_figures.settle(pid)
        client.drain()
        spent, begun = process_figures.cpu_s(pid), time.perf_counter()
        for number in range(EDITS):
            time.sleep(max(0.0, begun + number * _WITHIN_S / EDITS - time.perf_counter()))
            route = number % routes
            text = documents.route(route, f"burst{number:04}", "echo" if route else "own")
            saved_at.append(site.files.save(f"route-{route}", text))
        within_s = time.perf_counter() - begun
        last = b"burst%04d" % (EDITS - 1)
        arrivals = client.wait(lambda arrival: last in arrival.message)
        process_figures.settle(pid)
        cpu_s = process_figures.cpu_s(pid) - spent
        arrivals += client.drain()
    told = [arrival for arrival in arrivals if arrival.type_url == names.ROUTE_CONFIGURATION]
    delays = _delays(told, saved_at, routes)
    figures = {
        "saved within": milliseconds([within_s]),
        "publishes": single(len(told), ""),
        "delay of each": milliseconds(delays),
        "delay of the last": milliseconds([delays[-1]]),
        "cpu of all": milliseconds([cpu_s]),
    }
    return Row(size, layout, figures)


def _delays(told: list[Arrival], saved_at: list[float], routes: int) -> list[float]:
    """Return for each edit when it, or a later one of the same route, was on the wire."""
    arrived: dict[int, float] = {}
    for arrival in told:
        for found in _WORD.findall(arrival.message):
            for number in range(int(found) % routes, int(found) + 1, routes):
                arrived.setdefault(number, arrival.at)
    return [arrived[number] - at for number, at in enumerate(saved_at)]
