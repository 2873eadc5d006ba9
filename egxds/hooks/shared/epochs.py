"""Under which epoch an extension is asked: one for all replicas. Awaits, and reads a clock.

What was said under an epoch holds as long as it does. A new one is begun by a change of one key, whose revision it is:

    nothing is known here yet, and a replica is present -------> theirs
    nothing is known here yet, and nobody is present ----------> a new one: what stands there was said who knows when
    this replica has a reason to ask again --------------------> a new one, if the one that it knew is unchanged
    it is not, another replica having had one, too ------------> theirs, which began behind that reason as well
    another one is heard of, and this replica has a reason
    that it has done nothing about yet ------------------------> likewise
    another one is heard of, or found behind a while without
    a connection ----------------------------------------------> theirs, and everything is asked again

So where all replicas lose their connection to a server that is started anew, the first to have something to ask begins
an epoch, and all others find that somebody has. A loss that is noticed within a second behind that is taken for the
same one: connections do not end in one moment.

A replica is present for an extension while it shares its replies: it would notice a loss. After it went away in
disorder that is believed for some seconds more.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio

from egxds.etcd.operations import Form, Get, GetPrefix, Put, Unchanged
from egxds.hooks.shared.answers import Reasons
from egxds.hooks.shared.link import Link
from egxds.settings.extensions import ExtensionManager

SAME_LOSS_S = 1.0


class SharedEpoch:
    """The epoch of one extension, as this replica knows it.

    Attributes:
        changes: how often it was another one without a reason of this replica.
    """

    def __init__(self, manager: ExtensionManager, reasons: Callable[[], Reasons], renewed: Callable[[], None]) -> None:
        """Know of none.

        Args:
            manager: whose it is.
            reasons: tells how often this replica had a reason to ask again.
            renewed: is called when everything is to be asked again.
        """
        self.changes = 0
        self._manager = manager
        self._reasons = reasons
        self._renewed = renewed
        self._known: int | None = None
        self._settled_for: Reasons | None = None
        self._link: Link | None = None
        self._heard_s = -math.inf
        self._settling = anyio.Lock()

    @property
    def known(self) -> int | None:
        """The epoch that was settled on last; None before there is one."""
        return self._known

    async def settled(self, link: Link) -> int:
        """Return under which epoch the extension is asked now.

        Args:
            link: to the store.

        Raises:
            EtcdError: the store cannot be asked.
        """
        if self._known is None or self._link is not link or self._reasons() != self._settled_for:
            async with self._settling:
                await self._settle(link)
        assert self._known is not None  # noqa: S101 it was settled, and is never forgotten
        return self._known

    def hear(self, epoch: int) -> None:
        """Take the epoch that was begun last, as a watch tells it."""
        if self._known is not None and epoch > self._known:
            self.find(epoch)

    def find(self, epoch: int) -> None:
        """Take the epoch that stands in the store; it is an older one where that was restored.

        Args:
            epoch: 0 where none stands there.
        """
        if self._known is None or epoch == self._known:
            return
        if self._settled_for is None:
            self._known = epoch  # nothing was asked yet
        else:
            self._take_theirs(epoch)

    def lapse(self) -> None:
        """Have everything asked again, under the same epoch: what this replica goes by was said to it alone."""
        self.changes += 1
        self._renewed()

    async def _settle(self, link: Link) -> None:
        if self._link is not link:
            await self._join(link)
        reasons = self._reasons()
        if reasons != self._settled_for:
            if not self._is_same_loss(reasons):
                await self._begin_another(link)
            self._settled_for = reasons

    async def _join(self, link: Link) -> None:
        """Find out how things are at the other end of a connection that is new, and be present there."""
        reasons, key = self._reasons(), link.keys.epoch(self._manager)
        others = GetPrefix(link.keys.present(self._manager), Form.KEYS, limit=1)
        found, present = (await link.store.transact((), (Get(key), others))).found
        epoch = found[0].mod_revision if found else 0
        here = Put(f"{link.keys.present(self._manager)}{link.lease_id:x}", b"", link.lease_id)
        if self._known is None:
            self._known = epoch
            if not present:
                # In one step: of two that start together, the other one finds that somebody is there.
                await self._begin_another(link, here)
            self._settled_for = reasons
        elif epoch != self._known:
            self._take_theirs(epoch)
        await link.store.transact((), (here,))
        self._link = link

    async def _begin_another(self, link: Link, *more: Put) -> None:
        key, known = link.keys.epoch(self._manager), self._known or 0
        done = await link.store.transact((Unchanged(key, known),), (Put(key, b""), *more))
        epoch = done.revision
        if not done.succeeded:
            found = (await link.look((key,))).get(key)
            epoch = found.mod_revision if found else 0
        # What came since may have been heard already.
        if self._known == known or epoch > (self._known or 0):
            self._known = epoch

    def _take_theirs(self, epoch: int) -> None:
        reasons = self._reasons()
        # Whoever has a reason of their own asks again for that.
        if reasons == self._settled_for:
            self.changes += 1
        self._known, self._settled_for, self._heard_s = epoch, reasons, anyio.current_time()
        self._renewed()

    def _is_same_loss(self, reasons: Reasons) -> bool:
        is_new = anyio.current_time() < self._heard_s + SAME_LOSS_S
        return is_new and self._settled_for is not None and reasons.wishes == self._settled_for.wishes
