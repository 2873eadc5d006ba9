"""`make bench`: what a change costs, from the file that is saved to the Envoy that serves it.

Black box: an `egxds serve` of its own process, files, the xDS wire, a real Envoy and the admin port. A floor is the
same bytes pushed ready-made by a bare server, in the same run and in turns with ours. Figures are medians with their
spread.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import report
from tests.bench.parameters import Layout, Parameters, parse
from tests.bench.scenario import Bench, Scenario
from tests.bench.scenarios import SCENARIOS


def main() -> int:
    """Run what the command line asks for."""
    parameters = parse(sys.argv[1:])
    _allow_sockets()
    out = parameters.out or Path(tempfile.mkdtemp(prefix="egxds-bench-")) / "bench.json"
    print(report.head(), flush=True)
    results = []
    for result in run(parameters):
        print("\n".join(report.lines(result)), flush=True)
        results.append(result)
        report.write_json(out, results)
    print(f"\nJSON: {out}")
    return 1 if any(result.row is None for result in results) else 0


def run(parameters: Parameters) -> Iterator[report.Result]:
    """Run the selected scenarios, those that share a site one after the other."""
    with Bench(parameters) as bench:
        for scenario, size, layout in plan(parameters):
            if not scenario.shares_site:
                bench.close_site()
            begun = time.perf_counter()
            try:
                row = scenario.run(bench, size, layout)
            except Exception as err:  # noqa: BLE001 one that fails is reported, and keeps no other from running
                bench.close_site()
                yield report.Result(scenario, None, f"size {size}, {layout}: {err!r:.2000}")
                continue
            print(f"({scenario.name} {size}: {time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)
            yield report.Result(scenario, row)


def plan(parameters: Parameters) -> Iterator[tuple[Scenario, int, Layout]]:
    """Yield what is to be run, in order."""
    chosen = [scenario for scenario in SCENARIOS if not parameters.only or scenario.name in parameters.only]
    unknown = set(parameters.only) - {scenario.name for scenario in SCENARIOS}
    if unknown:
        known = ", ".join(scenario.name for scenario in SCENARIOS)
        raise SystemExit(f"no such scenario: {', '.join(sorted(unknown))}; there are {known}")
    for size in parameters.sizes:
        for layout in parameters.layouts:
            sized = (scenario for scenario in chosen if not scenario.sizes and layout in scenario.layouts)
            yield from ((scenario, size, layout) for scenario in sorted(sized, key=lambda one: not one.shares_site))
    for scenario in chosen:
        sizes = dict.fromkeys(min(size, max(parameters.sizes)) for size in scenario.sizes)
        yield from ((scenario, size, scenario.layouts[0]) for size in sizes)


def _allow_sockets() -> None:
    """Let this process, and those that it starts, open as many files as the system lets them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
