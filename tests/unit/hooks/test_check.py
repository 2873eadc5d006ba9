"""Which replies are taken, and that what is taken has one encoding only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st

from egxds import names
from egxds.errors import FailureReason
from egxds.grpc.encoded_fields import MalformedMessageError
from egxds.hooks.calls import HookCall, HookFailure
from egxds.hooks.replies.check import (
    CallResult,
    ResourceEdit,
    TranslationEdit,
    Unchanged,
    VirtualHostEdit,
    check_reply,
    invalid,
)
from egxds.resources.encoding import field_bytes
from egxds.settings.extensions import Hook
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.hooks.extensions import edited, manager, record, reply_of, working
from tests.unit.hooks.gateways import HOST_A, translation


def call_of(hook: Hook) -> HookCall:
    """Return the first call of a hook for the Gateway of the tests."""
    _, batches = record(translation(), (manager(hooks=(hook.value,)),), working)
    return batches[0][0]


def judged(call: HookCall, body: bytes) -> CallResult:
    """Judge an encoded reply, as the client and the check do between them."""
    try:
        return check_reply(call, reply_of(call.hook, body))
    except MalformedMessageError as err:
        return invalid(str(err))


@pytest.mark.parametrize("hook", Hook)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff\xff\xff\xff", id="no tag"),
        pytest.param(b"\x0a\x05ab", id="cut off in a field"),
        pytest.param(b"\x0a", id="cut off after a tag"),
        pytest.param(b"\x08\x01", id="number where a message belongs"),
        pytest.param(field_bytes(1, b"\xff\xff\xff"), id="resource that does not parse"),
        pytest.param(field_bytes(1, b""), id="resource without a name"),
    ],
)
def test_what_cannot_be_read_is_a_failure_and_not_unchanged(hook: Hook, body: bytes) -> None:
    """Garbage must never count as the extension's consent."""
    result = judged(call_of(hook), body)
    assert isinstance(result, HookFailure)
    assert result.reason is FailureReason.INVALID


@given(body=st.binary(max_size=64))
def test_any_bytes_are_judged(body: bytes) -> None:
    """No reply, whatever its bytes, raises."""
    for hook in Hook:
        judged(CALLS[hook], body)


CALLS = {hook: call_of(hook) for hook in Hook}


@pytest.mark.parametrize("hook", [hook for hook in Hook if hook is not Hook.TRANSLATION])
def test_an_absent_resource_means_unchanged(hook: Hook) -> None:
    """An empty response asks for nothing."""
    assert judged(call_of(hook), b"") == Unchanged()


def _renamed(field: str, name_field: str = "name") -> Callable[[Any, Any], None]:
    def edit(request: Any, response: Any) -> None:
        getattr(response, field).CopyFrom(getattr(request, field))
        setattr(getattr(response, field), name_field, "other")

    return edit


def _domains(*domains: str) -> Callable[[Any, Any], None]:
    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.domains[:] = domains

    return edit


def _nothing(_request: Any, _response: Any) -> None:
    pass


def _clusters(*found: str) -> Callable[[Any, Any], None]:
    def edit(_request: Any, response: Any) -> None:
        for name in found:
            response.clusters.add(name=name)

    return edit


def _routes(*hosts: tuple[str, str], name: str = "r") -> Callable[[Any, Any], None]:
    def edit(_request: Any, response: Any) -> None:
        configuration = response.routes.add(name=name)
        for host, domain in hosts:
            configuration.virtual_hosts.add(name=host, domains=[domain])

    return edit


@pytest.mark.parametrize(
    ("hook", "edit", "message"),
    [
        (Hook.ROUTE, _renamed("route"), "must keep the name"),
        (Hook.ENDPOINTS, _renamed("load_assignment", "cluster_name"), "must keep the name"),
        (Hook.CLUSTER, _renamed("cluster"), "must keep the name"),
        (Hook.VIRTUAL_HOST, _renamed("virtual_host"), "must keep the name"),
        (Hook.VIRTUAL_HOST, _domains(), "domains: must have at least this many entries: 1"),
        (Hook.VIRTUAL_HOST, _domains("a.example", "A.EXAMPLE"), "2 times"),
        (Hook.TRANSLATION, _nothing, "would remove all"),
        (Hook.TRANSLATION, _clusters("c", "d", "c"), "'c' is there 2 times"),
        (Hook.TRANSLATION, _clusters(""), "name: must have at least this many characters: 1"),
        (Hook.TRANSLATION, _routes(name=""), "no name"),
        (Hook.TRANSLATION, _routes(("v", "a"), ("w", "A")), "2 times"),
        (Hook.TRANSLATION, _routes(("v", "a"), ("v", "b")), "'v' is there 2 times"),
    ],
)
def test_replies_that_would_break_a_gateway_are_refused(
    hook: Hook, edit: Callable[[Any, Any], None], message: str
) -> None:
    """Names are kept, nothing is there twice, and nothing is emptied by accident."""
    call = call_of(hook)
    result = check_reply(call, edited(call, edit))
    assert isinstance(result, HookFailure)
    assert result.reason is FailureReason.INVALID
    assert message in result.message


def test_an_empty_reply_to_an_empty_request_is_taken() -> None:
    """Nothing in, nothing out."""
    call = HookCall("authz", Hook.TRANSLATION, "shop/gw", b"\x0a\x00", (names.CLUSTER,))
    assert judged(call, b"") == Unchanged()


def _listener_in_two_encodings() -> tuple[bytes, bytes]:
    """Encode one listener twice: the map inside the `Any` once in one order and once in the other."""
    manager_message = http_connection_manager_pb2.HttpConnectionManager(stat_prefix="s")
    metadata = manager_message.route_config.metadata.filter_metadata
    entries = []
    for key in ("a", "b"):
        metadata[key].fields["x"].string_value = key
        alone = http_connection_manager_pb2.HttpConnectionManager()
        alone.route_config.metadata.filter_metadata[key].fields["x"].string_value = key
        entries.append(alone.SerializeToString())
    head = http_connection_manager_pb2.HttpConnectionManager(stat_prefix="s").SerializeToString()
    encodings = []
    for order in (entries, entries[::-1]):
        listener = listener_pb2.Listener(name="l")
        chain = listener.filter_chains.add()
        packed = any_pb2.Any(type_url=names.TYPE_PREFIX + manager_message.DESCRIPTOR.full_name)
        packed.value = head + b"".join(order)
        chain.filters.add(name="hcm").typed_config.CopyFrom(packed)
        encodings.append(listener.SerializeToString())
    return encodings[0], encodings[1]


def test_maps_in_any_order_have_one_encoding() -> None:
    """An extension that writes its maps in another order each time must not drain listeners."""
    first, second = _listener_in_two_encodings()
    call = HookCall("authz", Hook.HTTP_LISTENER, "l", b"")
    checked = [judged(call, field_bytes(1, body)) for body in (first, second)]
    assert first != second
    assert isinstance(checked[0], ResourceEdit)
    assert checked[0] == checked[1]


def test_a_virtual_host_is_split_into_head_and_routes() -> None:
    """Joined again it is the message that the extension sent, its domains sorted."""
    message = route_components_pb2.VirtualHost(name=HOST_A, domains=["b", "a"])
    message.routes.add(name="r", match={"prefix": "/"}, route={"cluster": "c"})
    call = HookCall("authz", Hook.VIRTUAL_HOST, HOST_A, b"")
    result = judged(call, field_bytes(1, message.SerializeToString()))
    assert isinstance(result, VirtualHostEdit)
    message.domains[:] = ["a", "b"]
    assert route_components_pb2.VirtualHost.FromString(result.host.body) == message


def test_a_route_configuration_is_split_into_head_and_virtual_hosts() -> None:
    """Joined again it is the message that the extension sent, its virtual hosts sorted by name."""
    message = route_pb2.RouteConfiguration(name="r")
    for name in ("b", "a"):
        host = message.virtual_hosts.add(name=name, domains=[name])
        host.routes.add(name=f"route {name}", match={"prefix": "/"}, route={"cluster": "c"})
    call = HookCall("authz", Hook.TRANSLATION, "g", b"", (names.ROUTE_CONFIGURATION,))
    result = judged(call, field_bytes(4, message.SerializeToString()))
    assert isinstance(result, TranslationEdit)
    (configuration,) = result.route_configurations
    message.virtual_hosts.sort(key=lambda host: host.name)
    assert route_pb2.RouteConfiguration.FromString(configuration.encode()) == message


def test_of_a_translation_reply_only_what_is_new_is_read() -> None:
    """One virtual host of a hundred changed, and comes out as if all had been read."""
    call = HookCall("authz", Hook.TRANSLATION, "g", b"", (names.ROUTE_CONFIGURATION,))
    message = route_pb2.RouteConfiguration(name="only-new")
    for at in range(100):
        host = message.virtual_hosts.add(name=f"h{at}", domains=[f"only-new-{at}"])
        host.routes.add(name=f"route {at}", match={"prefix": "/"}, route={"cluster": "c"})
    lines = []
    for cluster in ("c", "d"):
        message.virtual_hosts[7].routes[0].route.cluster = cluster
        with lines_of_rooms() as counted:
            result = judged(call, field_bytes(4, message.SerializeToString()))
        lines.append(counted["resources"])
        assert isinstance(result, TranslationEdit)
        assert result.references == {(names.CLUSTER, "c"), (names.CLUSTER, cluster)}
        message_read = route_pb2.RouteConfiguration.FromString(result.route_configurations[0].encode())
        assert sorted(map(str, message_read.virtual_hosts)) == sorted(map(str, message.virtual_hosts))
    assert lines[1] < lines[0] / 5
