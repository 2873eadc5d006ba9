"""`make soak`: extensions that fail at random for minutes, and a daemon that is as it was when they work again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from egxds.app.envoy import find_envoy
from tests.envoy.backend import EchoBackend
from tests.envoy.fault_cells import FAULTS, HOOKS, POLICIES
from tests.envoy.fault_world import FILTERED, PLAIN, Site, World
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle
from tests.soak.samples import Growth, Sample

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
EVENTS_IN_A_ROW = 12
"""Between two moments at which everything must be right again."""
LOOKS = 10
"""Answers that are looked at after each event."""

pytestmark = [pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(SECONDS + 300)]


class Mischief:
    """Things that happen to a world, at random."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self._guests: list[Site] = []

    @property
    def sites(self) -> list[Site]:
        """Every Gateway there is."""
        return [self._world.web, self._world.other, *self._guests]

    def happen(self) -> str:
        """Have something happen, and say what."""
        events: list[Callable[[], str]] = [
            *(self._fail,) * 4,
            *(self._heal_one,) * 2,
            *(self._edit,) * 4,
            self._come_or_go,
            self._reload,
            self._lose_envoy,
        ]
        return self._chance.choice(events)()

    def scan(self) -> None:
        """Look at traffic: served, denied, or not there where its Gateway is new or Envoy has just been started."""
        for site in self.sites:
            for host in (FILTERED, PLAIN):
                try:
                    status = site.get(host).status
                except OSError:
                    continue
                # 503: an Envoy that has just been started has a route before it has looked at its backend.
                assert status in (200, 404, 500, 503), (site.name, host, status)

    def settle(self) -> None:
        """Have everything work again, and wait until all of it is right."""
        self._world.heal()
        for site in self.sites:
            site.wait_served()

    def _fail(self) -> str:
        hook, fault = self._chance.choice(HOOKS), self._chance.choice(FAULTS)
        self._world.fail(hook, fault)
        return f"{hook} {fault}"

    def _heal_one(self) -> str:
        hook = self._chance.choice(HOOKS)
        self._world.fail(hook, "ok")
        return f"{hook} ok"

    def _edit(self) -> str:
        site = self._chance.choice(self.sites)
        site.edit()
        return f"edit {site.name}"

    def _come_or_go(self) -> str:
        if self._guests:
            site = self._guests.pop()
            site.delete()
            return f"delete {site.name}"
        site = self._world.newcomer()
        site.write()
        self._guests.append(site)
        return f"create {site.name}"

    def _reload(self) -> str:
        self._world.daemon.signal(signal.SIGHUP)
        return "reload"

    def _lose_envoy(self) -> str:
        self._world.restart_envoy()
        return "restart Envoy"


@pytest.fixture
def tails() -> Iterator[dict[str, ExtensionHandle]]:
    """An extension server for each hook."""
    started = {hook: ExtensionHandle.start() for hook in HOOKS}
    yield started
    for tail in started.values():
        tail.stop()


@pytest.fixture
def world(tmp_path: Path, tails: dict[str, ExtensionHandle]) -> Iterator[World]:
    """Two extensions for each hook, the second of which fails, under a policy that differs from hook to hook."""
    policies = {hook: POLICIES[at % len(POLICIES)] for at, hook in enumerate(HOOKS)}
    made = World(Workspace(tmp_path / "root"), tails, policies, is_chained=True)
    with EchoBackend() as backend:
        made.start(find_envoy(None), backend.port)
        yield made
        made.stop()


def test_random_faults_leave_nothing_behind(world: World) -> None:
    """Every route serves in the end, and the daemon holds no more tasks, files, threads or memory than before."""
    mischief = Mischief(world, random.Random(SEED))
    samples: list[Sample] = []
    end_s = time.monotonic() + SECONDS
    while time.monotonic() < end_s or len(samples) < 4:
        events = []
        for _ in range(EVENTS_IN_A_ROW):
            events.append(mischief.happen())
            for _ in range(LOOKS):
                mischief.scan()
        mischief.settle()
        samples.append(Sample.of(world.daemon))
        print(f"{samples[-1]} after {', '.join(events)}")  # noqa: T201 read where the test fails, and with -s
    growth = Growth.over(samples)
    assert growth.tasks <= 2, samples
    assert growth.descriptors <= 4, samples
    assert growth.threads <= 2, samples
    assert growth.memory_mib <= 16, samples
