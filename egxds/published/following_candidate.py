"""Follows the candidate of a store, beside its head. Waits for the store.

    told ---- nothing is to be served, or it does not come after what is in memory ---> what is in memory is let go
    told ---- the one that is in memory ---------------------------------------------> it stays
    told ---- any other ----------> what is in memory is let go; FETCH
    FETCH --- it is whole --------> handed on
    FETCH --- something is missing or wrong, and it is still there -------------------> said; FETCH at the next look
    FETCH --- the store does not answer ---------------------------------------------> FETCH after a pause

It is told by whoever looks at the head and watches it (`following`), behind what that is told of the head itself. The
head never waits for the candidate: this is fetched in a task of its own, of which only what was told last counts. Files
that are read in a thread are read to their end, whatever was told meanwhile: so what was wanted is looked at again
behind that. What it has in common with the generation at the head is not fetched, and is the same objects in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from egxds.etcd.errors import EtcdError, UnavailableError
from egxds.etcd.operations import Get
from egxds.published.candidate import NO_CANDIDATE, Candidate, FollowedCandidate, FoundCandidate
from egxds.published.errors import PublishedContentError
from egxds.published.fetching import next_generation
from egxds.published.followed import Followed
from egxds.published.generation import Generation
from egxds.published.reading import Generations

_PAUSE_S = 1.0

Told = Callable[[Candidate | None, str], None]
"""Takes what stands in the store, and why it is not served here though it is to be; the latter is empty otherwise."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be in memory.

    Attributes:
        candidate: it.
        put_at: revision of the change that put it there.
        base: the generation in memory that it comes after.
        cluster_id: of the store.
    """

    candidate: Candidate
    put_at: int
    base: Generation
    cluster_id: int


class CandidateFollower:
    """The candidate in memory.

    Attributes:
        newest: it; None while none is to be served, or it is not here.
        found: what was told to stand in the store.
    """

    def __init__(self, handed_on: Callable[[], None], told: Told) -> None:
        """Know of none.

        Args:
            handed_on: is called when there is another one in memory, or none any more.
            told: is told how things are.
        """
        self.newest: FollowedCandidate | None = None
        self.found: FoundCandidate = NO_CANDIDATE
        self._handed_on = handed_on
        self._told = told
        self._wanted: _Wanted | None = None
        self._is_refused = False
        self._round: anyio.CancelScope | None = None

    def take(self, found: FoundCandidate, base: Generation | None) -> None:
        """Take what stands in the store now.

        Args:
            found: that.
            base: the generation in memory; None where it is not the one at the head of the store.
        """
        self.found = found
        wanted, fault = _wanted(found, base)
        if wanted is not None and wanted == self._wanted:
            if self._is_refused:
                self._begin()
            return
        self._wanted = wanted
        self._let_go()
        self._told(found.candidate, fault)
        self._begin()

    async def follow(self, generations: Generations) -> None:
        """Fetch what is to be in memory; until cancelled."""
        while True:
            with anyio.CancelScope() as self._round:
                if await self._has(generations):
                    await anyio.sleep_forever()
                await anyio.sleep(_PAUSE_S)

    async def _has(self, generations: Generations) -> bool:
        """Fetch what is to be in memory if it is not; return False where that is to be tried again."""
        wanted = self._wanted
        if wanted is None or self.newest is not None:
            return True
        origin = Followed(wanted.cluster_id, wanted.candidate.record)
        try:
            generation = await next_generation(generations, wanted.base, origin)
        except PublishedContentError as err:
            return await self._refuse(generations, wanted, str(err))
        except UnavailableError:
            return False  # which is said of the head
        except EtcdError as err:
            if self._wanted is wanted:
                self._told(wanted.candidate, str(err))
            return False
        if self._wanted is not wanted:
            return False
        self.newest = FollowedCandidate(wanted.candidate, generation, wanted.put_at)
        self._told(wanted.candidate, "")
        self._handed_on()
        return True

    async def _refuse(self, generations: Generations, wanted: _Wanted, why: str) -> bool:
        """Say why it is not taken, unless it is not there any more, which will be told; return False to try again."""
        try:
            (found,) = (await generations.store.transact((), (Get(generations.layout.candidate),))).found
        except EtcdError:
            return False
        if self._wanted is wanted and found and found[0].mod_revision == wanted.put_at:
            self._is_refused = True
            self._told(wanted.candidate, why)
        return True

    def _begin(self) -> None:
        """Fetch what is wanted now, whatever is waited for."""
        self._is_refused = False
        if self._round is not None:
            self._round.cancel()

    def _let_go(self) -> None:
        if self.newest is not None:
            self.newest = None
            self._handed_on()


def _wanted(found: FoundCandidate, base: Generation | None) -> tuple[_Wanted | None, str]:
    """Return what is to be in memory; None and why not where it is to be and cannot be."""
    candidate = found.live
    if candidate is None:
        return None, found.fault
    origin = base.origin if base is not None else None
    if base is None or origin is None or not candidate.comes_after(origin.record):
        return None, f"it comes after generation {candidate.record.parent}, which is not in force here"
    return _Wanted(candidate, found.put_at, base, origin.cluster_id), ""
