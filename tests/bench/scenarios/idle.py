"""What the daemon spends while nothing changes: its slow poll of the files, above all."""

from __future__ import annotations

import time

from tests.bench import process_figures
from tests.bench.measurements import Row, Spread
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench

_WINDOW_S = 10.0
"""As long as the default `pollInterval`, so that each window has one poll."""


def idle(bench: Bench, size: int, layout: Layout) -> Row:
    """Look at the CPU of a daemon that is left alone."""
    site = bench.site(size, layout)
    site.envoy()
    pid, spent = site.daemon.pid, []
    process_figures.settle(pid)
    for _ in range(min(3, bench.parameters.samples)):
        before = process_figures.cpu_s(pid)
        time.sleep(_WINDOW_S)
        spent.append((process_figures.cpu_s(pid) - before) * 1000)
    return Row(size, layout, {f"cpu in {_WINDOW_S:g} s": Spread("ms", tuple(spent))})
