"""An extension fails: what takes connections as a whole is closed, and comes back by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.shop import manager
from tests.envoy.stream_backends import Stream
from tests.envoy.stream_port import MAIL, THERE, Port, backends
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.fixture
def port(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], tmp_path: Path
) -> Iterator[Port]:
    """Not served yet."""
    with backends(backend, tmp_path) as found:
        yield Port(workspace, make_daemon(), found)


def start(port: Port, start_envoy: StartEnvoy, extension: ExtensionHandle, hook: str) -> None:
    """Serve it with a hook that denies where it fails."""
    hooks = {"post": [hook], "translation": {"listener": {"includeAll": True}, "route": {"includeAll": True}}}
    port.daemon.settings["extensionManagers"] = [manager(extension, "deny", hooks={"xdsTranslator": hooks})]
    port.daemon.write_settings()
    port.daemon.start()
    start_envoy(port.daemon)


def are_closed(port: Port) -> bool:
    """Tell whether nobody is reached, and pages answer 500."""
    return not any((port.mail(), port.database(), port.tcp(), port.udp())) and port.pages() == 500


@pytest.mark.parametrize("hook", ["HTTPListener", "Translation", "Endpoints"])
def test_what_a_hook_fails_on_from_the_start_is_closed(
    port: Port, start_envoy: StartEnvoy, extension: ExtensionHandle, hook: str
) -> None:
    """Nothing is let through that the hook would have decided on; when it is back, everything serves by itself."""
    extension.set_mode("refuse")
    start(port, start_envoy, extension, hook)
    wait_for(lambda: are_closed(port), "all to be denied")
    extension.set_mode("ok")
    port.wait_served()
    assert not port.daemon.events("session.nack")


@pytest.mark.parametrize("hook", ["HTTPListener", "Translation"])
def test_what_served_before_is_closed_too(
    port: Port, start_envoy: StartEnvoy, extension: ExtensionHandle, hook: str
) -> None:
    """The hook is asked again because a route changed, and fails; the versions of before are those that are closed."""
    start(port, start_envoy, extension, hook)
    port.wait_served()
    kept = Stream(port.tls, MAIL, THERE.cert)
    extension.set_mode("refuse")
    port.route("TLSRoute", "extra", {"secure": 1}, ["extra.shop.test"])
    port.route("TCPRoute", "tcp", {"one": 1, "gone": 1}, section="tcp")
    port.route("UDPRoute", "udp", {"first": 1, "gone": 1}, section="udp")
    wait_for(lambda: are_closed(port), "all to be denied")
    wait_for(lambda: not kept.echoes(), "connections of before to be drained")
    kept.close()
    for kind, name, good in (("TCPRoute", "tcp", "one"), ("UDPRoute", "udp", "first")):
        port.route(kind, name, {good: 1}, section=name)
    extension.set_mode("ok")
    port.wait_served()
    assert not port.daemon.events("session.nack")


def test_a_hook_on_virtual_hosts_closes_no_streams(
    port: Port, start_envoy: StartEnvoy, extension: ExtensionHandle
) -> None:
    """They have none: pages are denied, and nothing beside them."""
    extension.set_mode("refuse")
    start(port, start_envoy, extension, "VirtualHost")
    wait_for(lambda: port.pages() == 500, "pages to be denied")
    assert (port.mail(), port.database(), port.tcp(), port.udp()) == ("secure", "one", "one", "first")
