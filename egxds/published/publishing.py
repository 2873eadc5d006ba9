"""Files become the generation in force: what is new is uploaded, and then the head is swapped. Waits for the store.

    1. look at what is in force
    2. read the buckets of it that are others in what is published: so it is known which blobs are there
    3. put new blobs, new buckets and the record in one transaction (`swapping`)

What does not fit into one transaction goes ahead in several, blobs first. Each has the condition that nothing was swept
since 1., so that nothing is put that leads to something that went; where something was, all of it begins again. What an
end in between leaves behind leads nowhere, and is removed by the next sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import anyio

from egxds.errors import EgxdsError
from egxds.etcd.errors import EtcdError
from egxds.etcd.operations import Get, KeyValue, Put
from egxds.published.batches import MOST_READ_BYTES, MOST_WRITES, MOST_WRITTEN_BYTES, batches
from egxds.published.candidate import Candidate
from egxds.published.content import Content
from egxds.published.errors import PublishedContentError
from egxds.published.layout import Layout, digest_of
from egxds.published.manifest import Files, chunk_sizes
from egxds.published.reading import Generations, Seen
from egxds.published.record import MOST_NEW_CHUNKS, Origin, Record
from egxds.published.swapping import Pause, Swap, put_surely, swap, unswept, until_nothing_is_swept

_READS_ALONG = 16
"""Chunks of what was in force before that a transaction brings along; of more, most of the files are others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to have files in force.

    Attributes:
        content: the files.
        seen: what is in force.
        same: names of the buckets that are in force already.
        others: files in force that stand in other buckets.
        fault: why what is in force cannot be read.
        is_whole: whether nothing is counted on to be there.
    """

    content: Content
    seen: Seen
    same: frozenset[str] = frozenset()
    others: Files = field(default_factory=dict)
    fault: PublishedContentError | None = None
    is_whole: bool = False

    @property
    def is_nothing_new(self) -> bool:
        """Whether the files are those in force, for good, and are counted on to be there."""
        head = self.seen.head
        is_same = head is not None and head.instead_of is None and head.digest == self.content.digest
        return is_same and not self.is_whole

    def new_blobs(self) -> Mapping[str, bytes]:
        """Return the chunks that are not there yet, by their digests."""
        content, there = self.content, chunk_sizes(self.others.values())
        chunks = chain.from_iterable(file.chunks for file in content.files_in(self._new_names()).values())
        missing = dict.fromkeys(digest for digest in chunks if digest not in there)
        new = (digest for digest in missing if self._there.isdisjoint(content.homes[digest]))
        # Of content that is known in part the rest is there, be it in an earlier generation (`content.edited`).
        known = ((digest, content.blobs.get(digest)) for digest in new)
        return content.blobs if self._is_nothing_there else {digest: blob for digest, blob in known if blob is not None}

    def new_buckets(self) -> Mapping[str, bytes]:
        """Return the buckets that are not there yet, by their digests."""
        content = self.content
        return {content.digests[name]: content.buckets[name] for name in self._new_names()}

    @property
    def _is_nothing_there(self) -> bool:
        return self.is_whole or self.fault is not None

    @property
    def _there(self) -> frozenset[str]:
        """Names of the buckets that are counted on to be there with all that they lead to."""
        return frozenset() if self._is_nothing_there else self.same

    def _new_names(self) -> Sequence[str]:
        return [name for name in self.content.buckets if name not in self._there]

    def blobs_before(self) -> Mapping[str, int]:
        """Return the chunks of what is in force that are not among those of the files, with their sizes."""
        sizes = chunk_sizes(self.others.values())
        return {digest: size for digest, size in sizes.items() if digest not in self.content.blobs}


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it.

    Attributes:
        record: what is in force.
        before: what was; None for nothing.
        is_new: whether it is another one.
        texts: path → what files held before; None where that cannot be read.
        fault: why it cannot.
        ended: the candidate that came to its end by that, as far as it was seen.
    """

    record: Record
    before: Record | None
    is_new: bool
    texts: Mapping[str, bytes] | None = field(default=None, repr=False)
    fault: EgxdsError | None = None
    ended: Candidate | None = None


class Publisher:
    """Publishes files."""

    def __init__(self, generations: Generations, pause: Pause = anyio.sleep) -> None:
        """Publish to a store of generations.

        Args:
            generations: what is in force there, and before.
            pause: waits while something is swept.
        """
        self._generations = generations
        self._pause = pause

    async def plan(self, content: Content, *, is_whole: bool = False) -> Plan:
        """Look at what is in force, and at what of it is otherwise.

        Args:
            content: the files that are to be in force.
            is_whole: whether nothing is counted on to be there, as where something of the store was lost.
        """
        seen = await self._generations.look()
        if seen.head is None:
            return Plan(content, seen, is_whole=is_whole)
        same = frozenset(name for name, _ in seen.head.buckets.items() & content.digests.items())
        try:
            others = await self._generations.bucket_files(seen.head, sorted(seen.head.buckets.keys() - same))
        except PublishedContentError as err:
            # Nothing of it is counted on to be there.
            return Plan(content, seen, same, fault=err, is_whole=is_whole)
        return Plan(content, seen, same, others, is_whole=is_whole)

    async def texts_before(self, plan: Plan, known: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return what the files in force hold, by their paths.

        Args:
            plan: as it was made.
            known: chunks that are known, beside those of the plan.

        Raises:
            PublishedContentError: something of it is not what it should be.
        """
        if plan.fault is not None:
            raise plan.fault
        if plan.seen.head is None:
            return {}
        content, number = plan.content, plan.seen.head.generation
        missing = {digest: size for digest, size in plan.blobs_before().items() if digest not in known}
        read = await self._generations.blobs(missing, number)
        others = self._generations.assembled(plan.others, {**content.blobs, **known, **read}, number)
        return {**{path: content.texts[path] for path in content.files_in(plan.same)}, **others}

    async def publish(self, content: Content, origin: Origin, *, is_whole: bool = False) -> Published:
        """Have files in force.

        Args:
            content: the files.
            origin: who wants it, and what for.
            is_whole: whether nothing is counted on to be there; there is another generation in any case then.

        Raises:
            ConflictError: somebody else published meanwhile.
            SweptError: something was removed again and again meanwhile.
        """

        async def attempt() -> Published | None:
            plan = await self.plan(content, is_whole=is_whole)
            if plan.is_nothing_new and plan.seen.head is not None:
                return Published(plan.seen.head, plan.seen.head, is_new=False)
            return await self._carry_out(plan, origin)

        return await until_nothing_is_swept(attempt, self._pause)

    async def _carry_out(self, plan: Plan, origin: Origin) -> Published | None:
        """Upload and swap, and read what was before; None where something was swept meanwhile."""
        done = await self.put(plan, origin, _read_along(self._generations.layout, plan))
        if done is None:
            return None
        record, found = done
        published = Published(record, plan.seen.head, is_new=True, ended=plan.seen.candidate)
        try:
            return replace(published, texts=await self.texts_before(plan, _checked(found)))
        except (EtcdError, PublishedContentError) as err:
            return replace(published, fault=err)

    async def put(
        self, plan: Plan, origin: Origin, along: Sequence[Get] = ()
    ) -> tuple[Record, Sequence[Sequence[KeyValue]]] | None:
        """Upload what is new of a plan, and swap.

        Args:
            plan: as it was made.
            origin: who wants it, and what for.
            along: what is looked up by the way.

        Returns:
            What is in force, and what was found; None where something was swept meanwhile.

        Raises:
            ConflictError: somebody else published meanwhile.
        """
        blobs = plan.new_blobs()
        record = record_of(plan, origin, blobs)
        rest = await self.upload_ahead(plan, blobs)
        if rest is None:
            return None
        found = await swap(self._generations, Swap(plan.seen, record, (*along, *rest)))
        return (record, found) if found is not None else None

    async def upload_ahead(self, plan: Plan, new: Mapping[str, bytes]) -> Sequence[Put] | None:
        """Upload what does not go at once with what leads to it.

        Args:
            plan: as it was made.
            new: digest → chunk that is put for it.

        Returns:
            What is to go with it; None where something was swept meanwhile.
        """
        layout = self._generations.layout
        *ahead, rest = [*batches(_puts(layout, plan, new), _written_bytes, MOST_WRITES, MOST_WRITTEN_BYTES)] or [[]]
        for batch in ahead:
            done = await put_surely(self._generations.store, (unswept(layout, plan.seen),), batch)
            if not done.succeeded:
                return None
        return rest


def record_of(plan: Plan, origin: Origin, new: Mapping[str, bytes]) -> Record:
    """Return the record of what a plan comes to.

    Args:
        plan: what is to be done.
        origin: who wants it, and what for.
        new: digest → chunk that is put for it.
    """
    content, head = plan.content, plan.seen.head
    parent = head.generation if head is not None else 0
    are_few = 0 < len(new) <= MOST_NEW_CHUNKS and sum(map(len, new.values())) <= MOST_WRITTEN_BYTES
    return Record(
        generation=parent + 1,
        digest=content.digest,
        buckets=content.digests,
        files=len(content.files),
        size_bytes=content.size_bytes,
        parent=parent,
        new_chunks=tuple(new) if are_few else None,
        **origin.fields(),
    )


def _puts(layout: Layout, plan: Plan, new: Mapping[str, bytes]) -> Iterator[Put]:
    """Yield what has to be there before a record leads to it."""
    yield from (Put(layout.blob(digest), blob) for digest, blob in new.items())
    yield from (Put(layout.bucket(digest), bucket) for digest, bucket in plan.new_buckets().items())


def _written_bytes(put: Put) -> int:
    return len(put.key) + len(put.value)


def _read_along(layout: Layout, plan: Plan) -> Sequence[Get]:
    """Return what of the files in force before is looked up by the way, so that it takes no time of its own."""
    sizes = plan.blobs_before()
    is_little = len(sizes) <= _READS_ALONG and sum(sizes.values()) <= MOST_READ_BYTES
    return [Get(layout.blob(digest)) for digest in sizes] if is_little else ()


def _checked(found: Sequence[Sequence[KeyValue]]) -> Mapping[str, bytes]:
    """Return the chunks that were looked up, by their digests, without those that are not what their names say."""
    chunks = ((each.key.rpartition("/")[2], each.value) for entry in found for each in entry)
    return {digest: chunk for digest, chunk in chunks if digest_of(chunk) == digest}
