"""What happens where the state of a Gateway is decided: it is published, kept, and told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from egxds.app.event_feed import EventFeed
from egxds.app.gateway_worker import Basis
from egxds.app.held_states import HeldStates
from egxds.app.publication_log import say_published
from egxds.app.reporting import Reporting
from egxds.app.what_changed import Unpublished
from egxds.hooks.policy.outcome import HookedGateway
from egxds.hooks.policy.saved_state import SavedState
from egxds.hooks.run.runner import HookRunner
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics, log

Told = Callable[[str, Snapshot, Snapshot, HookedGateway | None], None]
"""Takes a Gateway, what its Envoys were served before and are served now, and what its hooks came to; None where it is
gone."""


@dataclass(frozen=True, slots=True)
class PublicationParts:
    """What takes part.

    Attributes:
        store: what is published.
        runner: knows since when hooks fail.
        held: keeps what was accepted.
        reporting: tells people.
        feed: tells events.
        metrics: where it is counted.
    """

    store: SnapshotStore
    runner: HookRunner
    held: HeldStates
    reporting: Reporting
    feed: EventFeed
    metrics: Metrics


class Publication:
    """Publishes Gateways, and lets go of those that are gone.

    Attributes:
        unpublished: what has changed that is not published yet.
        told: who is told of each, in this order, and before people are.
    """

    def __init__(self, parts: PublicationParts) -> None:
        """Publish nothing yet.

        Args:
            parts: what takes part.
        """
        self.unpublished = Unpublished()
        self.told: list[Told] = []
        self._parts = parts

    def recall(self, gateway: str) -> Basis | None:
        """Return what was accepted of a Gateway before this process; None where nothing is known."""
        state = self._parts.held.of_gateway(gateway)
        if state is None:
            return None
        self._parts.runner.resume(gateway, state.failing_since)
        return Basis(state.accepted)

    def publish(self, hooked: HookedGateway) -> None:
        """Publish what was decided for a Gateway."""
        parts, gateway = self._parts, hooked.gateway
        before = parts.store.snapshot(gateway)
        changed = parts.store.publish(gateway, hooked.class_name, hooked.resources)
        self._tell(gateway, hooked, before)
        parts.metrics.snapshots_total.labels(outcome=hooked.outcome.value).inc()
        parts.reporting.published(hooked)
        parts.held.keep(SavedState(gateway, hooked.accepted, parts.runner.failing_since(gateway)))
        caused_by = self.unpublished.take(gateway)
        if changed:
            say_published(hooked, parts.store.generation, caused_by)

    def remove(self, gateway: str) -> None:
        """Let go of a Gateway that is gone."""
        parts = self._parts
        before = parts.store.snapshot(gateway)
        parts.store.remove(gateway)
        self._tell(gateway, None, before)
        parts.reporting.removed(gateway)
        parts.runner.forget(gateway)
        parts.held.forget(gateway)
        caused_by = self.unpublished.take(gateway)
        log.info("snapshot.removed", gateway=gateway, generation=parts.store.generation, **caused_by.fields())

    def _tell(self, gateway: str, hooked: HookedGateway | None, before: Snapshot) -> None:
        parts, now = self._parts, self._parts.store.snapshot(gateway)
        for tell in self.told:
            tell(gateway, before, now, hooked)
        hooks = (parts.reporting.hooked(gateway), hooked)
        parts.feed.published(gateway, hooks, (before, now), parts.store.generation)
