"""Many Envoys at one daemon: one change for all of them, all of them coming back, and the memory of each."""

from __future__ import annotations

import re
import time

from egxds import names
from tests.bench import documents, process_figures
from tests.bench.bare_server import BareServer, encode_response
from tests.bench.changes import next_word
from tests.bench.crowd_handle import CrowdHandle, first_requests
from tests.bench.measurements import Row, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.probes import HealthProbe
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import save_edit, tells_of
from tests.bench.site import Site

_FOLLOWERS = 20
"""Clients whose memory is measured: each is sent the whole configuration by a Python that is not measured."""


class LimitReachedError(Exception):
    """Clients that did nothing wrong were cut off or refused: what was measured is not what was meant."""


def limited_by(metrics: str) -> dict[str, float]:
    """Return how often each limit of the xDS port was reached, of those that were.

    Args:
        metrics: what a daemon says at `/metrics`.
    """
    found = re.findall(r'(?m)^egxds_xds_limited_total\{limit="(.+)"\} (\S+)$', metrics)
    return {limit: float(count) for limit, count in found if float(count)}


def fan_out(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit one route that all clients follow, in turns with a bare loop that writes as much to as many sockets."""
    count, wanted = bench.parameters.clients, {names.ROUTE_CONFIGURATION: (documents.HTTP,)}
    ours_s, cpu_s, bare_s, bare_cpu_s = [], [], [], []
    with Site(bench.directory(), bench.parameters, size, layout) as site, CrowdHandle() as crowd:
        pid, body = site.daemon.pid, site.resources()[names.ROUTE_CONFIGURATION][documents.HTTP]
        crowd.expect(names.ROUTE_CONFIGURATION, count)
        crowd.connect(site.daemon.xds_port, count, first_requests(documents.GATEWAY, wanted))
        crowd.wait_last()
        with BareServer({names.ROUTE_CONFIGURATION: {documents.HTTP: body}}) as bare, CrowdHandle() as other:
            other.expect(names.ROUTE_CONFIGURATION, count)
            other.connect(bare.port, count, first_requests(documents.GATEWAY, wanted))
            other.wait_last()
            for _ in range(bench.parameters.samples):
                word = next_word()
                process_figures.settle(pid)
                crowd.expect(names.ROUTE_CONFIGURATION, count, tells_of(word))
                spent = process_figures.cpu_s(pid)
                saved = save_edit(site, word)
                ours_s.append(crowd.wait_last() - saved.at)
                process_figures.settle(pid)
                cpu_s.append(process_figures.cpu_s(pid) - spent)
                message = encode_response(names.ROUTE_CONFIGURATION, {documents.HTTP: body}, f"bare-{word}")
                other.expect(names.ROUTE_CONFIGURATION, count, f"bare-{word}".encode())
                begun = time.perf_counter()
                bare_cpu_s.append(bare.push_frames(message))
                bare_s.append(other.wait_last() - begun)
    figures = {
        "until the last": milliseconds(ours_s),
        "bare loop": milliseconds(bare_s),
        "cpu": milliseconds(cpu_s),
        "cpu of the bare loop": milliseconds(bare_cpu_s),
    }
    return Row(size, layout, figures, f"{count} clients, {len(body)} bytes each")


def storm(bench: Bench, size: int, layout: Layout) -> Row:
    """Have all clients connect at once, each with a version of every cluster; the listener is new to them.

    Raises:
        LimitReachedError: some of them ran into a limit, which is for others.
    """
    count = bench.parameters.clients
    with Site(bench.directory(), bench.parameters, size, layout) as site, CrowdHandle() as crowd:
        with site.client() as client:
            client.wait_whole(site.clusters)
        known = {names.CLUSTER: client.held.versions[names.CLUSTER]}
        requests = first_requests(documents.GATEWAY, {names.CLUSTER: (), names.LISTENER: ()}, known)
        pid = site.daemon.pid
        process_figures.settle(pid)
        with HealthProbe(site.daemon.admin_port) as probe:
            crowd.expect(names.LISTENER, count)
            spent, begun = process_figures.cpu_s(pid), time.perf_counter()
            crowd.connect(site.daemon.xds_port, count, requests, at_once=count)
            until_s = crowd.wait_last() - begun
            cpu_s = process_figures.cpu_s(pid) - spent
        limited = limited_by(site.daemon.admin("/metrics").text)
    if limited:
        raise LimitReachedError(f"honest clients ran into limits of the xDS port: {limited}")
    figures = {
        "until the last": milliseconds([until_s]),
        "cpu": milliseconds([cpu_s]),
        "health unanswered": milliseconds([probe.longest_s]),
    }
    note = f"{count} clients, {len(known[names.CLUSTER])} versions and {len(requests[0])} bytes each, 0 limited"
    return Row(size, layout, figures, note)


def client_memory(bench: Bench, size: int, layout: Layout) -> Row:
    """Have clients follow every cluster and its endpoints, and look at what each of them costs in sync."""
    count = min(_FOLLOWERS, bench.parameters.clients)
    with Site(bench.directory(), bench.parameters, size, layout) as site, CrowdHandle() as crowd:
        with site.client() as client:
            client.wait_whole(site.clusters)
        clusters = tuple(client.held.versions[names.CLUSTER])
        pid = site.daemon.pid
        _follow(site, crowd, 1, clusters)
        before = process_figures.settled_mib(pid)
        _follow(site, crowd, count, clusters)
        each = (process_figures.settled_mib(pid) - before) * 1024 / count
    return Row(size, layout, {"memory of a client": single(each, "KiB")}, f"{count} clients, {len(clusters)} clusters")


def _follow(site: Site, crowd: CrowdHandle, count: int, clusters: tuple[str, ...]) -> None:
    requests = first_requests(documents.GATEWAY, {names.CLUSTER: (), names.ENDPOINT: clusters})
    crowd.expect(names.ENDPOINT, count)
    crowd.connect(site.daemon.xds_port, count, requests)
    crowd.wait_last()
    process_figures.settle(site.daemon.pid)
