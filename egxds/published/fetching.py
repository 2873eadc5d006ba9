"""Reads the next generation of a store, as far as it differs from the one in memory. Waits for the store.

What comes of it is whole, each part held against its digest, or an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread

from egxds.files.documents.document import FileDocuments
from egxds.files.documents.split import documents_in
from egxds.files.reading.content import ReadLimits
from egxds.problems import Problem
from egxds.published.errors import PublishedContentError
from egxds.published.followed import Followed
from egxds.published.generation import Difference, Generation, difference, following
from egxds.published.manifest import chunk_sizes
from egxds.published.reading import NOTHING_AHEAD, Contents, Generations
from egxds.published.record import Record

_NO_DOCUMENTS = FileDocuments()


async def next_generation(
    generations: Generations, before: Generation, origin: Followed, ahead: Contents = NOTHING_AHEAD
) -> Generation:
    """Return a generation; what it has in common with the one before are the same objects.

    Args:
        generations: of the store.
        before: the one in memory.
        origin: the one to be read.
        ahead: what of it was read already.

    Raises:
        PublishedContentError: something of it is missing, is not what its digest says, is no text, or is over a limit.
        EtcdError: the store cannot be asked.
    """
    record = origin.record
    if record is None:
        return Generation(origin)
    names = before.other_buckets(record)
    found = await generations.bucket_files(record, [name for name in names if name in record.buckets], ahead)
    other = difference(before, names, found)
    sizes = chunk_sizes(other.changed.values())
    blobs = await generations.blobs(sizes, record.generation, ahead)
    texts = generations.assembled(other.changed, blobs, record.generation)
    generation = await to_thread.run_sync(_put_together, before, origin, other, texts, generations.limits)
    _check_whole(generation, record, generations)
    return generation


def _put_together(
    before: Generation, origin: Followed, other: Difference, texts: Mapping[str, bytes], limits: ReadLimits
) -> Generation:
    documents: dict[str, FileDocuments] = {}
    for path, text in texts.items():
        held = documents_in(path, text, limits.documents, before.documents.get(path, _NO_DOCUMENTS))
        if isinstance(held, Problem):
            raise PublishedContentError(str(held.location), held.message, origin.number)
        documents[path] = held
    return following(before, origin, other, documents)


def _check_whole(generation: Generation, record: Record, generations: Generations) -> None:
    """Check that a generation has what its record says of all of it."""
    has = (len(generation.documents), generation.size_bytes)
    if has != (record.files, record.size_bytes):
        raise PublishedContentError(
            generations.layout.generation(record.generation),
            f"says {record.files} files of {record.size_bytes} bytes, and has {has[0]} of {has[1]}",
            record.generation,
        )
