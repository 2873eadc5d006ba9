"""How an Envoy finds its backends: what its page says, and since when it is like that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.inspect.backend_reach import NOT_ASKED, EnvoyView, reach
from egxds.inspect.connect_faults import EndpointState, States, looked
from egxds.inspect.envoy_clusters import EndpointCounts, NotEnvoyError, read_clusters

ENDPOINT = EndpointCounts("httproute/default/app/rule/0", "127.0.0.1:3999", "", 0, 0, "")
ENDLESS = '{"cluster_statuses": [{"name": "c", "host_statuses": [{"stats": [{"name": "rq_total", "value": 1e999}]}]}]}'
HUGE = ENDLESS.replace("1e999", "9" * 4000)
Look = tuple[int, int]
"""Failures, and requests that got onto a connection."""


def host(address: dict[str, Any], stats: dict[str, str], **health: object) -> dict[str, Any]:
    """Return an endpoint as Envoy shows it."""
    told = [{"name": name, "value": value} for name, value in stats.items()]
    return {"address": address, "stats": [*told, {"name": "rq_error"}], "health_status": health}


def page(*hosts: dict[str, Any]) -> bytes:
    """Return Envoy's page with one cluster."""
    return json.dumps({"cluster_statuses": [{"name": "c", "host_statuses": list(hosts)}]}).encode()


def after(*looks: Look) -> EndpointState:
    """Return the state after looks at 1 s, 2 s and so on."""
    states: States = {}
    for time_s, (failures, requests) in enumerate(looks, 1):
        states = looked(states, [replace(ENDPOINT, failures=failures, requests=requests)], time_s)
    (state,) = states.values()
    return state


def test_page() -> None:
    """Addresses of every form, counters as strings, and what is zero left out."""
    socket = {"socket_address": {"address": "::1", "port_value": 80}}
    pipe = {"pipe": {"path": "/run/app.sock"}}
    found = read_clusters(
        page(host(socket, {"cx_connect_fail": "3", "rq_total": "2"}), host(pipe, {}, failed_active_health_check=True))
    )
    assert found == (
        EndpointCounts("c", "[::1]:80", "", 3, 2, ""),
        EndpointCounts("c", "unix:/run/app.sock", "", 0, 0, "it failed its health checks"),
    )
    assert read_clusters(b"{}") == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": 1}', '{"cluster_statuses": [1]}', "[" * 100_000, "\xff", ENDLESS, HUGE]
)
def test_what_is_no_page(text: str) -> None:
    """It is refused, whatever it is."""
    with pytest.raises(NotEnvoyError):
        read_clusters(text.encode("latin-1"))


def test_long_names_are_cut() -> None:
    """What an Envoy says is as long as we choose."""
    long = {"socket_address": {"address": "a" * 10_000, "port_value": 1}}
    assert len(read_clusters(page(host(long, {})))[0].address) < 400


@pytest.mark.parametrize(
    ("looks", "since_s", "failures", "is_older"),
    [
        pytest.param([(0, 0)], None, 0, False, id="nobody asked"),
        pytest.param([(0, 0), (2, 0), (5, 0)], 2, 5, False, id="it never could"),
        pytest.param([(0, 9), (2, 9), (2, 9)], 2, 2, False, id="it cannot any more"),
        pytest.param([(3, 9), (4, 9)], 2, 1, False, id="what failed long ago is not counted"),
        pytest.param([(3, 9)], None, 0, False, id="it may have failed long ago"),
        pytest.param([(3, 0), (4, 0)], 1, 4, True, id="it failed before the first look"),
        pytest.param([(0, 0), (2, 0), (2, 1)], None, 0, False, id="one request got through"),
        pytest.param([(0, 0), (2, 0), (3, 1)], None, 0, False, id="one got through, another failed"),
        pytest.param([(0, 9), (5, 9), (1, 0)], 3, 1, True, id="the Envoy started anew"),
        pytest.param([(0, 9), (5, 9), (0, 0)], None, 0, False, id="the Envoy started anew, and nobody asked"),
    ],
)
def test_since_when(looks: list[Look], since_s: int | None, failures: int, is_older: bool) -> None:
    """Counters tell it, look by look."""
    state = after(*looks)
    assert (state.failing_since_s, state.is_older) == (since_s, is_older)
    assert since_s is None or state.failures == failures


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_failing_means_failures_without_success(growth: list[Look]) -> None:
    """Whatever comes: what is failing has failed, and nothing has got through since."""
    looks, total = [], (0, 0)
    for failures, requests in growth:
        total = (total[0] + failures, total[1] + requests)
        looks.append(total)
    state = after(*looks)
    if state.failing_since_s is not None:
        since = round(state.failing_since_s)
        assert state.failures > 0
        assert all(requests == 0 for _, requests in growth[since - 1 :])
        assert since <= state.last_failure_s <= len(looks)


def test_what_is_not_listed_is_forgotten() -> None:
    """There is never more than the last page had."""
    assert looked({("c", "a", ""): EndpointState(ENDPOINT)}, [], 1) == {}


def test_no_envoy_is_asked() -> None:
    """Nothing is known, which is said; nor is it of clusters that are not served."""
    assert reach((), {}, lambda _: None)["unknown"] == NOT_ASKED
    view = EnvoyView("127.0.0.1:19000", looked({}, [replace(ENDPOINT, failures=3)], 1))
    assert reach((view,), {}, lambda _: None)["faults"] == []
