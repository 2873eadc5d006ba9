"""One edit where an extension server is asked about everything, or with its state kept."""

from __future__ import annotations

from typing import Any

from tests.bench import process_figures
from tests.bench.changes import measure
from tests.bench.measurements import Row, Spread, milliseconds
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import EDIT
from tests.bench.site import Site
from tests.extension_server.handle import ExtensionHandle

_CALL_SECONDS, _CALLS = "egxds_hook_duration_seconds_sum", "egxds_hook_duration_seconds_count"


def hold(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit one route where the accepted state is kept in `stateDir`."""
    state = {"stateDir": str(bench.directory())}
    return _row(bench, size, layout, ("HTTPListener",), state, onFailure="hold")


def translation(bench: Bench, size: int, layout: Layout) -> Row:
    """Edit one route where an extension is sent everything, and sends everything back."""
    return _row(bench, size, layout, ("Translation",), maxMessageSize="256Mi")


def _row(
    bench: Bench,
    size: int,
    layout: Layout,
    asked: tuple[str, ...],
    settings: dict[str, Any] | None = None,
    **keys: str,
) -> Row:
    with ExtensionHandle.start() as extension:
        managers = {"extensionManagers": [_manager(extension, asked, keys)]}
        with Site(bench.directory(), bench.parameters, size, layout, {**managers, **(settings or {})}) as site:
            figures, note = _edits(site, bench.parameters.samples)
    return Row(size, layout, figures, note)


def _edits(site: Site, samples: int) -> tuple[dict[str, Spread], str]:
    with site.client() as client:
        client.wait_whole(site.clusters)
    process_figures.settle(site.daemon.pid)
    written, seconds, calls = _written(site), _metric(site, _CALL_SECONDS), _metric(site, _CALLS)
    found = measure(site, EDIT, samples, with_envoy=False)
    in_calls = (_metric(site, _CALL_SECONDS) - seconds) / samples
    figures = {
        **found.figures(),
        "calls": Spread("", ((_metric(site, _CALLS) - calls) / samples,)),
        "within calls": milliseconds([in_calls]),
        "written": Spread("KiB", ((_written(site) - written) / samples / 1024,)),
    }
    return (
        figures,
        "calls, within calls and written: mean of an edit; written: to files, and to sockets where by write(2)",
    )


def _written(site: Site) -> int:
    return process_figures.written_bytes(site.daemon.pid)


def _metric(site: Site, name: str) -> float:
    lines = (line.rpartition(" ") for line in site.daemon.admin("/metrics").text.splitlines())
    return sum(float(value) for label, _, value in lines if label.startswith(name))


def _manager(extension: ExtensionHandle, asked: tuple[str, ...], keys: dict[str, str]) -> dict[str, Any]:
    everything = {"includeAll": True}
    translation_of = {"listener": everything, "route": everything}
    asks = {"xdsTranslator": {"post": list(asked), "translation": translation_of}}
    return {"name": "bench", "hooks": asks, "service": extension.service, "timeout": "120s", **keys}
