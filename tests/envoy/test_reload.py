"""A file changes in any of the ways files change: Envoy serves what it says, and nothing else is disturbed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.client import SteadyClient, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend, gateway, http, http_route
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.halted import halt
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
def other() -> Iterator[EchoBackend]:
    """A second backend, called `other`."""
    with EchoBackend("other") as running:
        yield running


@pytest.fixture
def stack(
    workspace: Workspace,
    backend: EchoBackend,
    other: EchoBackend,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> Stack:
    """Two backends and the hosts `a.test` and `still.test`, both served by `echo`."""
    port = free_port()
    workspace.write("gateway.yaml", gateway("web", http(port)))
    workspace.write("backends.yaml", backends(backend, other))
    workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    workspace.write("still.yaml", http_route("still", "still.test", "echo"))
    daemon = make_daemon()
    daemon.start()
    running = Stack(workspace, daemon, start_envoy(daemon), port)
    running.wait_backend("a.test", "echo")
    return running


def backends(*running: EchoBackend) -> str:
    """The Backends of servers that run."""
    return "".join(backend(one.name, one.port) for one in running)


def draft_and_rename(stack: Stack, text: str) -> None:
    """Save as editors do that write a new file and rename it over the old one."""
    stack.workspace.write("a.yaml", text)


def write_in_place(stack: Stack, text: str) -> None:
    """Save as editors do that open the file and write."""
    (stack.workspace.routes / "a.yaml").write_text(text)


def move_away_and_create(stack: Stack, text: str) -> None:
    """Save as editors do that keep the old file as a backup."""
    path = stack.workspace.routes / "a.yaml"
    path.rename(path.with_suffix(".yaml~"))
    path.write_text(text)


@pytest.mark.parametrize("save", [draft_and_rename, write_in_place, move_away_and_create])
def test_edited(stack: Stack, save: Callable[[Stack, str], None]) -> None:
    """However an editor saves, the change is served, and a neighbour loses no request."""
    with SteadyClient(stack.port, "still.test") as client:
        client.wait_for_more()
        save(stack, http_route("a", "a.test", "other"))
        stack.wait_backend("a.test", "other")
        client.wait_for_more()
    assert client.failures == []


def test_added_in_a_new_directory(stack: Stack) -> None:
    """A file in a directory that did not exist when the daemon started is served too."""
    stack.workspace.write("team/shop/b.yaml", http_route("b", "b.test", "other"))
    stack.wait_backend("b.test", "other")
    stack.workspace.write("team/shop/b.yaml", http_route("b", "b.test", "echo"))
    stack.wait_backend("b.test", "echo")


def test_renamed(stack: Stack) -> None:
    """Where a file lies changes nothing in Envoy, only where its objects are said to come from."""
    before = stack.envoy.stats("config_reload|listener_modified|cluster_modified")
    (stack.workspace.routes / "a.yaml").rename(stack.workspace.routes / "moved.yaml")

    def source() -> str:
        (item,) = stack.daemon.api("objects", kind="HTTPRoute", name="a")["items"]
        return Path(item["source"]["file"]).name

    wait_for(lambda: source() == "moved.yaml", "the route to come from the new file")
    stack.wait_backend("a.test", "echo")
    assert stack.envoy.stats("config_reload|listener_modified|cluster_modified") == before


def test_deleted(stack: Stack) -> None:
    """A deleted file takes its routes with it, and nobody else's."""
    stack.workspace.delete("a.yaml")
    stack.wait_status("a.test", 404)
    assert stack.get("still.test").status == 200


def test_split_and_merged(stack: Stack) -> None:
    """Objects may move between files: in the end each is served as before."""
    stack.workspace.write("all.yaml", http_route("a", "a.test", "other") + http_route("b", "b.test", "other"))
    stack.workspace.delete("a.yaml")
    stack.wait_backend("a.test", "other")
    stack.wait_backend("b.test", "other")


def test_burst(stack: Stack) -> None:
    """Fifty files at once are all served, in a few steps and not in fifty."""
    before = len(stack.daemon.events("snapshot.published"))
    halt(stack.daemon.pid)  # which would read some of them where they are written slowly
    for number in range(50):
        stack.workspace.write(f"burst/{number}.yaml", http_route(f"b{number}", f"b{number}.test", "other"))
    stack.daemon.signal(signal.SIGCONT)
    for number in range(50):
        stack.wait_backend(f"b{number}.test", "other")
    assert len(stack.daemon.events("snapshot.published")) - before <= 10


def test_listener_added_and_removed(stack: Stack) -> None:
    """A port opens and closes with its listener; the other port loses no request."""
    extra = free_port()
    with SteadyClient(stack.port, "still.test") as client:
        stack.workspace.write("gateway.yaml", gateway("web", http(stack.port), http(extra, "extra")))
        wait_for(lambda: http_get(extra, "a.test").status == 200, "the new port")
        stack.workspace.write("gateway.yaml", gateway("web", http(stack.port)))
        wait_for(lambda: is_closed(extra), "the port to close")
        client.wait_for_more()
    assert client.failures == []


def is_closed(port: int) -> bool:
    """Whether a port refuses connections."""
    try:
        http_get(port)
    except ConnectionRefusedError:
        return True
    return False


class ConfigMap:
    """A directory as the kubelet mounts a ConfigMap: visible names lead through the link `..data`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._generation = 0
        directory.mkdir()

    def update(self, **files: str) -> None:
        """Swap in a new generation and remove the one before."""
        old = self._directory / f"..generation_{self._generation}"
        self._generation += 1
        new = self._directory / f"..generation_{self._generation}"
        new.mkdir()
        for name, text in files.items():
            (new / f"{name}.yaml").write_text(text)
        draft = self._directory / "..data_tmp"
        draft.symlink_to(new.name)
        draft.rename(self._directory / "..data")
        for name in files:
            visible = self._directory / f"{name}.yaml"
            if not visible.is_symlink():
                visible.symlink_to(Path("..data") / visible.name)
        for path in old.glob("*"):
            if path.stem not in files:
                (self._directory / path.name).unlink()
            path.unlink()
        if old.exists():
            old.rmdir()


def test_config_map_swaps(stack: Stack) -> None:
    """Swap after swap of a mounted ConfigMap is served; a name that is gone from it is gone from Envoy."""
    mounted = ConfigMap(stack.workspace.routes / "mounted")
    mounted.update(one=http_route("one", "one.test", "echo"), two=http_route("two", "two.test", "echo"))
    stack.wait_backend("one.test", "echo")

    mounted.update(one=http_route("one", "one.test", "other"), two=http_route("two", "two.test", "echo"))
    stack.wait_backend("one.test", "other")

    mounted.update(one=http_route("one", "one.test", "echo"))
    stack.wait_backend("one.test", "echo")
    stack.wait_status("two.test", 404)


def test_objects_are_counted(stack: Stack) -> None:
    """By kind: how many are in force, and how many say something in their files that is not used."""

    def counted(kind: str, state: str) -> float | None:
        series = f'egxds_objects{{kind="{kind}",state="{state}"}}'
        lines = stack.daemon.admin("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(series)), None)

    assert (counted("Backend", "accepted"), counted("HTTPRoute", "accepted")) == (2, 2)
    assert counted("HTTPRoute", "refused") == 0
    stack.workspace.write("a.yaml", http_route("a", "NOT-A-HOST", "echo"))
    wait_for(lambda: counted("HTTPRoute", "refused") == 1, "the refused route to be counted")
    assert counted("HTTPRoute", "accepted") == 2
    stack.workspace.write("a.yaml", http_route("a", "a.test", "echo"))
    wait_for(lambda: counted("HTTPRoute", "refused") == 0, "the refusal to be gone")
