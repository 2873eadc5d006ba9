"""What calls of hooks cost: all of a generation, asked again, and those of one edit; by the way in which they are made.

The floor is the function itself, called one after the other with what it costs to read its argument and to write what
it returns, as any way of calling it has to: in the process that measures, right before.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from egxds import names
from egxds.names import REQUEST_HEADER
from egxds.settings.extension_service import ExtensionService
from tests.bench import process_figures
from tests.bench.changes import measure
from tests.bench.measurements import Row, Spread, milliseconds, single
from tests.bench.parameters import Layout
from tests.bench.scenario import Bench
from tests.bench.scenarios.route_changes import EDIT
from tests.bench.site import Site
from tests.extension_server.edits import VIRTUAL_HOST_HEADER
from tests.extension_server.handle import ExtensionHandle

_MODULE = "bench_hooks"
_HOOKS = f"""\
class Words:
    async def virtual_host(self, host, context):
        host.response_headers_to_add.add(header={{"key": "{VIRTUAL_HOST_HEADER}", "value": "1"}})
        return host
"""
_MOST_GENERATIONS = 5
_LIMIT_S = 600
_ISOLATION = "isolation"
_CALLS = "egxds_hook_duration_seconds_count"


def hooks(bench: Bench, size: int, layout: Layout) -> Row:
    """Ask everything again, and edit one route, for each way in which hooks are called."""
    figures: dict[str, Spread] = {}
    left_out = [mode for mode in bench.parameters.modes if not _is_there(mode)]
    for mode in left_out:
        print(f"(hooks {size}: service.{_ISOLATION} is no setting of this egxds, so {mode!r} is left out)", flush=True)
    for mode in bench.parameters.modes:
        if mode not in left_out:
            figures |= {f"{mode}: {name}": spread for name, spread in _figures(bench, size, layout, mode).items()}
    note = f"left out: {', '.join(left_out)}" if left_out else ""
    return Row(size, layout, figures, note)


def _is_there(mode: str) -> bool:
    return mode != "process" or _ISOLATION in ExtensionService.model_fields


def _figures(bench: Bench, size: int, layout: Layout, mode: str) -> dict[str, Spread]:
    directory = bench.directory()
    with _service(mode, directory) as service:
        asks = {"xdsTranslator": {"post": ["VirtualHost"]}}
        manager = {"name": "bench", "hooks": asks, "service": service, "timeout": "120s"}
        settings = {"extensionManagers": [manager]}
        with Site(directory, bench.parameters, size, layout, settings) as site:
            return _of_site(site, bench.parameters.samples)


@contextmanager
def _service(mode: str, directory: Path) -> Iterator[dict[str, Any]]:
    """Start what is called in a mode, and lend the settings of where it is."""
    if mode == "grpc":
        with ExtensionHandle.start() as extension:
            yield extension.service
        return
    (directory / f"{_MODULE}.py").write_text(_HOOKS)
    service: dict[str, Any] = {"python": f"{_MODULE}:Words", "path": [str(directory)]}
    yield {**service, _ISOLATION: mode} if _ISOLATION in ExtensionService.model_fields else service


def _of_site(site: Site, samples: int) -> dict[str, Spread]:
    hosts = _hosts(site)
    process_figures.settle(site.daemon.pid)
    generations, floors, calls = [], [], 0
    for _ in range(min(samples, _MOST_GENERATIONS)):
        floors.append(_bare(hosts))
        begun = perf_counter()
        answer = _ask_again(site)
        generations.append(perf_counter() - begun)
        assert answer["isDone"], "the hooks took longer than the admin API waits"
        (hook,) = answer["hooks"]
        calls = hook["calls"]
        process_figures.settle(site.daemon.pid)
    before = _metric(site)
    found = measure(site, EDIT, samples, with_envoy=False)
    ratios = tuple(generation / floor for generation, floor in zip(generations, floors, strict=True))
    return {
        "asked again": milliseconds(generations),
        "calls": single(calls, ""),
        "a call": Spread("ms", tuple(seconds * 1000 / calls for seconds in generations)),
        "times the bare function": Spread("", ratios),
        "calls of an edit": single((_metric(site) - before) / samples, ""),
        **{f"an edit, {name}": spread for name, spread in found.figures().items()},
    }


def _hosts(site: Site) -> list[bytes]:
    """Return what the daemon serves, by virtual host, without what the hook had added."""
    bodies = site.resources()[names.ROUTE_CONFIGURATION].values()
    hosts = [host for body in bodies for host in RouteConfiguration.FromString(body).virtual_hosts]
    for host in hosts:
        host.ClearField("response_headers_to_add")
    return [host.SerializeToString() for host in hosts]


def _bare(hosts: list[bytes]) -> float:
    """Return the seconds that the function takes with all virtual hosts, called by nobody."""
    scope: dict[str, Any] = {}
    exec(_HOOKS, scope)  # the very text that the daemon loads
    function = scope["Words"]().virtual_host
    begun = perf_counter()
    for body in hosts:
        call = function(VirtualHost.FromString(body), None)
        try:
            call.send(None)
        except StopIteration as end:
            end.value.SerializeToString(deterministic=True)
    return perf_counter() - begun


def _ask_again(site: Site) -> Any:
    url = f"http://127.0.0.1:{site.daemon.admin_port}/api/v1/hooks/ask-again"
    request = urllib.request.Request(url, method="POST", headers={REQUEST_HEADER: "bench"})
    with urllib.request.urlopen(request, timeout=_LIMIT_S) as response:
        return json.load(response)


def _metric(site: Site) -> float:
    lines = (line.rpartition(" ") for line in site.daemon.admin("/metrics").text.splitlines())
    return sum(float(value) for label, _, value in lines if label.startswith(_CALLS))
