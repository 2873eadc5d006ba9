"""What a candidate comes to: its own way from documents through the hooks to what would be served. Awaits.

It begins where what is in force is at that moment, as an edit of it would: with the addresses that Gateways have, with
what hooks have said, and with what is rolled back (`Pipeline.branch`, `Publisher.accepted`). So hooks are asked about
what is other, and equal resources have equal bytes.
"""

from __future__ import annotations

from anyio.abc import TaskGroup

from egxds.app.pipeline import Build, Pipeline
from egxds.app.publisher import Publisher
from egxds.app.refused_replies import places_of
from egxds.files.reading.content import Scan
from egxds.hooks.policy.outcome import HookedGateway
from egxds.hooks.run.runs import HookRuns
from egxds.inspect.refusals import RefusedResource
from egxds.snapshot.served_digest import ServedDigest
from egxds.snapshot.store import SnapshotStore

_SHOWN = 5
"""Gateways that people are told of."""


class CandidateInput:
    """A candidate on its way.

    Attributes:
        store: what there is of it for its nodes.
        publisher: takes it through the hooks.
    """

    def __init__(self, pipeline: Pipeline, runs: HookRuns, in_force: Publisher, head: SnapshotStore) -> None:
        """Prepare.

        Args:
            pipeline: reads its documents.
            runs: of its Gateways through the hooks.
            in_force: knows what the hooks have accepted of what is in force.
            head: what is published of that.
        """
        self.store = head.beside()
        self._pipeline = pipeline
        self._runs = runs
        self._head = head
        self._generation = runs.extensions.generation
        self._digest = ServedDigest()
        self.publisher = Publisher(runs, self._publish, self._remove, in_force.accepted)

    def read(self) -> Build:
        """Translate its documents; in a worker thread.

        Raises:
            LoadTooLargeError: there is not enough memory for that.
        """
        return self._pipeline.run(Scan.ALL)

    def submit(self, build: Build, tasks: TaskGroup) -> None:
        """Take what it was translated to through the hooks.

        Args:
            build: of `read`, made for the extensions that are asked now.
            tasks: owns the task of each Gateway.
        """
        for class_name, listeners in build.exclusions.items():
            self.store.exclude(class_name, listeners)
        self.publisher.submit(build.translations, tasks)
        before, self._generation = self._generation, self._runs.extensions.generation
        if before != self._generation:
            self.publisher.run_again()

    def release(self) -> None:
        """Let go of all of it, once its tasks have ended; nothing is asked of it any more.

        A task that was cancelled stands in a ring with its frames, and these with what they worked for. The garbage
        collector comes to that late, or never: what is there at the first load of the next candidate is frozen.
        """
        self.publisher.release()
        del self.store, self._digest, self._head, self._pipeline

    @property
    def is_settled(self) -> bool:
        """Whether all of it is published, as the hooks would have it or as their policies say."""
        return self.publisher.is_settled

    @property
    def served(self) -> str:
        """Digest of all its resources in their versions (hex)."""
        return self._digest.hexdigest()

    def fault(self) -> str:
        """Say why not all of it is as the hooks would have it; nothing where it is."""
        failing = self._runs.failing_gateways()
        more = ", …" if len(failing) > _SHOWN else ""
        return f"hooks fail for {', '.join(failing[:_SHOWN])}{more}" if failing else ""

    def is_refused_alone(self, one: RefusedResource) -> bool:
        """Tell whether an Envoy refuses something that only the candidate has."""
        return any(places_of(one, self.store)) and not any(places_of(one, self._head))

    def _publish(self, hooked: HookedGateway) -> None:
        self.store.publish(hooked.gateway, hooked.class_name, hooked.resources)
        self._digest.published(hooked.gateway, self.store.snapshot(hooked.gateway))

    def _remove(self, gateway: str) -> None:
        self.store.remove(gateway)
        self._digest.published(gateway, self.store.snapshot(gateway))
        self._runs.forget(gateway)
