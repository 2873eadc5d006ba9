"""Generations that are published in etcd as a source. Waits for etcd, and reads a clock.

What a start does first depends on what is known:

    kept in `stateDir`, etcd answers --------> its head is read before anything is served
    kept, etcd does not answer, or holds what
    is not to be taken ----------------------> what was kept is served
    nothing is kept -------------------------> waits for etcd, and says so
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

import anyio

from egxds.app.candidates import Candidates
from egxds.app.etcd_report import EtcdReport
from egxds.app.source import Json, RollBack
from egxds.etcd.errors import UnavailableError, WrongClusterError
from egxds.etcd.operations import EtcdStore
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scan, Scope
from egxds.problems import Problem
from egxds.published.candidate import FollowedCandidate, taken_back
from egxds.published.encryption import UNENCRYPTED, Encryption
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn, promote, take_back
from egxds.published.following import Follower
from egxds.published.generation import Generation, touched
from egxds.published.key_file import KeyFileError, encryption_of, read_encryption
from egxds.published.layout import Layout
from egxds.published.limits import limits_of
from egxds.published.reading import WatchedGenerations
from egxds.published.standing import Standing
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.telemetry import Metrics, log

_ANSWER_S = 60.0
"""How long somebody who has given their word waits for what comes of it."""

_AFTER_A_DEFECT_S = 1.0

_BEFORE_THE_KEY_S = 1.0
"""Between two reads of a key that cannot be used."""

_BEFORE_ANOTHER_STORE_S = 0.2
"""Endpoints that lead to several stores are not asked without end."""

Connect = Callable[[EtcdSource], AbstractAsyncContextManager[EtcdStore]]
"""Opens a store, which is closed at its end."""


class PublishedTrees:
    """What stands in the generation that is in memory."""

    removal_delay_s = 0.0
    """A generation is whole: what is not in it is gone."""

    def __init__(self, follower: Follower, encryption: Callable[[], Encryption]) -> None:
        """Read nothing yet.

        Args:
            follower: has the generations.
            encryption: returns that of what stands in the store; raises KeyFileError.
        """
        self._follower = follower
        self._encryption = encryption
        self._last = Generation()

    def read(self, _scope: Scope) -> FileTree:
        """Return the newest generation, and which of its files are others than in the one that was read before."""
        now, before = self._follower.newest or Generation(), self._last
        self._last = now
        origin = now.origin.encode() if now.origin is not None else ""
        return FileTree(now.documents, touched=touched(before, now), origin=origin)

    def go_by(self, settings: Settings) -> None:
        """Go on: what is in memory is read by no settings."""

    def resume(self, _known: Mapping[str, FileDocuments], last: FileTree) -> None:
        """Go on from what another process has kept.

        Args:
            last: what that process found last.
        """
        encryption: Encryption = UNENCRYPTED
        with suppress(KeyFileError):  # which is said when the store is followed
            encryption = self._encryption()
        self._follower.resume(last.files, last.origin, encryption)


class PublishedSource:
    """A store of generations, followed.

    Attributes:
        trees: what stands in the newest.
    """

    def __init__(self, settings: EtcdSource, connect: Connect, metrics: Metrics, base: Path = Path()) -> None:
        """Prepare; nothing is asked yet.

        Args:
            settings: where the store is.
            connect: opens it.
            metrics: where it is counted how it is doing.
            base: directory that relative paths start from.
        """
        self._base = base
        self._settings = settings
        self._connect = connect
        self._report = EtcdReport(settings, metrics)
        self._follower = Follower(self._wake_all, self._stands, self._tell_candidate)
        self._told_candidate: Callable[[], None] | None = None
        self._generations: WatchedGenerations | None = None
        self._report.ask_for_last_word(lambda: self._follower.standing.heard_at_s)
        self._wake: Callable[[Scope], None] | None = None
        self._begun = anyio.Event()
        self._changed = anyio.Event()
        self._watching: anyio.CancelScope | None = None
        self.trees = PublishedTrees(self._follower, lambda: encryption_of(self._settings, base))

    async def begin(self, awaited: Callable[[str], None]) -> None:
        """Return when there is something to serve, and it is known whether the store has something newer.

        Args:
            awaited: is told why there is nothing yet.
        """
        self._begun.set()
        while not self._is_settled(self._follower.standing):
            changed = self._changed
            if self._follower.newest is None:
                awaited(self._report.awaited(self._follower.standing))
            await changed.wait()

    def _is_settled(self, now: Standing) -> bool:
        if now.is_at_head:
            return True
        return self._follower.newest is not None and bool(now.fault or now.refused or now.gone_back)

    async def watch(self, wake: Callable[[Scope], None]) -> None:
        """Follow the store; until cancelled.

        Args:
            wake: is told when there is another generation.
        """
        self._wake = wake
        await self._begun.wait()
        while True:
            with anyio.CancelScope() as self._watching:
                try:
                    await self._follow(self._settings)
                except WrongClusterError:
                    await anyio.sleep(_BEFORE_ANOTHER_STORE_S)
                except Exception:  # noqa: BLE001 a defect of ours must not end the service: what is in memory stays
                    log.exception("app.reload_failed")
                    await anyio.sleep(_AFTER_A_DEFECT_S)

    async def _follow(self, settings: EtcdSource) -> None:
        try:
            encryption = await read_encryption(settings, self._base)
        except KeyFileError as err:
            self._follower.cannot_follow(str(err))
            await anyio.sleep(_BEFORE_THE_KEY_S)
            return
        async with self._connect(settings) as store:
            layout, limits = Layout(settings.prefix), limits_of(settings)
            self._generations = WatchedGenerations(store, layout, limits, encryption)
            try:
                await self._follower.follow(self._generations)
            finally:
                self._generations = None

    @property
    def candidates(self) -> Candidates:
        """What there is for some Envoys first."""
        return self

    @property
    def candidate(self) -> FollowedCandidate | None:
        """What is to be served to some nodes first; None where there is none, or it cannot be served here."""
        return self._follower.candidate

    @property
    def standing(self) -> Standing:
        """How the store is doing, and what stands there for some nodes first."""
        return self._follower.standing

    def watch_candidate(self, told: Callable[[], None]) -> None:
        """Have somebody told when there is another candidate, none any more, or it stands otherwise."""
        self._told_candidate = told

    async def promote(self) -> Promoted | Missed | None:
        """Have the candidate in force for all, as whoever is first does; None where there is none.

        Raises:
            EtcdError: the store cannot be asked, or does not take it, as from one who may only read.
            SweptError: something was removed again and again meanwhile.
        """
        found = self.candidate
        return None if found is None else await promote(self._opened(), found.candidate, found.put_at)

    async def take_back(self, why: str, by: str) -> Withdrawn | Missed | None:
        """Have the candidate served to nobody, on any replica; None where there is none.

        Args:
            why: the reason, for people.
            by: the name of this replica.

        Raises:
            EtcdError: the store cannot be asked, or does not take it, as from one who may only read.
        """
        found = self.candidate
        if found is None:
            return None
        withdrawn = taken_back(found.candidate, why, datetime.now(UTC), by)
        return await take_back(self._opened(), found.put_at, withdrawn)

    def _opened(self) -> WatchedGenerations:
        if self._generations is None:
            raise UnavailableError(self._follower.standing.fault or "etcd is not connected")
        return self._generations

    def follow(self, settings: Settings) -> None:
        """Follow what other settings name from now on, or the same with other credentials."""
        if settings.sources.etcd is not None:
            self._settings = settings.sources.etcd
            self._report.settings = settings.sources.etcd
        if self._watching is not None:
            self._watching.cancel()

    def look_again(self) -> None:
        """Ask the store at once; a key is read again, too."""
        if self._settings.key_file is not None and self._watching is not None:
            self._watching.cancel()
        self._follower.look_again()

    def took(self, scope: Scope, seconds: float, now_s: float) -> None:
        """Take note of nothing: to read what is in memory costs nothing."""

    def accepted(self, origin: str) -> None:
        """Take note of which generation is in force."""
        self._report.accepted(origin)

    def notes(self) -> tuple[str, ...]:
        """Say why what is in force may not be what was published last."""
        return self._report.notes(self._follower.standing)

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the store, or what it holds."""
        return self._report.problems(self._follower.standing)

    def described(self) -> Json | None:
        """Return which generation is in force, and how the store is doing."""
        return self._report.described(self._follower.standing)

    async def follow_anyway(self) -> Json | None:
        """Follow what the store holds though it has gone back.

        Returns:
            Why it was not followed, empty where it was; and how things are now.
        """
        reason = self._follower.standing.gone_back
        if reason:
            log.warning("source.followed_anyway", detail=reason)
            self._follower.follow_anyway()
            with anyio.move_on_after(_ANSWER_S):
                while self._follower.standing.gone_back and not self._follower.standing.fault:
                    await self._changed.wait()
        return {"reason": reason, "source": self.described()}

    async def roll_back(self, _wanted: RollBack) -> Json | None:
        """Do nothing: whoever has an earlier generation in force publishes it in etcd."""
        return None

    async def keep(self) -> None:
        """Keep nothing: etcd does."""

    async def flush(self) -> None:
        """Write nothing likewise."""

    def _wake_all(self) -> None:
        if self._wake is not None:
            self._wake(Scan.CHANGED)

    def _tell_candidate(self) -> None:
        if self._told_candidate is not None:
            self._told_candidate()

    def _stands(self, now: Standing) -> None:
        self._report.note(now)
        self._tell_candidate()
        self._changed.set()
        self._changed = anyio.Event()
