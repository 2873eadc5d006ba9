"""Coroutines that are taken on step by step: a test decides who gets to the store next, and what becomes of it."""

from __future__ import annotations

import enum
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from egxds.etcd.errors import OutcomeUnknownError, UnavailableError
from egxds.etcd.operations import Operation, Transacted, Unchanged
from tests.etcd_fake import FakeCluster, FakeEtcd


class Fate(enum.Enum):
    """What becomes of a transaction; of all but the first two its author is told that nobody knows."""

    ANSWERED = "it is applied where its conditions hold, and answered"
    AWAY = "it never arrives, and its author knows"
    LOST = "it never arrives"
    UNANSWERED = "it is applied where its conditions hold"
    LATE = "it arrives later"


class Turn:
    """A moment at which somebody else may go first."""

    def __await__(self) -> Generator[Turn, Fate, Fate]:
        """Wait for what becomes of what comes next."""
        return (yield self)


class TurnByTurn(FakeEtcd):
    """A store that waits for its turn before each transaction.

    Attributes:
        late: transactions that have not arrived yet.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(cluster)
        self.late: list[tuple[Sequence[Unchanged], Sequence[Operation]]] = []

    async def transact(self, conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> Transacted:
        """See `EtcdStore`."""
        fate = await Turn()
        if fate is Fate.AWAY:
            raise UnavailableError("no member answers")
        if fate is Fate.LATE:
            self.late.append((conditions, operations))
        if fate in (Fate.ANSWERED, Fate.UNANSWERED):
            done = await super().transact(conditions, operations)
            if fate is Fate.ANSWERED:
                return done
        raise OutcomeUnknownError("no answer came")

    def arrive(self, which: int) -> None:
        """Have a late transaction arrive."""
        work = super().transact(*self.late.pop(which % len(self.late)))
        Actor("late", work).run()


async def pause(_: float) -> None:
    """Let others go first."""
    await Turn()


@dataclass(eq=False)
class Actor:
    """Something that is under way.

    Attributes:
        name: what it is called in messages.
        work: what it does.
        outcome: what came of it, be it an exception.
        is_done: whether it has come to its end.
        mark: by which its generation is known, if it makes one.
    """

    name: str
    work: Coroutine[Any, Any, object]
    mark: object = None
    outcome: object = field(default=None, init=False)
    is_done: bool = field(default=False, init=False)
    _has_begun: bool = field(default=False, init=False)

    def step(self, fate: Fate = Fate.ANSWERED) -> None:
        """Take it on to its next turn."""
        try:
            self.work.send(fate if self._has_begun else None)
            self._has_begun = True
        except StopIteration as end:
            self.is_done, self.outcome = True, end.value
        except Exception as err:  # noqa: BLE001 what comes of it is looked at by the test
            self.is_done, self.outcome = True, err

    def run(self) -> object:
        """Take it on to its end, and return what came of it."""
        while not self.is_done:
            self.step()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome
