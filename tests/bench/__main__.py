"""`make bench`: how long a change takes, beside the same change pushed as ready-made bytes by a bare server.

    saved → wire     from the saved file to the RDS response at a client
    saved → served   from the saved file to Envoy serving the change
    floor            from ready-made bytes given to a bare server to Envoy serving the change
    ratio            saved → served as a multiple of the floor

Medians of several changes of one route among many; all of it on this machine, in this run, on the event loop that the
daemon uses. Then what hooks cost: a generation in which each of many virtual hosts is a call of an extension server,
beside the same calls made by a bare client, and a change of one route when the replies to the others are remembered.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio

from tests.bench.change import Measured, measure
from tests.bench.hooks import HOOK_MS, HookCost, measure_hooks

ROUTES = (100, 1000)


async def main() -> None:
    """Measure every size and print a table."""
    print(f"{'routes':>8} {'saved → wire':>14} {'saved → served':>16} {'floor':>10} {'ratio':>7}")
    for count in ROUTES:
        with tempfile.TemporaryDirectory() as directory:
            show(count, await measure(Path(directory), count))
    show_hooks(await measure_hooks())


def show(count: int, measured: Measured) -> None:
    """Print one line of the table."""
    wire, served, floor = (f"{seconds * 1000:.1f} ms" for seconds in (measured.wire, measured.served, measured.floor))
    print(f"{count:>8} {wire:>14} {served:>16} {floor:>10} {measured.served / measured.floor:>7.1f}")


def show_hooks(cost: HookCost) -> None:
    """Print the line about hooks."""
    generation_s, floor_s = (f"{seconds * 1000:.0f} ms" for seconds in (cost.generation_s, cost.floor_s))
    ratio = f"{cost.generation_s / cost.floor_s:.1f}"
    print(f"\nhooks, {cost.calls} VirtualHost calls of {HOOK_MS} ms: {generation_s}, floor {floor_s}, ratio {ratio}")
    print(f"hooks, a change of one route, with cacheTTL: {cost.calls_of_a_change} call(s)")


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
