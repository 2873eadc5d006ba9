"""What Envoys refuse comes back to the hooks: once, and only while it is what is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egxds import names
from egxds.app.refused_replies import RefusedReplies
from egxds.hooks.policy.taken_back import Nack
from egxds.inspect.refusals import RefusedResource
from egxds.resources.resource import Resource, Resources
from egxds.snapshot.store import SnapshotStore
from tests.unit.hooks.gateways import cluster

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
