"""A connection to the store, as long as it stands: claims, replies, and what is told of others. Awaits.

claims, and that somebody is there   under a lease that ends some seconds behind this process, or its connection
replies                              under leases that end by themselves, hours after they were put (`keeping`)
epochs                               under none
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import anyio
from anyio import to_thread

from egxds.etcd.errors import LeaseGoneError
from egxds.etcd.operations import EtcdStore, Get, KeyValue, Put, Unchanged
from egxds.hooks.shared.gathered import GatheredChanges, Otherwise
from egxds.hooks.shared.keys import ReplyKeys
from egxds.hooks.shared.stored import CLAIM, Packed, Stored, StoredReplyError, packed, unpacked
from egxds.hooks.shared.watched import WatchedKeys
from egxds.published.encryption import REPLY, UNENCRYPTED, Encryption, EncryptionError

REPLIES_S = 6 * 3600
"""How long a reply stands that nobody renews."""

_ONE_LEASE_S = REPLIES_S / 12
"""For how long replies are put with one lease."""


class Link:
    """A connection.

    Attributes:
        store: at its other end.
        keys: where things stand there.
        watched: who waits for changes.
        changes: changes of single keys.
        lease_id: what is put with it ends with this process; 0 for none, and then nothing is shared.
        failure: why it is none any more; None where its lease has ended.
    """

    def __init__(self, store: EtcdStore, prefix: str, encryption: Encryption = UNENCRYPTED) -> None:
        """Prepare.

        Args:
            store: which.
            prefix: what all keys there start with.
            encryption: of replies.
        """
        self.store = store
        self.keys = ReplyKeys(prefix, encryption.mark)
        self._encryption = encryption
        self.watched = WatchedKeys()
        self.changes = GatheredChanges(store)
        self.lease_id = 0
        self._replies_lease = 0
        self._replies_lease_until_s = 0.0
        self._granting = anyio.Lock()
        self.failure: Exception | None = None
        self._ended = anyio.Event()

    def end(self, failure: Exception | None = None) -> None:
        """Take note that it is none any more, and why; the first word counts."""
        if not self._ended.is_set():
            self.failure = failure
            self._ended.set()
            self.watched.end()

    async def wait_ended(self) -> None:
        """Wait until it is none any more."""
        await self._ended.wait()

    async def claim(self, key: str) -> int | Otherwise:
        """Claim a request.

        Returns:
            The revision of the claim; or what stands there.

        Raises:
            EtcdError: the store cannot be asked.
        """
        if not self.lease_id:
            raise LeaseGoneError("the lease of this replica has ended")
        return await self.changes.claim(key, Put(key, CLAIM, self.lease_id))

    def release(self, key: str, revision: int) -> None:
        """Let go of a request that was claimed, soon."""
        self.changes.remove_soon(Unchanged(key, revision))

    async def say(self, seen: Unchanged, reply: Packed) -> int | Otherwise:
        """Put a reply at a key that is as it was seen.

        Returns:
            The revision of the change; or what stands there.

        Raises:
            EtcdError: the store cannot be asked.
        """
        lease = await self.replies_lease()
        for digest, part in reply.parts.items():
            await self.store.transact((), (Put(self.keys.part(digest), part, lease),))
        return await self.changes.put(seen, Put(seen.key, reply.value, lease))

    async def read(self, stored: Stored, limit_bytes: int) -> bytes:
        """Return a reply that stands in the store.

        Args:
            stored: what stands at its key.
            limit_bytes: how large it may be.

        Raises:
            StoredReplyError: it is not whole, or not what its digest says.
            EtcdError: the store cannot be asked.
        """
        parts = await self._parts(stored.parts)
        if not stored.parts and stored.size_bytes < _LARGE_BYTES:
            return self._unpacked(stored, parts, limit_bytes)
        return await to_thread.run_sync(self._unpacked, stored, parts, limit_bytes)

    def packed(self, reply: bytes) -> Packed | None:
        """Return a reply as it is to be stored; nothing where it is too large for that."""
        return packed(reply, partial(self._encryption.encrypted, REPLY))

    def _unpacked(self, stored: Stored, parts: Sequence[bytes], limit_bytes: int) -> bytes:
        try:
            return unpacked(stored, parts, limit_bytes, partial(self._encryption.decrypted, REPLY))
        except EncryptionError as err:
            raise StoredReplyError(str(err)) from err

    async def look(self, keys: Sequence[str]) -> Mapping[str, KeyValue]:
        """Return what stands at some keys, a hundred at most.

        Raises:
            EtcdError: the store cannot be asked.
        """
        found = (await self.store.transact((), list(map(Get, keys)))).found
        return {each.key: each for entry in found for each in entry}

    async def replies_lease(self) -> int:
        """Return the lease that replies are put with now.

        Raises:
            EtcdError: the store cannot be asked.
        """
        async with self._granting:
            now_s = anyio.current_time()
            if now_s >= self._replies_lease_until_s:
                self._replies_lease = await self.store.grant_lease(REPLIES_S)
                self._replies_lease_until_s = now_s + _ONE_LEASE_S
            return self._replies_lease

    async def _parts(self, digests: Sequence[str]) -> Sequence[bytes]:
        if not digests:
            return ()
        found = await self.look(tuple(dict.fromkeys(map(self.keys.part, digests))))
        parts = [found[key].value for key in map(self.keys.part, digests) if key in found]
        if len(parts) != len(digests):
            raise StoredReplyError("has parts that are not there")
        return parts


_LARGE_BYTES = 256 * 1024
"""From which size on a reply is unpacked beside the event loop."""
