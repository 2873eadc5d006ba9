"""Asks Envoys how many requests they have answered by 5xx, while somebody wants to know.

An Envoy that does not answer costs its look the time limit of a page, and no other one waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio
from anyio import to_thread

from egxds.fleet.canary_requests import EnvoyRequests
from egxds.inspect.envoy_clusters import NotEnvoyError
from egxds.inspect.envoy_requests import INFO_PAGE, STATS_PAGE, read_requests
from egxds.settings.envoys import EnvoySettings
from egxds.wire.envoy_pages import PageError, fetch_page


class RequestLooks:
    """The Envoys of the settings."""

    def __init__(self, envoys: Sequence[EnvoySettings]) -> None:
        """Ask nobody yet.

        Args:
            envoys: those that are asked; one that is named twice is asked once.
        """
        self._addresses: tuple[str, ...] = ()
        self._reading = anyio.Lock()
        self.follow(envoys)

    def follow(self, envoys: Sequence[EnvoySettings]) -> None:
        """Ask these from now on."""
        self._addresses = tuple(dict.fromkeys(each.admin for each in envoys))

    async def look(self) -> Mapping[str, EnvoyRequests]:
        """Return what those say that answer: address → what is said there, in the order of the settings."""
        found: dict[str, EnvoyRequests] = {}
        addresses = self._addresses
        async with anyio.create_task_group() as tasks:
            for address in addresses:
                tasks.start_soon(self._ask, address, found)
        return {address: found[address] for address in addresses if address in found}

    async def _ask(self, address: str, found: dict[str, EnvoyRequests]) -> None:
        try:
            info, stats = await fetch_page(address, INFO_PAGE), await fetch_page(address, STATS_PAGE)
            # One at a time: a page is many times as large once it is read.
            async with self._reading:
                found[address] = await to_thread.run_sync(read_requests, info, stats)
        except (PageError, NotEnvoyError):
            return  # whoever asks for its clusters (`EnvoyLooks`) says so
