"""Every hook, failing in every way, under every policy: what traffic, status and other Gateways see, and the way back.

A cell is a hook, a fault, a policy and a situation; `make matrix` runs all of them, which takes about five minutes.
`make test` runs a selection in which every two values of different kinds meet at least once: each hook with each
fault, each fault under each policy, and so on. The others have the mark `slow`.

The cells of one policy share an Envoy, a daemon with an extension of its own for each hook, and one extension server
process for each; cells with a chain have a second extension before it, in process. In every cell

- the routes are edited, or a new Gateway is made, while the extension fails: its traffic is denied, held or goes
  without the extension, and its status says which, by which hook of which extension, while the published listeners,
  names and references stay;
- another Gateway of the daemon is served as before, with the same versions and without one answer that is not 200,
  though the extension may have to be asked about all of it again, and fail there as well;
- the extension works again: with no file touched, all routes of all Gateways serve their newest content with every
  extension's changes.

What each cell came to is a table at the end of the tests' output, and `fault-matrix.txt` below pytest's base directory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.fault_cells import CELLS, HOOKS, Cell, pairwise
from tests.envoy.fault_world import FILTERED, PLAIN, Site, World, hosts_of, mark_of
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy

SELECTED = frozenset(pairwise(CELLS))
EDITS, LOOKS = 5, 20
"""How often routes are edited while an extension comes and goes, and how many answers are looked at each time."""


class Report:
    """The table of what came of every cell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = [f"{'policy':8}{'situation':14}{'hook':14}{'fault':14}{'meanwhile':26}{'back after':>12}"]

    @contextmanager
    def row(self, cell: Cell) -> Iterator[dict[str, str]]:
        """Add a row, whatever comes of the cell; yields what is to stand in its last columns."""
        seen = {"meanwhile": "", "back": "FAILED"}
        try:
            yield seen
        finally:
            fields = f"{cell.policy:8}{cell.situation:14}{cell.hook:14}{cell.fault:14}"
            self._lines.append(f"{fields}{seen['meanwhile']:26}{seen['back']:>12}")

    @property
    def text(self) -> str:
        """The whole table."""
        return "\n".join((*self._lines, ""))

    def write(self) -> None:
        """Write the file."""
        self.path.write_text(self.text)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Report]:
    """The table; it is printed when the last cell is through."""
    table = Report(tmp_path_factory.getbasetemp() / "fault-matrix.txt")
    yield table
    table.write()
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nfault matrix, also in {table.path}\n\n{table.text}")  # noqa: T201 for whoever runs the tests


@pytest.fixture(scope="module")
def tails() -> Iterator[dict[str, ExtensionHandle]]:
    """An extension server for each hook."""
    started = {hook: ExtensionHandle.start() for hook in HOOKS}
    yield started
    for tail in started.values():
        tail.stop()


class Worlds:
    """Starts the world of a cell, which its neighbours share: one runs at a time."""

    def __init__(self, start: Callable[[str, bool], World]) -> None:
        self._start = start
        self._key: tuple[str, bool] | None = None
        self._world: World | None = None

    def of(self, cell: Cell) -> World:
        """Return the world of a cell, running."""
        key = (cell.policy, cell.is_chained)
        if self._world is None or key != self._key:
            self.stop()
            self._key, self._world = key, self._start(*key)
        return self._world

    def stop(self) -> None:
        """End the world that runs."""
        world, self._world = self._world, None
        if world is not None:
            world.stop()


@pytest.fixture(scope="module")
def worlds(
    tmp_path_factory: pytest.TempPathFactory, tails: dict[str, ExtensionHandle], envoy_binary: Path
) -> Iterator[Worlds]:
    """The worlds of all cells."""

    def start(policy: str, is_chained: bool) -> World:
        workspace = Workspace(tmp_path_factory.mktemp("world") / "root")
        world = World(workspace, tails, dict.fromkeys(HOOKS, policy), is_chained=is_chained)
        world.start(envoy_binary, backend.port)
        return world

    with EchoBackend() as backend:
        made = Worlds(start)
        yield made
        made.stop()


PARAMETERS = tuple(
    pytest.param(cell, id=str(cell), marks=() if cell in SELECTED else (pytest.mark.slow,)) for cell in CELLS
)


@pytest.mark.parametrize("cell", PARAMETERS)
def test_cell(cell: Cell, worlds: Worlds, report: Report) -> None:
    """The extension fails, nothing else does, and everything is right when it works again."""
    world = worlds.of(cell)
    world.heal()
    for site in (world.web, world.other):
        site.wait_served()
    untouched = world.other.versions("")
    with report.row(cell) as seen, world.other.never_closed():
        site = _new(world, cell) if cell.situation == "first start" else _edited(world, cell)
        seen["meanwhile"] = f"{site.reason()}: {site.get(FILTERED).status}, {site.get(PLAIN).status}"
        world.other.wait_served()
        began_s = time.monotonic()
        world.heal()
        site.wait_served()
        seen["back"] = f"{time.monotonic() - began_s:.2f} s"
    assert world.other.versions("") == untouched
    if site is not world.web:
        site.delete()


def _new(world: World, cell: Cell) -> Site:
    """Make a Gateway while the extension fails; there is nothing yet to hold."""
    site = world.newcomer()
    world.fail(cell.hook, cell.fault)
    site.write()
    wait_for(lambda: site.reason() != "", f"{site.name} to be published")
    if cell.fault == "flap":
        _look_often(site, may_be_denied=cell.policy != "bypass")
    elif cell.policy == "bypass":
        _check_bypassed(world, site, cell)
    else:
        _check_denied(world, site, cell)
    return site


def _edited(world: World, cell: Cell) -> Site:
    """Edit a Gateway while the extension fails."""
    site, before = world.web, world.web.content
    listeners, routes = site.versions("listener"), site.versions("route")
    world.fail(cell.hook, cell.fault)
    site.edit()
    if cell.fault == "flap":
        _look_often(site, may_be_denied=cell.policy == "deny")
    elif cell.policy == "deny":
        _check_denied(world, site, cell)
        assert (site.versions("listener"), site.versions("route").keys()) == (listeners, routes.keys())
    elif cell.policy == "bypass":
        _check_bypassed(world, site, cell)
    else:
        _check_held(world, site, cell, before)
    return site


def _check_denied(world: World, site: Site, cell: Cell) -> None:
    """500 for what the hook decides on, and everything else up to date."""
    for host in (FILTERED, PLAIN):
        scan = site.denies(host) if host in hosts_of(cell.hook) else site.answers(host, site.content)
        wait_for(scan, f"{host} with a denied {cell.hook}")
    _check_status(world, site, cell, "Denied")


def _check_held(world: World, site: Site, cell: Cell, content: str) -> None:
    """The last state that was accepted, whole."""
    _check_status(world, site, cell, "Held")
    for host in (FILTERED, PLAIN):
        wait_for(site.answers(host, content), f"{host} with a held {cell.hook}")
    assert site.marks() == world.all_marks


def _check_bypassed(world: World, site: Site, cell: Cell) -> None:
    """Everything up to date, and no change missing but the failed hook's own."""
    for host in (FILTERED, PLAIN):
        wait_for(site.answers(host, site.content), f"{host} with a bypassed {cell.hook}")
    _check_status(world, site, cell, "Bypassed")
    assert site.marks() == world.all_marks - {mark_of(cell.hook)}


def _check_status(world: World, site: Site, cell: Cell, reason: str) -> None:
    wait_for(lambda: site.reason() == reason, f"{site.name} to be {reason}")
    message = world.message(site.name)
    assert f"{cell.hook} hook of extension tail-{cell.hook} on " in message, message


def _look_often(site: Site, *, may_be_denied: bool) -> None:
    """Look at traffic while the extension comes and goes: it is served or denied, and nothing else."""
    allowed = {200, 500} if may_be_denied else {200}
    wait_for(lambda: _statuses(site) <= allowed, f"{site.name} to be there")
    for _ in range(EDITS):
        site.edit()
        for _ in range(LOOKS):
            assert _statuses(site) <= allowed


def _statuses(site: Site) -> set[int]:
    return {site.get(host).status for host in (FILTERED, PLAIN)}
