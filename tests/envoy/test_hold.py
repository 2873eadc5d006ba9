"""`onFailure: hold` over a restart, and for no longer than it may."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.shop import ONE, TWO, Shop, manager
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy

Start = Callable[..., Daemon]
Restart = Callable[[Daemon], None]


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
def state_dir(workspace: Workspace) -> Path:
    """Where states are kept."""
    return workspace.root / "state"


@pytest.fixture
def accepted(shop: Shop, extension: ExtensionHandle, make_daemon: Start, start_envoy: StartEnvoy) -> Start:
    """Runs a daemon that holds, until a state is accepted and kept; it and its Envoy have ended then."""

    def run_once(end: signal.Signals = signal.SIGTERM, state_dir: str | None = "state", **more: str) -> Daemon:
        daemon = make_daemon(extensionManagers=[manager(extension, "hold", **more)], stateDir=state_dir)
        daemon.start()
        envoy = start_envoy(daemon)
        both_say(shop, "old")
        if state_dir is not None:
            wait_for(lambda: list(daemon.settings_path.parent.glob("state/*.state")), "the state to be kept")
        envoy.kill()
        daemon.signal(end)
        daemon.wait()
        return daemon

    return run_once


@pytest.fixture
def restart(start_envoy: StartEnvoy) -> Restart:
    """Starts the daemon again, and an Envoy that knows nothing."""

    def start_both(daemon: Daemon) -> None:
        daemon.start()
        start_envoy(daemon, node_id="envoy-2")

    return start_both


def both_say(shop: Shop, content: str) -> None:
    """Wait until both domains answer with their content, as the extension has it."""
    for host in (ONE, TWO):
        wait_for(shop.says(host, content, through_extension=True), f"{host} to say {content}")


def both_deny(shop: Shop) -> None:
    """Wait until both domains answer 500."""
    for host in (ONE, TWO):
        wait_for(shop.denies(host), f"{host} to be denied")


def edit_both(shop: Shop, content: str) -> None:
    """Change both domains."""
    for host in (ONE, TWO):
        shop.edit(host, content)


def reason(daemon: Daemon) -> str:
    """Return what the Gateway's status says of its hooks."""
    (gateway,) = daemon.api("objects", kind="Gateway")["items"]
    found = {condition["type"]: condition["reason"] for condition in gateway["status"]["conditions"]}
    return str(found["egxds.io/HooksAccepted"])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_accepted_state_is_served_by_another_process_to_another_envoy(
    shop: Shop, extension: ExtensionHandle, accepted: Start, restart: Restart, end: signal.Signals
) -> None:
    """With the extension down and the routes changed, a new daemon and a new Envoy serve what was accepted, whole."""
    daemon = accepted(end)
    extension.set_mode("refuse")
    edit_both(shop, "new")
    restart(daemon)
    both_say(shop, "old")
    wait_for(lambda: reason(daemon) == "Held", "the status to say so")

    extension.set_mode("ok")
    both_say(shop, "new")
    wait_for(lambda: reason(daemon) == "Accepted", "the status to follow")


def test_what_cannot_be_read_is_denied_and_not_served_by_half(
    shop: Shop, extension: ExtensionHandle, accepted: Start, restart: Restart, state_dir: Path
) -> None:
    """A damaged file is an error in the log; without a state to hold, traffic is denied until the extension is back."""
    daemon = accepted()
    for path in state_dir.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    extension.set_mode("refuse")
    restart(daemon)
    both_deny(shop)
    assert [line["level"] for line in daemon.events("hook.state_ignored")] == ["error"]
    extension.set_mode("ok")
    both_say(shop, "old")


def test_without_a_directory_a_restart_forgets(
    shop: Shop, extension: ExtensionHandle, accepted: Start, restart: Restart
) -> None:
    """Then `hold` is `deny`, as at the first start."""
    daemon = accepted(state_dir=None)
    extension.set_mode("refuse")
    restart(daemon)
    both_deny(shop)
    extension.set_mode("ok")
    both_say(shop, "old")


def test_what_was_held_for_long_enough_is_denied(
    shop: Shop, extension: ExtensionHandle, accepted: Start, restart: Restart
) -> None:
    """First the accepted state, then 500 with no file touched, and all of it right when the extension is back."""
    daemon = accepted(holdFor="8s")
    restart(daemon)
    both_say(shop, "old")
    extension.set_mode("refuse")
    edit_both(shop, "new")
    wait_for(lambda: reason(daemon) == "Held", "the Gateway to be held")
    both_say(shop, "old")
    both_deny(shop)
    wait_for(lambda: reason(daemon) == "Denied", "the status to follow")
    wait_for(lambda: daemon.events("hook.hold_expired"), "the log to have it")

    extension.set_mode("ok")
    both_say(shop, "new")


def test_a_restart_does_not_start_the_time_over(
    shop: Shop, extension: ExtensionHandle, accepted: Start, restart: Restart
) -> None:
    """A daemon that comes up after the time has run out denies at once."""
    daemon = accepted(holdFor="1s")
    extension.set_mode("refuse")
    daemon.start()
    wait_for(lambda: reason(daemon) == "Denied", "the time to run out")
    daemon.stop()
    before = len(daemon.events("hook.hold_expired"))
    restart(daemon)
    both_deny(shop)
    # Lines of the log are written behind the way to Envoy.
    wait_for(lambda: daemon.events("snapshot.published")[-1]["outcome"] == "denied", "the log to have it")
    assert len(daemon.events("hook.hold_expired")) == before
    extension.set_mode("ok")
    both_say(shop, "old")
