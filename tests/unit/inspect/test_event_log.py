"""The ring that all listeners share."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egxds.inspect.events import event_log
from egxds.inspect.events.event_log import RING, EventLog, Json, LocateOne


@dataclass
class Seen:
    """Something that happened, and how often somebody looked."""

    word: str
    looks: int = 0

    kind = "seen"

    def to_json(self, _locate: LocateOne) -> Json:
        """Say the word."""
        self.looks += 1
        return {"word": self.word}


@pytest.fixture
def log() -> EventLog:
    """One that is empty."""
    return EventLog("p", lambda _key: None)


def test_nothing_is_made_before_somebody_looks(log: EventLog) -> None:
    """And then once, for all who listen; in ASCII, whatever strangers say."""
    fact = Seen("\x7f\u202e")
    log.add(fact, 1.5)
    assert fact.looks == 0
    (event,) = log.after(0).events
    assert event.data == event.data
    assert fact.looks == 1
    assert event.data.isascii()
    assert event.data.isprintable()
    assert json.loads(event.data) == {"event": "seen", "time": "1970-01-01T00:00:01.500+00:00", "word": fact.word}


@given(st.lists(st.sampled_from(["happens", "reads"]), max_size=200))
def test_a_listener_hears_everything_or_how_much_it_has_missed(steps: list[str]) -> None:
    """Whatever it reads when: what it has heard and what it has missed are all events, in order."""
    log, had, heard, missed, happened = EventLog("p", lambda _key: None), 0, list[str](), 0, 0

    def read() -> None:
        nonlocal had, missed
        batch = log.after(had)
        missed += batch.missed
        heard.extend(event.data for event in batch.events)
        if batch.events:
            assert batch.events[0].number == had + batch.missed + 1
            had = batch.events[-1].number

    for step in steps:
        if step == "reads":
            read()
        for _ in range(50 if step == "happens" else 0):
            happened += 1
            log.add(Seen(str(happened)), 0.0)
    while had < log.newest:
        read()
    assert len(heard) + missed == happened
    assert [int(json.loads(one)["word"]) for one in heard][-1:] == ([happened] if happened else [])


def test_who_listens_is_woken_until_it_goes(log: EventLog) -> None:
    """By every event, and by the end."""
    woken: list[int] = []

    def wake() -> None:
        woken.append(log.newest)

    log.subscribe(wake)
    log.add(Seen("a"), 0.0)
    log.unsubscribe(wake)
    log.add(Seen("b"), 0.0)
    log.subscribe(wake)
    log.close()
    assert woken == [1, 2]
    assert log.is_closed


@pytest.mark.parametrize("last_id", ["", "p", "p-", "p-x", "p-" + "9" * 5000, "q-3", "p-³", "-3"])
def test_an_id_that_is_none_of_ours(log: EventLog, last_id: str) -> None:
    """It is answered with all that there is, and never with an error."""
    for _ in range(RING + 3):
        log.add(Seen("a"), 0.0)
    assert log.start_after(last_id, 0) == 3


def test_the_ring_is_bounded(log: EventLog) -> None:
    """A listener is given it in parts."""
    for number in range(3 * RING):
        log.add(Seen(str(number)), 0.0)
    batch = log.after(0)
    assert (len(batch.events), batch.missed) == (event_log.BATCH, 2 * RING)
