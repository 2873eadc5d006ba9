"""A store of generations, whoever does something with it, and what must be so at every moment.

Nobody reads half a generation, nothing that a kept generation needs is ever missing, nobody's work is undone unseen,
and after quiet only what is needed is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from egxds.etcd.errors import OutcomeUnknownError, UnavailableError
from egxds.files.reading.reader import LIMITS
from egxds.published.content import content_of
from egxds.published.errors import ConflictError, NoGenerationError, PublishedContentError, SweptError
from egxds.published.layout import Layout
from egxds.published.publishing import Published, Publisher
from egxds.published.reading import Generations
from egxds.published.record import Origin, Record, decoded_record
from egxds.published.rolling_back import RolledBack, roll_back
from egxds.published.sweeping import sweep
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.published.interleaved import Actor, TurnByTurn, pause

KEEP = 2
LAYOUT = Layout("/egxds/")
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_NOTHING_DONE = (ConflictError, NoGenerationError, SweptError, UnavailableError)

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

    def sweep(self) -> Actor:
        """Return somebody who sweeps."""
        return Actor("sweep", sweep(self._generations, KEEP))

    def read(self) -> Actor:
        """Return somebody who reads what is in force."""
        return Actor("read", self._read())

    def check(self) -> None:
        """Check that all that is kept is there as it was published, and stays so."""
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
        elif actor.name == "read" and isinstance(outcome, tuple):
            record, files = outcome
            assert files == self._files_of[record.digest], "half a generation"
        elif isinstance(outcome, PublishedContentError):
            assert LAYOUT.generation(outcome.generation) not in self.cluster.keys, f"{actor.name}: {outcome}"
        elif isinstance(outcome, _NOTHING_DONE):
            self._not_done.add(actor.mark)
        elif isinstance(outcome, Exception) and not isinstance(outcome, OutcomeUnknownError):
            raise outcome

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

    def _origin(self) -> Origin:
        self._begun += 1
        return Origin("kim", _BEGIN + timedelta(seconds=self._begun))

    async def _read(self) -> tuple[Record, Files] | None:
        seen = await self._generations.look()
        return (seen.head, await self._generations.texts(seen.head, {})) if seen.head else None

    def _read_now(self, record: Record) -> object:
        return Actor("look", Generations(FakeEtcd(self.cluster), LAYOUT, LIMITS).texts(record, {})).run()
