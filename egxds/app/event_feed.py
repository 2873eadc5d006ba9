"""What happens in the daemon → its log of events. Behind Envoy's way.

Whoever reads, publishes or hears from an Envoy hands over what it has by reference, and a task of its own looks at
that a moment later: at what changed in a thread, at the streams of Envoys between their own turns. Nothing of it is
made into text before somebody looks (`inspect.events`).

    noted, stirred ----> wait 20 ms for what comes with it ----> gather, follow, tell

While a thousand Envoys take a change, each of them stirs, and a look goes over all of them. So there is a wait between
two looks that is longer than a look takes.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint

from egxds.app.pipeline import Build
from egxds.hooks.policy.outcome import HookedGateway
from egxds.incremental.revision import Revision
from egxds.inspect.events.changes import ChangeGatherer, Note, Published, Read
from egxds.inspect.events.deliveries import Arrival, Deliveries
from egxds.inspect.events.event_log import EventLog, Facts, LocateOne
from egxds.inspect.events.facts import EnvoysChanged, ProblemsChanged, Refused, Taken
from egxds.inspect.events.kept_bodies import KeptBodies
from egxds.inspect.events.listed import Listed
from egxds.inspect.problem_book import ProblemChanges
from egxds.inspect.refusals import RefusedResources
from egxds.sessions.open_streams import Clients
from egxds.snapshot.snapshot import Snapshot
from egxds.telemetry import log

_PAUSE_S = 0.02
_ENVOYS_EVERY_S = 1.0
"""How often it is told who came and left: who connects again and again must not push out all other events."""

_SOON_S = 0.5

_REST = 5
"""Times as long as a look took, before the next."""


class EventFeed:
    """Puts together what the rooms say.

    Attributes:
        log: the events.
        bodies: of the last changes.
    """

    def __init__(self, locate: LocateOne, clients: Callable[[], Clients]) -> None:
        """Know of nothing yet; `work` starts it.

        Args:
            locate: finds where objects stand.
            clients: returns the open streams.
        """
        self.log = EventLog(f"{time.time_ns():x}", locate)
        self.bodies = KeptBodies()
        self._clients = clients
        self._gatherer = ChangeGatherer(self.bodies)
        self._deliveries = Deliveries()
        self._notes: list[Note] = []
        self._problems: list[ProblemChanges] = []
        self._refusals: RefusedResources = ()
        self._told_refusals: RefusedResources = ()
        self._envoys: dict[int, str] = {}
        self._envoys_told_s = -math.inf
        self._stirred = anyio.Event()

    def read(self, before: Build | None, build: Build, noticed_s: float) -> None:
        """Take what a pass over the files came to.

        Args:
            before: the pass before it.
            build: what it came to.
            noticed_s: when the change was noticed, in monotonic seconds.
        """
        state_before = before.state if before is not None else None
        translations_before = before.translations if before is not None else Revision()
        read_s = anyio.current_time()
        note = Read(state_before, build.state, translations_before, build.translations, noticed_s, read_s)
        self._notes.append(note)
        self.stir()

    def published(
        self,
        gateway: str,
        hooked: tuple[HookedGateway | None, HookedGateway | None],
        snapshots: tuple[Snapshot, Snapshot],
        generation: int,
    ) -> None:
        """Take what is published for a Gateway, or that it has gone.

        Args:
            gateway: which.
            hooked: what its hooks came to before and now; None where there was, or is, no such Gateway.
            snapshots: what its Envoys were served before and are served now.
            generation: number of the newest state.
        """
        self._notes.append(Published(gateway, *hooked, *snapshots, generation, anyio.current_time()))
        self.stir()

    def problems(self, changes: ProblemChanges) -> None:
        """Take which problems of the input came and went."""
        if changes.appeared or changes.solved:
            self._problems.append(changes)
            self.stir()

    def refused(self, refusals: RefusedResources) -> None:
        """Take what Envoys refuse now."""
        self._refusals = refusals
        self.stir()

    def stir(self) -> None:
        """Have a look taken, soon."""
        self._stirred.set()

    async def work(self) -> None:
        """Tell what happens; until cancelled."""
        due_in_s, took_s = math.inf, 0.0
        while True:
            with anyio.move_on_after(due_in_s):
                await self._stirred.wait()
            await anyio.sleep(max(_PAUSE_S, _REST * took_s))
            self._stirred = anyio.Event()
            begun_s = anyio.current_time()
            try:
                due_in_s = await self._look()
                took_s = anyio.current_time() - begun_s
            except Exception:  # noqa: BLE001 what people look at must not end the service
                log.exception("app.events_failed")
                due_in_s = math.inf  # time alone would bring the same defect again, and a line of the log each time

    async def _look(self) -> float:
        """Tell what is new; return the seconds until time alone may make for more."""
        notes, self._notes = self._notes, []
        if notes:
            gathered = await to_thread.run_sync(self._gatherer.gather, notes)
            for delivery in gathered.deliveries:
                self._deliveries.follow(delivery)
            self._tell(*gathered.facts)
        self._tell_problems()
        self._tell_refusals()
        await self._tell_arrivals()
        return min(self._tell_envoys(), _SOON_S if self._deliveries.is_due_again(anyio.current_time()) else math.inf)

    def _tell(self, *facts: Facts) -> None:
        for each in facts:
            self.log.add(each, time.time())

    def _tell_problems(self) -> None:
        problems, self._problems = self._problems, []
        told = ((Listed.of(changes.appeared), Listed.of(changes.solved)) for changes in problems)
        self._tell(*(ProblemsChanged(*both) for both in told))

    def _tell_refusals(self) -> None:
        before, now = self._told_refusals, self._refusals
        if now is before:
            return
        self._told_refusals = now
        known, refused = ({(one.node_id, one.type_url, one.name) for one in each} for each in (before, now))
        begun = tuple(one for one in now if (one.node_id, one.type_url, one.name) not in known)
        over = tuple(one for one in before if (one.node_id, one.type_url, one.name) not in refused)
        if begun or over:
            self._tell(Refused(Listed.of(begun), Listed.of(over)))

    async def _tell_arrivals(self) -> None:
        self._deliveries.forget_old(anyio.current_time())
        if not self._deliveries:
            return
        arrivals: list[Arrival] = []
        for client in self._clients().all():
            arrivals += self._deliveries.arrived(client, anyio.current_time())
            await checkpoint()
        by_change: defaultdict[tuple[str, int], list[tuple[str, float]]] = defaultdict(list)
        for one in arrivals:
            by_change[one.gateway, one.generation].append((one.node, one.ms))
        for (gateway, number), nodes in by_change.items():
            self._tell(Taken(gateway, number, Listed.of(nodes), max(ms for _, ms in nodes)))

    def _tell_envoys(self) -> float:
        """Tell who came and left, now and then; return the seconds until that may be told again."""
        streams = self._clients().all()
        now = {client.stream: node.id for client in streams if (node := client.session.node) is not None}
        if now.keys() == self._envoys.keys():
            return math.inf
        wait_s = self._envoys_told_s + _ENVOYS_EVERY_S - anyio.current_time()
        if wait_s > 0:
            return wait_s
        before, self._envoys = self._envoys, now
        self._envoys_told_s = anyio.current_time()
        came, left = (set(one.values()) - set(other.values()) for one, other in ((now, before), (before, now)))
        if came or left:
            self._tell(EnvoysChanged(Listed.of(sorted(came)), Listed.of(sorted(left)), len(set(now.values()))))
        return math.inf
