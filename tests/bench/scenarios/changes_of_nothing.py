"""Files that change and say nothing new to Envoy: nothing should be sent, and next to nothing done."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import process_figures
from tests.bench.measurements import Row, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.site import Site
from tests.envoy import manifests


def touch(bench: Bench, size: int, layout: Layout) -> Row:
    """Give a file a new time."""
    return _row(bench, size, layout, lambda site, _: site.files.touch("route-0"))


def comment(bench: Bench, size: int, layout: Layout) -> Row:
    """Insert a comment line at the top of a file."""
    return _row(bench, size, layout, lambda site, number: site.files.comment("route-0", f"line {number}"))


def unreferenced(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit an object that nothing refers to."""
    return _row(
        bench, size, layout, lambda site, number: site.files.save("idle", manifests.backend("idle", number + 1))
    )


def _row(bench: Bench, size: int, layout: Layout, save: Callable[[Site, int], float]) -> Row:
    site = bench.site(size, layout)
    site.envoy()
    pid, spent = site.daemon.pid, []
    with site.client() as client:
        client.wait_whole(site.clusters)
        process_figures.settle(pid)
        client.drain()
        for number in range(bench.parameters.samples):
            before = process_figures.cpu_s(pid)
            save(site, number)
            process_figures.settle(pid)
            spent.append(process_figures.cpu_s(pid) - before)
        sent = len(client.drain())
    return Row(size, layout, {"cpu": milliseconds(spent), "responses": single(sent, "")})
