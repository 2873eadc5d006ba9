"""The order of filters that an EnvoyProxy asks for, by what it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_proxies import proxied_class
from tests.envoy.test_security_policy import ANN, GATEWAY, security_policy, users
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

PREFLIGHT = {"origin": "https://shop.example", "access-control-request-method": "GET"}
BACK = {"name": "envoy.filters.http.cors", "after": "envoy.filters.http.basic_auth"}
FORTH = {"name": "envoy.filters.http.cors", "before": "envoy.filters.http.basic_auth"}


def test_who_answers_first(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """A browser that asks what it may send is answered before anybody asks for a login, or is asked for one."""
    port = free_port()
    policy = {"basicAuth": {"users": {"name": "users"}}, "cors": {"allowOrigins": [PREFLIGHT["origin"]]}}
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("a.yaml", manifests.http_route("a", "a.test", "echo"))
    workspace.write("policy.yaml", security_policy("shop", GATEWAY, **policy) + users(ann="sesame"))
    workspace.write("class.yaml", proxied_class())
    daemon = make_daemon()
    daemon.start()
    start_envoy(daemon)

    def preflight() -> int:
        return http_get(port, "a.test", headers=PREFLIGHT, method="OPTIONS").status

    wait_for(lambda: preflight() == 200, "the usual order: cors answers")
    workspace.write("class.yaml", proxied_class(filterOrder=[BACK]))
    wait_for(lambda: preflight() == 401, "the login to be asked for first")
    assert http_get(port, "a.test", headers=ANN).status == 200
    workspace.write("class.yaml", proxied_class(filterOrder=[BACK, FORTH]))
    wait_for(lambda: preflight() == 200, "the usual order in the place of one that contradicts itself")
    assert http_get(port, "a.test").status == 401
