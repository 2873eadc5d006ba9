"""Looks at how Envoys find their backends: now and then, so that it is known since when, and when somebody asks.

One task owns the looks at an interval. Nothing of it is on the way of an edit: an Envoy that does not answer costs its
look the time limit, and those who ask the same. A large page has the next look wait for longer, so that reading
them takes no more than a fiftieth of the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial

import anyio
from anyio import to_thread

from egxds.inspect.backend_reach import EnvoyView
from egxds.inspect.connect_faults import looked
from egxds.inspect.envoy_clusters import NotEnvoyError, read_clusters
from egxds.settings.envoys import EnvoySettings
from egxds.wire.envoy_pages import PageError, fetch_page

INTERVAL_S = 5.0
FRESH_S = 1.0
"""Age up to which a look is shown to whoever asks next."""

_REST = 50
_PAGE = "/clusters?format=json"


class EnvoyLooks:
    """What the Envoys of the settings say, as of the last look at each."""

    def __init__(self, envoys: Sequence[EnvoySettings]) -> None:
        """Start without having looked.

        Args:
            envoys: those that are asked; one that is named twice is asked once.
        """
        self._views: dict[str, EnvoyView] = {}
        self._followed = anyio.Event()
        self.follow(envoys)
        self._looking = anyio.Lock()
        self._reading = anyio.Lock()
        self._looked_s = -math.inf
        self._longest_s = 0.0

    def follow(self, envoys: Sequence[EnvoySettings]) -> None:
        """Ask these from now on; what those of them said that were asked before is kept."""
        addresses = dict.fromkeys(each.admin for each in envoys)
        self._views = {address: self._views.get(address, EnvoyView(address)) for address in addresses}
        self._followed.set()

    async def work(self) -> None:
        """Look at an interval, for ever."""
        while True:
            self._followed = anyio.Event()
            if self._views:
                await self.views()
            pause_s = max(INTERVAL_S, _REST * self._longest_s) if self._views else math.inf
            with anyio.move_on_after(pause_s):
                await self._followed.wait()

    async def views(self) -> tuple[EnvoyView, ...]:
        """Look at all Envoys, unless that was done a moment ago, and return what they say."""
        async with self._looking:
            if self._views and anyio.current_time() - self._looked_s >= FRESH_S:
                self._longest_s = 0.0
                async with anyio.create_task_group() as tasks:
                    for address in self._views:
                        tasks.start_soon(self._look, address)
                self._looked_s = anyio.current_time()
        return tuple(self._views.values())

    async def _look(self, address: str) -> None:
        before = self._views.get(address, EnvoyView(address))
        try:
            page = await fetch_page(address, _PAGE)
            # One at a time: a page is many times as large once it is read.
            async with self._reading:
                begun_s = anyio.current_time()
                counts = await to_thread.run_sync(read_clusters, page)
        except (PageError, NotEnvoyError) as err:
            # What it counted before is kept: it will be compared with what it counts then.
            self._show(EnvoyView(address, before.states, str(err)))
            return
        states = await to_thread.run_sync(partial(looked, before.states, counts, time.time()))
        self._longest_s = max(self._longest_s, anyio.current_time() - begun_s)
        self._show(EnvoyView(address, states))

    def _show(self, view: EnvoyView) -> None:
        """Show what an Envoy says, unless it is asked no more."""
        if view.admin in self._views:
            self._views[view.admin] = view
