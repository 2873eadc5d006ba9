"""This replica among the others that follow the same store: its record, theirs, and how Envoys are shared out.

It has a way to the store of its own. Where that fails, or the user may not write there, it is said, what is known stays
as it was, no Envoy is let go, and serving goes on: nothing of it is on the way to an Envoy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC
from typing import Any

import anyio

from egxds.app.fleet_report import FleetFacts, FleetReport
from egxds.app.own_record import Knowledge, OwnRecord
from egxds.app.source import Json
from egxds.etcd.errors import EtcdError, WrongClusterError
from egxds.etcd.operations import EtcdStore
from egxds.fleet.envoys import EnvoyRow
from egxds.fleet.keeping import RecordKeeper
from egxds.fleet.record import Identity, ReplicaRecord
from egxds.fleet.shares import EVERY_S, LetGo, Load, Spreading
from egxds.fleet.watching import FleetWatcher, envoys_of_all
from egxds.problems import Location, Problem
from egxds.published.layout import Layout
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.snapshot.snapshot import Snapshot
from egxds.telemetry import Metrics, log
from egxds.wire.xds.newcomers import Doubt

_PAUSE_S = 0.2
_AFTER_A_DEFECT_S = 1.0
_FAREWELL_S = 1.0
"""For the word that this replica is about to end."""

_SHOWN = 10
"""Envoys that a line of the log names."""

Connect = Callable[[EtcdSource], AbstractAsyncContextManager[EtcdStore]]
"""Opens a store, which is closed at its end."""


class Fleet:
    """The replicas; of files there are none that are known."""

    def __init__(self, settings: Settings, connect: Connect, metrics: Metrics, knowledge: Knowledge) -> None:
        """Prepare; nothing is asked yet.

        Args:
            settings: where the store is, if there is one, and whether Envoys are spread.
            connect: opens it.
            metrics: where it is counted.
            knowledge: what this replica knows of itself.
        """
        self._settings = settings
        self._connect = connect
        self._own = OwnRecord(knowledge)
        self._canary = knowledge.canary
        self._xds = knowledge.xds
        knowledge.xds.newcomers.go_by(self._doubt, self._has_others)
        if self._canary is not None:
            knowledge.status.refusals.subscribe(self._canary.refused)
        knowledge.status.refusals.subscribe(lambda _: self.stir())
        self._metrics = metrics
        self._report = FleetReport(metrics) if settings.sources.etcd is not None else None
        self._store: EtcdStore | None = None
        self._keeper: RecordKeeper | None = None
        self._watcher: FleetWatcher | None = None
        self._identity: Identity | None = None
        self._round: anyio.CancelScope | None = None
        self._spreading = Spreading()
        self._let_go = LetGo()

    @property
    def replica(self) -> str:
        """The name of this replica; empty before it is known."""
        return self._identity.name if self._identity is not None else ""

    def stir(self) -> None:
        """Have it looked, soon, whether there is something else to be said."""
        if self._keeper is not None:
            self._keeper.stir()

    def accepted(self, origin: str) -> None:
        """Take which generation is in force.

        Args:
            origin: of the tree that it is of.
        """
        self._own.accepted(origin)
        self.stir()

    def published(self, gateway: str, snapshot: Snapshot) -> None:
        """Take what is published for a Gateway.

        Args:
            gateway: which.
            snapshot: all of it; an empty one where the Gateway has gone.
        """
        if self._report is not None:
            self._own.published(gateway, snapshot)
            self.stir()

    def follow(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        before, self._settings = self._settings, settings
        if self._canary is not None:
            self._canary.follow(settings.envoys)
        if before.sources != settings.sources and self._round is not None:
            self._round.cancel()

    async def work(self) -> None:
        """Keep the record, and follow those of others; until cancelled."""
        while (source := self._settings.sources.etcd) is not None:
            with anyio.CancelScope() as self._round:
                pause_s = _PAUSE_S
                try:
                    await self._live(source)
                except* WrongClusterError:
                    pass  # it is connected to anew; that another store answers is said by who follows it
                except* Exception:  # noqa: BLE001 what is told to others must not end the service
                    log.exception("fleet.failed")
                    pause_s = _AFTER_A_DEFECT_S
                await anyio.sleep(pause_s)

    async def drain(self) -> None:
        """Tell the others that this replica is about to end, so that none of them sends an Envoy here."""
        self._own.is_draining = True
        if self._keeper is not None and self._store is not None:
            with anyio.move_on_after(_FAREWELL_S), suppress(EtcdError):
                await self._keeper.say_now(self._store)

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the fleet."""
        source = self._settings.sources.etcd
        if self._report is None or source is None:
            return ()
        place = Location(f"etcd:{Layout(source.prefix).head}-candidate", 0)
        of_candidate = self._canary.problems(place) if self._canary is not None else ()
        return (*self._report.problems(source.prefix), *of_candidate)

    def notes(self) -> tuple[str, ...]:
        """Say in a line each where replicas serve what is not equal."""
        return tuple(map(str, self._report.differences)) if self._report is not None else ()

    async def described(self) -> Json | None:
        """Return all replicas, as the admin API shows them; None where objects come from files."""
        watcher, keeper, identity = self._watcher, self._keeper, self._identity
        if watcher is None or keeper is None or identity is None:
            return None
        own, _ = await self._own.gathered(identity)
        records = dict(watcher.book.records())
        # While it has no record somebody else may have the name.
        if own.name not in records or not keeper.fault:
            records[own.name] = own
        return {
            "self": own.name,
            "fault": watcher.fault,
            "recordFault": keeper.fault,
            "differences": list(self.notes()),
            "replicas": [_described(records[name], records[name].instance == own.instance) for name in sorted(records)],
        }

    def candidate(self) -> Json | None:
        """Return what is served to some nodes before the others, as the admin API shows it; None where nothing is."""
        return self._canary.described() if self._canary is not None else None

    async def envoys(self) -> Json | None:
        """Return the Envoys of all replicas, as the admin API shows them; None where objects come from files.

        Those of others are read from the store, where every replica writes its own; what cannot be read is said.
        """
        source, store, identity = self._settings.sources.etcd, self._store, self._identity
        if source is None or store is None or identity is None:
            return None
        found: Mapping[str, Sequence[EnvoyRow]] = {}
        try:
            found, faults = await envoys_of_all(store, Layout(source.prefix))
        except EtcdError as err:
            faults = (f"etcd cannot be asked for the Envoys of others: {err}",)
        _, own = await self._own.gathered(identity)
        rows = {**found, identity.name: sorted(own, key=lambda row: row.id)}
        return {"faults": list(faults), "items": [_row(name, row) for name in sorted(rows) for row in rows[name]]}

    async def _live(self, source: EtcdSource) -> None:
        layout = Layout(source.prefix)
        identity = self._identity = self._own.identity(source.replica)
        watcher = self._watcher = FleetWatcher(layout, lambda: None)
        keeper = self._keeper = RecordKeeper(identity, layout, lambda: self._own.told(identity))
        async with self._connect(source) as store, anyio.create_task_group() as tasks:
            self._store = store
            tasks.start_soon(keeper.keep, store, name="keep the record")
            tasks.start_soon(watcher.follow, store, name="follow records")
            if self._canary is not None:
                tasks.start_soon(self._canary.work, name="judge the candidate")
            await self._judge(identity, watcher, keeper)

    async def _judge(self, identity: Identity, watcher: FleetWatcher, keeper: RecordKeeper) -> None:
        """Look at the fleet each second."""
        while True:
            await anyio.sleep(EVERY_S)
            # Also where no Envoy comes: one that comes in the next doubt is not to be taken for one of this.
            self._xds.newcomers.look(anyio.current_time())
            records, unread = watcher.book.records(), watcher.book.faults()
            if self._report is not None:
                facts = FleetFacts(tuple(records.values()), unread, watcher.fault, keeper.fault)
                self._report.note(facts, anyio.current_time())
            others = [record for record in records.values() if record.instance != identity.instance]
            if self._canary is not None:
                # Whose record cannot be read may be a replica of a version to come, which has Envoys like any other.
                fault = watcher.fault or keeper.fault or next(iter(unread), "")
                self._canary.look(anyio.current_time(), others, fault)
            self._spread(others, is_known=not (watcher.fault or keeper.fault))
            if self._own.has_moved():
                keeper.stir()

    def _doubt(self) -> Doubt:
        """Tell whether there may be something newer than what is served here."""
        if self._watcher is None:
            return Doubt.NONE
        newest = max(
            (record.generation for record in self._watcher.book.records().values() if record.served), default=0
        )
        return self._own.doubt(newest)

    def _has_others(self) -> bool:
        if self._watcher is None or self._identity is None:
            return False
        records = self._watcher.book.records().values()
        return any(record.takes_envoys and record.instance != self._own.instance for record in records)

    def _spread(self, others: Sequence[ReplicaRecord], *, is_known: bool) -> None:
        """Let some Envoys go where this replica has too many."""
        now_s = anyio.current_time()
        if not (is_known and self._settings.xds.spread) or self._own.is_draining:
            self._spreading.rest()
            return
        loads = [Load(record.envoys.total, record.takes_envoys) for record in others]
        most = self._spreading.surplus(self._own.envoys, loads, now_s)
        if not most:
            return
        gone = self._xds.let_go(most, lambda node_id: self._let_go.may_go(node_id, now_s))
        for node_id in gone:
            self._let_go.went(node_id, now_s)
        if gone:
            self._metrics.xds_let_go_total.inc(len(gone))
            log.info("fleet.let_go", nodes=list(gone[:_SHOWN]), more=len(gone[_SHOWN:]), of=self._own.envoys)


def _described(record: ReplicaRecord, is_self: bool) -> dict[str, Any]:
    return {
        "name": record.name,
        "isSelf": is_self,
        "version": record.version,
        "since": record.since.astimezone(UTC).isoformat(timespec="seconds"),
        "admin": record.admin,
        "xds": list(record.xds),
        "generation": record.generation,
        "digest": record.digest,
        "served": record.served,
        "refused": record.refused,
        "isReady": record.is_ready,
        "isDraining": record.is_draining,
        "envoys": record.envoys.model_dump(by_alias=True),
        "cpuPercent": record.cpu_percent,
    }


def _row(replica: str, row: EnvoyRow) -> dict[str, Any]:
    return {
        "replica": replica,
        "id": row.id,
        "gateways": row.gateways,
        "state": row.stand.name.lower().replace("_", " "),
        "refused": row.refused,
        "refusals": list(row.refusals),
        "canary": row.is_canary,
    }
