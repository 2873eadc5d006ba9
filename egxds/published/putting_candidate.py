"""Files become a candidate: what some nodes are served before all are. Waits for the store.

What is new is uploaded as for any generation (`publishing`); then the candidate is put in one transaction, which is
applied where three keys are as they were seen: `head`, after which it comes, that of the candidate, lest one of
somebody else is undone unseen, and `swept`, since what it leads to was counted on to be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from egxds.errors import EgxdsError
from egxds.etcd.errors import EtcdError, OutcomeUnknownError
from egxds.etcd.operations import Put, Unchanged
from egxds.published.candidate import LARGEST_PUT_BYTES, Candidate, FoundCandidate
from egxds.published.content import Content
from egxds.published.errors import CandidateConflictError, ConflictError, PublishedContentError, TooManyNodesError
from egxds.published.publishing import Plan, Publisher, record_of
from egxds.published.reading import Generations, Seen
from egxds.published.record import Origin, Record
from egxds.published.swapping import Pause, unswept, until_known, until_nothing_is_swept


@dataclass(frozen=True, slots=True)
class Canary:
    """For whom a candidate is, and for how long.

    Attributes:
        nodes: ids of the nodes, each once, in their order.
        promote_after_s: seconds without a fault after which it comes into force by itself; 0 for by somebody's word.
    """

    nodes: tuple[str, ...]
    promote_after_s: int


@dataclass(frozen=True, slots=True)
class CandidatePut:
    """What came of it.

    Attributes:
        candidate: what there is; None where the files are those in force.
        put_at: revision of the change that put it there; 0 where it is in force for all by now.
        head: what is in force; None for nothing.
        texts: path → what the files in force hold; None where that cannot be read.
        fault: why it cannot.
    """

    candidate: Candidate | None
    put_at: int
    head: Record | None
    texts: Mapping[str, bytes] | None = field(default=None, repr=False)
    fault: EgxdsError | None = None


async def put_candidate(
    generations: Generations, content: Content, origin: Origin, canary: Canary, pause: Pause = anyio.sleep
) -> CandidatePut:
    """Have files be the candidate.

    Args:
        generations: where.
        content: the files.
        origin: who wants it, and what for.
        canary: for whom, and for how long.
        pause: waits while something is swept.

    Raises:
        CandidateConflictError: there is one already; one that was taken back makes room.
        ConflictError: somebody else published meanwhile.
        OutcomeUnknownError: it may be there, or have been there, or not; with any other error it is not.
        PublishedContentError: what stands at the key of the candidate cannot be read.
        SweptError: something was removed again and again meanwhile.
        TooManyNodesError: it is larger than what goes to the store at once.
    """
    publisher = Publisher(generations, pause)

    async def attempt() -> CandidatePut | None:
        plan = await publisher.plan(content)
        _check_room(generations, plan.seen)
        if plan.is_nothing_new:
            return CandidatePut(None, 0, plan.seen.head)
        found = await _put(generations, publisher, plan, origin, canary)
        return await _compared(publisher, plan, found) if found is not None else None

    return await until_nothing_is_swept(attempt, pause)


async def _put(
    generations: Generations, publisher: Publisher, plan: Plan, origin: Origin, canary: Canary
) -> FoundCandidate | None:
    """Upload and put it; None where something was swept meanwhile."""
    new = plan.new_blobs()
    record = record_of(plan, origin, new)
    candidate = Candidate(record=record, nodes=canary.nodes, promote_after_s=canary.promote_after_s)
    if len(candidate.encode()) > LARGEST_PUT_BYTES:
        raise TooManyNodesError
    rest = await publisher.upload_ahead(plan, new)
    if rest is None:
        return None
    attempt = partial(_try, generations, plan.seen, candidate, rest)
    try:
        return await attempt()
    except OutcomeUnknownError as err:
        try:
            return await until_known(attempt, err)
        except (CandidateConflictError, ConflictError) as conflict:
            # It may have been there for a while, and others have ended it since.
            raise OutcomeUnknownError(f"{err}; {conflict}") from conflict


async def _try(
    generations: Generations, seen: Seen, candidate: Candidate, puts: Sequence[Put]
) -> FoundCandidate | None:
    layout = generations.layout
    as_seen = Unchanged(layout.head, seen.head_revision), Unchanged(layout.candidate, seen.found.put_at)
    conditions = (*as_seen, unswept(layout, seen))
    done = await generations.store.transact(conditions, (*puts, Put(layout.candidate, candidate.encode())))
    if done.succeeded:
        return FoundCandidate(candidate, done.revision)
    now = await generations.look()
    theirs = await generations.kept((candidate.record.generation,))
    if candidate.record in (now.head, *(each.record for each in theirs)):
        return FoundCandidate(candidate)
    # It may have been put by a try before this one, and taken back since.
    if now.found.candidate is not None and now.found.candidate.record == candidate.record:
        return now.found
    if now.head_revision != seen.head_revision:
        raise ConflictError(now.head)
    _check_room(generations, now)
    return None


def _check_room(generations: Generations, seen: Seen) -> None:
    generations.check_candidate(seen)
    if seen.candidate is not None:
        raise CandidateConflictError(seen.candidate)


async def _compared(publisher: Publisher, plan: Plan, found: FoundCandidate) -> CandidatePut:
    head = plan.seen.head
    try:
        return CandidatePut(found.candidate, found.put_at, head, await publisher.texts_before(plan, {}))
    except (EtcdError, PublishedContentError) as err:
        return CandidatePut(found.candidate, found.put_at, head, fault=err)
