"""Who among several endpoints is asked, as a BackendTrafficPolicy says it, on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.balanced import GATEWAY, Balanced, backend_policy, start_balanced
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.traffic_backend import TrafficBackend
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace

pytestmark = pytest.mark.envoy

NAMES = ("one", "two", "three")


@pytest.fixture
def backends() -> Iterator[list[EchoBackend]]:
    """Three of them."""
    with EchoBackend(NAMES[0]) as one, EchoBackend(NAMES[1]) as two, EchoBackend(NAMES[2]) as three:
        yield [one, two, three]


@pytest.fixture
def shop(
    workspace: Workspace,
    backends: list[EchoBackend],
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Balanced:
    """A shop without any policy."""
    return start_balanced(workspace, make_daemon, start_envoy, *(each.port for each in backends))


def test_one_after_the_other(shop: Balanced) -> None:
    """As many requests for each, but for what several threads of Envoy do by themselves."""
    shop.policy(loadBalancer={"type": "RoundRobin", "slowStart": {"window": "1s"}})
    found = shop.answered_by(60)
    assert all(15 <= found[name] <= 25 for name in NAMES), found


@pytest.mark.parametrize("kind", ["Random", "LeastRequest"])
def test_each_gets_some(shop: Balanced, kind: str) -> None:
    """Whichever it is."""
    shop.policy(loadBalancer={"type": kind, **({"slowStart": {"window": "1s"}} if kind == "LeastRequest" else {})})
    assert shop.answered_by(120).keys() == {*NAMES}


_Request = Callable[[str], tuple[str, dict[str, str]]]

HASHED: dict[str, tuple[dict[str, Any], _Request]] = {
    "a header": ({"type": "Header", "header": {"name": "x-user"}}, lambda user: ("/", {"x-user": user})),
    "one of several headers": (
        {"type": "Headers", "headers": [{"name": "x-user"}, {"name": "x-tenant"}]},
        lambda user: ("/", {"x-user": user, "x-tenant": "t"}),
    ),
    "a cookie": ({"type": "Cookie", "cookie": {"name": "user"}}, lambda user: ("/", {"cookie": f"user={user}"})),
    "a parameter": ({"type": "QueryParams", "queryParams": [{"name": "user"}]}, lambda user: (f"/?user={user}", {})),
}


@pytest.mark.parametrize("case", HASHED)
def test_what_is_alike_goes_to_one_endpoint(shop: Balanced, case: str) -> None:
    """And what is not to several."""
    spec, request = HASHED[case]
    shop.policy(loadBalancer={"type": "ConsistentHash", "consistentHash": {**spec, "tableSize": 1009}})
    found = {user: shop.answered_by(5, *request(str(user))) for user in range(20)}
    assert all(len(each) == 1 for each in found.values()), found
    assert {name for each in found.values() for name in each} == {*NAMES}


def test_a_client_goes_to_one_endpoint(shop: Balanced) -> None:
    """Whatever it asks for."""
    shop.policy(loadBalancer={"type": "ConsistentHash", "consistentHash": {"type": "SourceIP"}})
    assert len(shop.answered_by(20)) == 1


def test_a_client_without_the_cookie_gets_one(shop: Balanced) -> None:
    """By which it comes to the same endpoint again."""
    cookie = {"name": "seat", "ttl": "60s", "attributes": {"SameSite": "Strict"}}
    shop.policy(loadBalancer={"type": "ConsistentHash", "consistentHash": {"type": "Cookie", "cookie": cookie}})
    first = shop.ask()
    given = first.headers["set-cookie"]
    assert "Max-Age=60" in given
    assert "SameSite=Strict" in given
    assert shop.answered_by(10, headers={"cookie": given.partition(";")[0]}) == {first.json["backend"]: 10}


def test_a_request_may_say_where_it_goes(shop: Balanced, backends: list[EchoBackend]) -> None:
    """And goes as others do where nobody is there."""
    shop.policy(
        loadBalancer={"type": "RoundRobin", "endpointOverride": {"extractFrom": [{"header": "x-to"}]}},
    )
    assert shop.answered_by(10, headers={"x-to": f"127.0.0.1:{backends[1].port}"}) == {"two": 10}
    assert shop.answered_by(30, headers={"x-to": "127.0.0.1:1"}).keys() == {*NAMES}


def test_endpoints_that_say_nothing_of_their_load_get_as_much(shop: Balanced) -> None:
    """They are asked one after the other."""
    shop.policy(loadBalancer={"type": "BackendUtilization", "backendUtilization": {"blackoutPeriod": "1s"}})
    assert shop.answered_by(60).keys() == {*NAMES}


def test_an_endpoint_that_has_much_to_do_gets_less(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """By what it says with its answers, which clients see only where they are to."""
    busy, idle = "rps_fractional=10,cpu_utilization=0.9", "rps_fractional=10,cpu_utilization=0.1"
    with TrafficBackend(busy) as one, TrafficBackend(idle) as two:
        shop = start_balanced(workspace, make_daemon, start_envoy, one.port, two.port)
        assert "endpoint-load-metrics" in shop.ask().headers
        soon = {"blackoutPeriod": "1ms", "weightUpdatePeriod": "100ms"}
        shop.policy(loadBalancer={"type": "BackendUtilization", "backendUtilization": soon})

        def told() -> bool:
            one.seen.clear()
            two.seen.clear()
            hidden = [shop.ask() for _ in range(40)]
            assert not any("endpoint-load-metrics" in each.headers for each in hidden[-5:])
            return len(two.seen) > 3 * len(one.seen)

        wait_for(told, "the idle one to get more")
        shown = {**soon, "keepResponseHeaders": True}
        shop.workspace.write(
            "policy.yaml",
            backend_policy(
                "backends", GATEWAY, loadBalancer={"type": "BackendUtilization", "backendUtilization": shown}
            ),
        )
        wait_for(lambda: "endpoint-load-metrics" in shop.ask().headers, "the report to be shown")
