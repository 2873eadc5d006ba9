"""What a candidate comes to: its own way from documents through the hooks to what would be served. Awaits.

It begins where what is in force is at that moment, as an edit of it would: with the addresses that Gateways have, with
what hooks have said, and with what is rolled back (`Pipeline.branch`, `Publisher.basis`). So hooks are asked about
what is other, and equal resources have equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyio.abc import TaskGroup

from egxds.app.pipeline import Build, Pipeline
from egxds.app.publisher import Publisher
from egxds.files.reading.content import Scan
from egxds.hooks.policy.outcome import HookedGateway
from egxds.hooks.run.runs import HookRuns
from egxds.inspect.refusals import RefusedResource
from egxds.snapshot.served_digest import ServedDigest
from egxds.snapshot.store import SnapshotStore

_SHOWN = 5
"""Gateways that people are told of."""


@dataclass(frozen=True, slots=True)
class InForceInput:
    """The input in force.

    Attributes:
        runs: of its Gateways through the hooks.
        publisher: knows what these have accepted.
        store: what is published of it.
    """

    runs: HookRuns
    publisher: Publisher
    store: SnapshotStore


class CandidateInput:
    """A candidate on its way.

    Attributes:
        store: what there is of it for its nodes.
        publisher: takes it through the hooks.
    """

    def __init__(self, pipeline: Pipeline, runs: HookRuns, in_force: InForceInput, told: Callable[[], None]) -> None:
        """Prepare.

        Args:
            pipeline: reads its documents.
            runs: of its Gateways through the hooks.
            in_force: beside which it is.
            told: is called when something else is published of it.
        """
        self.store = in_force.store.beside()
        self._pipeline = pipeline
        self._runs = runs
        self._in_force = in_force
        self._generation = runs.extensions.generation
        self._published = published = _Published(self.store, runs, told)
        self.publisher = Publisher(runs, published.publish, published.remove, in_force.publisher.basis)

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
        self._runs.go_on()
        self.publisher.submit(build.translations, tasks)
        before, self._generation = self._generation, self._runs.extensions.generation
        if before != self._generation:
            self.publisher.run_again()

    @property
    def is_settled(self) -> bool:
        """Whether all of it is published, as the hooks would have it or as their policies say, and is asked no more."""
        return self.publisher.is_settled and not self.publisher.is_asking

    @property
    def served(self) -> str:
        """Digest of all its resources in their versions (hex)."""
        return self._published.digest.hexdigest()

    def fault(self) -> str:
        """Say why not all of it is as the hooks would have it; nothing where it is."""
        failing = self._runs.failing_gateways(self._in_force.runs)
        more = ", …" if len(failing) > _SHOWN else ""
        return f"hooks fail for {', '.join(failing[:_SHOWN])}{more}" if failing else ""

    def is_refused_alone(self, one: RefusedResource) -> bool:
        """Tell whether an Envoy refuses something that only the candidate has, of all that this very Envoy is served.

        What one Gateway has in force is new to an Envoy that is served all of a class, where another one had its
        address, or its name, before.
        """
        return _is_served(one, self.store) and not _is_served(one, self._in_force.store)


def _is_served(one: RefusedResource, store: SnapshotStore) -> bool:
    """Tell whether the Envoy that refuses a version would be served that very one from a store."""
    view = store.view(one.selects)
    resource = view.snapshot.of(one.type_url).get(one.name) if view is not None else None
    return resource is not None and resource.version == one.version


class _Published:
    """What is published of it."""

    def __init__(self, store: SnapshotStore, runs: HookRuns, told: Callable[[], None]) -> None:
        self.digest = ServedDigest()
        self._store = store
        self._runs = runs
        self._told = told

    def publish(self, hooked: HookedGateway) -> None:
        """Publish what was decided for a Gateway."""
        self._store.publish(hooked.gateway, hooked.class_name, hooked.resources)
        self.digest.published(hooked.gateway, self._store.snapshot(hooked.gateway))
        self._told()

    def remove(self, gateway: str) -> None:
        """Let go of a Gateway that is gone."""
        self._store.remove(gateway)
        self.digest.published(gateway, self._store.snapshot(gateway))
        self._runs.forget(gateway)
        self._told()
