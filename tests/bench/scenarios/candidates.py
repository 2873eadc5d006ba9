"""A generation for one Envoy first, with one edit of many files; then for all."""

from __future__ import annotations

import itertools

from tests.bench import documents, process_figures
from tests.bench.delta_client import DeltaClient
from tests.bench.measurements import Row, Spread, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.published_files import PublishedFiles
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import saved_route
from tests.bench.site import Site

_CANARY = "canary"


def candidate(bench: Bench, size: int, layout: Layout) -> Row:
    """Put an edit of a route as a candidate, and promote it."""
    words = (f"c{number:05}" for number in itertools.count())
    served_s, promoted_s, told, begun_mib, mib = [], [], [], 0.0, []
    with PublishedFiles(bench.directory()) as published:
        site = Site(bench.directory(), bench.parameters, size, layout, published.settings)
        published.publish_all(site.files)
        with site, site.client(node=_CANARY) as first, site.client() as rest:
            for client in (first, rest):
                client.wait_whole(site.clusters)
            begun_mib = process_figures.settled_mib(site.daemon.pid)
            for word in itertools.islice(words, bench.parameters.samples):
                text = documents.route(0, word, "own")
                at = published.put_candidate("route-0", text, _CANARY)
                served_s.append(_arrives(first, at, word))
                mib.append(process_figures.settled_mib(site.daemon.pid) - begun_mib)
                at = published.promote()
                promoted_s.append(_arrives(rest, at, word))
                process_figures.settle(site.daemon.pid)
                told.append(float(len(first.drain())))
    figures = {
        "candidate": milliseconds(served_s),
        "promoted": milliseconds(promoted_s),
        "memory": Spread("MiB", tuple(mib)),
        "memory before": single(begun_mib, "MiB"),
        "told again": Spread("", tuple(told)),
    }
    return Row(size, layout, figures, "put → on the wire of its node; promote → of all others; responses to its node")


def _arrives(client: DeltaClient, at: float, word: str) -> float:
    """Return how long it takes until a client is told of an edit, and take what belongs to it."""
    arrivals = client.wait(saved_route(at, documents.host(0), word).is_on_wire)
    client.wait_answered(arrivals)
    client.drain()
    return arrivals[-1].at - at
