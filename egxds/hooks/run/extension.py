"""One extension: asks it, remembers what it said, counts it, and watches for its return. Awaits and reads the clock.

A reply holds until its input changes: the last run of a Gateway keeps those that it went by (`policy.last_run`). Here
the others are remembered, for `cacheTTL`: what was said to an object that has changed since, or on behalf of another
Gateway, or in a run that was cut short by newer input. Neither outlives the connection on which it was said: after a
loss another server may answer, with other rules, and a restart is how an extension gets new ones. The same goes for
its return to SERVING. A call that is under way then is not remembered either.

So whenever what was said ceases to hold, and by `refresh`, everybody is told to ask again (`watch`).

What is asked may be shared with other replicas (`egxds.hooks.shared`): then another one may have asked it, and their
reasons to ask again are its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
from anyio import to_thread

from egxds.grpc.client_stream import LARGE_REPLY_BYTES
from egxds.hooks.calls import HookCall, HookFailure, HookReply, Unit
from egxds.hooks.health.recovery import FailedRun, Probe, Recompute, Recovery
from egxds.hooks.health.renewals import Renewals
from egxds.hooks.health.reports import HookCounts
from egxds.hooks.remote.pem import SecretFinder
from egxds.hooks.replies.cache import ReplyCache
from egxds.hooks.replies.check import CallResult, Edit, check_reply
from egxds.hooks.run.caller import Users, caller_of
from egxds.hooks.shared.answers import Answer, Asked, Reasons, Share, unshared
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.telemetry import Metrics, log

MAX_PENDING_PROBES = 8
_REFRESH_JITTER = 0.1


class Extension:
    """One extension server, as the settings describe it.

    Attributes:
        manager: its settings.
        users: the runs that ask it.
        counts: what has come of its calls, by hook; one for each hook that is set up.
        recovery: what it is waited for with, while its calls fail.
    """

    def __init__(
        self,
        manager: ExtensionManager,
        metrics: Metrics,
        base: Path,
        secrets: SecretFinder,
        share: Share = unshared,
    ) -> None:
        self.manager = manager
        self.users = Users()
        self.counts = {hook: HookCounts() for hook in manager.hooks.xds_translator.post}
        self.recovery = Recovery()
        self._renewals = Renewals()
        self._renewed = anyio.Event()
        self._metrics = metrics
        self._allowed_types = frozenset(manager.allow_types)
        self._caller = caller_of(manager, base, secrets)
        self._sharing = share(manager, self._asked_alone())
        self._cache = ReplyCache()
        self._losses = 0
        self._forgotten = 0
        self._changed = anyio.Event()
        self._answered: dict[Hook, tuple[Unit, ...]] = {}
        self._probes: list[anyio.CancelScope] = []
        self._is_retired = anyio.Event()

    @property
    def says_not_serving(self) -> bool:
        """Whether the extension says of itself that it does not serve."""
        return self._caller.says_not_serving

    @property
    def epoch(self) -> int:
        """Its connection and health, as a number: what it said under another one does not hold any more."""
        return self._losses_now + self._forgotten

    @property
    def _losses_now(self) -> int:
        return self._caller.losses + self._sharing.changes

    def _reasons(self) -> Reasons:
        return Reasons(self._caller.losses, self._forgotten)

    @property
    def fault(self) -> str:
        """Why its newest code is not what is asked; empty where it is."""
        return self._caller.fault

    def _asked_alone(self) -> Asked:
        return Asked(self._ask_alone, self._checked, self._reasons, self._caller.attend, self.forget_replies)

    def reload(self) -> None:
        """Have its code loaded again, where that is ours to do; what it has said so far holds until then."""
        self._caller.reload()

    def forget_replies(self) -> None:
        """Let nothing hold that it has said so far."""
        self._forgotten += 1
        self._answered.clear()
        self._cache.clear()

    async def start(self) -> None:
        """Get ready for the first call.

        Raises:
            StartError: the settings name a file or a Python object that cannot be used.
        """
        await self._caller.start()

    def remembered(self, calls: tuple[HookCall, ...]) -> dict[int, Edit]:
        """Return what was said to identical calls within the last `cacheTTL`.

        Args:
            calls: of one hook, not none.

        Returns:
            Index of the call → what was said; nothing for the calls that have to be made.
        """
        if not self.manager.cache_ttl:
            return {}
        self._forget_what_was_lost()
        now_s = anyio.current_time()
        found = ((at, self._cache.get(call.key(), now_s)) for at, call in enumerate(calls))
        known = {at: edit for at, edit in found if edit is not None}
        count = self._metrics.hook_calls_total
        count.labels(manager=self.manager.name, hook=calls[0].hook.value, result="cached").inc(len(known))
        return known

    async def ask(self, call: HookCall, *, is_anew: bool = False) -> CallResult:
        """Make a call and check the reply, or take what another replica was told.

        Args:
            call: what is asked.
            is_anew: whether a reply that is known was of no use.
        """
        epoch = self.epoch
        answer = await (self._sharing.answer_anew(call) if is_anew else self._sharing.answer(call))
        result, reply, now_s = answer.result, answer.reply, anyio.current_time()
        if answer.is_taken:
            self._metrics.hook_calls_total.labels(self.manager.name, call.hook.value, "shared").inc()
        if isinstance(result, HookFailure):
            return result
        if isinstance(reply, HookReply) and self._may_keep(epoch):
            self._cache.put(call.key(), result, reply.size_bytes, now_s + self.manager.cache_ttl)
        self._note_answer(call)
        return result

    async def _ask_alone(self, call: HookCall) -> Answer:
        started_s = anyio.current_time()
        reply = await self._caller.call(call)
        now_s = anyio.current_time()
        result = await self._checked(call, reply) if isinstance(reply, HookReply) else reply
        failure = result if isinstance(result, HookFailure) else None
        self.counts[call.hook].record(failure, now_s)
        self._measure(call, reply, failure, now_s - started_s)
        return Answer(reply, result)

    def answers_besides(self, failed: Sequence[HookCall], began_s: float) -> bool:
        """Tell whether the extension works for other things than those that it fails on.

        One call that fails is by itself where the same hook has answered about anything else on this connection;
        of several it is known where others were answered since.

        Args:
            failed: calls that failed, one or more.
            began_s: when the run began in which they failed.
        """
        units = {call.unit for call in failed}
        hooks = {call.hook for call in failed}
        others = all(set(self._answered.get(hook, ())) - units for hook in hooks)
        if len(failed) == 1:
            return others
        return others and all((self.counts[hook].last_success_s or -math.inf) >= began_s for hook in hooks)

    def _note_answer(self, call: HookCall) -> None:
        """Remember two things at most that a hook has answered about: one of them is not the one that fails."""
        known = self._answered.get(call.hook, ())
        if call.unit not in known:
            self._answered[call.hook] = (call.unit, *known[:1])

    async def _checked(self, call: HookCall, reply: HookReply) -> CallResult:
        """Judge a reply, a large one beside the event loop: 10,000 virtual hosts take 0.3 s."""
        if reply.size_bytes < LARGE_REPLY_BYTES:
            return check_reply(call, reply, self._allowed_types)
        return await to_thread.run_sync(check_reply, call, reply, self._allowed_types)

    def _may_keep(self, epoch: int) -> bool:
        """Say whether what was said may be remembered; not if a connection was lost since, for it may be that one."""
        self._forget_what_was_lost()
        return self.manager.cache_ttl > 0 and epoch == self.epoch

    def _forget_what_was_lost(self) -> None:
        losses = self._losses_now
        if losses != self._losses:
            self._losses = losses
            self._answered.clear()
            self._cache.clear()

    def end_run(self, gateway: str, failed: FailedRun | None) -> None:
        """Take note of how a run for a Gateway ended.

        Args:
            gateway: its name.
            failed: which calls of this extension failed; None where none did, or where the Gateway is gone.
        """
        was_failing = bool(self.recovery.failing)
        now_s = anyio.current_time()
        # At the end of a run, when what is still young has just been used: what is left at the old end is out of use.
        self._cache.drop_expired(now_s)
        self.recovery.run_ended(gateway, failed, now_s, _jitter())
        self._changed.set()
        if was_failing and not self.recovery.failing:
            log.info("hook.recovered", manager=self.manager.name)

    def begin_at(self, epoch: int) -> None:
        """Have all its epochs behind those of who had its name before; to be said before it is asked anything."""
        self._forgotten = epoch

    def retire(self) -> None:
        """Have it watched no more, and closed when no run asks it."""
        self._is_retired.set()

    async def live(self, on_recovery: Callable[[], None], on_renewal: Callable[[], None]) -> None:
        """Watch it until it is retired, and close it then; until cancelled, which leaves one open that is in use.

        Args:
            on_recovery: starts the hooks over for every Gateway that waits for them.
            on_renewal: has every Gateway ask again what was said under another `epoch`.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.watch, on_recovery, on_renewal)
                await self._is_retired.wait()
                tasks.cancel_scope.cancel()
            await self.users.all_left()
        finally:
            if self._is_retired.is_set():
                with anyio.CancelScope(shield=True):
                    await self.aclose()

    async def watch(self, on_recovery: Callable[[], None], on_renewal: Callable[[], None]) -> None:
        """While calls fail, try again; when what was said holds no more, have it asked again; until cancelled.

        Args:
            on_recovery: starts the hooks over for every Gateway that waits for them.
            on_renewal: has every Gateway ask again what was said under another `epoch`.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._caller.watch, self._renew)
            tasks.start_soon(self._sharing.watch, self._renew)
            tasks.start_soon(self._ask_again, on_renewal)
            if self.manager.refresh:
                tasks.start_soon(self._refresh, self.manager.refresh, on_renewal)
            while True:
                self._changed = anyio.Event()
                step = self.recovery.step(anyio.current_time())
                if isinstance(step, Probe):
                    tasks.start_soon(self._probe, step.call, self._new_probe())
                elif isinstance(step, Recompute):
                    self._end_probes()
                    on_recovery()
                else:
                    with anyio.move_on_after(step.seconds):
                        await self._changed.wait()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._caller.aclose()

    async def _probe(self, call: HookCall, scope: anyio.CancelScope) -> None:
        with scope:
            result = await self.ask(call, is_anew=True)
            if not isinstance(result, HookFailure):
                self._seems_back()
        self._probes = [probe for probe in self._probes if probe is not scope]

    def _renew(self) -> None:
        log.info("hook.renewed", manager=self.manager.name)
        self._renewed.set()
        self._seems_back()

    async def _ask_again(self, on_renewal: Callable[[], None]) -> None:
        while True:
            await self._renewed.wait()
            await anyio.sleep(self._renewals.pause_s(anyio.current_time(), is_failing=bool(self.recovery.failing)))
            self._renewed = anyio.Event()
            on_renewal()

    async def _refresh(self, interval_s: float, on_renewal: Callable[[], None]) -> None:
        # Extensions that were set up together, and daemons that were started together, are not to ask together.
        await anyio.sleep(interval_s * _jitter())
        while True:
            self.forget_replies()
            on_renewal()
            others = -1
            # Another replica may have had everything asked again meanwhile.
            while others != self._sharing.changes:
                others = self._sharing.changes
                await anyio.sleep(interval_s * (1 - _REFRESH_JITTER + 2 * _REFRESH_JITTER * _jitter()))

    def _seems_back(self) -> None:
        self.recovery.seems_back(anyio.current_time())
        self._changed.set()

    def _new_probe(self) -> anyio.CancelScope:
        """Make room for one more pending probe.

        The oldest stays, lest an extension that answers slowly never gets to answer; the others make way, because
        what was sent to an extension that hangs may stay unanswered after it has stopped hanging.
        """
        if len(self._probes) >= MAX_PENDING_PROBES:
            self._probes.pop(1).cancel()
        scope = anyio.CancelScope()
        self._probes.append(scope)
        return scope

    def _end_probes(self) -> None:
        for probe in self._probes:
            probe.cancel()
        self._probes = []

    def _measure(
        self, call: HookCall, reply: HookReply | HookFailure, failure: HookFailure | None, duration_s: float
    ) -> None:
        of = {"manager": self.manager.name, "hook": call.hook.value}
        metrics = self._metrics
        metrics.hook_calls_total.labels(**of, result=failure.reason.value if failure else "ok").inc()
        metrics.hook_duration_seconds.labels(**of).observe(duration_s)
        if failure is None:
            metrics.hook_last_success_timestamp_seconds.labels(**of).set_to_current_time()
        metrics.hook_message_bytes.labels(**of, direction="request").observe(len(call.request))
        if isinstance(reply, HookReply):
            metrics.hook_message_bytes.labels(**of, direction="reply").observe(reply.size_bytes)


def _jitter() -> float:
    return random.random()  # noqa: S311 it spreads attempts and guards nothing
