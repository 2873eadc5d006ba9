"""An extension says something else than before: it is asked again whenever that may be, and no request fails for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.processes import ROOT
from tests.envoy.shop import versions
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.edits import VIRTUAL_HOST_HEADER
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOSTS = ("one.test", "two.test")


class Site:
    """Some hosts that an extension puts a header on, behind a real Envoy."""

    def __init__(self, port: int, daemon: Daemon) -> None:
        self.port = port
        self.daemon = daemon

    def wait_for_word(self, word: str) -> None:
        """Wait until all hosts answer with what the extension says."""

        def all_say_it() -> bool:
            said = [http_get(self.port, host).headers.get(VIRTUAL_HOST_HEADER) for host in HOSTS]
            assert said == [word] * len(HOSTS), said
            return True

        wait_for(all_say_it, f"{word!r} from {HOSTS}")

    def states(self) -> list[dict[str, Any]]:
        """Return how the hooks are doing."""
        items: list[dict[str, Any]] = self.daemon.api("hooks")["items"]
        return items


@pytest.fixture(params=["", "--health"], ids=["without health", "with health"])
def extension(request: pytest.FixtureRequest) -> Iterator[ExtensionHandle]:
    """A working extension server."""
    with ExtensionHandle.start(None, *([request.param] if request.param else [])) as running:
        yield running


@pytest.fixture
def start(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Callable[..., Site]:
    """Starts a daemon with an extension that has the VirtualHost hook, and an Envoy."""

    def start_site(extension: ExtensionHandle, **more: Any) -> Site:
        port = free_port()
        workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        for host in HOSTS:
            workspace.write(f"{host}.yaml", manifests.http_route(host.partition(".")[0], host, "echo"))
        hooks = {"xdsTranslator": {"post": ["VirtualHost"]}}
        manager = {"name": "words", "service": extension.service, "hooks": hooks, "timeout": "2s", **more}
        daemon = make_daemon(extensionManagers=[manager])
        daemon.start()
        start_envoy(daemon)
        site = Site(port, daemon)
        site.wait_for_word("1")
        return site

    return start_site


def test_a_restarted_server_with_other_logic_is_asked(start: Callable[..., Site], extension: ExtensionHandle) -> None:
    """No file is touched and no call is pending; every request is answered, and listeners stay as they are."""
    site = start(extension)
    listeners = versions(site.daemon, "listener")
    with SteadyClient(site.port, HOSTS[0]) as client:
        client.wait_for_more()
        for word in ("2", "3"):
            extension.restart(word)
            site.wait_for_word(word)
        client.wait_for_more()
    assert client.failures == []
    assert versions(site.daemon, "listener") == listeners
    assert site.daemon.events("session.nack") == []


def test_a_restarted_server_that_says_the_same_changes_nothing(
    start: Callable[..., Site], extension: ExtensionHandle
) -> None:
    """It is asked, and nothing is published for it."""
    site = start(extension)
    published, before = site.daemon.events("snapshot.published"), versions(site.daemon, "route")
    extension.restart("1")
    wait_for(lambda: extension.calls()["VirtualHost"] == len(HOSTS), "all hosts to be asked about")
    extension.restart("2")
    site.wait_for_word("2")
    # Lines of the log are written behind the way to Envoy.
    wait_for(lambda: len(site.daemon.events("snapshot.published")) > len(published), "the log to have it")
    assert len(site.daemon.events("snapshot.published")) == len(published) + 1
    assert versions(site.daemon, "route") != before


def _ask_again(site: Site, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egxds", "hooks", "--admin", site.daemon.settings["admin"]["address"], *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def changing(tmp_path: Any) -> Iterator[ExtensionHandle]:
    """A server whose logic changes without its connection being another: it takes orders."""
    with ExtensionHandle.start() as running:
        yield running


def test_asked_again_on_request_and_on_sighup_and_by_the_clock(
    start: Callable[..., Site], changing: ExtensionHandle
) -> None:
    """The command says how many calls it took, and what came out otherwise."""
    site = start(changing)
    changing.say("2")
    done = _ask_again(site, "--ask-again", "words", "-o", "json")
    site.wait_for_word("2")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["isDone"]) == (0, True)
    assert answer["hooks"] == [{"manager": "words", "hook": "VirtualHost", "calls": 2, "failures": 0}]
    (gateway,) = answer["gateways"]
    assert (gateway["gateway"], gateway["outcome"]) == ("default/web", "accepted")
    assert [one["type"] for one in gateway["changed"]] == ["route"]

    done = _ask_again(site, "--ask-again")
    assert (done.returncode, done.stdout) == (
        0,
        "VirtualHost hook of extension words: 2 calls\nGateway default/web: accepted, nothing changed\n",
    )
    done = _ask_again(site, "--ask-again", "nobody")
    assert (done.returncode, "no extension 'nobody' is set up" in done.stderr) == (1, True)

    changing.say("3")
    site.daemon.signal(signal.SIGHUP)
    site.wait_for_word("3")


def test_asked_again_by_the_clock(start: Callable[..., Site], changing: ExtensionHandle) -> None:
    """`refresh` is for an extension whose logic changes without anything that could be seen."""
    site = start(changing, refresh="1s")
    changing.say("2")
    site.wait_for_word("2")


@pytest.mark.parametrize("policy", ["deny", "hold", "bypass"])
def test_while_it_fails_to_be_asked_again_what_it_said_is_in_force(
    start: Callable[..., Site], changing: ExtensionHandle, policy: str
) -> None:
    """Errors of a new version close nothing and open nothing, are told, and what it says then is in force by itself."""
    site = start(changing, onFailure=policy)
    published = versions(site.daemon, "route")
    with SteadyClient(site.port, HOSTS[0]) as client:
        changing.set_mode("internal")
        changing.say("2")
        site.daemon.signal(signal.SIGHUP)

        def is_told() -> bool:
            (hook,) = site.states()
            assert [each["onFailure"] for each in hook["failed"]] == ["keep"] * len(HOSTS), hook
            assert hook["state"] == "failing"
            return True

        wait_for(is_told, "the hook to be said to fail")
        assert versions(site.daemon, "route") == published
        assert _ask_again(site, "--ask-again").returncode == 1
        changing.set_mode("ok")
        site.wait_for_word("2")
    assert client.failures == []
    wait_for(lambda: site.states()[0]["state"] == "healthy", "the hook to be well")
