"""A store in memory that tests publish to, whole, without the publishing side's care for what is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from egxds.etcd.operations import Delete, Put
from egxds.files.reading.content import ReadLimits
from egxds.published.candidate import Candidate, taken_back
from egxds.published.content import content_of
from egxds.published.layout import Layout
from egxds.published.reading import WatchedGenerations
from egxds.published.record import MOST_NEW_CHUNKS, Record
from tests.etcd_fake import FakeCluster, FakeEtcd

LAYOUT = Layout("/egxds/")
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def route(name: str, path: str = "/") -> str:
    """Return a document."""
    return f"kind: Route\nmetadata: {{name: {name}}}\nspec: {{path: {path}}}\n"


class Store:
    """A cluster with generations.

    Attributes:
        cluster: what is there.
        number: of the last generation.
    """

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.number = 0

    def publish(self, files: Mapping[str, str], message: str = "") -> Record:
        """Put the next generation there, and its record at the head."""
        new = self.put_content(files)
        record = self.record(files, self.number + 1, message, new)
        self.put_head(record)
        return record

    def put_content(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Put what files come to there, without a record; return the digests of the chunks that are new."""
        content = content_of({path: text.encode() for path, text in files.items()})
        blobs = [Put(LAYOUT.blob(digest), chunk) for digest, chunk in content.blobs.items()]
        buckets = [Put(LAYOUT.bucket(content.digests[name]), bucket) for name, bucket in content.buckets.items()]
        new = tuple(digest for digest in content.blobs if LAYOUT.blob(digest) not in self.cluster.keys)
        for put in {each.key: each for each in (*blobs, *buckets)}.values():
            if put.key not in self.cluster.keys:
                self.cluster.apply([put])
        return new

    def record(self, files: Mapping[str, str], number: int, message: str = "", new: Sequence[str] = ()) -> Record:
        """Return the record of a generation."""
        content = content_of({path: text.encode() for path, text in files.items()})
        return Record(
            generation=number,
            digest=content.digest,
            buckets=content.digests,
            files=len(content.files),
            size_bytes=content.size_bytes,
            author="alice@desk",
            at=_WHEN,
            message=message,
            parent=number - 1,
            new_chunks=tuple(new) if 0 < len(new) <= MOST_NEW_CHUNKS else None,
        )

    def put_head(self, record: Record) -> None:
        """Have a record be the head, and the kept one of its number."""
        self.number = record.generation
        kept = Put(LAYOUT.generation(record.generation), record.encode())
        self.cluster.apply([kept, Put(LAYOUT.head, record.encode()), Delete(LAYOUT.candidate)])

    def put_candidate(self, files: Mapping[str, str], *nodes: str) -> Candidate:
        """Put the next generation there as a candidate."""
        self.put_content(files)
        candidate = Candidate(record=self.record(files, self.number + 1, "canary"), nodes=nodes or ("edge-1",))
        self.cluster.apply([Put(LAYOUT.candidate, candidate.encode())])
        return candidate

    def promote(self, candidate: Candidate) -> None:
        """Have a candidate be the head."""
        self.number = candidate.record.generation
        written = candidate.record.encode()
        kept = Put(LAYOUT.generation(self.number), written)
        self.cluster.apply([kept, Put(LAYOUT.head, written), Delete(LAYOUT.candidate)])

    def take_back(self, candidate: Candidate, why: str = "refused") -> None:
        """Have a candidate be served to nobody."""
        self.cluster.apply([Put(LAYOUT.candidate, taken_back(candidate, why, _WHEN, "replica-1").encode())])

    def generations(self, limits: ReadLimits | None = None) -> tuple[FakeEtcd, WatchedGenerations]:
        """Return a client of its own, and the generations as it sees them."""
        client = FakeEtcd(self.cluster)
        return client, WatchedGenerations(client, LAYOUT, limits or ReadLimits())
