"""Fixtures of the tests against a real Envoy."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from egxds.app.client_tls import XdsConnection
from tests.envoy.backend import EchoBackend
from tests.envoy.control_plane import ControlPlane
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import ALONE, EnvoyProcess
from tests.envoy.site import Site
from tests.envoy.workspace import Workspace


class RunEnvoy(Protocol):
    """Starts an Envoy from a bootstrap."""

    def __call__(self, bootstrap: Mapping[str, Any], options: Sequence[str] = ...) -> EnvoyProcess: ...


class StartEnvoy(Protocol):
    """Starts an Envoy that talks to a daemon, and waits until it is ready unless told not to."""

    def __call__(
        self,
        daemon: Daemon,
        selector: str = ...,
        node_id: str = ...,
        *,
        connection: XdsConnection | None = ...,
        wait: bool = ...,
    ) -> EnvoyProcess: ...


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Let child processes hear SIGINT, also where the tests run in the background of a shell that ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty watched directory."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def backend() -> Iterator[EchoBackend]:
    """A backend called `echo`."""
    with EchoBackend() as running:
        yield running


@pytest.fixture
def make_daemon(workspace: Workspace) -> Iterator[Callable[..., Daemon]]:
    """Describes daemons over the workspace, with the settings given; ends what still runs."""
    made: list[Daemon] = []

    def make(**settings: Any) -> Daemon:
        made.append(Daemon(workspace, settings))
        return made[-1]

    yield make
    for daemon in made:
        daemon.discard()


@pytest.fixture
def control_plane() -> Iterator[ControlPlane]:
    """A server without the daemon, running."""
    with ControlPlane() as running:
        yield running


@pytest.fixture
def site(workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon]) -> Site:
    """A host that is served, without an Envoy yet."""
    # Its edits give everything new names, and wait until the old ones are gone.
    files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
    return Site(workspace, backend, make_daemon(sources={"files": files}))


@pytest.fixture
def run_envoy(envoy_binary: Path, tmp_path: Path) -> Iterator[RunEnvoy]:
    """Starts Envoys from a bootstrap, without waiting; ends what still runs."""
    started: list[EnvoyProcess] = []

    def run(bootstrap: Mapping[str, Any], options: Sequence[str] = ALONE) -> EnvoyProcess:
        envoy = EnvoyProcess(envoy_binary, bootstrap, tmp_path / f"envoy-{len(started)}")
        started.append(envoy)
        envoy.start(options)
        return envoy

    yield run
    for envoy in started:
        envoy.discard()


@pytest.fixture
def start_envoy(run_envoy: RunEnvoy) -> StartEnvoy:
    """Starts Envoys of a daemon; ends what still runs."""

    def start(
        daemon: Daemon,
        selector: str = "default/web",
        node_id: str = "envoy-1",
        *,
        connection: XdsConnection | None = None,
        wait: bool = True,
    ) -> EnvoyProcess:
        envoy = run_envoy(daemon.bootstrap(selector, node_id, connection))
        if wait:
            envoy.wait_ready()
        return envoy

    return start
