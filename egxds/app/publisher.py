"""Takes each Gateway's newest translation through the hooks and publishes what they leave.

Every Gateway has a task of its own, so that a hook that hangs for one holds up no other. A translation that arrives
while the hooks still work on an older one takes its place, unless the older one has waited long enough: constant
change must not keep a Gateway from ever being published.

    IDLE ----- a newer translation, or `recover` -------------> RUNNING, waiting since now
    RUNNING -- the hooks are through --------------------------> published; IDLE
    RUNNING -- newer input, and it has waited less than 5 s ----> cancelled; RUNNING with the newest, waiting as long
    RUNNING -- newer input, and it has waited longer -----------> RUNNING on; published; RUNNING with the newest,
                                                                 waiting since the first that came meanwhile
    any ------ the Gateway has gone ----------------------------> ended; taken away

There is no queue: a worker knows the newest translation, and whether it has to run. What was accepted last is taken
over together with what is published, without a wait in between, so that a cancelled run leaves both as they were.
What waits is the oldest input that has not been published: the patience with the hooks does not begin anew with what
takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
from anyio import current_time
from anyio.abc import TaskGroup

from egxds.hooks.policy.outcome import Accepted, HookedGateway, Outcome
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.resources.resource import Resource, Resources
from egxds.resources.translation import GatewayTranslation

PATIENCE_S = 5.0
"""How long a Gateway may wait for its hooks before newer input no longer interrupts them."""


_NONE = Resources()


class _Worker:
    """One Gateway's task."""

    def __init__(self, runner: HookRunner, publish: Callable[[HookedGateway], None], accepted: Accepted | None) -> None:
        self._runner = runner
        self._publish = publish
        self._newest: GatewayTranslation | None = None
        self._accepted = accepted
        self._resources: Mapping[str, Resources] = {}
        self._nacks: tuple[tuple[Nack, Resource | None], ...] = ()
        self._dirty = anyio.Event()
        self._run: anyio.CancelScope | None = None
        self._waiting_since_s: float | None = None
        self._newer_since_s: float | None = None
        self._life = anyio.CancelScope()
        self.outcome: Outcome | None = None

    def submit(self, translation: GatewayTranslation) -> None:
        """Make this the translation to publish; start over where an older one is still with the hooks."""
        # A revision may name a Gateway that came out as the very object of before.
        if translation is self._newest:
            return
        self._newest = translation
        self.again()

    def refused(self, nacks: tuple[Nack, ...]) -> None:
        """Take what Envoys refuse of what is published, and run the hooks with that in mind."""
        self._nacks += tuple((nack, self._published(nack)) for nack in nacks)
        self.again()

    def again(self) -> None:
        """Run the hooks once more, soon."""
        now_s = current_time()
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        if self._run is not None:
            self._newer_since_s = self._newer_since_s or now_s
            if now_s - self._waiting_since_s < PATIENCE_S:
                self._run.cancel()
        self._dirty.set()

    def stop(self) -> None:
        """End the task; nothing more is published."""
        self._life.cancel()

    async def work(self) -> None:
        """Publish until stopped."""
        with self._life:
            while True:
                await self._dirty.wait()
                # Before the run, so that what comes while it goes on makes for another one.
                self._dirty = anyio.Event()
                await self._publish_newest()

    async def _publish_newest(self) -> None:
        translation = self._newest
        if translation is None:
            return
        with anyio.CancelScope() as self._run:
            nacks = self._nacks
            # What was published since in another form is another matter, and would be refused by itself.
            current = tuple(nack for nack, refused in nacks if self._published(nack) == refused)
            hooked = await self._runner.run(translation, self._accepted, current)
            self._nacks = self._nacks[len(nacks) :]
            self._resources = hooked.resources
            self._accepted = hooked.accepted
            self.outcome = hooked.outcome
            self._publish(hooked)
            self._waiting_since_s = self._newer_since_s
        self._run = self._newer_since_s = None

    def _published(self, nack: Nack) -> Resource | None:
        return self._resources.get(nack.type_url, _NONE).get(nack.name)


class Publisher:
    """All Gateways' tasks."""

    def __init__(
        self,
        runner: HookRunner,
        publish: Callable[[HookedGateway], None],
        remove: Callable[[str], None],
        recall: Callable[[str], Accepted | None],
    ) -> None:
        """Prepare; nothing runs before the first `submit`.

        Args:
            runner: calls the hooks.
            publish: takes each finished Gateway.
            remove: takes the name of each Gateway that is gone.
            recall: takes the name of each Gateway that is new, and returns what its hooks accepted before a restart.
        """
        self._runner = runner
        self._recall = recall
        self._publish = publish
        self._remove = remove
        self._workers: dict[str, _Worker] = {}
        self._submitted: Revision[str, GatewayTranslation] = Revision()
        self._unpublished: set[str] = set()
        self._settled = anyio.Event()

    def submit(self, translations: Revision[str, GatewayTranslation], tasks: TaskGroup) -> None:
        """Publish these Gateways and no others.

        Args:
            translations: the whole input's Gateways, by name.
            tasks: owns the task of each Gateway.
        """
        for gateway in sorted(translations.changed_since(self._submitted)):
            if gateway in translations:
                self._worker(gateway, tasks).submit(translations[gateway])
            elif gateway in self._workers:
                self._end(gateway)
        self._submitted = translations
        self._check_settled()

    def ask_anew(self) -> None:
        """Run the hooks again for every Gateway."""
        for worker in self._workers.values():
            worker.again()

    def refused(self, gateway: str, nacks: tuple[Nack, ...]) -> None:
        """Run the hooks again for a Gateway of which Envoys refuse something: it may be what a hook has made."""
        worker = self._workers.get(gateway)
        if worker is not None:
            worker.refused(nacks)

    def recover(self) -> None:
        """Run the hooks again for every Gateway that is not published as its hooks would have it."""
        for worker in self._workers.values():
            if worker.outcome is not Outcome.ACCEPTED:
                worker.again()

    async def settled(self) -> None:
        """Wait until every Gateway of the first input has been published once."""
        await self._settled.wait()

    def _worker(self, gateway: str, tasks: TaskGroup) -> _Worker:
        worker = self._workers.get(gateway)
        if worker is None:
            worker = self._workers[gateway] = _Worker(self._runner, self._finish, self._recall(gateway))
            self._unpublished.add(gateway)
            tasks.start_soon(worker.work, name=f"gateway {gateway}")
        return worker

    def _end(self, gateway: str) -> None:
        self._workers.pop(gateway).stop()
        self._unpublished.discard(gateway)
        self._remove(gateway)

    def _finish(self, hooked: HookedGateway) -> None:
        self._publish(hooked)
        self._unpublished.discard(hooked.gateway)
        self._check_settled()

    def _check_settled(self) -> None:
        if not self._unpublished:
            self._settled.set()
