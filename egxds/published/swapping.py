"""A new generation comes into force, or nothing changed. Waits for the store.

The record of the generation is put at `head` and among the kept ones in one transaction, which is applied where two
keys are as they were seen: `head`, lest the work of somebody else is undone unseen, and `swept`, since what the record
leads to was counted on to be there. A candidate ends with it, whoever put that: it came after what was in force.

    seen ---- applied ---------------------------------> IN FORCE
    seen ---- head is another one ---------------------> CONFLICT, told to whoever asked for it
    seen ---- only swept is another one ---------------> to be looked at again
    seen ---- nobody knows whether it was applied -----> asked again: applied twice it cannot be, as head is another one
                                                         then; and where our own record is there, it was applied
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from egxds.etcd.errors import EtcdError, OutcomeUnknownError
from egxds.etcd.operations import Delete, KeyStore, KeyValue, Operation, Put, Transacted, Unchanged
from egxds.published.errors import ConflictError, SweptError
from egxds.published.layout import Layout
from egxds.published.reading import Generations, Seen
from egxds.published.record import Record

_TRIES = 4
"""Of what may have been done already."""

_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Between looks where something is swept meanwhile, which takes 2 ms for each hundred keys."""

_T = TypeVar("_T")
Pause = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What is to be done at once.

    Attributes:
        seen: what it starts from.
        record: what comes into force.
        others: what else is put, or looked up, in the same transaction.
        conditions: what else must be as it was seen.
    """

    seen: Seen
    record: Record
    others: Sequence[Operation] = ()
    conditions: Sequence[Unchanged] = ()


async def swap(generations: Generations, wanted: Swap) -> tuple[tuple[KeyValue, ...], ...] | None:
    """Bring a generation into force.

    Args:
        generations: where.
        wanted: what.

    Returns:
        What the other operations have found, nothing where it is not known; None where something was swept, or another
        condition did not hold, and it has to be looked at again.

    Raises:
        ConflictError: somebody else published in between.
        OutcomeUnknownError: it may be in force, or not; with any other error it is not.
    """
    try:
        return await _try(generations, wanted)
    except OutcomeUnknownError as err:
        return await until_known(partial(_try, generations, wanted), err)


async def until_known(attempt: Callable[[], Awaitable[_T]], err: OutcomeUnknownError) -> _T:
    """Try again what may have been done already, and finds out whether it was.

    Args:
        attempt: tries it.
        err: why it is not known.

    Raises:
        OutcomeUnknownError: it still is not.
    """
    for _ in range(_TRIES):
        with suppress(EtcdError):
            return await attempt()
    raise OutcomeUnknownError(str(err)) from err


async def _try(generations: Generations, wanted: Swap) -> tuple[tuple[KeyValue, ...], ...] | None:
    layout, seen = generations.layout, wanted.seen
    written = wanted.record.encode()
    kept, head = Put(layout.generation(wanted.record.generation), written), Put(layout.head, written)
    conditions = (Unchanged(layout.head, seen.head_revision), unswept(layout, seen), *wanted.conditions)
    done = await generations.store.transact(conditions, (*wanted.others, kept, head, Delete(layout.candidate)))
    if done.succeeded:
        return done.found[: len(wanted.others)]
    now = await generations.look()
    if now.head_revision == seen.head_revision:
        return None
    # It may have been applied by a try before this one, and somebody else may have published on top of it.
    theirs = await generations.kept((wanted.record.generation,))
    if wanted.record in (now.head, *(each.record for each in theirs)):
        return ()
    raise ConflictError(now.head)


def unswept(layout: Layout, seen: Seen) -> Unchanged:
    """Return the condition that nothing was removed since something was seen."""
    return Unchanged(layout.swept, seen.swept_revision)


async def put_surely(store: KeyStore, conditions: Sequence[Unchanged], puts: Sequence[Put]) -> Transacted:
    """Put what may be put twice, again where nobody knows whether it was done."""
    for _ in range(_TRIES - 1):
        try:
            return await store.transact(conditions, puts)
        except OutcomeUnknownError:
            continue
    return await store.transact(conditions, puts)


async def until_nothing_is_swept(attempt: Callable[[], Awaitable[_T | None]], pause: Pause) -> _T:
    """Try what begins with a look again as long as something is swept in between.

    Args:
        attempt: returns None where it is to be tried again.
        pause: waits.

    Raises:
        SweptError: that does not end.
    """
    for pause_s in _PAUSES_S:
        done = await attempt()
        if done is not None:
            return done
        await pause(pause_s)
    raise SweptError
