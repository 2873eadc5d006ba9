"""Envoy asks once for what a cluster or a listener needs: a parent that changes gets it again, and nobody waits.

Parents here wait for their children without a limit, so one whose children are not sent again never serves.
"""

from __future__ import annotations

from typing import Any

import pytest

from egxds.resources.resource import Resource
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import RunEnvoy
from tests.envoy.control_plane import ControlPlane, plain_bootstrap
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.resources import FOR_EVER, certificate, cluster, endpoints, listener, route, tls_listener
from tests.envoy.silent_server import SilentServer
from tests.envoy.waiting import wait_for
from tests.ports import free_port

pytestmark = pytest.mark.envoy

AUTHORITY = Authority()
HOST = "one.test"
CERTIFICATE = certificate("s", AUTHORITY.issue(HOST))


@pytest.fixture
def port() -> int:
    """Where the Envoy listens."""
    return free_port()


@pytest.fixture
def http(port: int, backend: EchoBackend) -> tuple[Resource, ...]:
    """A listener, its route, and the endpoints of the cluster `a` that the route leads to."""
    return listener("l", port, "r"), route("r", "a"), endpoints("a", backend.port)


@pytest.fixture
def https(backend: EchoBackend) -> tuple[Resource, ...]:
    """All that a listener for HTTPS needs."""
    return CERTIFICATE, route("r", "a"), cluster("a"), endpoints("a", backend.port)


def clusters(envoy: EnvoyProcess, state: str = "active") -> dict[str, str]:
    """Return cluster name → its connect timeout, of those that are active, or warming."""
    (dump,) = envoy.config_dump("ClustersConfigDump")
    found = [entry["cluster"] for entry in dump.get(f"dynamic_{state}_clusters", [])]
    return {entry["name"]: entry["connect_timeout"] for entry in found}


def secret_limits(envoy: EnvoyProcess, state: str = "active") -> list[str]:
    """Return how long the listeners that are active, or warming, are to wait for their certificates."""
    (dump,) = envoy.config_dump("ListenersConfigDump")
    states: list[dict[str, Any]] = [
        one[f"{state}_state"] for one in dump["dynamic_listeners"] if f"{state}_state" in one
    ]
    sockets = [chain["transport_socket"] for one in states for chain in one["listener"]["filter_chains"]]
    contexts = [socket["typed_config"]["common_tls_context"] for socket in sockets]
    secrets = [secret for one in contexts for secret in one["tls_certificate_sds_secret_configs"]]
    return [secret["sds_config"]["initial_fetch_timeout"] for secret in secrets]


@pytest.mark.rule(84)
def test_changed_cluster_gets_its_endpoints(
    control_plane: ControlPlane, run_envoy: RunEnvoy, http: tuple[Resource, ...], port: int
) -> None:
    """A cluster changes, its endpoints do not: the change is live, and no request fails."""
    control_plane.publish(cluster("a"), *http)
    envoy = run_envoy(plain_bootstrap(control_plane.port))
    envoy.wait_ready()
    with SteadyClient(port, HOST) as client:
        control_plane.publish(cluster("a", connect_timeout_s=6), *http)
        wait_for(lambda: clusters(envoy) == {"a": "6s"}, "the changed cluster to be live")
        client.wait_for_more()
    assert client.failures == []


@pytest.mark.rule(84)
def test_second_cluster_gets_the_endpoints_of_the_first(
    control_plane: ControlPlane, run_envoy: RunEnvoy, http: tuple[Resource, ...], port: int
) -> None:
    """Endpoints that Envoy watches for one cluster are sent again for another, and traffic moves without a loss."""
    control_plane.publish(cluster("a"), *http)
    envoy = run_envoy(plain_bootstrap(control_plane.port))
    envoy.wait_ready()
    way_in, _, watched = http
    with SteadyClient(port, HOST) as client:
        client.wait_for_more()
        control_plane.publish(way_in, route("r", "b"), cluster("b", service="a"), watched)
        wait_for(lambda: clusters(envoy).keys() == {"b"}, "the second cluster to have taken over")
        client.wait_for_more()
    assert client.failures == []


@pytest.mark.rule(84)
def test_listener_whose_secret_is_fetched_in_another_way_gets_it(
    control_plane: ControlPlane, run_envoy: RunEnvoy, https: tuple[Resource, ...], port: int
) -> None:
    """To Envoy that is another secret, which it does not ask for: it is sent, and handshakes go on."""
    control_plane.publish(tls_listener("l", port, "r", "s", "15s"), *https)
    envoy = run_envoy(plain_bootstrap(control_plane.port))
    envoy.wait_ready()
    assert http_get(port, HOST, ca=AUTHORITY.cert).status == 200

    control_plane.publish(tls_listener("l", port, "r", "s", FOR_EVER), *https)
    wait_for(lambda: secret_limits(envoy) == [FOR_EVER], "the changed listener to be live")
    assert http_get(port, HOST, ca=AUTHORITY.cert).status == 200


@pytest.mark.rule(62, 63)
def test_restart_while_a_cluster_warms(run_envoy: RunEnvoy, http: tuple[Resource, ...], port: int) -> None:
    """Envoy asks the new server for endpoints first, with the version it has, and for clusters once it has them."""
    changed = cluster("a", connect_timeout_s=6)
    with SilentServer(cluster("a"), *http) as before:
        envoy = run_envoy(plain_bootstrap(before.port))
        envoy.wait_ready()
        before.send(changed)
        wait_for(lambda: clusters(envoy, "warming") == {"a": "6s"}, "the changed cluster to warm")

    with ControlPlane(before.port) as after, SteadyClient(port, HOST) as client:
        after.publish(changed, *http)
        wait_for(lambda: clusters(envoy) == {"a": "6s"}, "the changed cluster to be live")
        wait_for(after.is_settled, "the Envoy to have taken everything")
        assert after.asked() == ["endpoint", "listener", "route", "cluster"]
        client.wait_for_more()
    assert client.failures == []


@pytest.mark.rule(63)
def test_restart_while_envoy_starts(
    run_envoy: RunEnvoy, backend: EchoBackend, http: tuple[Resource, ...], port: int
) -> None:
    """In its first round Envoy asks for clusters first, warming or not, so the order does not tell whether it waits."""
    changed, late = cluster("a", connect_timeout_s=6), cluster("late")
    with SilentServer(cluster("a"), late, *http) as before:
        envoy = run_envoy(plain_bootstrap(before.port))
        wait_for(lambda: clusters(envoy) == {"a": "5s"}, "the cluster to be live")
        before.send(changed)
        wait_for(lambda: clusters(envoy, "warming").keys() == {"a", "late"}, "both clusters to warm")

    with ControlPlane(before.port) as after:
        after.publish(changed, late, endpoints("late", backend.port), *http)
        envoy.wait_ready()
        assert after.asked()[:2] == ["cluster", "endpoint"]
        assert http_get(port, HOST).status == 200


@pytest.mark.rule(63)
def test_restart_while_a_listener_warms(run_envoy: RunEnvoy, https: tuple[Resource, ...], port: int) -> None:
    """A listener that waits for its certificate gets it from the new server, whatever version Envoy reports."""
    changed = tls_listener("l", port, "r", "s", FOR_EVER)
    with SilentServer(tls_listener("l", port, "r", "s", "15s"), *https) as before:
        envoy = run_envoy(plain_bootstrap(before.port))
        envoy.wait_ready()
        before.send(changed)
        wait_for(lambda: secret_limits(envoy, "warming") == [FOR_EVER], "the changed listener to warm")

    with ControlPlane(before.port) as after:
        after.publish(changed, *https)
        wait_for(lambda: secret_limits(envoy) == [FOR_EVER], "the changed listener to be live")
        assert http_get(port, HOST, ca=AUTHORITY.cert).status == 200
