"""Replies that are in use stand longer than the lease that they were put with. Awaits.

A replica that starts goes by what the others were told, however long ago; so that has to be there. Now and then one
replica puts all that is in use again, as it stands, under a lease that is new. What nobody uses ends by itself.

A mark in the store says that it was done. It is looked for more often than it ends: a connection lives for as long as
its watch, which may be less than the time between two renewals.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import islice

import anyio

from egxds.etcd.errors import EtcdError
from egxds.etcd.operations import Put, Unchanged
from egxds.hooks.shared.link import REPLIES_S, Link
from egxds.hooks.shared.stored import StoredReplyError, read_value

RENEWAL_S = REPLIES_S / 3
"""Between two renewals, about; two of them may fail."""

_LOOK_S = 300.0
"""Between two looks whether the mark is there, about."""

_AT_ONCE = 16
_PAUSE_S = 0.05
"""Between two reads: nobody waits for this."""


async def keep(link: Link, in_use: Callable[[], Iterable[str]]) -> None:
    """Renew what is in use, now and then; until cancelled.

    Args:
        link: to the store.
        in_use: tells the keys of the replies that are.
    """
    while True:
        await anyio.sleep(_LOOK_S * (0.9 + 0.2 * random.random()))  # noqa: S311 it spreads attempts
        try:
            if await link.look((link.keys.renewal,)):
                continue
            lease = await link.store.grant_lease(int(RENEWAL_S))
            mine = Unchanged(link.keys.renewal, 0), Put(link.keys.renewal, b"", lease)
            if (await link.store.transact(mine[:1], mine[1:])).succeeded:
                await renew(link, in_use())
        except EtcdError:
            continue


async def renew(link: Link, keys: Iterable[str]) -> None:
    """Put replies again as they stand.

    Args:
        link: to the store.
        keys: of the replies.

    Raises:
        EtcdError: the store cannot be asked.
    """
    left = iter(keys)
    while batch := list(islice(left, _AT_ONCE)):
        lease = await link.replies_lease()
        for key, found in (await link.look(batch)).items():
            try:
                stored = read_value(found.value)
            except StoredReplyError:
                continue
            if stored is None:
                continue
            for part in (await link.look(list(map(link.keys.part, stored.parts)))).values() if stored.parts else ():
                await link.store.transact((), (Put(part.key, part.value, lease),))
            await link.changes.put(Unchanged(key, found.mod_revision), Put(key, found.value, lease))
        await anyio.sleep(_PAUSE_S)
