"""A lease that is kept for as long as somebody is there. Awaits.

    GRANTED ---- a third of its time has passed -----------------------> kept for another while
    GRANTED ---- etcd says that it has ended, or nothing was heard
                 for as long as it lasts -------------------------------> LOST: that is told, and another is asked for
    GRANTED ---- who keeps it goes away --------------------------------> ended at once, where etcd can be asked

Time counts from before the request that was answered: etcd's own clock began no earlier, so that what is told to be
lost here may be there for others a moment longer, and never the other way round.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio

from egxds.etcd.errors import EtcdError
from egxds.etcd.operations import EtcdStore

_PARTS = 3
_PAUSE_S = 0.5
"""Between two attempts to have a lease."""

_FAREWELL_S = 1.0


class KeptLease:
    """A lease, and the next one when it was lost."""

    def __init__(
        self,
        store: EtcdStore,
        ttl_s: int,
        on_granted: Callable[[int], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            store: grants it.
            ttl_s: how long it lasts without being kept.
            on_granted: awaited with each new lease, to put something with it; an EtcdError of it counts as a loss.
            on_lost: called when a lease that was granted is no more to be relied on.
        """
        self._store = store
        self._ttl_s = ttl_s
        self._on_granted = on_granted
        self._on_lost = on_lost

    async def keep(self) -> None:
        """Have a lease; until cancelled."""
        while True:
            begun_s = anyio.current_time()
            try:
                lease_id = await self._store.grant_lease(self._ttl_s)
            except EtcdError:
                await anyio.sleep(_PAUSE_S)
                continue
            try:
                await self._hold(lease_id, begun_s)
            finally:
                with anyio.move_on_after(_FAREWELL_S, shield=True), suppress(EtcdError):
                    await self._store.revoke_lease(lease_id)

    async def _hold(self, lease_id: int, begun_s: float) -> None:
        """Keep a lease until it is lost."""
        try:
            await self._on_granted(lease_id)
        except EtcdError:
            self._on_lost()
            await anyio.sleep(_PAUSE_S)
            return
        ends_s = begun_s + self._ttl_s
        while anyio.current_time() < ends_s:
            await anyio.sleep(self._ttl_s / _PARTS)
            begun_s = anyio.current_time()
            with anyio.CancelScope(deadline=ends_s), suppress(EtcdError):
                if not await self._store.keep_lease(lease_id):
                    break
                ends_s = begun_s + self._ttl_s
        self._on_lost()
