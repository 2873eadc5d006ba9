"""Discovery messages as bytes and back."""

from __future__ import annotations

from contextlib import suppress

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from hypothesis import given
from hypothesis import strategies as st

from egxds.errors import RemoteProtocolError
from egxds.names import CLUSTER
from egxds.resources.resource import Resource
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.snapshot.snapshot import VersionedResource, version_resource
from egxds.wire.xds.codec import decode_request, encode_content, encode_nonce
from egxds.wire.xds.reported_versions import ReportedVersions

NAMES = st.lists(st.text(max_size=20), max_size=5)


def encode(request: Request) -> bytes:
    """Encode a request as a client does."""
    message = discovery_pb2.DeltaDiscoveryRequest(
        type_url=request.type_url,
        resource_names_subscribe=request.subscribe,
        resource_names_unsubscribe=request.unsubscribe,
        initial_resource_versions=request.initial_versions,
        response_nonce=request.nonce,
    )
    if request.node is not None:
        message.node.SetInParent()
        message.node.id = request.node.id
        message.node.cluster = request.node.cluster
        message.node.user_agent_name = request.node.user_agent
    if request.refusal is not None:
        message.error_detail.SetInParent()
        message.error_detail.code = request.refusal.code
        message.error_detail.message = request.refusal.message
    return bytes(message.SerializeToString())


@given(
    st.builds(
        Request,
        type_url=st.text(max_size=20),
        node=st.none() | st.builds(Node, st.text(), st.text(), st.text()),
        subscribe=NAMES.map(tuple),
        unsubscribe=NAMES.map(tuple),
        initial_versions=st.dictionaries(st.text(max_size=20), st.text(max_size=20)),
        nonce=st.text(max_size=20),
        refusal=st.none() | st.builds(Refusal, st.integers(0, 16), st.text("abc 0.:'")),
    )
)
def test_request_is_read_as_it_was_meant(request: Request) -> None:
    """Every field arrives; a node and an error that are present but empty are not absent."""
    assert decode_request(encode(request), ReportedVersions()) == request


def test_rest_of_the_node_is_dropped() -> None:
    """Of an Envoy's node, 60 kB, only what selects its configuration is kept; unknown fields are skipped."""
    message = discovery_pb2.DeltaDiscoveryRequest(node={"id": "n", "cluster": "c"})
    message.node.metadata["token"] = "secret"
    for number in range(900):
        message.node.extensions.add(name=f"envoy.filters.http.number_{number}", category="envoy.filters.http")
    message.resource_locators_subscribe.add(name="x")
    unknown = b"\xf2\x3f\x03abc"
    decoded = decode_request(message.SerializeToString() + unknown, ReportedVersions())
    assert decoded == Request("", Node("n", "c"))


def test_the_version_of_an_envoy_is_known() -> None:
    """It says it by numbers; others by a text; what is built in beside it does not count."""
    message = discovery_pb2.DeltaDiscoveryRequest(node={"id": "n", "cluster": "c", "user_agent_name": "envoy"})
    message.node.user_agent_version = "1.2"
    assert decode_request(message.SerializeToString(), ReportedVersions()).node == Node("n", "c", "envoy", "1.2")
    message.node.user_agent_build_version.version.major_number = 1
    message.node.user_agent_build_version.version.minor_number = 40
    message.node.user_agent_build_version.metadata["revision.status"] = "Clean"
    assert decode_request(message.SerializeToString(), ReportedVersions()).node == Node("n", "c", "envoy", "1.40.0")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    """Bytes that are no request raise the one error that ends the stream, and no other."""
    with suppress(RemoteProtocolError):
        decode_request(message, ReportedVersions())


def test_bytes_that_are_no_request() -> None:
    """They are the client's fault."""
    with pytest.raises(RemoteProtocolError) as failure:
        decode_request(b"\xff", ReportedVersions())
    assert failure.value.status == 3


def test_too_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in all lists count together."""
    monkeypatch.setattr("egxds.wire.xds.codec.MAX_NAMES", 3)
    allowed = Request("t", subscribe=("a",), unsubscribe=("b",), initial_versions={"c": "1"})
    assert decode_request(encode(allowed), ReportedVersions()) == allowed
    with pytest.raises(RemoteProtocolError) as failure:
        decode_request(
            encode(Request("t", subscribe=("a", "b"), unsubscribe=("c",), initial_versions={"d": "1"})),
            ReportedVersions(),
        )
    assert failure.value.status == 8


def versioned(name: str, body: bytes) -> VersionedResource:
    """Return a resource with its frame."""
    return version_resource(Resource(CLUSTER, name, body), ())


def encode_response(response: Response) -> bytes:
    """Encode a response as it is written."""
    return b"".join((*encode_content(response, "egxds/1"), encode_nonce(response.nonce)))


def test_heartbeat_has_no_body() -> None:
    """Name, version and time to live; the resource itself has all of them and a body."""
    resource = version_resource(Resource(CLUSTER, "c", b"\x0a\x01c", ttl_s=2.5), ())
    encoded = encode_response(Response(CLUSTER, "7", (resource,), heartbeats=(resource,)))
    heartbeat, whole = discovery_pb2.DeltaDiscoveryResponse.FromString(encoded).resources
    for one in (heartbeat, whole):
        assert (one.name, one.version, one.ttl.ToMilliseconds()) == ("c", resource.version, 2500)
    assert whole.HasField("resource")
    assert not heartbeat.HasField("resource")


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=50), max_size=5), NAMES)
def test_response_is_what_a_library_reads(bodies: dict[str, bytes], removed: list[str]) -> None:
    """Ready-made frames behind a head make a whole response."""
    resources = tuple(versioned(name, body) for name, body in sorted(bodies.items()))
    encoded = encode_response(Response(CLUSTER, "7", resources, tuple(removed)))
    decoded = discovery_pb2.DeltaDiscoveryResponse.FromString(encoded)
    assert (decoded.type_url, decoded.nonce, decoded.control_plane.identifier) == (CLUSTER, "7", "egxds/1")
    assert list(decoded.removed_resources) == removed
    assert {one.name: one.resource.value for one in decoded.resources} == bodies
    assert [one.version for one in decoded.resources] == [one.version for one in resources]
    assert {one.resource.type_url for one in decoded.resources} <= {CLUSTER}


def test_a_refusal_is_read_without_what_it_quotes() -> None:
    """Whatever keeps, logs or shows it later has only that."""
    message = discovery_pb2.DeltaDiscoveryRequest(type_url="t")
    message.error_detail.message = "https://user:c4n4ry@example.com/ is odd"
    assert "c4n4ry" not in str(decode_request(message.SerializeToString(), ReportedVersions()))
