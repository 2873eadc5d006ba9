"""What publishing costs, what it says, and what it refuses to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import anyio
import pytest

from egxds.etcd.errors import OutcomeUnknownError, UnavailableError
from egxds.etcd.operations import Operation, Put
from egxds.files.documents.document import FileDocuments
from egxds.files.reading.content import ReadLimits
from egxds.files.reading.listing import WalkLimits
from egxds.files.reading.reader import LIMITS
from egxds.published.content import content_of, faults_of, text_of, tree_of
from egxds.published.errors import ConflictError, NoGenerationError, PublishedContentError
from egxds.published.layout import Layout, digest_of
from egxds.published.manifest import CHUNK_BYTES, bucket_name
from egxds.published.publishing import Published, Publisher
from egxds.published.reading import Generations
from egxds.published.record import Origin, Record
from egxds.published.rolling_back import RolledBack, roll_back
from egxds.published.sweeping import Swept, sweep
from tests.etcd_fake import FakeEtcd

LAYOUT = Layout("/egxds/")
ORIGIN = Origin("kim@build", datetime(2026, 3, 1, 12, tzinfo=UTC), "3f2a1cd", "opens the shop")

Files = Mapping[str, bytes]


class Shop:
    """A store, and what people do with it."""

    def __init__(self, limits: ReadLimits = LIMITS) -> None:
        self.etcd = FakeEtcd()
        self.generations = Generations(self.etcd, LAYOUT, limits)

    def publish(self, files: Files, origin: Origin = ORIGIN) -> Published:
        return anyio.run(Publisher(self.generations).publish, content_of(files), origin)

    def roll_back(self, number: int) -> RolledBack:
        return anyio.run(roll_back, self.generations, number, ORIGIN)

    def sweep(self, keep: int) -> Swept:
        return anyio.run(sweep, self.generations, keep)

    def head(self) -> Record:
        head = anyio.run(self.generations.look).head
        assert head is not None
        return head

    def texts(self, number: int = 0) -> Files:
        records = anyio.run(self.generations.kept, (number or self.head().generation,))
        return anyio.run(self.generations.texts, records[0].record, {})

    def put(self, key: str, value: bytes) -> None:
        anyio.run(self.etcd.transact, (), [Put(key, value)])


@pytest.fixture
def shop() -> Shop:
    """One in which nothing was published."""
    return Shop()


def puts(transactions: Sequence[Sequence[Operation]]) -> dict[str, int]:
    """Return what was put, as bytes by key."""
    return {each.key: len(each.value) for batch in transactions for each in batch if isinstance(each, Put)}


def test_first_generation(shop: Shop) -> None:
    """It says what it is, and all that it was told of where it comes from."""
    published = shop.publish({"a.yaml": b"a", "empty.yaml": b""})
    record = shop.head()
    assert (published.record, published.before, published.is_new, published.texts) == (record, None, True, {})
    assert (record.generation, record.parent, record.files, record.size_bytes) == (1, 0, 2, 1)
    assert (record.author, record.revision, record.message) == ("kim@build", "3f2a1cd", "opens the shop")
    assert shop.texts() == {"a.yaml": b"a", "empty.yaml": b""}


def test_an_edit_of_one_file_among_ten_thousand(shop: Shop) -> None:
    """It takes three round trips, and writes that file, the part of the manifest that has it, and the record."""
    files = {f"routes/app-{number}.yaml": b"name: app-%d\n" % number for number in range(10_000)}
    shop.publish(files)
    before = len(shop.etcd.operations)
    edited = b"name: edited\n"
    published = shop.publish({**files, "routes/app-7.yaml": edited})
    written = shop.etcd.operations[before:]
    assert len(written) == 3
    record = shop.head().encode()
    bucket = shop.head().buckets[bucket_name("routes/app-7.yaml")]
    assert puts(written) == {
        LAYOUT.blob(digest_of(edited)): len(edited),
        LAYOUT.bucket(bucket): len(shop.etcd.cluster.keys[LAYOUT.bucket(bucket)].value),
        LAYOUT.generation(2): len(record),
        LAYOUT.head: len(record),
    }
    assert sum(puts(written).values()) < 32 * 1024
    assert published.texts == files


def test_nothing_new(shop: Shop) -> None:
    """What is in force already is no other generation, whoever publishes it."""
    shop.publish({"a.yaml": b"a"})
    again = shop.publish({"a.yaml": b"a"}, Origin("lee@laptop", ORIGIN.at))
    assert (again.is_new, again.record.author, shop.head().generation) == (False, "kim@build", 1)


def test_equal_files_have_equal_digests() -> None:
    """Whoever publishes them, and after what."""
    one, other = Shop(), Shop()
    one.publish({"b.yaml": b"b", "a.yaml": b"a"})
    other.publish({"c.yaml": b"c"})
    other.publish({"a.yaml": b"a", "b.yaml": b"b"})
    assert one.head().digest == other.head().digest
    assert one.head().buckets == other.head().buckets


def test_what_is_large_goes_ahead_in_parts(shop: Shop) -> None:
    """Each transaction is one that etcd takes, and the record comes last."""
    files = {f"{number}.yaml": bytes([number]) * (2 * CHUNK_BYTES + 1) for number in range(3)}
    files |= {f"small/{number}.yaml": b"%d" % number for number in range(300)}
    shop.publish(files)
    written = [batch for batch in shop.etcd.operations if puts([batch])]
    assert len(written) > 4
    assert all(sum(puts([batch]).values()) <= 1024 * 1024 + 64 * 1024 for batch in written)
    assert [LAYOUT.head in puts([batch]) for batch in written] == [False] * (len(written) - 1) + [True]
    assert shop.texts() == files


def test_many_others_are_told_of_too(shop: Shop) -> None:
    """What was in force before is told whether it is a little or all of it that became another."""
    before = {f"{number}.yaml": b"before %d" % number for number in range(300)}
    shop.publish(before)
    published = shop.publish({path: b"after " + text for path, text in before.items()})
    assert published.texts == before


def test_somebody_else_publishes_in_between(shop: Shop) -> None:
    """Nothing is undone unseen: who did it, and what, is told."""
    shop.publish({"a.yaml": b"a"})
    other = Generations(FakeEtcd(shop.etcd.cluster), LAYOUT, LIMITS)
    trips = 0

    async def meanwhile() -> None:
        nonlocal trips
        trips += 1
        if trips == 3:
            await Publisher(other).publish(content_of({"a.yaml": b"theirs"}), Origin("lee@laptop", ORIGIN.at))

    shop.etcd.before = meanwhile
    with pytest.raises(ConflictError, match="generation 2 by lee@laptop is in force") as caught:
        shop.publish({"a.yaml": b"ours"})
    assert caught.value.now is not None
    assert caught.value.now.author == "lee@laptop"
    assert shop.texts() == {"a.yaml": b"theirs"}


def test_no_answer_comes_to_what_was_done(shop: Shop) -> None:
    """It is found out that it was: nobody is told of a conflict with himself."""
    shop.publish({"a.yaml": b"a"})
    trips = 0

    async def lose_third() -> None:
        nonlocal trips
        trips += 1
        if trips == 3:
            shop.etcd.fail_after()

    shop.etcd.before = lose_third
    published = shop.publish({"a.yaml": b"b"})
    assert (published.is_new, published.record.generation, published.texts) == (True, 2, {"a.yaml": b"a"})


def test_no_answer_comes_and_somebody_else_publishes_on_top(shop: Shop) -> None:
    """That is no conflict: it was in force."""
    shop.publish({"a.yaml": b"a"})
    other = Generations(FakeEtcd(shop.etcd.cluster), LAYOUT, LIMITS)
    trips = 0

    async def meanwhile() -> None:
        nonlocal trips
        trips += 1
        if trips == 3:
            shop.etcd.fail_after()
        if trips == 4:
            await Publisher(other).publish(content_of({"a.yaml": b"c"}), Origin("lee@laptop", ORIGIN.at))

    shop.etcd.before = meanwhile
    published = shop.publish({"a.yaml": b"b"})
    assert (published.is_new, published.record.generation, shop.head().generation) == (True, 2, 3)


def test_no_answer_comes_ever(shop: Shop) -> None:
    """Then it is not known, and that is what is said."""

    async def lose() -> None:
        if shop.etcd.transactions > 1:
            shop.etcd.faults.clear()
            shop.etcd.fail_before(OutcomeUnknownError("no answer came"))

    shop.etcd.before = lose
    with pytest.raises(OutcomeUnknownError):
        shop.publish({"a.yaml": b"a"})


def test_store_goes_away_after_that(shop: Shop) -> None:
    """Then it is in force, whatever is not known of what was before."""
    shop.publish({f"{number}.yaml": b"before %d" % number for number in range(300)})
    trips = shop.etcd.transactions

    async def go() -> None:
        shop.etcd.is_cut_off = shop.etcd.transactions > trips and LAYOUT.generation(2) in shop.etcd.cluster.keys

    shop.etcd.before = go
    published = shop.publish({f"{number}.yaml": b"after %d" % number for number in range(300)})
    assert (published.is_new, published.texts, type(published.fault)) == (True, None, UnavailableError)


def test_store_goes_away_where_no_answer_came(shop: Shop) -> None:
    """Nobody is told that nothing was done: it may have been."""

    async def go() -> None:
        if shop.etcd.transactions == 2:
            shop.etcd.fail_after()
        shop.etcd.is_cut_off = shop.etcd.transactions > 2

    shop.etcd.before = go
    with pytest.raises(OutcomeUnknownError):
        shop.publish({"a.yaml": b"a"})


def test_store_away(shop: Shop) -> None:
    """It is said; nothing is in force that was not."""
    shop.etcd.is_cut_off = True
    with pytest.raises(UnavailableError):
        shop.publish({"a.yaml": b"a"})


def test_roll_back(shop: Shop) -> None:
    """It is a new generation with old content, and says so."""
    for text in (b"1", b"2", b"3"):
        shop.publish({"a.yaml": text})
    back = shop.roll_back(1)
    assert back.is_new
    assert (back.record.generation, back.record.parent, back.record.rolled_back_to) == (4, 3, 1)
    assert shop.texts() == {"a.yaml": b"1"}
    assert shop.texts(3) == {"a.yaml": b"3"}
    assert not shop.roll_back(1).is_new


@pytest.mark.parametrize("number", [2, 9_999_999_999])
def test_roll_back_to_what_never_was(shop: Shop, number: int) -> None:
    """It is said where those are listed that can be rolled back to."""
    shop.publish({"a.yaml": b"a"})
    with pytest.raises(NoGenerationError, match="egxds history"):
        shop.roll_back(number)


def test_sweep(shop: Shop) -> None:
    """The newest ones are kept, with all that they need; the rest goes, and what a publisher that died left behind."""
    for number in range(5):
        shop.publish({"a.yaml": b"%d" % number, "b.yaml": b"b"})
    shop.put(LAYOUT.blob(digest_of(b"left behind")), b"left behind")
    # Of three generations the record, the bucket and the blob of what was edited; and what was left behind.
    assert shop.sweep(2) == Swept(generations=3, parts=7, is_whole=True)
    assert anyio.run(shop.generations.numbers) == (5, 4)
    assert shop.texts(4) == {"a.yaml": b"3", "b.yaml": b"b"}
    with pytest.raises(NoGenerationError):
        shop.roll_back(3)
    assert shop.sweep(2) == Swept()


def test_nothing_goes_where_something_cannot_be_read(shop: Shop) -> None:
    """What a damaged generation leads to is not known, so it may be anything."""
    for number in range(5):
        shop.publish({"a.yaml": b"%d" % number})
    (bucket,) = anyio.run(shop.generations.kept, (4,))[0].record.buckets.values()
    shop.put(LAYOUT.bucket(bucket), b"damaged\n")
    before = dict(shop.etcd.cluster.keys)
    with pytest.raises(PublishedContentError, match=f"{bucket} of generation 4"):
        shop.sweep(2)
    assert shop.etcd.cluster.keys == before


def _damaged_blob(shop: Shop) -> str:
    return LAYOUT.blob(digest_of(b"a"))


def _damaged_bucket(shop: Shop) -> str:
    return LAYOUT.bucket(shop.head().buckets[bucket_name("a.yaml")])


@pytest.mark.parametrize("key_of", [_damaged_blob, _damaged_bucket])
def test_what_is_not_what_its_name_says(shop: Shop, key_of: object) -> None:
    """It is an error that names key and generation, and no reason not to publish what is right."""
    shop.publish({"a.yaml": b"a"})
    assert callable(key_of)
    key = key_of(shop)
    shop.put(key, b"something else")
    with pytest.raises(PublishedContentError, match=f"{key} of generation 1"):
        shop.texts()
    published = shop.publish({"a.yaml": b"b"})
    assert published.texts is None
    assert str(published.fault).startswith(f"{key} of generation 1")
    assert shop.texts() == {"a.yaml": b"b"}


@pytest.mark.parametrize(("key", "fault"), [(LAYOUT.head, "is no record"), (LAYOUT.swept, "is no number")])
def test_what_is_no_record(shop: Shop, key: str, fault: str) -> None:
    """Nothing is published over what is not understood: a later version may have written it."""
    shop.put(key, b"{}")
    with pytest.raises(PublishedContentError, match=f"{key}: {fault}"):
        shop.publish({"a.yaml": b"a"})


def test_a_generation_beyond_the_limits_is_not_read(shop: Shop) -> None:
    """Whatever a record says: it is looked at before anything is read, and all is added up after that."""
    shop.publish({"a.yaml": b"a" * 100, "b.yaml": b"b" * 100})
    for limits in (ReadLimits(files=1), ReadLimits(total_bytes=150), ReadLimits(file_bytes=99)):
        small = Generations(shop.etcd, LAYOUT, limits)
        with pytest.raises(PublishedContentError):
            anyio.run(partial(small.texts, shop.head(), {}))
    lying = shop.head().model_copy(update={"files": 1, "size_bytes": 1})
    with pytest.raises(PublishedContentError, match="says 1 files of 1 bytes, and has 2 of 200"):
        anyio.run(shop.generations.texts, lying, {})


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"a.yaml": b"x" * 101}, "a.yaml: error: is larger than 100 bytes"),
        ({f"{number}.yaml": b"" for number in range(4)}, "4 files are too many"),
        ({"a.yaml": b"x" * 100, "b.yaml": b"x" * 100}, "200 bytes are more than the 150"),
        ({"a/b/c.yaml": b""}, "a/b/c.yaml: error: stands deeper than 2 directories"),
    ],
)
def test_what_no_replica_would_take(files: Files, fault: str) -> None:
    """It is said to whoever publishes it."""
    limits = ReadLimits(file_bytes=100, files=3, total_bytes=150, walk=WalkLimits(depth=2))
    assert fault in "\n".join(map(str, faults_of(content_of(files), limits)))


def test_a_generation_is_read_as_files_are() -> None:
    """Each file by itself: one that is no text is a problem, and the others are there."""
    tree = tree_of({"a.yaml": b"a: 1\r\n---\nb: 2\n", "b.yaml": b"\xff"}, LIMITS)
    assert [document.text for document in tree.documents] == ["a: 1\n", "b: 2\n"]
    assert tree.unread == {"b.yaml"}
    assert str(tree.problems[0]) == "b.yaml:1: error: not UTF-8: save the file as UTF-8"
    assert text_of(tree.files["a.yaml"]) == b"a: 1\n---\nb: 2\n"
    assert text_of(FileDocuments()) == b""
