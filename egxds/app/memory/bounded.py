"""Ends a piece of work before the memory that is allowed is used up. Starts a thread.

What a change comes to cannot be told from its size: a route of 5 kB, of sixteen hostnames and as many rules, becomes
2 MB of Envoy's configuration, and 5 kB of another kind nothing at all. So the memory is looked at while the work is
done.

    nothing is limited ------------------------------------> nobody looks
    the work has taken more than a little, and less than
    the reserve is left -----------------------------------> it ends with an exception wherever it is, again and again
                                                             until it has, and what it had is given back
    likewise, and other work is at it that gives way ------> that ends so in its place; it goes on meanwhile
    nobody wants any more what the work comes to ----------> it ends so, be there as much memory as there may

Some of what it had may be kept until the next work, which does it again or finds that it is not needed any more. That
is not what the next work takes, or the smallest would be refused; but neither does it grow from refusal to refusal.

What is used is the use of the whole process: whose it is cannot be told. So work that can wait is not held against work
that cannot: it gives way, and is done again when there is room. Nor may it take as much of the reserve: each try of
something that is too large leaves a little behind, and what is left is to last however many there are.

The reserve is for everybody else: where memory is used up, it is not always the greedy one that fails, and libraries in
C do not fail but crash. The exception is none of `Exception`, lest the work takes it for a fault of one document. So
only work can be bounded that survives an exception at any place, as all rooms do by their design: what they had is
either there, or done again.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from egxds.app.memory.limit import MemoryUse, nearest_limit, resident_bytes
from egxds.errors import EgxdsError

LOOK_EVERY_S = 0.05
"""A load takes some 2 MB in that time."""

SMALLEST_RESERVE_BYTES = 32 * 1024 * 1024
RESERVE_SHARE = 8
"""An eighth of the limit is the reserve, where that is more."""

LITTLE_BYTES = 32 * 1024 * 1024
"""What the work may take even of the reserve: where the limit is tight, that is no reason to refuse a small change."""

_WAITING_LITTLE_BYTES = 8 * 1024 * 1024
_WAITING_SHARE = 4
"""The same of work that can wait, and the part of the reserve that is never for that."""

_MIB = 1024 * 1024

_GAVE_WAY = "it gives way to what is in force, for which the memory is needed"
_GIVEN_UP = "nobody wants it any more"

T = TypeVar("T")


class LoadTooLargeError(EgxdsError):
    """There is not enough memory for a load; the message says what limits it and what to do."""


class _OutOfMemory(BaseException):
    """Raised in the middle of the work."""


class MemoryBound:
    """Does work, one at a time, within what memory there may be.

    Attributes:
        exists: whether anything limited the memory at the last look; where nothing does, the work costs no more.
    """

    exists: bool

    def __init__(self, nearest: Callable[[], MemoryUse | None] = nearest_limit) -> None:
        """Prepare.

        Args:
            nearest: returns the limit of which least is left.
        """
        self._nearest = nearest
        self._resident_bytes = resident_bytes()
        self._has_refused = False
        self._can_wait = self._is_at_work = self._is_in_the_way = self._is_given_up = False
        self._waiting = weakref.WeakSet[MemoryBound]()
        self.look()

    def look(self) -> None:
        """See whether anything limits the memory now: a limit may come while the process runs."""
        self.exists = self._nearest() is not None

    def giving_way(self, nearest: Callable[[], MemoryUse | None] | None = None) -> MemoryBound:
        """Return one for work that can wait: it ends where this one would have to while the two are at work.

        Args:
            nearest: returns the limit of which least is left; None for that of this one.
        """
        other = MemoryBound(nearest or self._nearest)
        other._can_wait = True
        self._waiting.add(other)
        return other

    def give_way(self) -> bool:
        """End what is being done, if anything is, of `giving_way`; called by another thread. Tell whether it was."""
        self._is_in_the_way = self._is_at_work
        return self._is_at_work

    def give_up(self) -> None:
        """End what is being done, of `giving_way`, and do nothing more; called by another thread."""
        self._is_given_up = True

    def run(self, work: Callable[[], T], forget: Callable[[], None] = lambda: None) -> T:
        """Do something on this thread, and end it where it needs more memory than there may be.

        Args:
            work: what to do.
            forget: lets go of what the work has kept, where it was ended.

        Raises:
            LoadTooLargeError: it was ended.
        """
        if self._is_given_up:
            raise LoadTooLargeError(_GIVEN_UP)
        self._is_in_the_way, self._is_at_work = False, True
        try:
            return self._run(work, forget)
        finally:
            self._is_at_work = False

    def _run(self, work: Callable[[], T], forget: Callable[[], None]) -> T:
        try:
            result = self._watched(work) if self.exists or self._can_wait else work()
        except (_OutOfMemory, MemoryError):
            # Nothing is raised from it, as that would keep all that the work had.
            message = self._why() or _message(self._nearest())
        else:
            if self.exists:
                self._note_use()
            return result
        forget()
        _give_back()
        self._note_refusal()
        raise LoadTooLargeError(message)

    def _watched(self, work: Callable[[], T]) -> T:
        watch = _Watch(self._is_to_end)
        try:
            watch.start()
            return work()
        finally:
            # The exception arrives where a function begins or a loop turns: nothing comes between the work and this.
            watch.is_over = True
            while not watch.is_settled:
                try:  # noqa: SIM105 it could arrive in `suppress`
                    watch.settle()
                except _OutOfMemory:
                    pass

    def _is_to_end(self) -> bool:
        return bool(self._why()) or (self._is_short() and not self._has_way())

    def _why(self) -> str:
        """Say why the work is to end whatever memory there is; nothing where it is not."""
        return _GIVEN_UP if self._is_given_up else _GAVE_WAY if self._is_in_the_way else ""

    def _is_short(self) -> bool:
        use = self._nearest()
        if use is None or use.left_bytes >= (reserve_bytes := _reserve_bytes(use)):
            return False
        taken_bytes = resident_bytes() - self._resident_bytes
        if self._can_wait:
            return taken_bytes > _WAITING_LITTLE_BYTES or use.left_bytes < reserve_bytes // _WAITING_SHARE
        return taken_bytes > LITTLE_BYTES

    def _has_way(self) -> bool:
        """Have work end that can wait; tell whether there is some, which has memory still to give back."""
        told = [each.give_way() for each in tuple(self._waiting)]
        return any(told)

    def _note_use(self) -> None:
        """Have a little allowed beyond what is used now; but not beyond what is within the reserve already."""
        self._has_refused = False
        use = self._nearest()
        if use is None or use.left_bytes >= _reserve_bytes(use):
            self._resident_bytes = resident_bytes()

    def _note_refusal(self) -> None:
        """Have a little allowed beyond what the first of several refusals in a row has left behind."""
        if not self._has_refused:
            self._has_refused, self._resident_bytes = True, max(self._resident_bytes, resident_bytes())


class _Watch:
    """Looks, while one thread works, whether that is to end.

    Attributes:
        is_over: the work is done: nothing is raised from now on, but for what is being raised.
        is_settled: nothing more can arrive.
    """

    def __init__(self, is_to_end: Callable[[], bool]) -> None:
        self.is_over = False
        self.is_settled = False
        self._is_to_end = is_to_end
        self._worker = ctypes.c_ulong(threading.get_ident())
        self._raising = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)

    def start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as err:
            # There is no room for the stack of a thread.
            raise MemoryError from err

    def settle(self) -> None:
        """Wait until nothing can be raised any more; what was raised arrives here, and not in what is next."""
        with self._raising:
            self._stopped.set()
        self.is_settled = True

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            if self._is_to_end():
                self._raise()

    def _raise(self) -> None:
        with self._raising:
            if not self.is_over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self._worker, ctypes.py_object(_OutOfMemory))


def _reserve_bytes(use: MemoryUse) -> int:
    return max(SMALLEST_RESERVE_BYTES, use.limit_bytes // RESERVE_SHARE)


def _give_back() -> None:
    """Return to the system what the work had, or the next would be measured by it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _message(use: MemoryUse | None) -> str:
    if use is None:
        return "there is not enough memory for it: make it smaller"
    limit_mib, reserve_mib = use.limit_bytes // _MIB, _reserve_bytes(use) // _MIB
    return (
        f"there is not enough memory for it: {use.source} allows {limit_mib} MiB, of which {reserve_mib} MiB stay free "
        "for the service; raise that, or make the files smaller"
    )
