"""What is at the head of a store, and the candidate beside it, held against what is in memory. Waits for the store."""

from __future__ import annotations

from dataclasses import dataclass

from egxds.etcd.operations import Get, KeyValue, WatchNews
from egxds.published.candidate import FoundCandidate, found_candidate
from egxds.published.followed import Followed, why_not_after
from egxds.published.reading import Generations
from egxds.published.record import Record, RecordError, decoded_record


@dataclass(frozen=True, slots=True)
class Head:
    """What is there.

    Attributes:
        revision: of the store when it was looked at.
        put_at: revision of the change that put the head there; 0 for none.
        found: the generation; where its record cannot be read, that of none.
        fault: why it cannot.
        kept: what the store has by the number of the generation in memory; None where it has it no more.
        candidate: what stands at the key of the candidate.
    """

    revision: int
    put_at: int
    found: Followed
    fault: str
    kept: Record | None
    candidate: FoundCandidate

    def why_not_after(self, known: Followed | None) -> str:
        """Say why it does not come after what is in memory; nothing where it does, or is the same."""
        return why_not_after(known, self.found, self.kept)


def told_head(news: WatchNews, key: str, cluster_id: int, put_at: int, candidate: FoundCandidate) -> Head | None:
    """Return what a watch tells to be at the head; None where that is to be looked up.

    That is so where it was removed meanwhile, or is no record, and of a change that was looked at before. What the
    store has by the number of the generation in memory is not known of it.

    Args:
        news: that change it.
        key: where it stands.
        cluster_id: of the store that tells it.
        put_at: revision of the change that put there what was seen last.
        candidate: what stands at the key of the candidate.
    """
    put = tuple(each for each in news.put if each.key == key)
    if key in news.deleted or not put or put[-1].mod_revision <= put_at:
        return None
    record, fault = _read(put[-1:])
    if fault:
        return None
    return Head(news.revision, put[-1].mod_revision, Followed(cluster_id, record), "", None, candidate)


def changes(news: WatchNews, key: str) -> bool:
    """Tell whether a watch tells a change of a key."""
    return key in news.deleted or any(each.key == key for each in news.put)


async def head_of(generations: Generations, known: Followed | None) -> Head:
    """Look what is at the head.

    Args:
        generations: of the store.
        known: what is in memory; None where nothing is known of that.

    Raises:
        EtcdError: the store cannot be asked.
    """
    layout = generations.layout
    numbered = (Get(layout.generation(known.number)),) if known is not None and known.number else ()
    answer = await generations.store.transact((), (Get(layout.head), Get(layout.candidate), *numbered))
    head, candidate = answer.found[:2]
    kept = answer.found[2] if numbered else ()
    record, fault = _read(head)
    kept_record = kept_in(kept, known.record if known is not None else None)
    put_at = head[0].mod_revision if head else 0
    found = Followed(answer.cluster_id, record)
    return Head(answer.revision, put_at, found, fault, kept_record, found_candidate(candidate))


def kept_in(found: tuple[KeyValue, ...], ours: Record | None) -> Record | None:
    """Return what the store has by the number of the generation in memory.

    Args:
        found: what stands there.
        ours: the generation in memory.
    """
    # Nearly always it is the very one, which takes a millisecond to read.
    if found and ours is not None and found[0].value == ours.encode():
        return ours
    # One that cannot be read says nothing: whoever publishes next puts no other in its place.
    record, _ = _read(found)
    return record


def _read(found: tuple[KeyValue, ...]) -> tuple[Record | None, str]:
    """Return a record, or why it cannot be read; neither where nothing is there."""
    if not found:
        return None, ""
    try:
        return decoded_record(found[0].value), ""
    except RecordError as err:
        return None, f"{found[0].key}: is no record: {err}"
