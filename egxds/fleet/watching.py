"""Follows what all replicas say of themselves. Waits for the store.

    LOOK ----- all records are read -------------------------------> WATCH
    WATCH ---- one came, changed or went --------------------------> told; WATCH
    any ------ the store does not answer, or its watch ends --------> what is known stays; LOOK after a pause

As of the head (`published.following`), the watch begins with the revision after the look.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import anyio

from egxds.etcd.errors import EtcdError, WrongClusterError
from egxds.etcd.operations import EtcdStore, GetPrefix
from egxds.fleet.book import FleetBook
from egxds.fleet.envoys import EnvoyPartError, EnvoyRow, decoded_part
from egxds.published.layout import Layout

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_NOTHING_KNOWN = "the store was not asked yet"


class FleetWatcher:
    """What is known of all replicas, kept up to date.

    Attributes:
        book: their records.
        fault: why what is known may be old; empty where it is not.
    """

    def __init__(self, layout: Layout, told: Callable[[], None]) -> None:
        """Know of none.

        Args:
            layout: where their records stand.
            told: is called each time that something changes.
        """
        self.book = FleetBook(layout.replicas)
        self.fault = _NOTHING_KNOWN
        self._layout = layout
        self._told = told
        self._pause_s = _SHORTEST_PAUSE_S

    async def follow(self, store: EtcdStore) -> None:
        """Keep up with a store; until cancelled.

        Raises:
            WrongClusterError: another store answers than the one that did first; it is to be connected to anew.
        """
        while True:
            try:
                await self._look_and_watch(store)
                fault = "its watch has ended"
            except WrongClusterError as err:
                self._stand(str(err))
                raise
            except EtcdError as err:
                fault = str(err)
            self._stand(fault)
            await anyio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 not for secrets
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _look_and_watch(self, store: EtcdStore) -> None:
        prefix = self._layout.replicas
        answer = await store.transact((), (GetPrefix(prefix),))
        self.book.replace(answer.found[0])
        self._stand("")
        async with store.watch_prefix(prefix, answer.revision + 1) as news:
            async for each in news:
                self._pause_s = _SHORTEST_PAUSE_S
                if not each.put and not each.deleted:
                    continue
                if not self.book.follow(each):
                    return
                self._told()

    def _stand(self, fault: str) -> None:
        self.fault = fault
        self._told()


async def envoys_of_all(store: EtcdStore, layout: Layout) -> tuple[Mapping[str, Sequence[EnvoyRow]], tuple[str, ...]]:
    """Read which Envoys are connected to which replica.

    Args:
        store: where that stands.
        layout: below which prefix.

    Returns:
        Name of a replica → its Envoys by their ids; and of each list that is none why not.

    Raises:
        EtcdError: the store cannot be asked.
    """
    (found,) = (await store.transact((), (GetPrefix(layout.envoys),))).found
    rows: dict[str, list[EnvoyRow]] = {}
    faults: list[str] = []
    for each in found:
        replica = each.key.removeprefix(layout.envoys).partition("/")[0]
        try:
            rows.setdefault(replica, []).extend(decoded_part(each.value))
        except EnvoyPartError as err:
            faults.append(f"{each.key}: {err}")
    return {name: sorted(rows[name], key=lambda row: row.id) for name in sorted(rows)}, tuple(faults)
