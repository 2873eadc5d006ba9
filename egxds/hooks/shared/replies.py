"""The store that replies are shared through, and whether it can be asked. Awaits, logs and reads a clock.

    UNKNOWN ---- it answers, and lets itself be written to ---------------> LINKED
    UNKNOWN ---- it does not ---------------------------------------------> AWAY
    LINKED ----- a request fails, the watch ends, or the lease is lost ---> AWAY
    AWAY ------- tried again every second, where it refuses more rarely ---> LINKED: what is owed is asked again
    any -------- other settings ------------------------------------------> UNKNOWN

In UNKNOWN a call waits, for its `timeout` at most; in AWAY it is made by this replica alone. Nothing is connected
before there is an extension server to be asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio

from egxds.etcd.errors import EtcdError, TimedOutError, UnavailableError
from egxds.etcd.kept_lease import KeptLease
from egxds.etcd.operations import EtcdStore, Form, GetPrefix, Put, WatchNews
from egxds.hooks.calls import CallKey
from egxds.hooks.shared.answers import Asked, Sharing, Unshared
from egxds.hooks.shared.gathered import MOST_TOGETHER
from egxds.hooks.shared.keeping import keep
from egxds.hooks.shared.link import Link
from egxds.hooks.shared.sharing import SharedAnswers
from egxds.published.key_file import read_encryption
from egxds.settings.etcd import EtcdSource
from egxds.settings.extensions import ExtensionManager
from egxds.telemetry import Metrics, log

LEASE_S = 5
"""How long claims of a replica stand that has died."""

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_LONGEST_REFUSED_PAUSE_S = 30.0

_LASTS_S = 10.0
"""From when on a connection is one that has stood."""

Connect = Callable[[EtcdSource], AbstractAsyncContextManager[EtcdStore]]
"""Opens a store, which is closed at its end."""


def _nothing_in_use() -> Iterable[CallKey]:
    return ()


class SharedReplies:
    """What all extensions share through one store.

    Attributes:
        in_use: tells the calls whose replies are in use.
    """

    def __init__(self, source: EtcdSource | None, connect: Connect, metrics: Metrics, base: Path = Path()) -> None:
        """Prepare; nothing is connected yet.

        Args:
            source: where the store is; None where nothing is shared.
            connect: opens it.
            metrics: where it is shown whether replies are shared.
            base: directory that relative paths start from.
        """
        self._base = base
        self.in_use: Callable[[], Iterable[CallKey]] = _nothing_in_use
        self._source = source
        self._connect = connect
        self._metrics = metrics
        self._link: Link | None = None
        self._is_known = anyio.Event()
        self._is_wanted = anyio.Event()
        self._sharings: list[SharedAnswers] = []
        self._round: anyio.CancelScope | None = None
        self._pause_s = _SHORTEST_PAUSE_S
        self._fault = ""
        metrics.hook_replies_shared.set(0)
        if not self._is_on:
            self._is_known.set()

    @property
    def takes_secrets(self) -> bool:
        """Whether Secrets may stand in the store."""
        return self._source is not None and self._source.takes_secrets

    def share(self, manager: ExtensionManager, asked: Asked) -> Sharing:
        """Have the answers of an extension shared; those of functions beside us are not, which all replicas have.

        Args:
            manager: its settings.
            asked: the extension, as this replica asks it.
        """
        if self._source is None or manager.service.python is not None:
            return Unshared(asked)
        self._is_wanted.set()
        return SharedAnswers(manager, asked, self)

    def follow(self, source: EtcdSource | None) -> None:
        """Share through what other settings name from now on, or not at all."""
        self._source = source
        self._link = None
        self._is_known = anyio.Event()
        if not self._is_on:
            self._is_known.set()
        if self._round is not None:
            self._round.cancel()

    def read_key_again(self) -> None:
        """Share under the key that stands in its file now; without one all goes on."""
        if self._source is not None and self._source.key_file is not None:
            self.follow(self._source)

    def notes(self) -> tuple[str, ...]:
        """Say why replies are not shared that are to be."""
        if not self._fault:
            return ()
        return (f"replies of hooks are not shared with other replicas: {self._fault}",)

    async def work(self) -> None:
        """Have a connection wherever one can be had; until cancelled."""
        await self._is_wanted.wait()
        while True:
            with anyio.CancelScope() as self._round:
                source = self._source
                if source is None or not self._is_on:
                    self._lose("")
                    await anyio.sleep_forever()
                else:
                    await self._share_through(source)
            self._pause_s = _SHORTEST_PAUSE_S

    async def link(self, limit_s: float) -> Link | None:
        """Return the connection; None where there is none.

        Args:
            limit_s: how long it is waited for that this is known.
        """
        if not self._is_known.is_set():
            with anyio.move_on_after(limit_s):
                await self._is_known.wait()
        return self._link

    def broke(self, link: Link, err: EtcdError) -> None:
        """Take note that a connection is none; whoever uses it goes on alone."""
        if link is self._link:
            self._lose(str(err))
            link.end(err)

    def told_alone(self, sharing: SharedAnswers) -> None:
        """Have what is owed settled now, where there is a connection by now; else it is settled on the next one."""
        if self._link is not None:
            sharing.settle_debts()

    def came(self, sharing: SharedAnswers) -> None:
        """Tell somebody from now on of epochs, and when what is owed can be asked for."""
        self._sharings.append(sharing)

    def left(self, sharing: SharedAnswers) -> None:
        """Tell them no more."""
        self._sharings.remove(sharing)

    @property
    def _is_on(self) -> bool:
        return self._source is not None and self._source.share_replies

    async def _share_through(self, source: EtcdSource) -> None:
        while True:
            begun_s, longest_s = anyio.current_time(), _LONGEST_PAUSE_S
            try:
                encryption = await read_encryption(source, self._base)
                async with self._connect(source) as store:
                    fault = await self._use(Link(store, source.prefix, encryption), source.request_timeout)
            except UnavailableError as err:
                fault = str(err)
            except EtcdError as err:
                fault, longest_s = str(err), _LONGEST_REFUSED_PAUSE_S
            except Exception:  # noqa: BLE001 a defect of ours must not end the service: hooks are asked without it
                log.exception("hook.sharing_failed")
                fault, longest_s = "a defect of egxds: see hook.sharing_failed in the log", _LONGEST_REFUSED_PAUSE_S
            self._lose(fault)
            # One that breaks at once would have everything asked again at once.
            has_lasted = anyio.current_time() - begun_s > _LASTS_S
            self._pause_s = _SHORTEST_PAUSE_S if has_lasted else min(2 * self._pause_s, longest_s)
            await anyio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 not for secrets

    async def _use(self, link: Link, limit_s: float) -> str:
        """Share through a connection; return why it is none any more."""
        granted = anyio.Event()

        async def put_here(lease_id: int) -> None:
            try:
                # Whoever may not write here is told so before anybody counts on it.
                await link.store.transact((), self._here(link, lease_id))
            except EtcdError as err:
                link.end(err)
                raise
            link.lease_id = lease_id
            granted.set()

        async def follow() -> None:
            try:
                await self._follow(link, granted, limit_s)
            except Exception as err:  # noqa: BLE001 it is raised below, as it is and not as one of a group
                link.end(err)
            link.end()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(KeptLease(link.store, LEASE_S, put_here, link.end).keep)
                tasks.start_soon(link.changes.work)
                tasks.start_soon(keep, link, lambda: self._keys_in_use(link))
                tasks.start_soon(follow)
                await link.wait_ended()
                self._link = None
                tasks.cancel_scope.cancel()
        finally:
            link.end()
        if link.failure is not None:
            raise link.failure
        return "its lease has ended"

    async def _follow(self, link: Link, granted: anyio.Event, limit_s: float) -> None:
        looked_up = await link.store.transact((), (GetPrefix(link.keys.epochs, Form.KEYS),))
        async with link.store.watch_prefix(link.keys.all, looked_up.revision + 1) as news:
            with anyio.move_on_after(limit_s):
                await granted.wait()
            if not granted.is_set():
                raise TimedOutError("etcd grants no lease")
            self._found(link, {each.key: each.mod_revision for each in looked_up.found[0]})
            async for each in news:
                self._hear(link, each)

    def _hear(self, link: Link, news: WatchNews) -> None:
        link.watched.hear(news)
        for each in news.put:
            if each.key.startswith(link.keys.epochs):
                for sharing in self._sharings:
                    if link.keys.epoch(sharing.manager) == each.key:
                        sharing.epoch.hear(each.mod_revision)

    def _here(self, link: Link, lease_id: int) -> Sequence[Put]:
        """Return what says that this replica is there, also for the extensions that it has asked before."""
        known = [each.manager for each in self._sharings if each.epoch.known is not None]
        # For more than go together, it is there from their next call on.
        present = tuple(dict.fromkeys(map(link.keys.present, known)))[:MOST_TOGETHER]
        return [Put(f"{above}{lease_id:x}", b"", lease_id) for above in (link.keys.replicas, *present)]

    def _found(self, link: Link, epochs: Mapping[str, int]) -> None:
        self._link, self._fault = link, ""
        self._is_known.set()
        self._metrics.hook_replies_shared.set(1)
        log.info("hook.replies_shared")
        for sharing in self._sharings:
            sharing.settle_debts()
            # What was changed while there was no connection is told by no watch.
            sharing.epoch.find(epochs.get(link.keys.epoch(sharing.manager), 0))

    def _lose(self, fault: str) -> None:
        self._link = None
        self._is_known.set()
        self._metrics.hook_replies_shared.set(0)
        if fault and fault != self._fault:
            log.warning("hook.replies_not_shared", error=fault)
        self._fault = fault

    def _keys_in_use(self, link: Link) -> Iterator[str]:
        sharings = {sharing.manager.name: sharing for sharing in self._sharings}
        for call in self.in_use():
            sharing = sharings.get(call[0])
            if sharing is not None and sharing.epoch.known is not None:
                yield link.keys.said(sharing.manager, call, sharing.epoch.known)
