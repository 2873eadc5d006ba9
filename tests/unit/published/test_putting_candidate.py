"""A candidate is put, promoted and taken back by one who is answered late, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from egxds.etcd.errors import OutcomeUnknownError
from egxds.etcd.operations import Delete, Put
from egxds.published.candidate import (
    LARGEST_CANDIDATE_BYTES,
    MOST_NODE_CHARACTERS,
    MOST_NODES,
    Candidate,
    decoded_candidate,
    found_candidate,
    taken_back,
)
from egxds.published.content import content_of
from egxds.published.ending_candidate import Missed, Promoted, Withdrawn, promote, take_back
from egxds.published.errors import CandidateConflictError, TooManyNodesError
from egxds.published.putting_candidate import Canary, CandidatePut, put_candidate
from egxds.published.record import Origin, decoded_record
from tests.etcd_fake import FakeEtcd
from tests.unit.published.followed import FILES
from tests.unit.published.store import LAYOUT, Store, route

pytestmark = pytest.mark.anyio

ORIGIN = Origin("kim", datetime(2026, 3, 1, tzinfo=UTC), message="moves the cart")
EDITED = {**FILES, "routes/7.yaml": route("r7", "/other")}


class Desk:
    """Somebody who publishes to a store in which there are some files.

    Attributes:
        store: what is there.
        client: the way to it.
    """

    def __init__(self) -> None:
        self.store = Store()
        self.store.publish(FILES)
        self.client, self.generations = self.store.generations()

    async def put(self, files: Mapping[str, str] = EDITED, nodes: tuple[str, ...] = ("edge-1",)) -> CandidatePut:
        """Have files be a candidate."""
        content = content_of({path: text.encode() for path, text in files.items()})
        return await put_candidate(self.generations, content, ORIGIN, Canary(nodes, 600))

    @property
    def there(self) -> Candidate | None:
        """What stands in the store."""
        found = self.store.cluster.keys.get(LAYOUT.candidate)
        return decoded_candidate(found.value) if found is not None else None

    def withdrawn(self) -> Candidate:
        """Return what stands there as one that is taken back."""
        assert self.there is not None
        return taken_back(self.there, "refused", ORIGIN.at, "replica-1")


@pytest.fixture
def desk() -> Desk:
    """Somebody who publishes."""
    return Desk()


async def test_put(desk: Desk) -> None:
    """In as many trips as any generation, and one for what is said of what was before."""
    done = await desk.put()
    assert desk.client.transactions == 4
    assert (done.candidate, done.put_at) == (desk.there, desk.store.cluster.revision)
    assert done.texts == {path: text.encode() for path, text in FILES.items()}
    assert decoded_record(desk.store.cluster.keys[LAYOUT.head].value).generation == 1
    assert LAYOUT.generation(2) not in desk.store.cluster.keys


async def test_nothing_new(desk: Desk) -> None:
    """What is in force for all is no candidate."""
    assert (await desk.put(FILES)).candidate is None
    assert desk.there is None


async def test_the_most_nodes_go_with_the_most_content(desk: Desk) -> None:
    """Into one transaction, which etcd does not take any larger."""
    nodes = tuple(f"{number:04}".ljust(MOST_NODE_CHARACTERS, "x") for number in range(MOST_NODES))
    large = {f"{number}.yaml": f"# {number}".ljust(300_000, "x") for number in range(7)}
    await desk.put(large, nodes)
    assert desk.there is not None
    assert desk.there.nodes == nodes
    longer = tuple(f"{number:04}".ljust(MOST_NODE_CHARACTERS, "\u00e4") for number in range(MOST_NODES))
    with pytest.raises(TooManyNodesError):
        await Desk().put(large, longer)


async def test_the_largest_that_is_taken_can_be_taken_back(desk: Desk) -> None:
    """With a reason as long as it may be: what is written then can be read."""
    least = Candidate(record=desk.store.record(EDITED, 2), nodes=_long_nodes(0))
    spare = (LARGEST_CANDIDATE_BYTES - len(least.encode())) // 2
    done = None
    while done is None:
        with suppress(TooManyNodesError):
            done = await desk.put(EDITED, _long_nodes(spare))
        spare -= 50
    assert spare > 1000
    assert done.candidate is not None
    longest = "\u6f22" * 10_000
    withdrawn = taken_back(done.candidate, longest, ORIGIN.at, longest)
    assert await take_back(desk.generations, done.put_at, withdrawn) == Withdrawn(withdrawn)
    assert desk.there == withdrawn


def _long_nodes(more: int) -> tuple[str, ...]:
    """Return as many ids as there may be, and of two bytes so many more characters among them."""
    lengths = (200 + more // MOST_NODES + (number < more % MOST_NODES) for number in range(MOST_NODES))
    return tuple(f"{number:04}".ljust(length, "\u00e4") for number, length in enumerate(lengths))


async def test_an_answer_that_does_not_come(desk: Desk) -> None:
    """It is found out that it was done."""
    _unanswered(desk.client, 3)
    done = await desk.put()
    assert (done.candidate, done.put_at) == (desk.there, desk.store.cluster.revision)


async def test_an_answer_that_does_not_come_while_it_ends(desk: Desk) -> None:
    """That it was taken back is found out, too; and where something else was published, nobody knows."""

    async def taken() -> None:
        if desk.client.transactions == 4 and desk.there is not None:
            desk.store.take_back(desk.there)

    desk.client.before = taken
    _unanswered(desk.client, 3)
    done = await desk.put()
    assert done.candidate is not None
    assert done.candidate.taken_back is not None

    other = Desk()

    async def published() -> None:
        if other.client.transactions == 4:
            other.store.publish({"a.yaml": route("a")})

    other.client.before = published
    _unanswered(other.client, 3)
    with pytest.raises(OutcomeUnknownError, match="somebody else published in between: generation 2"):
        await other.put()


async def test_promoted_though_no_answer_comes(desk: Desk) -> None:
    """And so for whoever is second; who took another one for it is told."""
    done = await desk.put()
    assert done.candidate is not None
    desk.client.transactions = 0
    _unanswered(desk.client, 2)
    for _ in range(2):
        outcome = await promote(desk.generations, done.candidate, done.put_at)
        assert outcome == Promoted(done.candidate.record)
    assert desk.there is None
    missed = await take_back(desk.generations, done.put_at, taken_back(done.candidate, "late", ORIGIN.at, "kim"))
    assert str(missed) == "generation 2 is in force for all already"
    desk.store.number = 2
    desk.store.publish({"a.yaml": route("a")})
    late = await promote(desk.generations, done.candidate, done.put_at)
    assert isinstance(late, Missed)
    assert str(late) == "the candidate is gone: generation 3 is in force"


async def test_taken_back_though_no_answer_comes(desk: Desk) -> None:
    """And whoever would promote it is told by whom, and why."""
    done = await desk.put()
    assert done.candidate is not None
    withdrawn = desk.withdrawn()
    desk.client.fail_after()
    assert await take_back(desk.generations, done.put_at, withdrawn) == Withdrawn(withdrawn)
    missed = await promote(desk.generations, done.candidate, done.put_at)
    assert str(missed) == "it was taken back by replica-1: refused"
    await desk.put()
    with pytest.raises(CandidateConflictError):
        await desk.put({"a.yaml": route("a")})


async def test_one_that_others_have_written_over(desk: Desk) -> None:
    """Whatever that is: it is not taken for the one that was seen."""
    done = await desk.put()
    assert done.candidate is not None
    desk.store.cluster.apply([Put(LAYOUT.candidate, done.candidate.encode())])
    assert isinstance(await promote(desk.generations, done.candidate, done.put_at), Missed)
    assert isinstance(await take_back(desk.generations, done.put_at, desk.withdrawn()), Missed)
    desk.store.cluster.apply([Delete(LAYOUT.candidate)])
    assert not found_candidate(()).put_at
    assert isinstance(await promote(desk.generations, done.candidate, done.put_at), Missed)


async def test_one_of_another_store_is_not_promoted(desk: Desk) -> None:
    """Whose revisions may be the same: what stands there is another one, and of this one there may be nothing."""
    done = await desk.put()
    assert done.candidate is not None
    other = Desk()
    assert (await other.put({**FILES, "routes/7.yaml": route("r7", "/third")})).put_at == done.put_at
    assert isinstance(await promote(other.generations, done.candidate, done.put_at), Missed)
    assert decoded_record(other.store.cluster.keys[LAYOUT.head].value).generation == 1


def _unanswered(client: FakeEtcd, number: int) -> None:
    """Have the answer to one of the next transactions not come."""
    begun = client.transactions
    transact = client.before

    async def fail() -> None:
        await transact()
        if client.transactions == begun + number:
            client.fail_after()

    client.before = fail
