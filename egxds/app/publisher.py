"""Takes each Gateway's newest translation through the hooks and publishes what they leave.

Every Gateway has a task of its own (`egxds.app.gateway_worker`), so that a hook that hangs for one holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anyio
from anyio.abc import TaskGroup

from egxds.app.gateway_worker import AskedAgain, Basis, GatewayWorker
from egxds.app.succession import Succession
from egxds.hooks.calls import CallKey
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.run.runs import HookRuns
from egxds.incremental.revision import Revision
from egxds.resources.translation import GatewayTranslation


class Publisher:
    """All Gateways' tasks."""

    def __init__(
        self,
        runner: HookRuns,
        publish: Callable[[HookedGateway], None],
        remove: Callable[[str], None],
        recall: Callable[[str], Basis | None],
    ) -> None:
        """Prepare; nothing runs before the first `submit`.

        Args:
            runner: calls the hooks.
            publish: takes each finished Gateway.
            remove: takes the name of each Gateway that is gone.
            recall: takes the name of each Gateway that is new, and returns what it goes on from: what its hooks
                accepted before a restart, or of another input beside which this one is.
        """
        self._runner = runner
        self._recall = recall
        self._publish = publish
        self._remove = remove
        self._workers: dict[str, GatewayWorker] = {}
        self._succession = Succession()
        self._submitted: Revision[str, GatewayTranslation] = Revision()
        self._unpublished: set[str] = set()
        self._settled = anyio.Event()

    def submit(self, translations: Revision[str, GatewayTranslation], tasks: TaskGroup) -> None:
        """Publish these Gateways and no others.

        Args:
            translations: the whole input's Gateways, by name.
            tasks: owns the task of each Gateway.
        """
        before, self._submitted = self._submitted, translations
        changed = sorted(translations.changed_since(before))
        for gateway in changed:
            if gateway in translations:
                self._worker(gateway, tasks).submit(translations[gateway])
                self._succession.stay(gateway)
        gone = {name: before[name] for name in changed if name in before and name not in translations}
        arriving = self._unpublished & translations.keys() if gone else frozenset()
        coming = {name: translations[name].class_name for name in arriving}
        for gateway, last in gone.items():
            if not self._succession.leave(gateway, last.class_name, coming):
                self._end(gateway)
        self._check_settled()

    def stop(self) -> None:
        """End every task; nothing more is published, nor taken away.

        What they have is let go with them: of what refers to each other the collector frees nothing that was there when
        it was told to leave all that lives on alone (`gc.freeze`).
        """
        while self._workers:
            self._workers.popitem()[1].stop()

    def ask_again(self) -> None:
        """For every Gateway, ask again what was said under other epochs than those of now; wait for nothing."""
        for worker in self._workers.values():
            worker.ask_again()

    def run_again(self) -> None:
        """Run the hooks again for every Gateway: there are others."""
        for worker in self._workers.values():
            worker.again()

    async def asked_again(self) -> tuple[AskedAgain, ...]:
        """For every Gateway, ask again what was said under other epochs than those of now.

        Returns:
            What came of it for each that had anything to be asked, and is still there.
        """
        found: list[AskedAgain | None] = []
        all_told, count = anyio.Event(), len(self._workers)

        def tell(came_of_it: AskedAgain | None) -> None:
            found.append(came_of_it)
            if len(found) == count:
                all_told.set()

        for worker in self._workers.values():
            worker.ask_again(tell)
        if count:
            await all_told.wait()
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.gateway))

    def basis(self, gateway: str) -> Basis | None:
        """Return what another input is to go on from for a Gateway; None where there is nothing."""
        worker = self._workers.get(gateway)
        return worker.basis if worker is not None else None

    def in_use(self) -> Iterator[CallKey]:
        """Yield the calls of which the replies are in use; it may take a while, in which there may be others."""
        for worker in list(self._workers.values()):
            yield from list(worker.said)

    def refused(self, gateway: str, nacks: tuple[Nack, ...]) -> None:
        """Run the hooks again for a Gateway of which Envoys refuse something: it may be what a hook has made."""
        worker = self._workers.get(gateway)
        if worker is not None:
            worker.refused(nacks)

    def is_with_hooks(self, gateway: str, nack: Nack) -> bool:
        """Tell whether what an Envoy refuses of a Gateway is, or may be, what a hook has made.

        Args:
            gateway: its name.
            nack: what is refused.
        """
        worker = self._workers.get(gateway)
        return worker is not None and worker.is_about(nack)

    def recover(self) -> None:
        """Run the hooks again for every Gateway that is not published as its hooks would have it, or could not ask."""
        for worker in self._workers.values():
            if worker.outcome is not Outcome.ACCEPTED:
                worker.again()
            if worker.is_late:
                worker.ask_again()

    @property
    def is_settled(self) -> bool:
        """Whether all that was submitted is published, as the hooks would have it or as their policies say."""
        return self.is_whole and not any(worker.is_waiting for worker in self._workers.values())

    @property
    def is_whole(self) -> bool:
        """Whether every Gateway that was submitted has been published once."""
        return not self._unpublished

    @property
    def is_asking(self) -> bool:
        """Whether for some Gateway everything is asked again, behind what is published by now."""
        return any(worker.is_asking for worker in self._workers.values())

    async def settled(self) -> None:
        """Wait until every Gateway of the first input has been published once."""
        await self._settled.wait()

    def _worker(self, gateway: str, tasks: TaskGroup) -> GatewayWorker:
        worker = self._workers.get(gateway)
        if worker is None:
            worker = self._workers[gateway] = GatewayWorker(self._runner, self._finish, self._recall(gateway))
            self._unpublished.add(gateway)
            tasks.start_soon(worker.work, name=f"gateway {gateway}")
        return worker

    def _end(self, gateway: str) -> None:
        self._workers.pop(gateway).stop()
        self._unpublished.discard(gateway)
        self._succession.stay(gateway)
        self._remove(gateway)
        self._settle(gateway)

    def _finish(self, hooked: HookedGateway) -> None:
        self._publish(hooked)
        self._unpublished.discard(hooked.gateway)
        self._settle(hooked.gateway)
        self._check_settled()

    def _settle(self, gateway: str) -> None:
        """Let those go whose place is taken now that a Gateway is published, or will not be."""
        for leaving in self._succession.settle(gateway):
            self._end(leaving)

    def _check_settled(self) -> None:
        if not self._unpublished:
            self._settled.set()
