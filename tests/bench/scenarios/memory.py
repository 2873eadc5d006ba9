"""Resident memory of the daemon per route, without any client."""

from __future__ import annotations

from tests.bench import process_figures
from tests.bench.measurements import Row, single
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.site import Site

_BASE = 1


def memory(bench: Bench, size: int, layout: Layout) -> Row:
    """Compare a daemon with many routes with one that has next to none."""
    base = _resident_mib(bench, _BASE, layout)
    full = _resident_mib(bench, size, layout)
    each = (full - base) * 1024 / max(1, size - _BASE)
    figures = {"base": single(base, "MiB"), "resident": single(full, "MiB"), "memory of a route": single(each, "KiB")}
    return Row(size, layout, figures)


def _resident_mib(bench: Bench, size: int, layout: Layout) -> float:
    with Site(bench.directory(), bench.parameters, size, layout) as site:
        return process_figures.settled_mib(site.daemon.pid)
