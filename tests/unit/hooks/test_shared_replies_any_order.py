"""Whatever happens to replicas, their server and their store: after quiet all go by one answer to each request.

Planted faults show that the story notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import TaskGroup
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egxds.etcd.operations import Put, Unchanged
from egxds.hooks.calls import HookFailure
from egxds.hooks.shared.gathered import GatheredChanges
from egxds.hooks.shared.sharing import SharedAnswers
from tests.unit.hooks.sharing_replicas import Fleet, Replica, fleet, until

COUNT = 3
SUBJECTS = "ab"
_LIMIT_S = 20.0
_SOON_S = 3.0
Step = tuple[str, int]
STEPS = st.tuples(
    st.sampled_from(
        ["ask a", "ask b", "lose", "all lose", "wish", "cut off", "let through", "break watches", "die", "fail", "wait"]
    ),
    st.integers(0, COUNT - 1),
)


class Story:
    """Replicas to which things happen."""

    def __init__(self, those: Fleet, asking: TaskGroup) -> None:
        self._those = those
        self._asking = asking
        self.replicas: list[Replica] = []
        self._answers: dict[tuple[int, str], bytes | HookFailure] = {}

    async def happen(self, step: Step) -> None:
        """Have one thing happen."""
        what, at = step
        replica = self.replicas[at]
        match what:
            case "ask a" | "ask b":
                self._asking.start_soon(replica.ask, what[-1])
            case "die":
                replica.die()
                self.replicas[at] = await self._those.replica()
            case "fail":
                self._those.server.fails = 1
            case "wait":
                await wait_all_tasks_blocked()
            case "lose" | "all lose" | "wish":
                self._reason(what, replica)
            case _:
                _go_wrong(what, replica)

    def _reason(self, what: str, replica: Replica) -> None:
        if what == "wish":
            replica.wishes += 1
        for each in self.replicas if what == "all lose" else [replica]:
            each.losses += what != "wish"

    async def settle(self) -> None:
        """Let all be well, and have every replica ask all that it goes by as often as it is told to."""
        self._those.server.fails = 0
        for replica in self.replicas:
            replica.etcd.is_cut_off = False
        await wait_all_tasks_blocked()
        seen: list[Any] = []
        while seen != (now := [(each.losses, each.wishes, each.sharing.changes) for each in self.replicas]):
            seen = now
            await until(lambda: all(each.is_at_rest for each in self.replicas))
            for subject in SUBJECTS:
                for at, answer in enumerate(await self._those.all_ask(*self.replicas, subject=subject)):
                    self._answers[at, subject] = answer
            await until(lambda: all(each.is_at_rest for each in self.replicas))

    def check(self) -> None:
        """Check that all go by one answer to each request."""
        for subject in SUBJECTS:
            found = {self._answers[at, subject] for at in range(COUNT)}
            assert len(found) == 1, f"{subject}: {found}"
            assert all(isinstance(each, bytes) for each in found), found

    async def check_work(self) -> None:
        """Check that another edit is asked once."""
        before = len(self._those.server.asked)
        await self._those.all_ask(*self.replicas, subject="an edit")
        assert len(self._those.server.asked) == before + 1


def _go_wrong(what: str, replica: Replica) -> None:
    if what == "break watches":
        replica.etcd.break_watches()
    elif what == "cut off":
        replica.cut_off()
    else:
        replica.etcd.is_cut_off = False


async def tell(steps: Sequence[Step], limit_s: float = _LIMIT_S) -> None:
    """Have replicas live through some steps."""
    with anyio.fail_after(limit_s):
        async with fleet() as those, anyio.create_task_group() as asking:
            story = Story(those, asking)
            story.replicas += [await those.replica() for _ in range(COUNT)]
            for step in steps:
                await story.happen(step)
                await anyio.lowlevel.checkpoint()
            await story.settle()
            story.check()
            await story.check_work()
            asking.cancel_scope.cancel()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=14))
@example([("cut off", 0), ("wait", 0), ("ask a", 0), ("ask a", 1)])
@example([("ask a", 0), ("lose", 1), ("ask a", 1), ("ask a", 2)])
def test_any_order(steps: list[Step]) -> None:
    """After quiet nobody goes by another answer than the others, and a hook is called once."""
    anyio.run(tell, steps)


ALONE: Sequence[Step] = (
    ("ask a", 1),
    ("wait", 0),
    ("cut off", 0),
    ("wait", 0),
    ("ask b", 0),
    ("wait", 0),
    ("ask b", 1),
)
AGAIN: Sequence[Step] = (("ask a", 0), ("ask a", 1), ("wait", 0), ("wish", 0), ("ask a", 0), ("wait", 0))


def test_it_is_noticed_where_nobody_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has replicas that ask at once."""

    async def claim(self: GatheredChanges, key: str, put: Put) -> int:
        return (await self._store.transact((), (put,))).revision

    anyio.run(tell, AGAIN)
    monkeypatch.setattr(GatheredChanges, "claim", claim)
    with pytest.raises((AssertionError, TimeoutError, ExceptionGroup)):
        anyio.run(tell, AGAIN, _SOON_S)


def test_it_is_noticed_where_the_last_reply_takes_the_place_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has replies that come late."""

    async def put(self: GatheredChanges, condition: Unchanged, put: Put) -> int:
        return (await self._store.transact((), (put,))).revision

    async def told() -> None:
        async with fleet() as those:
            slow, quick = await those.replica(), await those.replica()
            await those.all_ask(slow, quick, subject="b")
            goes_on = anyio.Event()
            those.server.before = goes_on.wait
            found: list[bytes | HookFailure] = []

            async def ask(replica: Replica) -> None:
                found.append(await replica.ask())

            async with anyio.create_task_group() as asking:
                asking.start_soon(ask, slow)
                await wait_all_tasks_blocked()
                # The claim ends, as where its replica was held up for longer than its lease.
                those.cluster.end_lease(slow.held()[0])
                those.server.before = anyio.lowlevel.checkpoint
                await ask(quick)
                goes_on.set()
            found.append(await quick.ask())
            assert len(set(found)) == 1, found

    anyio.run(told)
    monkeypatch.setattr(GatheredChanges, "put", put)
    with pytest.raises((AssertionError, ExceptionGroup)):
        anyio.run(told)


def test_it_is_noticed_where_what_is_owed_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has a store that is away."""

    async def told() -> None:
        async with fleet() as those:
            alone, other = await those.replica(), await those.replica()
            alone.etcd.is_cut_off = True
            await until(lambda: bool(alone.replies.notes()))
            await alone.ask()
            await other.ask()
            alone.etcd.is_cut_off = False
            await until(lambda: not alone.replies.notes())
            assert alone.renewed

    anyio.run(told)
    monkeypatch.setattr(SharedAnswers, "settle_debts", lambda _: None)
    with pytest.raises((AssertionError, ExceptionGroup)):
        anyio.run(told)


def test_it_is_noticed_where_nobody_hears_of_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The story has somebody who wants to ask again."""
    anyio.run(tell, AGAIN)
    monkeypatch.setattr("egxds.hooks.shared.epochs.SharedEpoch.hear", lambda *_: None)
    with pytest.raises((AssertionError, ExceptionGroup)):
        anyio.run(tell, AGAIN, _SOON_S)
