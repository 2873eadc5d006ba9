"""One edit where the configuration is of another shape: one hostname with all paths, or many Gateways of a class."""

from __future__ import annotations

from tests.bench import documents
from tests.bench.changes import Change, Saved, measure
from tests.bench.measurements import Row
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import saved_route
from tests.bench.site import GATEWAYS, PATHS, Shape, Site


def paths(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit one of the routes that share a hostname."""
    return _row(bench, size, layout, PATHS)


def gateways(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit the route of one Gateway of many; no Envoy opens as many ports."""
    return _row(bench, size, layout, GATEWAYS)


def _save_path(site: Site, word: str) -> Saved:
    at = site.files.save("route-0", documents.path_route(0, word))
    return saved_route(at, documents.SHARED_HOST, word, "/0")


def _save_of_gateway(site: Site, word: str) -> Saved:
    at = site.files.save("route-0", documents.route_of_gateway(0, word))
    return saved_route(at, documents.host(0), word)


_CHANGES = {PATHS: Change(_save_path), GATEWAYS: Change(_save_of_gateway)}


def _row(bench: Bench, size: int, layout: Layout, shape: Shape) -> Row:
    with Site(bench.directory(), bench.parameters, size, layout, shape=shape) as site:
        found = measure(site, _CHANGES[shape], bench.parameters.samples, with_envoy=shape is not GATEWAYS)
    return Row(size, layout, found.figures(), f"sent: {found.note()}")
