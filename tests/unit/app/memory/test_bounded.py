"""Work that needs too much memory ends, and nothing else does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial

import pytest

from egxds.app.memory import bounded
from egxds.app.memory.bounded import LITTLE_BYTES, LoadTooLargeError, MemoryBound
from egxds.app.memory.limit import MemoryUse, resident_bytes

_MIB = 1024 * 1024
LIMIT_MIB = 2000
LIMIT_S = 20.0


def nearly_used_up() -> MemoryUse:
    """Nothing is left."""
    return MemoryUse(LIMIT_MIB * _MIB, LIMIT_MIB * _MIB, "memory.max of /x")


def plenty() -> MemoryUse:
    """Nearly all is left."""
    return MemoryUse(LIMIT_MIB * _MIB, 0, "memory.max of /x")


def greedy() -> None:
    """Take memory for as long as nobody says stop, and take no fault of a document for a stop."""
    taken: list[bytes] = []
    while len(taken) < LIMIT_MIB:
        with contextlib.suppress(Exception):
            taken.append(b"x" * _MIB)


def test_work_that_takes_too_much_is_ended() -> None:
    """The message says what limits it; another work after it is not hit."""
    with pytest.raises(LoadTooLargeError, match=r"memory.max of /x allows 2000 MiB, of which 250 MiB stay free"):
        MemoryBound(nearly_used_up).run(greedy)
    assert sum(range(3_000_000)) > 0


def test_the_reserve_is_not_used_up_little_by_little() -> None:
    """What was ended leaves the heap larger: to try again takes no more for that."""
    bound = MemoryBound(nearly_used_up)
    used = []
    for _ in range(5):
        with pytest.raises(LoadTooLargeError):
            bound.run(greedy)
        used.append(resident_bytes())
    assert max(used) - used[0] < LITTLE_BYTES


def test_little_is_never_too_much() -> None:
    """A small change is done though the limit is near."""
    assert MemoryBound(nearly_used_up).run(lambda: sum(range(10_000_000))) > 0


@pytest.mark.parametrize("nearest", [plenty, lambda: None])
def test_work_with_enough_memory(nearest: Callable[[], MemoryUse | None]) -> None:
    """Its result comes back."""
    assert MemoryBound(nearest).run(lambda: len([b"x" * _MIB for _ in range(64)])) == 64


def test_memory_that_is_refused() -> None:
    """An allocation that fails ends the work as well, and nothing else."""
    with pytest.raises(LoadTooLargeError, match="there is not enough memory for it"):
        MemoryBound(lambda: None).run(lambda: bytes(1 << 60))


def test_other_faults_are_not_about_memory() -> None:
    """They are raised as they are."""
    with pytest.raises(ZeroDivisionError):
        MemoryBound(nearly_used_up).run(lambda: 1 // 0)


def test_nothing_is_raised_behind_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it ends by itself or is ended, at whatever moment, what is done next is left alone."""
    monkeypatch.setattr(bounded, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(bounded, "LITTLE_BYTES", -LIMIT_MIB * _MIB)
    bound = MemoryBound(nearly_used_up)
    for size in range(0, 400_000, 2_000):
        with contextlib.suppress(LoadTooLargeError):
            bound.run(lambda size=size: sum(one for one in range(size)))  # type: ignore[misc]
    assert sum(range(1_000_000)) > 0


def test_what_is_kept_of_what_was_ended_is_not_what_the_next_takes() -> None:
    """A small work behind it is done, and what was kept is let go where the work can be begun anew."""
    bound, kept = MemoryBound(nearly_used_up), list[bytes]()

    def greedy_and_keeping() -> None:
        while len(kept) < LIMIT_MIB:
            kept.append(b"x" * _MIB)

    with pytest.raises(LoadTooLargeError):
        bound.run(greedy_and_keeping)
    assert kept
    assert bound.run(lambda: sum(range(10_000_000))) > 0
    with pytest.raises(LoadTooLargeError):
        bound.run(greedy_and_keeping, kept.clear)
    assert not kept


class Stubborn:
    """Work that is at it until it is ended, and is ended no sooner than it may be.

    Attributes:
        has_begun: it is at work.
        may_end: before, it goes on whatever is raised in it.
        ended: why.
    """

    def __init__(self, bound: MemoryBound) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.ended = ""
        self._bound = bound
        self._thread = threading.Thread(target=self._be_ended)
        self._thread.start()
        assert self.has_begun.wait(LIMIT_S)

    def is_at_work(self) -> bool:
        """Tell whether it is at it still."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end."""
        self.may_end.set()
        self._thread.join(LIMIT_S)

    def _be_ended(self) -> None:
        try:
            self._bound.run(self._work)
        except LoadTooLargeError as err:
            self.ended = str(err)

    def _work(self) -> None:
        self.has_begun.set()
        while not self.may_end.is_set():
            with contextlib.suppress(BaseException):
                self.may_end.wait(0.001)
        while True:
            threading.Event().wait(0.001)


class Short:
    """Memory that is short, and looked at.

    Attributes:
        looks: how often it was.
        is_over: it is short no more.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.is_over = False

    def __call__(self) -> MemoryUse:
        """Look at it."""
        self.looks += 1
        return plenty() if self.is_over else nearly_used_up()

    def wait_looks(self, count: int) -> None:
        """Return when it was looked at so often from now on."""
        seen = self.looks
        while self.looks < seen + count:
            pass


def needing_what_it_has(short: Short, stubborn: Stubborn) -> int:
    """Work for which memory is short, until other work has ended that is at it."""
    short.wait_looks(5)
    short.is_over = True
    short.wait_looks(2)
    stubborn.may_end.set()
    while stubborn.is_at_work():
        pass
    return 7


def test_what_gives_way_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other goes on meanwhile, and is ended where there is still not enough without it."""
    monkeypatch.setattr(bounded, "LITTLE_BYTES", -LIMIT_MIB * _MIB)
    short = Short()
    bound = MemoryBound(short)
    stubborn = Stubborn(bound.giving_way(plenty))
    assert bound.run(partial(needing_what_it_has, short, stubborn)) == 7
    assert "gives way" in stubborn.ended
    short.is_over = False
    with pytest.raises(LoadTooLargeError, match=r"memory.max of /x"):
        bound.run(greedy)


def test_what_gave_way_is_done_when_there_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended once, and not for good."""
    monkeypatch.setattr(bounded, "LITTLE_BYTES", -LIMIT_MIB * _MIB)
    short = Short()
    bound = MemoryBound(short)
    lesser = bound.giving_way(plenty)
    bound.run(partial(needing_what_it_has, short, Stubborn(lesser)))
    assert lesser.run(lambda: len([b"x" * _MIB for _ in range(64)])) == 64


class Room:
    """A limit of which 32 MiB are the reserve.

    Attributes:
        least_bytes: the least that was left at a look.
    """

    def __init__(self, left_bytes: int) -> None:
        self._before_bytes = resident_bytes()
        self._left_bytes = self.least_bytes = left_bytes

    def __call__(self) -> MemoryUse:
        """Look at it."""
        left_bytes = self._left_bytes - resident_bytes() + self._before_bytes
        self.least_bytes = min(self.least_bytes, left_bytes)
        return MemoryUse(256 * _MIB, 256 * _MIB - left_bytes, "ulimit -d")


@pytest.mark.parametrize(("left_mib", "least_mib"), [(48, 16), (6, 0)], ids=["some is left", "next to nothing is"])
def test_what_can_wait_never_uses_up_what_is_left(
    monkeypatch: pytest.MonkeyPatch, left_mib: int, least_mib: int
) -> None:
    """However often it is tried again, and though each try leaves something behind."""
    monkeypatch.setattr(bounded, "LOOK_EVERY_S", 0.001)
    with pytest.raises(LoadTooLargeError):
        MemoryBound(nearly_used_up).run(greedy)  # whereupon what tests before this one had is given back
    room, kept = Room(left_mib * _MIB), list[bytes]()
    bound = MemoryBound(lambda: None).giving_way(room)

    def greedy_and_keeping() -> None:
        taken: list[bytes] = []
        while len(taken) < LIMIT_MIB:
            for memory in (taken, kept, kept):
                memory.append(b"x" * (_MIB // 2))
            threading.Event().wait(0.01)

    for _ in range(3):
        with pytest.raises(LoadTooLargeError, match="ulimit -d"):
            bound.run(greedy_and_keeping)
    assert room.least_bytes > least_mib * _MIB


@pytest.mark.parametrize("nearest", [plenty, lambda: None])
def test_what_nobody_wants_any_more_ends(nearest: Callable[[], MemoryUse | None]) -> None:
    """Also where there is memory for it, or nothing limits that; and nothing more is done."""
    bound = MemoryBound(nearest).giving_way()
    stubborn = Stubborn(bound)
    bound.give_up()
    stubborn.join()
    assert "nobody wants" in stubborn.ended
    with pytest.raises(LoadTooLargeError, match="nobody wants"):
        bound.run(lambda: 1)
