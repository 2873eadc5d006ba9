"""What is needed of a generation that a watch has told, looked up in one trip. Waits for the store.

A change of the head comes with the record that was put there, by which most of what is to be read is known before any
of it is: what the store keeps by the number of the generation in memory, without which nothing is followed
(`followed`); the buckets that are others than in memory; and the chunks that the record names as new. Of an edit that
is all. Which chunks files have is said by the buckets alone: one that is named and not needed is passed over, and one
that is needed and not named takes another trip.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.etcd.operations import Get
from egxds.published.generation import Generation
from egxds.published.head import kept_in
from egxds.published.reading import NOTHING_AHEAD, Contents, Generations
from egxds.published.record import Record

_MOST_BUCKETS = 16
"""Of more, most of the files are others, and it is no edit; a store that lies about all of them fits into a reply."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was found.

    Attributes:
        kept: what the store has by the number of the generation in memory; None where it has it no more.
        contents: of buckets and blobs, not held against their digests yet.
    """

    kept: Record | None
    contents: Contents


async def look_ahead(generations: Generations, before: Generation, record: Record) -> Ahead:
    """Look up what is known to be needed.

    Args:
        generations: of the store.
        before: the one in memory.
        record: of the one to be read.

    Raises:
        EtcdError: the store cannot be asked.
    """
    layout, ours = generations.layout, before.origin.record if before.origin is not None else None
    kept = [layout.generation(ours.generation)] if ours is not None else []
    keys = [*kept, *_parts(generations, before, record)]
    if not keys:
        return Ahead(None, NOTHING_AHEAD)
    answer = await generations.store.transact((), list(map(Get, keys)))
    contents = {each.key: each.value for found in answer.found[len(kept) :] for each in found}
    return Ahead(kept_in(answer.found[0], ours) if kept else None, contents)


def _parts(generations: Generations, before: Generation, record: Record) -> list[str]:
    layout = generations.layout
    others = sorted(before.other_buckets(record) & record.buckets.keys())
    if len(others) > _MOST_BUCKETS:
        return []
    chunks = dict.fromkeys(record.new_chunks or ()) if others else ()
    return [*(layout.bucket(record.buckets[name]) for name in others), *map(layout.blob, chunks)]
