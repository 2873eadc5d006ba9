"""What Envoys refuse comes back to the hooks: once, and only while it is what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import anyio
import pytest

from egxds import names
from egxds.app.publisher import Publisher
from egxds.app.refused_replies import RefusedReplies
from egxds.hooks.policy.outcome import Accepted, HookedGateway
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.inspect.refusals import RefusedResource, of_candidate, of_head
from egxds.resources.resource import Resource, Resources
from egxds.resources.translation import GatewayTranslation
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics
from tests.unit.hooks.gateways import HOST_A, cluster, translation
from tests.unit.hooks.test_taken_back import ROUTES, naming_a_file, run

GATEWAY = "shop/gw"
Told = list[tuple[str, tuple[Nack, ...]]]


@pytest.fixture
def store() -> SnapshotStore:
    """One Gateway with a cluster."""
    store = SnapshotStore()
    publish(store, cluster())
    store.mark_loaded()
    return store


def publish(store: SnapshotStore, resource: Resource) -> None:
    """Publish a cluster."""
    store.publish(GATEWAY, "egxds", {names.CLUSTER: Resources({resource.name: resource})})


def refused(store: SnapshotStore, message: str = "no") -> RefusedResource:
    """Refuse the cluster as it is."""
    view = store.view(GATEWAY)
    assert view is not None
    (resource,) = view.snapshot.of(names.CLUSTER).values()
    one = RefusedResource("envoy-1", (GATEWAY,), names.CLUSTER, resource.name, message, (), 1.0)
    return replace(one, version=resource.version)


def test_a_refusal_is_told_once_for_each_version(store: SnapshotStore) -> None:
    """Others come and go meanwhile; another version is another matter."""
    told: Told = []
    replies = RefusedReplies(store, lambda gateway, nacks: told.append((gateway, nacks)))
    first = refused(store)
    nack = Nack("envoy-1", names.CLUSTER, first.name, "no")
    for refusals in ((first,), (first, replace(first, name="other"))):
        replies.refused(refusals)
    assert told == [(GATEWAY, (nack,))]
    publish(store, cluster(timeout_s=11))
    replies.refused((first,))
    assert len(told) == 1
    replies.refused((refused(store),))
    assert told == [(GATEWAY, (nack,))] * 2


def test_an_address_that_cannot_be_bound_is_no_matter_of_hooks(store: SnapshotStore) -> None:
    """Somebody else has it."""
    told: Told = []
    replies = RefusedReplies(store, lambda gateway, nacks: told.append((gateway, nacks)))
    replies.refused((refused(store, "cannot bind '0.0.0.0:80': Address already in use"),))
    assert not told


def test_each_house_is_told_of_its_own(store: SnapshotStore) -> None:
    """Of what is in force by who is served that, and of a candidate by who is served the candidate."""
    told: Told = []
    one = refused(store)
    canary = replace(one, node_id="canary", is_canary=True)
    both = (one, canary)
    assert (of_head(both), of_candidate(both)) == ((one,), (canary,))
    alone = (one,)
    assert of_head(alone) is alone
    RefusedReplies(store, lambda gateway, nacks: told.append((gateway, nacks))).refused(of_candidate(both))
    assert [(gateway, nack.node_id) for gateway, nacks in told for nack in nacks] == [(GATEWAY, "canary")]


class _BlamingRunner(HookRunner):
    """Has a reply that Envoys refuse, and blames it once it is told so."""

    async def run(
        self,
        translation: GatewayTranslation,
        accepted: Accepted | None,
        epochs: Mapping[str, int] | None = None,
        nacks: tuple[Nack, ...] = (),
    ) -> HookedGateway:
        """Go through the hooks."""
        fine = run(naming_a_file())
        return run(naming_a_file(HOST_A), fine, *nacks) if nacks else fine


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_refusal_is_with_the_hooks_until_they_have_been_run_with_it_and_blame_nobody() -> None:
    """Then it is somebody else's: an edit's, perhaps."""
    published: list[str] = []
    publisher = Publisher(_BlamingRunner((), Metrics()), lambda _: published.append(""), lambda _: None, lambda _: None)
    gateway, other = translation(), replace(ROUTES, name="other")
    async with anyio.create_task_group() as tasks:
        assert not publisher.is_with_hooks(gateway.gateway, ROUTES)
        publisher.submit(Revision({gateway.gateway: gateway}), tasks)
        await publisher.settled()
        assert not publisher.is_with_hooks(gateway.gateway, ROUTES)
        publisher.refused(gateway.gateway, (ROUTES,))
        assert publisher.is_with_hooks(gateway.gateway, ROUTES)
        assert publisher.is_with_hooks(gateway.gateway, other)
        with anyio.fail_after(10):
            while len(published) < 2:
                await anyio.lowlevel.checkpoint()
        assert publisher.is_with_hooks(gateway.gateway, ROUTES)
        assert not publisher.is_with_hooks(gateway.gateway, other)
        tasks.cancel_scope.cancel()
