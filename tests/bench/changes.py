"""Measures one kind of change of a site: saved → on the wire, saved → served, its floor, and CPU.

Two passes, so that the bare client costs the served figures nothing:

    wire      a bare client is connected besides Envoy; what it gets for each change is kept
    served    Envoy alone. Alternating: a change through egxds, then what the client got for a change of the same
              kind, pushed as ready-made bytes to the floor's Envoy

The slow poll of the files runs as it does by default. Where it falls into a sample, it is in that sample's figures: so
compare medians, and see the scenario `idle` for what a poll costs.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from egxds import names
from tests.bench import process_figures
from tests.bench.delta_client import Arrival, DeltaClient
from tests.bench.measurements import Spread, milliseconds
from tests.bench.site import Site

_numbers = itertools.count(1)


def next_word() -> str:
    """Return a word that is in no file yet."""
    return f"w{next(_numbers):05}"


@dataclass(frozen=True)
class Saved:
    """A change that has been saved.

    Attributes:
        at: when.
        is_on_wire: whether a response tells of it.
        until_served: waits for it at an HTTP and a TLS port; returns when it was served.
    """

    at: float
    is_on_wire: Callable[[Arrival], bool]
    until_served: Callable[[int, int], float]


@dataclass(frozen=True)
class Change:
    """A kind of change.

    Attributes:
        save: makes one, told apart from others by a word of a few letters and digits.
        prepare: the change that has to be there before it; None where there is none.
    """

    save: Callable[[Site, str], Saved]
    prepare: Callable[[Site, str], Saved] | None = None


@dataclass
class _Recorded:
    """What the bare client got for one change."""

    saved: Saved
    prepared: Saved | None = None
    before: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)


class ChangeFigures:
    """What a change costs.

    Attributes:
        wire_s, served_s, floor_s, cpu_s: samples, in seconds.
        sent: type → resources sent or removed over all changes of the first pass.
    """

    def __init__(self) -> None:
        self.wire_s: list[float] = []
        self.served_s: list[float] = []
        self.floor_s: list[float] = []
        self.cpu_s: list[float] = []
        self.sent: Counter[str] = Counter()

    def figures(self) -> dict[str, Spread]:
        """Return what was measured."""
        samples = {"wire": self.wire_s, "served": self.served_s, "floor": self.floor_s, "cpu": self.cpu_s}
        return {name: milliseconds(values) for name, values in samples.items() if values}

    def note(self) -> str:
        """Say which types were sent for one change."""
        count = max(1, len(self.wire_s))
        return ", ".join(f"{number / count:g} {name}" for name, number in self.sent.items())


def measure(site: Site, change: Change, samples: int, *, with_envoy: bool = True) -> ChangeFigures:
    """Measure a kind of change.

    Args:
        site: what is changed.
        change: how.
        samples: how often, in each pass.
        with_envoy: whether an Envoy is to serve it; else its CPU is that of the first pass.
    """
    found = ChangeFigures()
    if with_envoy:
        site.envoy()
        # Before the first change, so that none of those that it is pushed is there already.
        site.floor()
    recorded = _wire_pass(site, change, samples, found)
    if with_envoy:
        found.cpu_s.clear()
        _served_pass(site, change, recorded, found)
    return found


def _wire_pass(site: Site, change: Change, samples: int, found: ChangeFigures) -> list[_Recorded]:
    with site.client() as client:
        client.wait_whole(site.clusters)
        return [_through_client(site, change, client, found) for _ in range(samples)]


def _through_client(site: Site, change: Change, client: DeltaClient, found: ChangeFigures) -> _Recorded:
    pid, word = site.daemon.pid, next_word()
    process_figures.settle(pid)
    prepared, before = None, []
    if change.prepare is not None:
        prepared = change.prepare(site, word)
        before = client.wait(prepared.is_on_wire)
        before += client.wait_answered(before)
        process_figures.settle(pid)
    before += client.drain()
    spent = process_figures.cpu_s(pid)
    saved = change.save(site, word)
    arrivals = client.wait(saved.is_on_wire)
    found.wire_s.append(arrivals[-1].at - saved.at)
    process_figures.settle(pid)
    found.cpu_s.append(process_figures.cpu_s(pid) - spent)
    arrivals += client.wait_answered(arrivals)
    arrivals += client.drain()
    for arrival in arrivals:
        found.sent[names.SHORT_NAMES.get(arrival.type_url, arrival.type_url)] += len(arrival.changed + arrival.removed)
    return _Recorded(saved, prepared, _messages(before), _messages(arrivals))


def _messages(arrivals: Sequence[Arrival]) -> list[bytes]:
    return [arrival.message for arrival in arrivals]


def _served_pass(site: Site, change: Change, recorded: list[_Recorded], found: ChangeFigures) -> None:
    floor = site.floor()
    for record in recorded:
        _through_envoy(site, change, found)
        if record.prepared is not None:
            floor.server.take(record.before)
            floor.server.push(record.before)
            record.prepared.until_served(floor.http_port, floor.https_port)
        floor.server.take(record.messages)
        begun = perf_counter()
        floor.server.push(record.messages)
        found.floor_s.append(record.saved.until_served(floor.http_port, floor.https_port) - begun)


def _through_envoy(site: Site, change: Change, found: ChangeFigures) -> None:
    word = next_word()
    pid, ports = site.daemon.pid, (site.http_port, site.https_port)
    process_figures.settle(pid)
    if change.prepare is not None:
        change.prepare(site, word).until_served(*ports)
        process_figures.settle(pid)
    spent = process_figures.cpu_s(pid)
    saved = change.save(site, word)
    found.served_s.append(saved.until_served(*ports) - saved.at)
    process_figures.settle(pid)
    found.cpu_s.append(process_figures.cpu_s(pid) - spent)
