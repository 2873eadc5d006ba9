"""The daemon: settings in, rooms wired, every task owned by one group, drained on the way out."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
from collections.abc import AsyncIterator
from functools import partial
from itertools import chain

import anyio
from anyio.abc import TaskGroup

from egxds.app.asking import Asking
from egxds.app.canary_judge import CanaryJudge
from egxds.app.canary_wiring import CanaryRooms
from egxds.app.candidate import Candidate, InForce
from egxds.app.current_build import CurrentBuild
from egxds.app.envoy_looks import EnvoyLooks
from egxds.app.envoy_metrics import show_envoys
from egxds.app.event_feed import EventFeed
from egxds.app.heap import keep_trimmed
from egxds.app.held_states import HeldStates
from egxds.app.last_good import LastGoodInput
from egxds.app.live_parts import LiveParts
from egxds.app.live_settings import LiveSettings, SettingsFile
from egxds.app.loads import LoadResult
from egxds.app.memory.bounded import LoadTooLargeError
from egxds.app.memory.pauses import LONGEST_PAUSE_S
from egxds.app.notify import Look, Notifier
from egxds.app.own_record import Knowledge
from egxds.app.pipeline import Build, Pipeline
from egxds.app.publication import Publication, PublicationParts
from egxds.app.publisher import Publisher
from egxds.app.refused_edits import RefusedEdits, Wiring
from egxds.app.refused_replies import RefusedReplies
from egxds.app.reload import Reload, Reloaded
from egxds.app.reloads import Reloads
from egxds.app.reporting import Reporting
from egxds.app.served_notes import ServedNotes
from egxds.app.source import RollBack
from egxds.app.sources import fleet_of, shared_replies_of, source_of
from egxds.app.standing import standing_of
from egxds.app.state_directory import StateDirectory
from egxds.app.status_line import serving_line, starting_line, stopping_line
from egxds.app.vitals import Vitals
from egxds.app.what_changed import WhatChanged, what_changed
from egxds.busy_threads import BusyThreads
from egxds.files.reading.content import Scan, Scope, joined_scope
from egxds.hooks.policy.outcome import Outcome
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.inspect.hooks import render_hook
from egxds.inspect.refusals import of_head
from egxds.inspect.status import StatusStore
from egxds.inspect.views import FleetView, SourceView
from egxds.model.store.state import GatewayState
from egxds.resources.translation import GatewayTranslation
from egxds.settings.daemon import Settings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics, log
from egxds.telemetry.metrics import begin
from egxds.wire import handed_sockets
from egxds.wire.admin.server import AdminServer
from egxds.wire.grpc.server import XdsServer
from egxds.wire.handed_sockets import ADMIN, XDS

DRAIN_LIMIT_S = 5.0
"""How long open streams may take to end."""

MANY_OBJECTS = 1000
"""Change from which on what was made of it is kept out of full garbage collections: it lives on, and to walk all of
4,000 routes took 300 ms in which nothing is served, every twenty edits, and found nothing."""

_SHOWN = 10
"""Gateways that a line of the log names."""


class Daemon:
    """One control plane."""

    def __init__(self, settings: Settings, file: SettingsFile) -> None:
        """Wire the rooms; nothing starts yet.

        Args:
            settings: what to serve, and where.
            file: where they stand, to be read again.
        """
        base = self._base = file.base
        self._metrics = Metrics()
        self._store = SnapshotStore()
        self._stores = Stores(self._store)
        self._status = StatusStore()
        self._current = CurrentBuild()
        self._feed = EventFeed(self._current.locate, lambda: self._xds.clients)
        self._reporting = Reporting(self._metrics, self._feed.problems)
        directory = StateDirectory(base / settings.state_dir) if settings.state_dir else None
        self._source = source_of(settings, base, self._metrics, self._reporting.watched, directory)
        self._pipeline = Pipeline(settings, self._source.trees)
        self._replies = shared_replies_of(settings, base, self._metrics)
        current, share = self._current, self._replies.share
        self._runner = HookRunner(settings.extensions, self._metrics, base, current.secret, current.locate, share)
        self._held = HeldStates.of(settings, directory, self._metrics)
        self._last_good = LastGoodInput(directory, self._metrics)
        parts = PublicationParts(self._store, self._runner, self._held, self._reporting, self._feed, self._metrics)
        self._publication = Publication(parts)
        publication = self._publication
        self._publisher = Publisher(self._runner, publication.publish, publication.remove, publication.recall)
        self._threads = BusyThreads()
        self._candidate = Candidate(self._source.candidates, self._in_force())
        self._replies.in_use = lambda: chain(self._publisher.in_use(), self._candidate.in_use())
        self._envoy_looks = EnvoyLooks(settings.envoys)
        self._reloads = Reloads(self._reload, partial(self._read_soon, Scan.ALL))
        self._scope: Scope = Scan.ALL
        self._read_again = anyio.Event()
        self._built = anyio.Event()
        self._xds = XdsServer(settings.xds.below(base), self._stores, self._status, self._metrics)
        self._fleet = fleet_of(settings, base, self._metrics, self._knowledge(settings))
        self._admin = AdminServer(settings.admin, self._stores, self._status, self._xds.clients, self._metrics)
        self._live = LiveSettings(settings, file, self._live_parts().take, self._metrics)
        self._notes = ServedNotes(current, self._live, self._source, self._replies, self._fleet, self._xds)
        self._refused_edits = RefusedEdits(self._wiring())
        self._notifier = Notifier.from_environment()
        self._vitals = Vitals(self._threads, self._runner.threads)
        self._tell_status()
        self.ready = anyio.Event()

    def _in_force(self) -> InForce:
        rooms = (self._current, self._pipeline, self._runner, self._publisher, self._stores, self._threads)
        return InForce(*rooms, look=partial(self._read_soon, frozenset()))

    def _knowledge(self, settings: Settings) -> Knowledge:
        candidate, source, status, stores = self._candidate, self._source, self._status, self._stores
        clients, replica = lambda: self._xds.clients, lambda: self._fleet.replica
        rooms = CanaryRooms(candidate, source.candidates, status, stores, clients, replica)
        judge = CanaryJudge(rooms.parts(), settings.envoys, self._metrics)

        def is_settled() -> bool:
            return self._publisher.is_settled and not candidate.is_leaving

        return Knowledge(status, stores, self._xds, is_settled, source, rooms.places, judge)

    def _live_parts(self) -> LiveParts:
        return LiveParts(
            base=self._base,
            pipeline=self._pipeline,
            runner=self._runner,
            held=self._held,
            envoy_looks=self._envoy_looks,
            xds=self._xds,
            admin=self._admin,
            source=self._source,
            replies=self._replies,
            fleet=self._fleet,
            candidate=self._candidate,
        )

    def _wiring(self) -> Wiring:
        with_hooks, look_again = self._publisher.is_with_hooks, partial(self._read_soon, frozenset())
        current, inputs = self._current, (self._pipeline, self._candidate)
        return Wiring(self._store, lambda: self._xds.clients, current.state, with_hooks, inputs, look_again)

    def _stir(self) -> None:
        self._feed.stir()
        self._fleet.stir()

    def _tell_status(self) -> None:
        """Wire what people look at: who knows what, and who is told of what Envoys refuse."""
        status, feed, reporting = self._status, self._feed, self._reporting
        status.events, status.bodies, status.stir = feed.log, feed.bodies, self._stir
        status.set_notes(self._notes.lines)
        status.set_settings(self._live.problems)
        source, fleet, edits = self._source, self._fleet, self._refused_edits.edits
        status.source = SourceView(
            source.described, source.follow_anyway, lambda *wanted: source.roll_back(RollBack(*wanted))
        )
        status.fleet = FleetView(fleet.described, fleet.envoys, fleet.candidate)
        status.set_locator(self._current.locate)
        status.set_objects(reporting.page)
        status.set_problems(reporting.problems)
        status.set_hooks(lambda: tuple(render_hook(report, self._current.locate) for report in self._runner.states()))
        status.set_asking(Asking(self._runner, self._publisher, self._candidate.ask_again).ask_again)
        status.set_envoy_views(self._envoy_looks.views)
        status.refusals.subscribe(reporting.refused)
        status.refusals.subscribe(feed.refused)
        replies = RefusedReplies(self._store, self._publisher.refused)
        status.refusals.subscribe(lambda all_: replies.refused(of_head(all_) if self._live.in_force.extensions else ()))
        status.refusals.subscribe(self._refused_edits.refused)
        status.set_trying(self._refused_edits.try_again)
        self._publication.told += (
            lambda name, before, now, hooked: edits.published(name, before, now, hooked.outcome if hooked else None),
            lambda name, _before, now, _hooked: fleet.published(name, now),
        )
        self._metrics.generation.set_function(lambda: self._store.generation)
        begin(self._metrics.snapshots_total, ((outcome.value,) for outcome in Outcome))
        show_envoys(self._metrics, status)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; a second signal ends at once.

        Raises:
            StartError: an address cannot be bound or a certificate cannot be read.
        """
        async with anyio.create_task_group() as tasks:
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
                await self._start(tasks)
                await self._until_stopped(signals)
                tasks.start_soon(_hurry, signals, tasks.cancel_scope, name="second signal")
                await self._stop()
                tasks.cancel_scope.cancel()

    @property
    def build(self) -> Build | None:
        """What the files came to last; None before they have been read."""
        return self._current.build

    async def next_build(self) -> None:
        """Wait until the files have been read again."""
        await self._built.wait()

    async def _start(self, tasks: TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        self._metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        tasks.start_soon(self._notifier.work, self._look, name="tell systemd")
        await self._runner.start()
        await self._held.load()
        handed = handed_sockets.handed_over()
        await self._admin.start(tasks, await handed_sockets.checked(handed, ADMIN, self._live.in_force.admin.address))
        await self._xds.start(await handed_sockets.checked(handed, XDS, self._live.in_force.xds.address))
        self._status.mark_bound()
        log.info("app.listening", xds=self._xds.address, admin=self._admin.address)
        tasks.start_soon(self._runner.watch, self._recover, self._ask_again, name="hook probes")
        tasks.start_soon(self._replies.work, name="share replies")
        tasks.start_soon(self._held.write, name="keep states")
        tasks.start_soon(self._last_good.write, name="keep the input")
        tasks.start_soon(self._source.keep, name="keep generations")
        tasks.start_soon(self._vitals.watch, "reconcile", self._reconcile, tasks, name="reconcile")
        tasks.start_soon(self._vitals.watch, "watch the source", self._source.watch, self._read_soon, name="watch")
        tasks.start_soon(self._reloads.work, name="reload")
        tasks.start_soon(self._live.look, name="look at the settings")
        tasks.start_soon(self._reporting.work, name="report")
        tasks.start_soon(self._feed.work, name="tell events")
        tasks.start_soon(self._refused_edits.work, name="judge refusals")
        tasks.start_soon(self._envoy_looks.work, name="look at Envoys")
        tasks.start_soon(self._fleet.work, name="tell replicas")
        tasks.start_soon(self._candidate.work, name="serve candidates")
        tasks.start_soon(keep_trimmed, name="trim the heap")
        tasks.start_soon(self._reporting.look_at, self._notes.problems, name="look at certificates")

    async def _until_stopped(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for number in signals:
            if number is not signal.SIGHUP:
                log.info("app.stopping", signal=number.name)
                return
            self._notifier.reloading()
            self._reloads.want()

    async def _stop(self) -> None:
        self._notifier.stopping(stopping_line(self._status.envoys.connected))
        self._status.events.close()  # who listens would be waited for
        await self._fleet.drain()
        await self._xds.drain(DRAIN_LIMIT_S)
        await self._admin.stop()
        await self._runner.aclose()
        with anyio.move_on_after(DRAIN_LIMIT_S):  # a disk may answer to nothing
            await self._held.flush()
            await self._last_good.flush()
            await self._source.flush()
        log.info("app.stopped")

    async def _reload(self, number: int) -> Reload:
        """Read settings and certificates again, ask every hook, and send what was refused."""
        settings = await self._live.read_again()
        certificates = self._xds.reload()
        self._xds.clients.try_again(None, anyio.current_time())
        self._refused_edits.try_again()
        self._runner.reload()
        self._runner.forget_replies()
        self._ask_again()
        self._source.look_again()
        self._replies.read_key_again()
        asked_again = tuple(manager.name for manager in self._live.in_force.extensions)
        return Reload(number, settings, certificates, asked_again)

    def _recover(self) -> None:
        self._publisher.recover()
        self._candidate.recover()

    def _ask_again(self) -> None:
        self._publisher.ask_again()
        self._candidate.ask_again()

    def _read_soon(self, scope: Scope) -> None:
        self._scope = joined_scope(self._scope, scope)
        self._read_again.set()

    async def _reconcile(self, tasks: TaskGroup) -> None:
        """Turn what the files say into published Gateways: now, after every change, and when removals are due."""
        await self._last_good.resume(self._pipeline)
        await self._source.begin(self._status.refuse_load)
        while True:
            scope, self._scope = self._scope, frozenset()
            reload = self._reloads.take()
            self._read_again = anyio.Event()
            due_in_s = await self._reconcile_once(scope, tasks, reload)
            self._reloads.ended(reload)
            if self.ready.is_set() and self._reloads.are_over:
                self._notifier.ready()
            with anyio.move_on_after(due_in_s):
                await self._read_again.wait()

    async def _reconcile_once(self, scope: Scope, tasks: TaskGroup, reload: Reload | None) -> float:
        """Read and publish once; return the seconds until it is due again though nothing changes."""
        try:
            begun_s, before = anyio.current_time(), self._current.build
            with self._metrics.translate_duration_seconds.time():
                # At the end of the daemon it is left to itself: the first load may take longer than there is time.
                build = await self._threads.run("reading files", self._pipeline.run, scope, abandon_on_cancel=True)
        except LoadTooLargeError as err:
            log.error("app.load_refused", error=str(err))
            self._status.refuse_load(str(err))
            self._not_read(scope, LoadResult.TOO_LARGE, reload)
            self._candidate.give_way()
            return LONGEST_PAUSE_S  # if no file changes: more may be allowed by then
        except Exception:  # noqa: BLE001 a defect of ours must not end the service: the published state stays
            log.exception("app.reload_failed")
            self._not_read(scope, LoadResult.FAILED, reload)
            return math.inf  # what was due is due still, and would be tried without end
        self._feed.read(before, build, begun_s)
        self._last_good.take(build, is_settled=self._pipeline.removal_in_s() == math.inf)
        self._source.accepted(build.origin)
        self._fleet.accepted(build.origin)
        changed = self._accept(build, tasks)
        # The first load took longer than a look at what is known will.
        if self.ready.is_set():
            self._source.took(scope, anyio.current_time() - begun_s, anyio.current_time())
        else:
            await self._publisher.settled()
            self._become_ready()
        self._reporting.built(build, Reloaded(reload, len(build.state.files), changed) if reload else None)
        if len(build.state.changes) >= MANY_OBJECTS:
            gc.freeze()
        return self._pipeline.removal_in_s()

    def _not_read(self, scope: Scope, result: LoadResult, reload: Reload | None) -> None:
        self._scope = joined_scope(self._scope, scope)  # to be read with the next change
        self._reporting.loads.came_to(result, Reloaded(reload) if reload else None)

    def _accept(self, build: Build, tasks: TaskGroup) -> WhatChanged:
        """Publish a build; return what is in force otherwise than before."""
        before, self._current.build = self._current.build, build
        changed = what_changed(before.state if before else GatewayState(), build.state)
        translations = before.translations if before else Revision[str, GatewayTranslation]()
        gateways = build.translations.changed_since(translations)
        # A revision may name one that came out as the very object of before, and is not published again.
        others = [name for name in gateways if build.translations.get(name) is not translations.get(name)]
        self._publication.unpublished.add(others, changed)
        self._built.set()
        self._built = anyio.Event()
        for class_name, listeners in build.exclusions.items():
            self._store.exclude(class_name, listeners)
        is_other = self._runner.follow(build.extensions)
        self._publisher.submit(build.translations, tasks)
        if is_other:
            self._publisher.run_again()
        self._candidate.stir()
        served = (name for name in others if name in build.translations)
        self._refused_edits.edits.edited(served, before.state if before else build.before, build.state)
        return changed

    def _become_ready(self) -> None:
        self._store.mark_loaded()
        self._status.mark_loaded()
        self.ready.set()
        gateways = sorted(self._reporting.gateways)
        log.info("app.started", gateways=gateways[:_SHOWN], more=len(gateways[_SHOWN:]))

    def _look(self) -> Look:
        """Say how the daemon is doing, for systemd."""
        work, awaited = self._vitals.work, self._runner.awaited
        if self.ready.is_set():
            said = serving_line(standing_of(self._reporting, self._status, self._runner))
        else:
            said = starting_line(work, awaited, self._status.not_ready())
        return Look(said, self._vitals.fault(), is_at_work=bool(work or awaited))


async def _hurry(signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope) -> None:
    async for number in signals:
        if number is not signal.SIGHUP:
            scope.cancel()
            return
