"""The last events, for whoever listens: a ring that all listeners share. Pure; time is an argument.

    add ------> the newest event; the oldest makes room; who listens is woken
    after(n) -> what came after event n, in parts; how many of those are gone from the ring already

A listener is a number, that of the event that it has had last. So however many there are, and however slowly they
read, nothing is kept for one of them: who falls behind the ring is told how many events it has missed, and goes on with
the oldest that there is. With nobody listening an event costs a place in the ring, and nobody makes it into JSON.

Its id is the number with a word for this process before it: who comes back after a restart names a number that means
something else now, and is given all that there is.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Protocol

from egxds.object_key import ObjectKey
from egxds.problems import Location

RING = 512
"""Events that are remembered."""

BATCH = 64
"""Events that a listener is given at once."""

Json = Mapping[str, object]
LocateOne = Callable[[ObjectKey], Location | None]
"""Object → where it stands now; None where it is gone."""


class Facts(Protocol):
    """What happened."""

    @property
    def kind(self) -> str:
        """A word for what kind of event this is."""

    def to_json(self, locate: LocateOne) -> Json:
        """Return the facts, of a length that has a limit."""


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        id: for `Last-Event-ID`.
        number: one more than that of the event before.
        time_s: when, in seconds since 1970.
        facts: what happened.
        locate: finds where objects stand.
    """

    id: str
    number: int
    time_s: float
    facts: Facts
    locate: LocateOne

    @cached_property
    def data(self) -> str:
        """JSON of it, in one line; made once, when somebody looks first."""
        time = datetime.fromtimestamp(self.time_s, UTC).isoformat(timespec="milliseconds")
        # In ASCII, which is DEL at worst: who looks at it with curl has a terminal.
        shown = json.dumps({"event": self.facts.kind, "time": time, **self.facts.to_json(self.locate)})
        return shown.replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class Batch:
    """What a listener is given.

    Attributes:
        events: the next of them; none where it has had all.
        missed: how many before these are not there any more.
    """

    events: tuple[Event, ...]
    missed: int


class EventLog:
    """Remembers the last events.

    Attributes:
        is_closed: nothing more is to come.
    """

    def __init__(self, process: str, locate: LocateOne) -> None:
        """Know of none.

        Args:
            process: a word that no other process of this daemon has had.
            locate: finds where objects stand.
        """
        self.is_closed = False
        self._process = process
        self._locate = locate
        self._ring: deque[Event] = deque(maxlen=RING)
        self._listeners: dict[Callable[[], None], None] = {}

    @property
    def newest(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._ring[-1].number if self._ring else 0

    def id_of(self, number: int) -> str:
        """Return the id that an event of this number has, or had."""
        return f"{self._process}-{number}"

    def add(self, facts: Facts, time_s: float) -> None:
        """Take note of what happened.

        Args:
            facts: by reference, and never changed after this.
            time_s: when, in seconds since 1970.
        """
        number = self.newest + 1
        self._ring.append(Event(self.id_of(number), number, time_s, facts, self._locate))
        self._tell()

    def close(self) -> None:
        """End: who listens is to go."""
        self.is_closed = True
        self._tell()

    def start_after(self, last_id: str | None, replayed: int) -> int:
        """Return the event after which a listener starts.

        Args:
            last_id: of the event that it has had last, as it says; None where it comes for the first time.
            replayed: how many of the last events it wants then.
        """
        if last_id is None:
            return max(self.newest - replayed, self._forgotten)
        process, _, number = last_id.rpartition("-")
        is_number = number.isdecimal() and len(number) <= len(str(self.newest))
        is_ours = process == self._process and is_number and int(number) <= self.newest
        return int(number) if is_ours else self._forgotten

    def after(self, number: int) -> Batch:
        """Return what came after an event.

        Args:
            number: of that event.
        """
        start = max(number - self._forgotten, 0)
        events = tuple(islice(self._ring, start, start + BATCH))
        return Batch(events, max(self._forgotten - number, 0))

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have something called after each event; it is to return at once."""
        self._listeners[callback] = None

    def unsubscribe(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.pop(callback, None)

    @property
    def _forgotten(self) -> int:
        """How many events are not in the ring any more."""
        return self._ring[0].number - 1 if self._ring else 0

    def _tell(self) -> None:
        for callback in tuple(self._listeners):
            callback()
