"""A response is encoded once for all the streams that are sent the same."""

from __future__ import annotations

import gc
import weakref

import pytest
from envoy.service.discovery.v3 import discovery_pb2

from egxds.grpc.data_frames import PREFIX, FramedMessage
from egxds.names import CLUSTER, ROUTE_CONFIGURATION
from egxds.resources.resource import Resource
from egxds.sessions.events import Response
from egxds.snapshot.snapshot import VersionedResource, version_resource
from egxds.wire.xds.shared_responses import SharedResponses


def versioned(name: str, body: bytes = b"", type_url: str = CLUSTER) -> VersionedResource:
    """Return a resource with its frame."""
    return version_resource(Resource(type_url, name, body), ())


def read(message: FramedMessage) -> discovery_pb2.DeltaDiscoveryResponse:
    """Return what a client reads."""
    return discovery_pb2.DeltaDiscoveryResponse.FromString(b"".join(map(message.part, message.starts))[PREFIX.size :])


def test_a_thousand_streams(encoded: list[Response]) -> None:
    """However many responses their streams have had before, it is encoded once; each has its own nonce."""
    responses = SharedResponses("egxds/1")
    resources = (versioned("a", b"1"), versioned("b", b"2"))
    for stream in range(1000):
        nonce = str(stream % 7)
        message = responses.message(Response(CLUSTER, nonce, tuple(resources), ("gone",)))
        assert (read(message).nonce, len(read(message).resources)) == (nonce, 2)
    assert len(encoded) == 1


def test_streams_of_one_age_share_the_bytes() -> None:
    """With the nonce equal too, what is written is the same object."""
    responses = SharedResponses("egxds/1")
    resource = versioned("a")
    one, other = (responses.message(Response(CLUSTER, "3", (resource,))) for _ in range(2))
    assert one is other


@pytest.mark.parametrize(
    "other",
    [
        Response(ROUTE_CONFIGURATION, "1", (versioned("a"),)),
        Response(CLUSTER, "1", (versioned("a", b"2"),)),
        Response(CLUSTER, "1", (versioned("b"),)),
        Response(CLUSTER, "1", (versioned("a"), versioned("b"))),
        Response(CLUSTER, "1", (versioned("a"),), ("gone",)),
        Response(CLUSTER, "1", heartbeats=(versioned("a"),)),
        Response(CLUSTER, "1"),
    ],
    ids=["type", "version", "name", "more", "removed", "heartbeat", "nothing"],
)
def test_what_differs_is_not_shared(other: Response) -> None:
    """A response that says anything else is another one, whichever came first."""
    responses = SharedResponses("egxds/1")
    one = Response(CLUSTER, "1", (versioned("a"),))
    for response in (one, other, one, other):
        decoded = read(responses.message(response))
        assert decoded.type_url == response.type_url
        assert [resource.version for resource in decoded.resources] == [
            resource.version for resource in (*response.heartbeats, *response.resources)
        ]
        assert tuple(decoded.removed_resources) == response.removed


def test_equal_resources_need_not_be_the_same(encoded: list[Response]) -> None:
    """What was made again and is equal is shared, too."""
    responses = SharedResponses("egxds/1")
    for _ in range(2):
        responses.message(Response(CLUSTER, "1", (versioned("a", b"1"),)))
    assert len(encoded) == 1


def test_what_is_replaced_is_not_kept() -> None:
    """The version before is let go with the first response that has the next."""
    responses = SharedResponses("egxds/1")
    old = weakref.ref(responses.message(Response(CLUSTER, "1", (versioned("a", b"1"),))))
    gc.collect()
    assert old() is not None
    responses.message(Response(CLUSTER, "2", (versioned("a", b"2"),)))
    gc.collect()
    assert old() is None


def test_what_is_not_asked_for_goes() -> None:
    """A response stays while streams are sent it, and goes with the second sweep after the last."""
    responses = SharedResponses("egxds/1")
    resource = versioned("a")
    message = weakref.ref(responses.message(Response(CLUSTER, "1", (resource,))))
    for _ in range(3):
        assert responses.sweep()
        assert responses.message(Response(CLUSTER, "1", (resource,))) is message()
    assert responses.sweep()
    assert not responses.sweep()
    gc.collect()
    assert message() is None


def test_what_is_kept_is_bounded() -> None:
    """Many responses, or large ones, are not kept for ever: the oldest goes first."""
    responses = SharedResponses("egxds/1")
    made = [
        weakref.ref(responses.message(Response(CLUSTER, "1", (versioned(str(number), bytes(1_000_000)),))))
        for number in range(12)
    ]
    gc.collect()
    kept = [one() is not None for one in made]
    assert kept == sorted(kept)
    assert 1 <= sum(kept) <= 8
    large = weakref.ref(responses.message(Response(CLUSTER, "1", (versioned("large", bytes(9_000_000)),))))
    gc.collect()
    assert large() is None
