"""What no kept generation needs is removed, safely beside a publish. Waits for the store.

    1. look at what is in force, and at how often was swept
    2. read all records, and of those that are kept, and of a candidate, all buckets: what they lead to is needed
    3. list all buckets and blobs; what is not needed goes
    4. remove: first the records that are not kept, then what nobody needs, in transactions of which each has the
       conditions that head and candidate are as they were seen in 1., and that nobody else swept; each changes `swept`

Why nothing goes that is needed. A generation that comes into force meanwhile changes head, and one that is put for some
nodes the candidate, so that no transaction of 4. is applied any more; what is left over is for the next sweep. What a
candidate leads to that was taken back nobody needs. A publisher that has uploaded and not swapped yet has
`swept` as a condition: where a transaction of 4. was applied, which may have taken its blobs, its own are not.
A generation whose record went is no longer there to be rolled back to, before anything of it goes.

What cannot be read may lead to anything: then nothing is removed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from egxds.etcd.operations import Delete, Form, GetPrefix, Operation, Put, Unchanged
from egxds.published.batches import MOST_WRITES, MOST_WRITTEN_BYTES, batches
from egxds.published.reading import Generations, Seen
from egxds.published.record import Record

_FIRST_DIGITS = "0123456789abcdef"
_LISTED_KEYS = 20_000
"""At once, about; that is 2 MB."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed.

    Attributes:
        generations: how many records.
        parts: how many buckets and blobs.
        is_whole: whether nothing is left over for the next time.
    """

    generations: int = 0
    parts: int = 0
    is_whole: bool = True


async def sweep(generations: Generations, keep: int) -> Swept:
    """Remove what no kept generation needs.

    Args:
        generations: where.
        keep: how many are kept, the newest ones.

    Raises:
        PublishedContentError: something that is kept cannot be read; nothing was removed.
    """
    layout = generations.layout
    seen = await generations.look()
    generations.check_candidate(seen)
    if seen.head is None:
        return Swept()
    numbers = await generations.numbers()
    candidate = [seen.candidate.record] if seen.candidate is not None else []
    kept = [seen.head, *candidate, *(each.record for each in await generations.kept(numbers[:keep]))]
    needed = await _needed(generations, kept)
    records = [layout.generation(number) for number in numbers[keep:]]
    parts = [key async for key in _listed(generations, len(needed)) if key not in needed]
    removed = await _remove(generations, seen, [*records, *parts])
    return Swept(min(removed, len(records)), max(0, removed - len(records)), removed == len(records) + len(parts))


async def _needed(generations: Generations, records: Sequence[Record]) -> frozenset[str]:
    """Return the keys of everything that records lead to."""
    layout = generations.layout
    buckets = {layout.bucket(digest) for record in records for digest in record.buckets.values()}
    files = await generations.all_files(records)
    return frozenset(buckets | {layout.blob(digest) for file in files for digest in file.chunks})


async def _listed(generations: Generations, expected: int) -> AsyncIterator[str]:
    """Yield the keys of all buckets and blobs, of which about so many are expected."""
    layout = generations.layout
    looks = [
        GetPrefix(f"{prefix}{digit}", Form.KEYS) for prefix in (layout.buckets, layout.blobs) for digit in _FIRST_DIGITS
    ]
    each_bytes = expected // len(_FIRST_DIGITS)
    for batch in batches(looks, lambda _: each_bytes, len(looks), _LISTED_KEYS):
        for found in (await generations.store.transact((), batch)).found:
            for each in found:
                yield each.key


async def _remove(generations: Generations, seen: Seen, keys: Sequence[str]) -> int:
    """Remove keys, in their order, until something else happens; tell how many went."""
    layout = generations.layout
    removed, counter, revision = 0, seen.swept, seen.swept_revision
    for batch in batches(keys, len, MOST_WRITES, MOST_WRITTEN_BYTES):
        counter += 1
        as_seen = Unchanged(layout.head, seen.head_revision), Unchanged(layout.candidate, seen.found.put_at)
        conditions = (*as_seen, Unchanged(layout.swept, revision))
        operations: list[Operation] = [*map(Delete, batch), Put(layout.swept, str(counter).encode())]
        done = await generations.store.transact(conditions, operations)
        if not done.succeeded:
            break
        revision = done.revision
        removed += len(batch)
    return removed
