"""Backends that fail, are slow, or come and go, and what BackendTrafficPolicies say of it, on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.envoy import manifests
from tests.envoy.balanced import GATEWAY, HOST, Balanced, backend_policy, endpoints, start_balanced
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.moody_backend import READY, SLOW, MoodyBackend
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

BOTH = {"one", "two"}


@pytest.fixture
def one() -> Iterator[MoodyBackend]:
    """A backend."""
    with MoodyBackend("one") as running:
        yield running
        running.release()


@pytest.fixture
def two() -> Iterator[MoodyBackend]:
    """Another one."""
    with MoodyBackend("two") as running:
        yield running
        running.release()


@pytest.fixture
def shop(
    workspace: Workspace,
    one: MoodyBackend,
    two: MoodyBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Balanced:
    """A shop with both, without any policy."""
    return start_balanced(workspace, make_daemon, start_envoy, one.port, two.port)


def _active(**checker: object) -> dict[str, object]:
    return {"timeout": "10s", "interval": "50ms", "unhealthyThreshold": 2, "healthyThreshold": 1, **checker}


def _asked_until(shop: Balanced, names: set[str]) -> None:
    """Wait until those answer, and nobody else."""
    wait_for(lambda: set(shop.answered_by(20)) == names, f"answers of {names}")


def test_who_says_to_be_down_is_asked_nothing(shop: Balanced, one: MoodyBackend) -> None:
    """Until it says to be up again; what it answers to others counts for nothing."""
    shop.policy(healthCheck={"active": _active(type="HTTP", http={"path": READY, "hostname": HOST})})
    _asked_until(shop, BOTH)
    one.be(ready=False)
    _asked_until(shop, {"two"})
    one.be()
    _asked_until(shop, BOTH)


def test_what_an_answer_must_hold(shop: Balanced) -> None:
    """A word, for one: only one of them says it."""
    http = {"path": READY, "expectedResponse": {"type": "Text", "text": '"backend": "two"'}}
    shop.policy(healthCheck={"active": _active(type="HTTP", http=http), "panicThreshold": 0})
    _asked_until(shop, {"two"})


def test_a_connection_may_be_enough(shop: Balanced, workspace: Workspace, two: MoodyBackend) -> None:
    """Where there is none the endpoint is down, and no request goes there."""
    workspace.write("backend.yaml", endpoints("app", two.port, free_port()))
    shop.policy(healthCheck={"active": _active(type="TCP", tcp={})})
    _asked_until(shop, {"two"})
    assert [shop.ask().status for _ in range(20)] == [200] * 20


def test_another_port_may_say_it(shop: Balanced, two: MoodyBackend) -> None:
    """Of each endpoint the same."""
    two.be(ready=False)
    asked = {"active": _active(type="HTTP", http={"path": READY}, overrides={"port": two.port}), "panicThreshold": 0}
    shop.policy(healthCheck=asked)
    wait_for(lambda: shop.ask().status == 503, "nobody to be up")


def test_in_panic_those_that_are_down_are_asked(shop: Balanced, one: MoodyBackend, two: MoodyBackend) -> None:
    """Rather than nobody, unless the policy says otherwise."""
    one.be(ready=False)
    two.be(ready=False)
    active = _active(type="HTTP", http={"path": READY})
    shop.policy(healthCheck={"active": active})
    wait_for(lambda: shop.stat("membership_healthy") == 0, "both to be down")
    assert set(shop.answered_by(20)) == BOTH
    shop.policy(healthCheck={"active": active, "panicThreshold": 0})
    wait_for(lambda: shop.ask().status == 503, "nobody to be asked")


def test_who_fails_is_left_out_for_a_while(shop: Balanced, one: MoodyBackend) -> None:
    """And is asked again then."""
    passive = {"consecutive5XxErrors": 3, "interval": "50ms", "baseEjectionTime": "1s", "maxEjectionPercent": 100}
    shop.policy(healthCheck={"passive": passive}, loadBalancer={"type": "RoundRobin"})
    one.be(up=False)
    wait_for(lambda: {shop.ask().status for _ in range(20)} == {200}, "the other one alone to be asked")
    assert shop.stat("outlier_detection.ejections_enforced_consecutive_5xx") > 0
    one.be()
    _asked_until(shop, BOTH)


def test_fallbacks_take_over_whatever_a_policy_says_of_answers(shop: Balanced, two: MoodyBackend) -> None:
    """From who cannot be connected to, at once, though no more than a tenth is to be left out for errors."""
    spare = endpoints("spare", two.port, fallback=True)
    shop.workspace.write("spare.yaml", spare)
    refs = [manifests.backend_ref("app"), manifests.backend_ref("spare")]
    shop.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "app", rules=[{"backendRefs": refs}]))
    shop.workspace.write("backend.yaml", endpoints("app", free_port(), free_port()))
    shop.policy(healthCheck={"passive": {"consecutive5XxErrors": 2, "baseEjectionTime": "20s"}})
    wait_for(lambda: {shop.ask().status for _ in range(20)} == {200}, "the fallback to answer everything")
    _asked_until(shop, {"two"})


def test_no_more_requests_than_are_allowed_are_under_way(shop: Balanced, one: MoodyBackend, two: MoodyBackend) -> None:
    """What is beyond them is answered 503 at once, and what is under way goes on."""
    shop.policy(circuitBreaker={"maxParallelRequests": 2, "maxPendingRequests": 2})
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(shop.ask, SLOW) for _ in range(2)]
        wait_for(lambda: shop.stat("upstream_rq_active") == 2, "two requests under way")
        assert shop.ask().status == 503
        one.release()
        two.release()
        assert [each.result().status for each in held] == [200, 200]
    assert shop.ask().status == 200


def test_connections_end_after_some_requests(shop: Balanced, one: MoodyBackend, two: MoodyBackend) -> None:
    """One each, for one."""
    shop.policy(circuitBreaker={"maxRequestsPerConnection": 1})
    before = one.connections + two.connections
    assert len([shop.ask() for _ in range(10)]) == 10
    assert one.connections + two.connections - before >= 10


def test_an_answer_that_takes_too_long(shop: Balanced) -> None:
    """Is answered 504 by Envoy; the backend may take as long as it likes."""
    shop.workspace.write("policy.yaml", backend_policy("b", GATEWAY, timeout={"http": {"requestTimeout": "200ms"}}))
    # Who asks before would wait for Envoy's own 15 s.
    wait_for(lambda: '"timeout": "0.200s"' in shop.envoy.admin("/config_dump").text, "the timeout")
    wait_for(lambda: shop.ask(SLOW).status == 504, "an answer in time")
    assert shop.ask().status == 200
