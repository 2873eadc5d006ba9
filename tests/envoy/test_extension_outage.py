"""An extension fails and comes back: what traffic sees under each policy, and that all of it comes back by itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy import reopening_hooks
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.shop import ONE, TWO, Shop, manager, versions, virtual_host_names
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy

OUTAGES = ("unavailable", "refuse", "hang", "garbage")
POLICIES = ("deny", "hold", "bypass")


@pytest.fixture
def extension() -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start() as running:
        yield running


@pytest.fixture
def shop(workspace: Workspace, backend: EchoBackend) -> Shop:
    """Two domains behind one HTTPS port."""
    return Shop(workspace, backend)


@pytest.fixture
def start(
    shop: Shop, extension: ExtensionHandle, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Callable[[str], Daemon]:
    """Starts a daemon whose extension has the given policy, and an Envoy."""

    def start_both(policy: str) -> Daemon:
        daemon = make_daemon(extensionManagers=[manager(extension, policy)])
        daemon.start()
        start_envoy(daemon)
        return daemon

    return start_both


def both_say(shop: Shop, one: str, two: str) -> None:
    """Wait until both domains answer 200 with their content, and as the extension has it."""
    wait_for(shop.says(ONE, one, through_extension=True), f"{ONE} to say {one}")
    wait_for(shop.says(TWO, two, through_extension=True), f"{TWO} to say {two}")


@pytest.mark.parametrize("outage", OUTAGES)
def test_deny_answers_500_from_the_same_routes_and_everything_comes_back(
    shop: Shop, extension: ExtensionHandle, start: Callable[[str], Daemon], outage: str
) -> None:
    """Both domains answer 500 while the extension fails, and 200 when it is back; only route 1 was ever touched."""
    daemon = start("deny")
    both_say(shop, "old", "old")
    listeners, routes = versions(daemon, "listener"), versions(daemon, "route")

    extension.set_mode(outage)
    shop.edit(ONE, "new")
    wait_for(shop.denies(ONE), f"{ONE} to be denied")
    wait_for(shop.denies(TWO), f"{TWO} to be denied")
    assert set(virtual_host_names(daemon)) == set(routes)
    assert all(hosts == ["error_vhost"] for hosts in virtual_host_names(daemon).values())
    assert versions(daemon, "listener") == listeners

    extension.set_mode("ok")
    both_say(shop, "new", "old")
    assert versions(daemon, "listener") == listeners
    assert versions(daemon, "route")["default/web/two"] == routes["default/web/two"]
    assert daemon.events("session.nack") == []


def test_what_is_denied_is_not_served_by_the_next_extension_of_the_chain(
    shop: Shop, extension: ExtensionHandle, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """The next one answers properly, and would serve in place of the denied virtual hosts: both domains answer 500."""
    service = {"python": "reopening_hooks:Repairing", "path": [str(Path(reopening_hooks.__file__).parent)]}
    hooks = {"post": ["Translation"], "translation": {"route": {"includeAll": True}}}
    repairing = {"name": "repairing", "service": service, "hooks": {"xdsTranslator": hooks}}
    extension.set_mode("refuse")
    failing = manager(extension, "deny", hooks={"xdsTranslator": {"post": ["VirtualHost"]}})
    daemon = make_daemon(extensionManagers=[failing, repairing])
    daemon.start()
    start_envoy(daemon)
    for host in (ONE, TWO):
        wait_for(shop.denies(host), f"{host} to be denied")

    extension.set_mode("ok")
    both_say(shop, "old", "old")


@pytest.mark.parametrize("outage", OUTAGES)
def test_hold_keeps_the_last_accepted_state_and_then_publishes_the_new_one(
    shop: Shop, extension: ExtensionHandle, start: Callable[[str], Daemon], outage: str
) -> None:
    """Both domains answer 200 with their old content while the extension fails; then route 1 with its new one."""
    daemon = start("hold")
    both_say(shop, "old", "old")

    extension.set_mode(outage)
    shop.edit(ONE, "new")
    wait_for(lambda: "failing" in _hook_states(daemon), "the failure to be noticed")
    wait_for(lambda: _gateway_condition(daemon)["reason"] == "Held", "the Gateway to be held")
    both_say(shop, "old", "old")

    extension.set_mode("ok")
    both_say(shop, "new", "old")
    wait_for(lambda: _gateway_condition(daemon)["status"] == "True", "the status to follow")


@pytest.mark.parametrize("outage", OUTAGES)
def test_bypass_publishes_without_the_extension_and_then_with_it(
    shop: Shop, extension: ExtensionHandle, start: Callable[[str], Daemon], outage: str
) -> None:
    """The domain that is edited answers 200 without what the extension adds while it fails, then with it.

    The other one has it all the while, though everything is to be asked again.
    """
    daemon = start("bypass")
    both_say(shop, "old", "old")

    extension.set_mode(outage)
    shop.edit(ONE, "new")
    daemon.signal(signal.SIGHUP)
    wait_for(shop.says(ONE, "new", through_extension=False), f"{ONE} to be served without the extension")
    assert shop.says(TWO, "old", through_extension=True)()

    extension.set_mode("ok")
    both_say(shop, "new", "old")


def test_what_did_not_change_is_served_as_the_extension_had_it(
    shop: Shop, extension: ExtensionHandle, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """It refuses a call about one domain, and is not asked about the other: a reply holds until its input changes."""
    daemon = make_daemon(
        extensionManagers=[manager(extension, "deny", hooks={"xdsTranslator": {"post": ["VirtualHost"]}})]
    )
    daemon.start()
    start_envoy(daemon)
    both_say(shop, "old", "old")

    extension.set_mode("internal")
    shop.edit(ONE, "new")
    wait_for(shop.denies(ONE), f"{ONE} to be denied")
    assert shop.says(TWO, "old", through_extension=True)()

    extension.set_mode("ok")
    both_say(shop, "new", "old")


def test_sighup_has_everything_asked_anew(
    shop: Shop, extension: ExtensionHandle, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """For an extension whose mind changes with nothing to show for it: no file is touched, and its refusal is heard."""
    daemon = make_daemon(
        extensionManagers=[manager(extension, "deny", hooks={"xdsTranslator": {"post": ["VirtualHost"]}})]
    )
    daemon.start()
    start_envoy(daemon)
    both_say(shop, "old", "old")

    extension.set_mode("permission-denied")
    daemon.signal(signal.SIGHUP)
    for host in (ONE, TWO):
        wait_for(shop.denies(host), f"{host} to be denied")

    extension.set_mode("ok")
    daemon.signal(signal.SIGHUP)
    both_say(shop, "old", "old")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("outage", OUTAGES)
def test_an_extension_that_fails_from_the_first_start_on_is_recovered_from(
    shop: Shop, extension: ExtensionHandle, start: Callable[[str], Daemon], outage: str, policy: str
) -> None:
    """With nothing accepted yet, deny and hold answer 500 and bypass serves; all of it is right when it works."""
    extension.set_mode(outage)
    start(policy)
    for host in (ONE, TWO):
        scan = shop.says(host, "old", through_extension=False) if policy == "bypass" else shop.denies(host)
        wait_for(scan, f"{host} under {policy}")

    extension.set_mode("ok")
    both_say(shop, "old", "old")


def _hook_states(daemon: Daemon) -> set[str]:
    return {hook["state"] for hook in daemon.api("hooks")["items"]}


def _gateway_condition(daemon: Daemon) -> dict[str, str]:
    (gateway,) = daemon.api("objects", kind="Gateway")["items"]
    found: list[dict[str, str]] = gateway["status"]["conditions"]
    return next(condition for condition in found if condition["type"] == "egxds.io/HooksAccepted")
