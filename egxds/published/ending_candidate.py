"""A candidate comes into force for all, or is taken back. Waits for the store.

Each is one transaction that has the candidate as it was seen. So of all who would do either, people and replicas, the
first does, and the others are told what became of it. To promote it is a swap of the head like any other (`swapping`),
by which nothing is uploaded: all that the candidate leads to is there while it is live.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from egxds.etcd.operations import Put, Unchanged
from egxds.published.candidate import Candidate
from egxds.published.errors import ConflictError
from egxds.published.reading import Generations, Seen
from egxds.published.record import Record
from egxds.published.swapping import Pause, Swap, put_surely, swap, until_nothing_is_swept


@dataclass(frozen=True, slots=True)
class Promoted:
    """It is in force, or was: by this, or by somebody who was first.

    Attributes:
        record: the generation.
    """

    record: Record


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """It is served to nobody any more.

    Attributes:
        candidate: as it stands there now.
    """

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Missed:
    """Nothing was done: it had come to another end before.

    Attributes:
        candidate: the one that was meant.
        now: what there is instead.
    """

    candidate: Candidate
    now: Seen

    def __str__(self) -> str:
        """Say what became of it, in a line."""
        number, found = self.candidate.record.generation, self.now.found.candidate
        if self.now.head == self.candidate.record:
            return f"generation {number} is in force for all already"
        if found is not None and found.record == self.candidate.record and found.taken_back is not None:
            return f"it was taken back by {found.taken_back.by}: {found.taken_back.why}"
        head = self.now.head.generation if self.now.head is not None else 0
        return f"the candidate is gone: generation {head} is in force"


async def promote(
    generations: Generations, candidate: Candidate, put_at: int, pause: Pause = anyio.sleep
) -> Promoted | Missed:
    """Have a candidate in force for all.

    Args:
        generations: where.
        candidate: as it was seen.
        put_at: revision of the change that put it there.
        pause: waits while something is swept.

    Raises:
        EtcdError: the store cannot be asked, or does not take it.
        SweptError: something was removed again and again meanwhile.
    """
    condition = Unchanged(generations.layout.candidate, put_at)

    async def attempt() -> Promoted | Missed | None:
        seen = await generations.look()
        if seen.found.put_at != put_at or seen.candidate != candidate:
            return _missed(candidate, seen)
        try:
            done = await swap(generations, Swap(seen, candidate.record, conditions=(condition,)))
        except ConflictError:
            return _missed(candidate, await generations.look())
        return Promoted(candidate.record) if done is not None else None

    return await until_nothing_is_swept(attempt, pause)


def _missed(candidate: Candidate, seen: Seen) -> Promoted | Missed:
    return Promoted(candidate.record) if seen.head == candidate.record else Missed(candidate, seen)


async def take_back(generations: Generations, put_at: int, withdrawn: Candidate) -> Withdrawn | Missed:
    """Have a candidate served to nobody.

    Args:
        generations: where.
        put_at: revision of the change that put it there.
        withdrawn: it, with the reason (`candidate.taken_back`).

    Raises:
        EtcdError: the store cannot be asked, or does not take it.
    """
    key = generations.layout.candidate
    done = await put_surely(generations.store, (Unchanged(key, put_at),), (Put(key, withdrawn.encode()),))
    if done.succeeded:
        return Withdrawn(withdrawn)
    now = await generations.look()
    # It may have been put by a try of which nobody knows.
    return Withdrawn(withdrawn) if now.found.candidate == withdrawn else Missed(withdrawn, now)
