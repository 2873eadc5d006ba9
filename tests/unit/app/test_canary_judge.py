"""What a replica does about a candidate: whom it asks, what it writes, and what people are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app import canary_judge
from egxds.app.canary_facts import CanaryParts, CandidateFacts, TakenBack
from egxds.app.canary_judge import CanaryJudge
from egxds.cli.canary_status import canary_lines
from egxds.etcd.errors import EtcdError, PermissionDeniedError, UnavailableError
from egxds.fleet.canary_requests import EnvoyRequests, Requests
from egxds.fleet.envoys import EnvoyRow, Stand
from egxds.fleet.record import ReplicaRecord
from egxds.inspect.refusals import RefusedResource
from egxds.names import LISTENER
from egxds.problems import Location
from egxds.settings.envoys import EnvoySettings
from egxds.telemetry import Metrics
from tests.unit.fleet.replicas import SERVED
from tests.unit.fleet.test_canary import other, stand

pytestmark = pytest.mark.anyio

AFTER_S = 60
NODES = frozenset({"edge-1", "edge-2"})
FACTS = CandidateFacts(7, 3, "ann", NODES, AFTER_S, is_settled=True, served=SERVED["a"])
_PATIENCE_S = 20.0


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_EVERY_S", "_PAUSE_S", "_NOT_ALLOWED_PAUSE_S"):
        monkeypatch.setattr(canary_judge, name, 0.01)


def refusal(node_id: str = "edge-1", version: str = "new") -> RefusedResource:
    """Return that an Envoy refuses a listener."""
    return RefusedResource(node_id, ("ns/web",), LISTENER, "web", "bad filter", (), 0.0, version)


class Replica:
    """A replica, as the judge sees it.

    Attributes:
        facts: the candidate.
        stands: how Envoys stand that are connected.
        refused: what they refuse; the version `old` is one that is in force for all.
        written: what was written.
        error: why nothing can be.
        is_first: whether nobody else has written before.
        others: records of other replicas.
        fault: why these may be old.
    """

    def __init__(self) -> None:
        self.facts: CandidateFacts | None = FACTS
        self.stands = {"edge-1": Stand.IN_SYNC, "other": Stand.IN_SYNC}
        self.refused: tuple[RefusedResource, ...] = ()
        self.written: list[tuple[object, ...]] = []
        self.error: EtcdError | None = None
        self.is_first = True
        self.others: list[ReplicaRecord] = []
        self.fault = ""
        self.metrics = Metrics()
        parts = CanaryParts(
            lambda: self.facts,
            self._uptakes,
            lambda nodes: len(nodes & self.stands.keys()),
            lambda: self.refused,
            lambda one: one.version != "old",
            str,
            self._promote,
            self._take_back,
        )
        self.judge = CanaryJudge(parts, [EnvoySettings(admin="127.0.0.1:1")], self.metrics)
        self.now_s = 0.0

    def look(self, seconds: int = 1) -> None:
        """Have it look, once a second."""
        for _ in range(seconds):
            self.judge.look(self.now_s, self.others, self.fault)
            self.now_s += 1.0

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Have it act for as long as the block runs."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.judge.work)
            yield
            tasks.cancel_scope.cancel()

    @property
    def described(self) -> Any:
        """What the admin API shows."""
        return self.judge.described()

    @property
    def lines(self) -> list[str]:
        """What `egxds status` shows."""
        return list(canary_lines(self.described))

    def counted(self, name: str, **labels: str) -> float | None:
        """Return a metric."""
        return self.metrics.registry.get_sample_value(f"egxds_canary_{name}", labels)

    def _uptakes(self, nodes: AbstractSet[str]) -> list[EnvoyRow]:
        return [EnvoyRow(node_id, "ns/web", how) for node_id, how in self.stands.items() if node_id in nodes]

    async def _promote(self, put_at: int) -> bool:
        return self._write("promote", put_at)

    async def _take_back(self, put_at: int, why: str) -> bool:
        return self._write("take back", put_at, why)

    def _write(self, *what: object) -> bool:
        self.written.append(what)
        if self.error is not None:
            raise self.error
        return self.is_first


async def until(fact: Callable[[], object]) -> None:
    """Wait until something is so."""
    with anyio.fail_after(_PATIENCE_S):
        while not fact():  # noqa: ASYNC110 it is told by nobody
            await anyio.sleep(0.005)


def has_written(replica: Replica, times: int) -> bool:
    """Tell whether it has tried to write so often."""
    return len(replica.written) >= times


async def test_it_is_promoted() -> None:
    """Once, by whoever is first; people see how long that takes."""
    replica = Replica()
    with capture_logs() as lines:
        async with replica.living():
            replica.look(AFTER_S)
            assert replica.written == []
            assert replica.lines == [
                "generation 3, published by ann: 1 of 2 canary nodes are connected, 1 have taken it",
                "is promoted in 1s if no fault is found",
                "no Envoy was asked yet",
            ]
            replica.look()
            await until(lambda: replica.written)
            replica.look(5)
            await anyio.wait_all_tasks_blocked()
            assert replica.written == [("promote", 7)]
            replica.facts = None
            replica.look()
    told = [{key: each[key] for key in each if key != "log_level"} for each in lines]
    assert told == [
        {"event": "canary.served", "generation": 3, "nodes": ["edge-1", "edge-2"], "more": 0},
        {"event": "canary.promoted", "generation": 3},
    ]
    assert replica.described is None
    assert replica.counted("generation") == 0


async def test_it_is_taken_back() -> None:
    """As soon as an Envoy here refuses what only the candidate has; also where it has gone by the next look."""
    replica = Replica()
    async with replica.living():
        replica.look()
        replica.judge.refused((refusal("other"), refusal(version="old")))
        replica.look()
        assert replica.judge.stand() == stand(1)
        with capture_logs() as lines:
            replica.judge.refused((refusal(),))
            replica.stands = {}
            why = "Envoy 'edge-1' refuses listener web: bad filter"
            assert replica.judge.stand() == stand(0, refused=1, fault=why)
            await until(lambda: lines)
            replica.look(2)
    assert replica.written == [("take back", 7, why)]
    assert [(each["event"], each["error"]) for each in lines] == [("canary.taken_back", why)]
    assert [replica.counted("nodes", state=state) for state in ("taken", "pending", "refused")] == [0, 0, 1]


async def test_what_was_taken_back_is_shown() -> None:
    """Until something is published; nobody is judged any more."""
    replica = Replica()
    back = TakenBack("it does not work", datetime.now(UTC), "edge-b")
    replica.facts = replace(FACTS, put_at=9, is_settled=False, taken_back=back)
    replica.look()
    assert replica.judge.stand() is None
    assert replica.lines == ["generation 3, published by ann, was taken back 0s ago by edge-b: it does not work"]
    (problem,) = replica.judge.problems(Location("etcd:/egxds/head-candidate", 0))
    assert "generation 3, published for some nodes first, was taken back by edge-b: it does not work" in str(problem)
    assert (replica.counted("taken_back"), replica.counted("generation")) == (1, 0)


@pytest.mark.parametrize(
    ("error", "event", "told"),
    [
        (PermissionDeniedError("denied"), "canary.not_allowed", "the user of this replica may not do: `egxds promote`"),
        (UnavailableError("no member answers"), "canary.not_written", "which cannot be written: no member answers"),
    ],
)
async def test_it_cannot_be_written(error: EtcdError, event: str, told: str) -> None:
    """That is said once, and shown for as long as it is so; it is tried again."""
    replica = Replica()
    replica.error = error
    with capture_logs() as lines:
        async with replica.living():
            replica.look(AFTER_S)
            for tries in (1, 2, 3):
                replica.look()
                await until(partial(has_written, replica, tries))
                await anyio.wait_all_tasks_blocked()
            assert told in replica.lines[1]
            replica.error = None
            replica.look()
            await until(lambda: any(each["event"] == "canary.promoted" for each in lines))
    assert [each["event"] for each in lines] == ["canary.served", event, "canary.promoted"]


async def test_who_may_not_promote_takes_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is decided waits for the time in which something else, or another candidate, is not tried again."""
    monkeypatch.setattr(canary_judge, "_NOT_ALLOWED_PAUSE_S", 10 * _PATIENCE_S)
    replica = Replica()
    replica.error = PermissionDeniedError("denied")
    async with replica.living():
        replica.look(AFTER_S + 1)
        await until(lambda: "may not do" in replica.lines[1])
        # Envoys are asked meanwhile, again and again.
        await until(lambda: "not looked at" in replica.described["requests"])
        await anyio.wait_all_tasks_blocked()
        replica.judge.refused((refusal(),))
        await until(partial(has_written, replica, 2))
        replica.facts = replace(FACTS, put_at=8)
        replica.look()
        await until(lambda: "not looked at" in replica.described["requests"])
        replica.judge.refused((refusal(),))
        await until(partial(has_written, replica, 3))
    why = "Envoy 'edge-1' refuses listener web: bad filter"
    assert replica.written == [("promote", 7), ("take back", 7, why), ("take back", 8, why)]


async def test_nothing_is_promoted_that_something_speaks_against_since_the_look() -> None:
    """What could not be written is tried again between two looks."""
    replica = Replica()
    replica.error = UnavailableError("no member answers")
    async with replica.living():
        replica.look(AFTER_S + 1)
        await until(lambda: replica.written)
        replica.refused = (refusal(),)
        replica.error = None
        await until(lambda: replica.written[-1] == ("take back", 7, "Envoy 'edge-1' refuses listener web: bad filter"))
    assert {each[0] for each in replica.written[:-1]} == {"promote"}


async def test_somebody_else_was_first() -> None:
    """Nothing is said of it."""
    replica = Replica()
    replica.is_first = False
    with capture_logs() as lines:
        async with replica.living():
            replica.look(AFTER_S + 1)
            await until(lambda: replica.written)
    assert [each["event"] for each in lines] == ["canary.served"]


async def test_what_it_waits_for_is_shown() -> None:
    """Of all replicas, with what they have together."""
    replica = Replica()
    replica.facts = replace(FACTS, is_settled=False, served="", fault="a hook fails")
    replica.others = [other("b", stand(2, 1)), other("c", stand(5, put_at=6))]
    replica.look()
    assert replica.described["nodes"] == {"named": 2, "connected": 3, "taken": 1, "refused": 0}
    assert replica.lines[1] == "waits: it has not come to replica c yet"
    replica.others = []
    replica.look()
    assert replica.lines[1] == "waits: replica this one does not serve all of it yet: a hook fails"
    assert replica.judge.stand() == stand(1, 0, is_settled=False, served="", fault="a hook fails")


async def test_nothing_is_known_of_the_next_one() -> None:
    """It has a time of its own."""
    replica = Replica()
    async with replica.living():
        replica.look(AFTER_S - 1)
        replica.judge.refused((refusal(),))
        replica.facts = replace(FACTS, put_at=8)
        replica.look()
        await anyio.wait_all_tasks_blocked()
        assert replica.written == []
        assert replica.described["promoteInS"] == AFTER_S


async def test_5xx_that_rise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Are counted from the moment in which the candidate is served; Envoys are asked only while there is one."""
    replica = Replica()
    replica.facts, facts = None, FACTS
    counted, asked = [Requests(1000, 0)], []

    async def look() -> dict[str, EnvoyRequests]:
        asked.append(replica.facts)
        return {"127.0.0.1:1": EnvoyRequests("edge-1", counted[-1])}

    monkeypatch.setattr(replica.judge._requests, "look", look)
    async with replica.living():
        replica.look()
        await anyio.wait_all_tasks_blocked()
        assert asked == []
        replica.facts = replace(facts, is_settled=False)
        replica.look()
        await until(lambda: len(asked) > 1)
        counted.append(Requests(1200, 0))
        seen = len(asked)
        await until(lambda: len(asked) > seen + 1)
        replica.facts = facts
        replica.look()
        seen = len(asked)
        await until(lambda: len(asked) > seen + 1)
        counted.append(Requests(1400, 100))
        replica.look()
        await until(lambda: "risen" in (replica.judge.stand() or stand()).fault)
        replica.look()
        await until(lambda: replica.written)
    why = "50.0 % of 200 requests of canary nodes are answered by 5xx, and 0.0 % of 1200 requests that they had before"
    assert replica.written == [("take back", 7, f"5xx have risen: {why}")]


@pytest.mark.parametrize("was_there", [True, False])
async def test_5xx_of_a_candidate_that_was_there_before(monkeypatch: pytest.MonkeyPatch, *, was_there: bool) -> None:
    """Are held to nothing that the candidate itself has done, as where this replica was started since."""
    replica = Replica()
    replica.facts = replace(FACTS, was_there=was_there)
    counted, asked = [Requests(1000, 0)], []

    async def look() -> dict[str, EnvoyRequests]:
        asked.append(counted[-1])
        return {"127.0.0.1:1": EnvoyRequests("edge-1", counted[-1])}

    monkeypatch.setattr(replica.judge._requests, "look", look)
    async with replica.living():
        replica.look()
        await until(lambda: asked)
        counted.append(Requests(1200, 100))
        await until(lambda: asked.count(counted[-1]) > 2)
        told = replica.described["requests"]
        assert ("held to nothing" in told) == was_there
        assert (replica.judge.stand() or stand()).fault == ("" if was_there else f"5xx have risen: {told}")


async def test_nobody_answers() -> None:
    """That is said, and stands in nobody's way."""
    replica = Replica()
    async with replica.living():
        replica.look()
        await until(lambda: "5xx are not looked at" in replica.described["requests"])
        replica.look(AFTER_S)
        await until(lambda: replica.written)
