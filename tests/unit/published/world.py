"""A store of generations, whoever does something with it, and what must be so at every moment.

Nobody reads half a generation, nothing that a kept generation or a candidate needs is ever missing, nobody's work is
undone unseen, and after quiet only what is needed is there. A candidate comes after what is in force; it is promoted or
taken back and never both, and another one takes its place only then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from egxds.etcd.errors import OutcomeUnknownError, UnavailableError
from egxds.etcd.operations import KeyValue
from egxds.files.reading.reader import LIMITS
from egxds.published.candidate import Candidate, decoded_candidate, taken_back
from egxds.published.content import content_of
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn, promote, take_back
from egxds.published.errors import (
    CandidateConflictError,
    ConflictError,
    NoGenerationError,
    PublishedContentError,
    SweptError,
)
from egxds.published.layout import Layout
from egxds.published.publishing import Published, Publisher
from egxds.published.putting_candidate import Canary, CandidatePut, put_candidate
from egxds.published.reading import Generations
from egxds.published.record import Origin, Record, decoded_record
from egxds.published.rolling_back import RolledBack, roll_back
from egxds.published.sweeping import sweep
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.published.interleaved import Actor, TurnByTurn, pause

KEEP = 2
LAYOUT = Layout("/egxds/")
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_NOTHING_DONE = (CandidateConflictError, ConflictError, NoGenerationError, SweptError, UnavailableError)

Files = Mapping[str, bytes]


class World:
    """A store and actors.

    Attributes:
        cluster: what is stored.
        store: by which actors get to it.
        records: number → every generation that ever was in force.
    """

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.store = TurnByTurn(self.cluster)
        self.records: dict[int, Record] = {}
        self._generations = Generations(self.store, LAYOUT, LIMITS)
        self._files_of: dict[str, Files] = {}
        self._not_done: set[object] = set()
        self._begun = 0
        self._told = 0
        self._head: Record | None = None
        self._candidate: Candidate | None = None
        self._ended: list[Record] = []

    def publish(self, files: Files) -> Actor:
        """Return somebody who publishes files."""
        content = content_of(files)
        self._files_of[content.digest] = files
        origin = self._origin()
        return Actor("publish", Publisher(self._generations, pause).publish(content, origin), origin.at)

    def roll_back(self, number: int) -> Actor:
        """Return somebody who rolls back to a generation."""
        origin = self._origin()
        return Actor("roll back", roll_back(self._generations, number, origin, pause), origin.at)

    def put_candidate(self, files: Files) -> Actor:
        """Return somebody who has files served to some nodes first."""
        content = content_of(files)
        self._files_of[content.digest] = files
        origin = self._origin()
        work = put_candidate(self._generations, content, origin, Canary(("edge-1",), 600), pause)
        return Actor("put a candidate", work, origin.at)

    def promote(self) -> Actor:
        """Return somebody who has the candidate in force for all."""
        return Actor("promote", self._end(self._promote))

    def take_back(self) -> Actor:
        """Return somebody who takes the candidate back."""
        return Actor("take back", self._end(self._take_back))

    def sweep(self) -> Actor:
        """Return somebody who sweeps."""
        return Actor("sweep", sweep(self._generations, KEEP))

    def read(self) -> Actor:
        """Return somebody who reads what is in force."""
        return Actor("read", self._read())

    def check(self) -> None:
        """Check that all that is kept is there as it was published, and stays so."""
        self._check_history()
        if self._candidate is not None and self._candidate.is_live:
            record = self._candidate.record
            assert record.at not in self._not_done, "it was said that nothing was done"
            assert self._read_now(record) == self._files_of[record.digest], "the candidate is not whole"
        keys = self.cluster.keys
        for key in (LAYOUT.head, *(key for key in keys if key.startswith(LAYOUT.generations))):
            if key in keys:
                record = decoded_record(keys[key].value)
                assert self.records.setdefault(record.generation, record) == record, "a generation became another one"
                assert record.at not in self._not_done, "it was said that nothing was done"
                assert self._read_now(record) == self._files_of[record.digest], f"{key} is not whole"

    def judge(self, actor: Actor) -> None:
        """Check what somebody was told who has come to an end."""
        outcome = actor.outcome
        if isinstance(outcome, Published | RolledBack):
            record = outcome.record
            assert self.records.get(record.generation) == record, "it says what is not so"
            assert record.rolled_back_to is None or record.digest == self.records[record.rolled_back_to].digest
            assert record.parent == record.generation - 1
        if isinstance(outcome, Published) and outcome.is_new and outcome.texts is not None and outcome.before:
            assert outcome.texts == self._files_of[outcome.before.digest], "what was in force before is told otherwise"
        elif isinstance(outcome, CandidatePut | Promoted | Withdrawn):
            self._judge_candidate(outcome)
        elif actor.name == "read" and isinstance(outcome, tuple):
            record, files = outcome
            assert files == self._files_of[record.digest], "half a generation"
        elif isinstance(outcome, PublishedContentError):
            assert LAYOUT.generation(outcome.generation) not in self.cluster.keys, f"{actor.name}: {outcome}"
        elif isinstance(outcome, _NOTHING_DONE):
            self._not_done.add(actor.mark)
            self.check()
        elif isinstance(outcome, Exception) and not isinstance(outcome, OutcomeUnknownError):
            raise outcome

    def _judge_candidate(self, outcome: CandidatePut | Promoted | Withdrawn) -> None:
        if isinstance(outcome, Promoted):
            assert self.records.get(outcome.record.generation) == outcome.record, "it says what is not so"
            assert outcome.record not in self._ended, "it was promoted and taken back"
        elif isinstance(outcome, Withdrawn):
            assert outcome.candidate.record in self._ended, "it says what is not so"
        elif outcome.candidate is not None and outcome.texts is not None and outcome.head is not None:
            assert outcome.texts == self._files_of[outcome.head.digest], "what is in force is told otherwise"

    def _check_history(self) -> None:
        """Check what became of the candidate, change by change."""
        changes = [each for each in self.cluster.history if each.revision > self._told]
        for revision in sorted({each.revision for each in changes}):
            put = {each.key: each.put for each in changes if each.revision == revision}
            if LAYOUT.head in put:
                self._take_head(put[LAYOUT.head], LAYOUT.candidate in put)
            elif LAYOUT.candidate in put:
                self._take_candidate(put[LAYOUT.candidate])
            self._told = revision

    def _take_head(self, put: KeyValue | None, is_ended: bool) -> None:
        assert put is not None
        assert is_ended or self._candidate is None, "it outlives what it came after"
        self._head, self._candidate = decoded_record(put.value), None
        assert self._head not in self._ended, "it was promoted and taken back"

    def _take_candidate(self, put: KeyValue | None) -> None:
        assert put is not None, "it is gone without another generation"
        now, before = decoded_candidate(put.value), self._candidate
        assert now.comes_after(self._head), "it comes after another generation than that in force"
        if now.is_live:
            assert before is None or not before.is_live, "one took the place of another unseen"
            assert now.record not in self._ended, "one that was taken back is there again"
        else:
            assert before is not None
            assert (before.record, before.is_live) == (now.record, True), "what is taken back was not there"
            self._ended.append(now.record)
        self._candidate = now

    def check_quiet(self) -> None:
        """Publish once more; then nothing else is there than what is needed."""
        self.publish({"last.yaml": b"last"}).run()
        self.sweep().run()
        self.check()
        needed = {LAYOUT.head}
        for number in sorted(self.records)[-KEEP:]:
            record = self.records[number]
            content = content_of(self._files_of[record.digest])
            needed.add(LAYOUT.generation(number))
            needed |= {*map(LAYOUT.bucket, content.digests.values()), *map(LAYOUT.blob, content.blobs)}
        assert self.cluster.keys.keys() - {LAYOUT.swept} == needed

    async def _end(self, end: Callable[[Candidate, int], Awaitable[object]]) -> object:
        seen = await self._generations.look()
        return await end(seen.candidate, seen.found.put_at) if seen.candidate is not None else None

    async def _promote(self, candidate: Candidate, put_at: int) -> Promoted | Missed:
        return await promote(self._generations, candidate, put_at, pause)

    async def _take_back(self, candidate: Candidate, put_at: int) -> Withdrawn | Missed:
        withdrawn = taken_back(candidate, "refused", self._origin().at, "replica-1")
        return await take_back(self._generations, put_at, withdrawn)

    def _origin(self) -> Origin:
        self._begun += 1
        return Origin("kim", _BEGIN + timedelta(seconds=self._begun))

    async def _read(self) -> tuple[Record, Files] | None:
        seen = await self._generations.look()
        return (seen.head, await self._generations.texts(seen.head, {})) if seen.head else None

    def _read_now(self, record: Record) -> object:
        return Actor("look", Generations(FakeEtcd(self.cluster), LAYOUT, LIMITS).texts(record, {})).run()
