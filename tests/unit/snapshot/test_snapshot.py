"""What a resource looks like on the wire."""

from envoy.service.discovery.v3 import discovery_pb2

from egxds.names import SECRET
from egxds.snapshot.snapshot import version_resource
from tests.unit.snapshot.resources import secret


def test_frames_join_to_a_response() -> None:
    """Each is one entry of `resources`, whole: name, version, and the body with its type."""
    made = [version_resource(secret("a", b"one"), ()), version_resource(secret("b", b"two" * 100), ())]
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(
        b"".join(resource.head + resource.body for resource in made)
    )
    assert [(entry.name, entry.version) for entry in response.resources] == [(item.name, item.version) for item in made]
    assert [(entry.resource.type_url, entry.resource.value) for entry in response.resources] == [
        (SECRET, b"one"),
        (SECRET, b"two" * 100),
    ]
