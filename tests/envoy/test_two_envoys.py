"""Several Envoys at one daemon: none waits for another, whether it is killed, asleep or has the same name."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.envoy.conftest import RunEnvoy, StartEnvoy
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.site import Site
from tests.envoy.waiting import wait_for
from tests.halted import halt

pytestmark = pytest.mark.envoy

EDITS = 16
"""They have to be over before the daemon takes an Envoy that answers to nothing for dead, on a busy machine as well."""

ROUTES = 100
SMALL_WINDOW_BYTES = 65_535


def narrow(bootstrap: dict[str, Any]) -> dict[str, Any]:
    """Have an Envoy take no more at a time than HTTP/2's least, so that what it does not read stays with the daemon."""
    (server,) = bootstrap["static_resources"]["clusters"]
    (options,) = server["typed_extension_protocol_options"].values()
    sizes = ("initial_stream_window_size", "initial_connection_window_size")
    options["explicit_http_config"]["http2_protocol_options"].update(dict.fromkeys(sizes, SMALL_WINDOW_BYTES))
    return bootstrap


def pushes(site: Site, stream: int) -> int:
    """Return how many responses a stream was sent; the log has a line for each only while there are few."""
    (client,) = [client for client in site.clients() if client["stream"] == stream]
    return sum(of_type["sent"] for of_type in client["types"])


def pushed_bytes(site: Site) -> float:
    """Return the size of all responses that were written."""
    lines = site.daemon.admin("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("egxds_xds_response_bytes_sum"))


@pytest.mark.rule(10)
def test_same_node_id(site: Site, start_envoy: StartEnvoy) -> None:
    """Both get every change; when one is killed, the other still does."""
    first, second = start_envoy(site.daemon), start_envoy(site.daemon)
    assert [client["id"] for client in site.clients()] == ["envoy-1", "envoy-1"]
    for name in ("a", "b", "c"):
        site.edit(name)
        site.wait_taken(first, second)

    first.kill()
    wait_for(lambda: len(site.clients()) == 1, "the daemon to notice")
    for name in ("d", "e", "f"):
        site.edit(name)
        site.wait_taken(second)


def _edited(site: Site, name: str, *envoys: EnvoyProcess) -> float:
    """Edit again and again; return how many bytes were written for that, for all Envoys together."""
    told_bytes = pushed_bytes(site)
    for number in range(EDITS):
        site.edit(f"{name}-{number}", ROUTES)
        site.wait_taken(*envoys)
    return pushed_bytes(site) - told_bytes


@pytest.mark.rule(109)
def test_envoy_that_sleeps(site: Site, run_envoy: RunEnvoy, start_envoy: StartEnvoy) -> None:
    """Changes do not pile up for an Envoy that reads nothing, and delay nobody; awake, it gets the newest state."""
    sleeper = run_envoy(narrow(site.daemon.bootstrap(node_id="sleeper")))
    sleeper.wait_ready()
    other = start_envoy(site.daemon, node_id="other")
    streams = {client["id"]: client["stream"] for client in site.clients()}
    site.wait_taken(sleeper, other)

    awake_bytes = _edited(site, "awake", sleeper, other)
    halt(sleeper.pid)
    heard = pushes(site, streams["sleeper"])
    asleep_bytes = _edited(site, "asleep", other)
    assert asleep_bytes < 0.75 * awake_bytes, "as much was written for the one that sleeps as for the other"
    assert pushes(site, streams["sleeper"]) - heard < EDITS

    sleeper.signal(signal.SIGCONT)
    site.wait_taken(sleeper)
    assert pushes(site, streams["sleeper"]) - heard < EDITS, "it got every state, not the newest"
