"""One edit of many files that are published in etcd, beside the same edit of files that are watched."""

from __future__ import annotations

from tests.bench import documents
from tests.bench.changes import Change, Saved, measure
from tests.bench.measurements import Row, Spread, milliseconds
from tests.bench.parameters import Layout
from tests.bench.published_files import PublishedFiles
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import EDIT, saved_route
from tests.bench.site import Site


def publish(bench: Bench, size: int, layout: Layout) -> Row:
    """Publish one edit of a route."""
    samples = bench.parameters.samples
    with Site(bench.directory(), bench.parameters, size, layout) as watched:
        floor = measure(watched, EDIT, samples, with_envoy=False)
    with PublishedFiles(bench.directory()) as published:
        site = Site(bench.directory(), bench.parameters, size, layout, published.settings)
        published.publish_all(site.files)

        def save(_site: Site, word: str) -> Saved:
            at = published.publish("route-0", documents.route(0, word, "own"))
            return saved_route(at, documents.host(0), word)

        with site:
            found = measure(site, Change(save), samples, with_envoy=False)
    figures = {
        **found.figures(),
        "wire of files": milliseconds(floor.wire_s),
        "publish": milliseconds(published.took_s),
        "written": Spread("KiB", tuple(each / 1024 for each in published.written)),
        "trips": Spread("", tuple(map(float, published.trips))),
    }
    return Row(size, layout, figures, "wire: from the start of the publish; written: to etcd, keys included")
