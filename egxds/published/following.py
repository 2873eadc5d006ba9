"""Follows what is published in a store. Waits for the store, and reads a clock.

    LOOK ----- what is at the head is in memory ---------------------------> WATCH
    LOOK ----- something that comes after it ------------------------------> FETCH
    LOOK ----- something that does not (`followed`) ------------------------> said, not followed; WATCH
    FETCH ---- it is whole ------------------------------------------------> handed on; WATCH
    FETCH ---- something is missing or wrong, the head is another by now ---> LOOK: it was swept meanwhile
    FETCH ---- something is missing or wrong, and the head is the same -----> refused, said; WATCH
    WATCH ---- a record that was put at the head since it was seen --------> as LOOK, without looking
    WATCH ---- any other change of the head -------------------------------> LOOK
    any ------ the store does not answer, or its watch ends ---------------> what is in memory stays; LOOK after a pause
    any ------ somebody's word, or other settings -------------------------> LOOK

Beside the head stands the candidate, which some nodes are served first. It is looked at and watched with the head, and
what is told of it goes on to `following_candidate`, behind what is told of the head.

A look asks for the head as it is at a revision, and the watch begins with the next one: no change is missed, and what
came in between (a compaction, an hour without the store) makes no difference. Once the watch stands the head is looked
at again: a store that has gone back since would be silent. What is handed on is a whole
generation; of the next one only what is other is fetched.

A change that the watch tells has the record in it, of the cluster that was looked at, since a connection leads to no
other. So it is not asked for again: what else it is held against comes with what is fetched, in one trip (`ahead`).
Where that does not come to a whole generation, the head is looked at.

Somebody's word is to follow what the store holds though it has gone back: the next look is not held against what is
in memory then.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import anyio

from egxds.etcd.errors import EtcdError, WrongClusterError
from egxds.etcd.operations import WatchNews
from egxds.files.documents.document import FileDocuments
from egxds.published.ahead import look_ahead
from egxds.published.candidate import Candidate, FollowedCandidate, FoundCandidate, told_candidate
from egxds.published.encryption import UNENCRYPTED, Encryption
from egxds.published.errors import PublishedContentError
from egxds.published.fetching import next_generation
from egxds.published.followed import Followed, decoded_followed
from egxds.published.following_candidate import CandidateFollower
from egxds.published.generation import Generation, generation_of
from egxds.published.head import Head, changes, head_of, told_head
from egxds.published.reading import NOTHING_AHEAD, Contents, Generations, WatchedGenerations
from egxds.published.standing import Standing

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


def _nobody() -> None:
    """Be told of nothing."""


class Follower:
    """What is in memory of a store, and how it is kept at its head.

    Attributes:
        newest: the generation that was handed on last; None before there is one.
        standing: how things are.
    """

    def __init__(
        self,
        handed_on: Callable[[], None],
        told: Callable[[Standing], None],
        candidate_handed_on: Callable[[], None] = _nobody,
    ) -> None:
        """Know of nothing.

        Args:
            handed_on: is called when there is another generation.
            told: is told how things are, each time that they are otherwise.
            candidate_handed_on: is called when there is another candidate, or none any more.
        """
        self.newest: Generation | None = None
        self.standing = Standing()
        self._handed_on = handed_on
        self._told = told
        self._is_believed = False
        self._put_at = 0
        self._looked_at = 0
        self._candidates = CandidateFollower(candidate_handed_on, self._stand_with)
        self._round: anyio.CancelScope | None = None
        self._pause_s = _SHORTEST_PAUSE_S

    @property
    def candidate(self) -> FollowedCandidate | None:
        """What is to be served to some nodes first; None where there is none, or it cannot be served here."""
        return self._candidates.newest

    def resume(self, known: Mapping[str, FileDocuments], origin: str, encryption: Encryption = UNENCRYPTED) -> None:
        """Go on from what another process has kept, before anything is followed; may be called in a thread.

        Args:
            known: path → what the file held.
            origin: of which generation that was; empty where that is not known.
            encryption: of what stands in the store.
        """
        self.newest = generation_of(known, decoded_followed(origin), encryption)
        self.standing = replace(self.standing, in_memory=self.newest.origin)

    async def follow(self, generations: WatchedGenerations) -> None:
        """Keep at the head of a store, and have its candidate beside it; until cancelled.

        Raises:
            WrongClusterError: another store answers than the one that did first; it is to be connected to anew.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._candidates.follow, generations)
            other_store = await self._follow_head(generations)
            tasks.cancel_scope.cancel()
        raise other_store

    async def _follow_head(self, generations: WatchedGenerations) -> WrongClusterError:
        """Keep at the head; return where another store answers."""
        while True:
            with anyio.CancelScope() as self._round:
                try:
                    await self._look_and_watch(generations)
                    fault = "its watch has ended"
                except WrongClusterError as err:
                    self._lose(str(err))
                    return err
                except EtcdError as err:
                    fault = str(err)
                self._lose(fault)
                await anyio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 not for secrets
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def cannot_follow(self, fault: str) -> None:
        """Take note why nothing can be followed as it is."""
        self._lose(fault)

    def look_again(self) -> None:
        """Look at once, whatever is waited for."""
        if self._round is not None:
            self._round.cancel()

    def follow_anyway(self) -> None:
        """Follow what the store holds though it has gone back: somebody's word."""
        self._is_believed = bool(self.standing.gone_back)
        self.look_again()

    async def _look_and_watch(self, generations: WatchedGenerations) -> None:
        revision = await self._look(generations)
        async with generations.watch_head(revision + 1) as news:
            # One that was restored in between tells nothing before it has come to that revision again.
            if await self._look(generations) < revision:
                return
            async for each in news:
                self._pause_s = _SHORTEST_PAUSE_S
                self._hear(self.standing.cluster_id)
                if _changes(each) and not await self._take_told(generations, each):
                    await self._look(generations)

    async def _take_told(self, generations: Generations, news: WatchNews) -> bool:
        """Take what is told, if it is to be taken; return False where that is to be looked at."""
        layout = generations.layout
        candidate = told_candidate(news, layout, self._candidates.found, self._looked_at)
        if candidate is None:
            return False
        if changes(news, layout.head) and not await self._take_told_head(generations, news, candidate):
            return False
        self._take_candidate(candidate)
        return True

    async def _take_told_head(self, generations: Generations, news: WatchNews, candidate: FoundCandidate) -> bool:
        """Take what is told to be at the head likewise."""
        head = told_head(news, generations.layout.head, self.standing.cluster_id, self._put_at, candidate)
        if head is None or head.found.record is None:
            return False
        self._put_at = head.put_at
        ahead = await look_ahead(generations, self.newest or Generation(), head.found.record)
        try:
            await self._take(generations, replace(head, kept=ahead.kept), ahead.contents)
        except PublishedContentError:
            return False
        return True

    async def _look(self, generations: Generations) -> int:
        """Take what is at the head, if it is to be taken; return the revision of the store."""
        while True:
            head = await self._head(generations)
            try:
                await self._take(generations, head)
            except PublishedContentError as err:
                refused, head = head, await self._head(generations)
                if head.put_at != refused.put_at:
                    continue
                self._refuse(str(err))
            self._take_candidate(head.candidate)
            return head.revision

    async def _head(self, generations: Generations) -> Head:
        head = await head_of(generations, self._in_memory())
        self._put_at, self._looked_at = head.put_at, head.revision
        if not self.standing.is_connected:
            self.standing = replace(self.standing, followed_since=head.revision)
        self._hear(head.found.cluster_id)
        return head

    async def _take(self, generations: Generations, head: Head, ahead: Contents = NOTHING_AHEAD) -> None:
        if head.fault:
            self._refuse(head.fault)
            return
        known, found = self._in_memory(), head.found
        why_not = "" if self._is_believed else head.why_not_after(known)
        if why_not:
            self._stand(replace(self.standing, is_at_head=False, refused="", gone_back=why_not))
            return
        if self.newest is None or found != known:
            self._stand(replace(self.standing, is_at_head=False))
            self.newest = await next_generation(generations, self._nearest(found), found, ahead)
            self._handed_on()
        self._is_believed = False
        self._stand(replace(self.standing, in_memory=found, is_at_head=True, refused="", gone_back=""))

    def _take_candidate(self, found: FoundCandidate) -> None:
        self._candidates.take(found, self.newest if self.standing.is_at_head else None)

    def _nearest(self, found: Followed) -> Generation:
        """Return what is in memory that a generation has most in common with: of a candidate that is promoted, all."""
        candidate = self.candidate
        if candidate is not None and candidate.generation.origin == found:
            return candidate.generation
        return self.newest or Generation()

    def _in_memory(self) -> Followed | None:
        return self.newest.origin if self.newest is not None else None

    def _hear(self, cluster_id: int) -> None:
        heard = replace(self.standing, cluster_id=cluster_id, heard_at_s=time.time())
        self._stand(replace(heard, is_connected=True, fault="", lost_at_s=0.0))

    def _lose(self, fault: str) -> None:
        lost = replace(self.standing, is_connected=False, is_at_head=False, fault=fault)
        self._stand(replace(lost, lost_at_s=self.standing.lost_at_s or time.time()))

    def _refuse(self, reason: str) -> None:
        self._is_believed = False
        self._stand(replace(self.standing, is_at_head=False, refused=reason, gone_back=""))

    def _stand_with(self, candidate: Candidate | None, fault: str) -> None:
        put_at = self._candidates.found.put_at
        self._stand(replace(self.standing, candidate=candidate, candidate_put_at=put_at, candidate_fault=fault))

    def _stand(self, now: Standing) -> None:
        before, self.standing = self.standing, now
        if replace(now, heard_at_s=before.heard_at_s) != before:
            self._told(now)


def _changes(news: WatchNews) -> bool:
    return bool(news.put or news.deleted)
