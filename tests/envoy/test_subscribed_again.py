"""A real Envoy drops its RDS names and takes them back: what did not change is sent again all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.shop import ONE, TWO, Shop, manager, versions
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.mark.rule(31, 33)
def test_a_route_that_did_not_change_is_sent_again_when_a_listener_takes_it_back(
    workspace: Workspace,
    backend: EchoBackend,
    extension: ExtensionHandle,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> None:
    """An extension puts inline routes into the listeners; Envoy unsubscribes; when it stops, both domains serve."""
    shop = Shop(workspace, backend)
    hooks = {"xdsTranslator": {"post": ["HTTPListener"]}}
    daemon = make_daemon(extensionManagers=[manager(extension, "deny", hooks=hooks)])
    daemon.start()
    start_envoy(daemon)
    for host in (ONE, TWO):
        wait_for(shop.says(host, "old", through_extension=False), f"{host} to be served")
    route_two = versions(daemon, "route")["default/web/two"]
    assert subscribed_routes(daemon) == 2

    extension.start_over()
    extension.set_mode("inline", hook="HTTPListener")
    shop.edit(ONE, "new")
    for host in (ONE, TWO):
        wait_for(shop.denies(host), f"{host} to answer from the inline routes")
    wait_for(lambda: subscribed_routes(daemon) == 0, "Envoy to drop its routes with the drained listeners")

    extension.start_over()
    shop.edit(ONE, "newest")
    wait_for(shop.says(ONE, "newest", through_extension=False), f"{ONE} to be back")
    wait_for(shop.says(TWO, "old", through_extension=False), f"{TWO} to be back")
    assert versions(daemon, "route")["default/web/two"] == route_two


def subscribed_routes(daemon: Daemon) -> int:
    """Return how many RouteConfigurations the Envoy is subscribed to."""
    (client,) = daemon.api("clients")["items"]
    types: list[dict[str, Any]] = client["types"]
    return sum(found["subscribed"] for found in types if found["type"] == "route")
