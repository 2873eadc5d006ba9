"""Publishers, readers, sweeps, rollbacks and candidates in any order, each of which may fail or die at any moment."""

from __future__ import annotations

from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from egxds.published import publishing, sweeping
from tests.unit.published.interleaved import Actor, Fate
from tests.unit.published.world import Files, World

MOST_ACTORS = 3
PATHS = st.sampled_from(["a.yaml", "b.yaml", "c.yaml", "d/e.yaml"])
FILES = st.dictionaries(PATHS, st.sampled_from([b"", b"1", b"2", b"3"]), min_size=1)
WHICH = st.integers(0, 5)


def _has_room(machine: AnyOrder) -> bool:
    return len(machine.actors) < MOST_ACTORS


class AnyOrder(RuleBasedStateMachine):
    """What may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.actors: list[Actor] = []

    @initialize(several=st.lists(FILES, max_size=3))
    def begin(self, several: list[Files]) -> None:
        for files in several:
            self.world.publish(files).run()
            self.world.check()

    @precondition(_has_room)
    @rule(files=FILES)
    def publish(self, files: Files) -> None:
        self.actors.append(self.world.publish(files))

    @precondition(_has_room)
    @rule(which=WHICH)
    def roll_back(self, which: int) -> None:
        self.actors.append(self.world.roll_back(max(1, len(self.world.records) - which)))

    @precondition(_has_room)
    @rule(files=FILES)
    def put_candidate(self, files: Files) -> None:
        self.actors.append(self.world.put_candidate(files))

    @precondition(_has_room)
    @rule()
    def promote(self) -> None:
        self.actors.append(self.world.promote())

    @precondition(_has_room)
    @rule()
    def take_back(self) -> None:
        self.actors.append(self.world.take_back())

    @precondition(_has_room)
    @rule()
    def sweep(self) -> None:
        self.actors.append(self.world.sweep())

    @precondition(_has_room)
    @rule()
    def read(self) -> None:
        self.actors.append(self.world.read())

    @precondition(lambda self: self.actors)
    @rule(which=WHICH, steps=st.integers(1, 50))
    def go_on(self, which: int, steps: int) -> None:
        actor = self.actors[which % len(self.actors)]
        for _ in range(steps):
            self._step(actor, Fate.ANSWERED)
            if actor.is_done:
                break

    @precondition(lambda self: self.actors)
    @rule(which=WHICH, fate=st.sampled_from(Fate))
    def step(self, which: int, fate: Fate) -> None:
        self._step(self.actors[which % len(self.actors)], fate)

    @precondition(lambda self: self.world.store.late)
    @rule(which=WHICH)
    def arrive(self, which: int) -> None:
        self.world.store.arrive(which)

    @precondition(lambda self: self.actors)
    @rule(which=WHICH)
    def die(self, which: int) -> None:
        self.actors.pop(which % len(self.actors)).work.close()

    @invariant()
    def what_is_kept_is_whole(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        """Let everybody come to an end."""
        while self.actors:
            self._step(self.actors[0], Fate.ANSWERED)
        while self.world.store.late:
            self.world.store.arrive(0)
        self.world.check()
        self.world.check_quiet()

    def _step(self, actor: Actor, fate: Fate) -> None:
        actor.step(fate)
        if actor.is_done:
            self.actors.remove(actor)
            self.world.check()
            self.world.judge(actor)


def test_in_any_order() -> None:
    """No order is found in which something goes wrong."""
    with mock.patch.object(publishing, "MOST_WRITES", 2), mock.patch.object(sweeping, "MOST_WRITES", 2):
        run_state_machine_as_test(AnyOrder, settings=settings(max_examples=100, stateful_step_count=30, deadline=None))
