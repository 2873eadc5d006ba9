"""Calls of a cluster: which member is asked, which one next, and what may be tried again. Awaits.

    a member cannot be connected to, or refuses        the next one is asked, whatever is asked for: nothing was
    before it begins (no leader, too busy)             applied
    a call was sent and no answer came                 what only reads is asked of the next one; of what writes nobody
                                                       knows: OutcomeUnknownError
    one had no leader, or its connection broke         all are asked again after a pause
    etcd refuses                                       nobody else is asked

All attempts share one time, of which the first takes half, the next half of the rest, and the last what is left. Who
answered last is asked first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio

from egxds.etcd.attempts import Attempts, BrokenOffError, Call, Times
from egxds.etcd.errors import EtcdError, OutcomeUnknownError, TimedOutError, UnavailableError
from egxds.etcd.failures import PassingError
from egxds.etcd.members import Member

_PAUSE_S = 0.1
"""Before all members are asked again: an election takes about a second, and to connect again nearly nothing."""

_T = TypeVar("_T")


class Caller:
    """The way to a cluster."""

    def __init__(self, members: tuple[Member, ...], attempts: Attempts, timeout_s: float) -> None:
        """Prepare; nothing is connected yet.

        Args:
            members: of one cluster, in the order in which they are asked.
            attempts: makes calls of one.
            timeout_s: how long one call may take, on all members together.
        """
        self._members = members
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._first = 0

    async def ask(self, call: Call[_T], may_repeat: Callable[[], bool]) -> _T:
        """Make a call, of one member after the other as long as that is allowed.

        Args:
            call: makes it.
            may_repeat: tells whether it may be made again where it was made and no answer came.

        Raises:
            EtcdError: it failed everywhere, or is refused.
        """
        deadline_s = anyio.current_time() + self._timeout_s
        while True:
            faults: list[UnavailableError] = []
            for left in range(len(self._members), 0, -1):
                try:
                    return await self._ask_first(call, may_repeat, _times(deadline_s, may_repeat(), is_last=left == 1))
                except UnavailableError as err:
                    faults.append(err)
            is_passing = any(isinstance(fault, PassingError) for fault in faults)
            if not is_passing or anyio.current_time() + _PAUSE_S >= deadline_s:
                raise _joined(faults)
            await anyio.sleep(_PAUSE_S)

    async def aclose(self) -> None:
        """Close all connections; calls under way fail."""
        for member in self._members:
            await member.aclose()

    async def _ask_first(self, call: Call[_T], may_repeat: Callable[[], bool], times: Times) -> _T:
        at = self._first
        try:
            return await self._attempts.make(self._members[at], call, may_repeat, times)
        except (UnavailableError, OutcomeUnknownError, BrokenOffError):
            # Others may have moved on meanwhile.
            if self._first == at:
                self._first = (at + 1) % len(self._members)
            raise


def _times(deadline_s: float, may_repeat: bool, *, is_last: bool) -> Times:
    """Return how long the next attempt may take, by when all is to be over."""
    now_s = anyio.current_time()
    ready_s = deadline_s if is_last else now_s + (deadline_s - now_s) / 2
    return Times(ready_s, ready_s if may_repeat else deadline_s)


def _joined(faults: list[UnavailableError]) -> EtcdError:
    """Return what went wrong with all members as one error."""
    said = "; ".join(dict.fromkeys(map(str, faults)))
    is_slow = all(isinstance(fault, TimedOutError) for fault in faults)
    return TimedOutError(said) if is_slow else UnavailableError(said)
