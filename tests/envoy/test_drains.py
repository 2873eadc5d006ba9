"""A real Envoy drains what `egxds diff` says: whole listeners, some filter chains, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egxds import names
from egxds.inspect.drains import drain_of
from egxds.resources.json import render_body
from tests.envoy import odd_routes
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.waiting import wait_for
from tests.ports import free_port

pytestmark = pytest.mark.envoy

_KEPT_FOR_LONG = ("--disable-hot-restart", "--drain-time-s", "600")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """Serves what a test publishes."""
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="module")
def envoy(control_plane: ControlPlane, envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An Envoy that goes on draining for longer than a test looks."""
    process = EnvoyProcess(envoy_binary, plain_bootstrap(control_plane.port), tmp_path_factory.mktemp("envoy"))
    process.start(_KEPT_FOR_LONG)
    yield process
    process.discard()


def chain(name: str, *server_names: str, answer: str = "/") -> Json:
    """Return a filter chain."""
    found = odd_routes.chain(name, answer)
    return {**found, "filter_chain_match": {"server_names": list(server_names)}} if server_names else found


def listener(name: str, *chains: Json, **more: Any) -> Json:
    """Return a listener with filter chains that want server names."""
    return {"name": name, "address": odd_routes.address(free_port()), "filter_chains": list(chains), **more}


A, B = chain("a", "a.test"), chain("b", "b.test")
OTHER_A = chain("a", "a.test", answer="/other")
DEFAULT = chain("default")
OTHER_DEFAULT = chain("default", answer="/other")

CHANGES: dict[str, tuple[Json, Json]] = {
    "nothing": ({"filter_chains": [A]}, {"filter_chains": [A]}),
    "a chain": ({"filter_chains": [A, B]}, {"filter_chains": [OTHER_A, B]}),
    "the name of a chain": ({"filter_chains": [A, B]}, {"filter_chains": [{**A, "name": "c"}, B]}),
    "both chains": ({"filter_chains": [A, B]}, {"filter_chains": [OTHER_A, chain("b", "c.test")]}),
    "a chain more": ({"filter_chains": [A]}, {"filter_chains": [A, B]}),
    "a chain less": ({"filter_chains": [A, B]}, {"filter_chains": [A]}),
    "the order": ({"filter_chains": [A, B]}, {"filter_chains": [B, A]}),
    "a default more": ({"filter_chains": [A]}, {"filter_chains": [A], "default_filter_chain": DEFAULT}),
    "a default less": ({"filter_chains": [A], "default_filter_chain": DEFAULT}, {"filter_chains": [A]}),
    "the default": (
        {"filter_chains": [A], "default_filter_chain": DEFAULT},
        {"filter_chains": [A], "default_filter_chain": OTHER_DEFAULT},
    ),
    "the only default": ({"default_filter_chain": DEFAULT}, {"default_filter_chain": OTHER_DEFAULT}),
    "all but the default go": (
        {"filter_chains": [A], "default_filter_chain": DEFAULT},
        {"filter_chains": [], "default_filter_chain": DEFAULT},
    ),
    "the first beside the default": (
        {"filter_chains": [], "default_filter_chain": DEFAULT},
        {"filter_chains": [A], "default_filter_chain": DEFAULT},
    ),
    "balance": ({"filter_chains": [A]}, {"filter_chains": [A], "connection_balance_config": {"exact_balance": {}}}),
    "a buffer": ({"filter_chains": [A, B]}, {"filter_chains": [A, B], "per_connection_buffer_limit_bytes": 4096}),
    "a buffer and a chain": (
        {"filter_chains": [A, B]},
        {"filter_chains": [OTHER_A, B], "per_connection_buffer_limit_bytes": 4096},
    ),
    "an address": ({"filter_chains": [A]}, {"filter_chains": [A], "address": odd_routes.address(free_port())}),
    "an address more": (
        {"filter_chains": [A]},
        {"filter_chains": [A], "additional_addresses": [{"address": odd_routes.address(free_port())}]},
    ),
    "metadata": ({"filter_chains": [A]}, {"filter_chains": [A], "metadata": {"filter_metadata": {"x": {"y": "z"}}}}),
    "statistics": ({"filter_chains": [A]}, {"filter_chains": [A], "stat_prefix": "other"}),
    "listener filters": (
        {"filter_chains": [A]},
        {"filter_chains": [A], "listener_filters": [odd_routes.inspector(), odd_routes.inspector("again")]},
    ),
}


def draining(envoy: EnvoyProcess) -> tuple[int, int]:
    """Return how many listeners, and how many filter chains, an Envoy drains."""
    found = envoy.stats("listener_manager.total_(listeners|filter_chains)_draining")
    listeners, chains = (found[f"listener_manager.total_{what}_draining"] for what in ("listeners", "filter_chains"))
    return listeners, chains


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_drains(control_plane: ControlPlane, envoy: EnvoyProcess, change: tuple[Json, Json]) -> None:
    """One change of a listener, told before and looked at after."""
    start = listener("changed", listener_filters=[odd_routes.inspector()])
    before, after = ({**start, **part} for part in change)
    publish(control_plane, envoy, before)
    at_first = draining(envoy)
    publish(control_plane, envoy, after)
    listeners, chains = (now - then for now, then in zip(draining(envoy), at_first, strict=True))
    told = drain_of(rendered(before), rendered(after))
    expected = (0, 0) if told is None else (1, 0) if told.is_whole else (0, len(told.chains))
    assert (listeners, chains) == expected, told


def test_all_drains_of_a_listener_that_goes(control_plane: ControlPlane, envoy: EnvoyProcess) -> None:
    """And nothing where one comes."""
    gone = listener("gone", A)
    at_first = draining(envoy)
    publish(control_plane, envoy, gone)
    assert drain_of(None, rendered(gone)) is None
    publish(control_plane, envoy)
    listeners, _ = (now - then for now, then in zip(draining(envoy), at_first, strict=True))
    told = drain_of(rendered(gone), None)
    # The one of the test before goes at the first step.
    assert (listeners >= 1, told is not None and told.is_whole) == (True, True)


def publish(control_plane: ControlPlane, envoy: EnvoyProcess, *listeners: Json) -> None:
    """Serve some listeners and no others, and wait until they are in force."""
    control_plane.publish(*map(odd_routes.listener_resource, listeners))
    wanted = {each["name"]: odd_routes.listener_message(each) for each in listeners}
    wait_for(lambda: active(envoy) == wanted, "the listeners")


def rendered(listener: Json) -> Json:
    """Return a listener as the admin API shows it."""
    return dict(render_body(names.LISTENER, odd_routes.listener_resource(listener).body))


def active(envoy: EnvoyProcess) -> dict[str, Any]:
    """Return the listeners that are in force, by name."""
    (dump,) = envoy.config_dump("ListenersConfigDump")
    states = [each["active_state"] for each in dump.get("dynamic_listeners", ()) if "active_state" in each]
    listeners = [{name: value for name, value in state["listener"].items() if name != "@type"} for state in states]
    return {each["name"]: odd_routes.listener_message(each) for each in listeners}
