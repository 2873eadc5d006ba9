"""Resources as Envoy's JSON."""

from __future__ import annotations

import math

import pytest
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2, grpc_service_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.basic_auth.v3 import basic_auth_pb2
from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from envoy.type.v3 import percent_pb2
from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2
from google.protobuf.message import Message

from egxds.names import TYPE_PREFIX
from egxds.resources.json import Json, render_body
from egxds.resources.sensitive import REDACTED

UNKNOWN = TYPE_PREFIX + "example.Unknown"


def render(message: Message) -> Json:
    """Render a message."""
    return render_body(TYPE_PREFIX + message.DESCRIPTOR.full_name, message.SerializeToString())


def packed(message: Message) -> any_pb2.Any:
    """Wrap a message."""
    wrapper = any_pb2.Any()
    wrapper.Pack(message)
    return wrapper


def listener() -> listener_pb2.Listener:
    """Return a listener with a payload inside a payload."""
    authorization = ext_authz_pb2.ExtAuthz(transport_api_version="V3", failure_mode_allow=True)
    manager = http_connection_manager_pb2.HttpConnectionManager(
        stat_prefix="http",
        stream_idle_timeout=duration_pb2.Duration(seconds=300, nanos=500_000_000),
        http_filters=[{"name": "authz", "typed_config": packed(authorization)}],
    )
    return listener_pb2.Listener(
        name="default/web/http",
        address={"socket_address": {"address": "0.0.0.0", "port_value": 8080}},
        per_connection_buffer_limit_bytes={"value": 32768},
        filter_chains=[{"name": "default", "filters": [{"name": "http", "typed_config": packed(manager)}]}],
    )


def messages() -> list[Message]:
    """Return messages with every kind of field, none of them secret."""
    metadata = struct_pb2.Struct()
    metadata.update({"owner": "web", "weights": [1, 2.5, None, True], "nested": {"deep": "down"}})
    return [
        listener(),
        route_pb2.RouteConfiguration(
            name="default/web/http",
            virtual_hosts=[{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "name": "r"}]}],
            metadata={"filter_metadata": {"example": metadata}},
        ),
        route_components_pb2.Route(
            name="r",
            direct_response={"status": 500, "body": {"inline_bytes": b"\x00\xff"}},
            typed_per_filter_config={"b": packed(duration_pb2.Duration(seconds=1)), "a": packed(metadata)},
        ),
        cluster_pb2.Cluster(
            name="c",
            type="EDS",
            lb_policy="MAGLEV",
            maglev_lb_config={"table_size": {"value": 2**40 + 1}},
            common_lb_config={"healthy_panic_threshold": percent_pb2.Percent(value=33.25)},
        ),
        base_pb2.RuntimeDouble(default_value=math.inf),
        base_pb2.RuntimeDouble(default_value=math.nan),
        base_pb2.RuntimeDouble(default_value=0.1),
        bootstrap_pb2.Runtime(base=metadata),
    ]


@pytest.mark.parametrize("message", messages(), ids=lambda message: str(message.DESCRIPTOR.name))
def test_same_as_protobuf(message: Message) -> None:
    """Without secrets and unknown payloads, it is what protobuf's own JSON is."""
    assert render(message) == json_format.MessageToDict(message, preserving_proto_field_name=True)


def test_unknown_payload() -> None:
    """A payload of an unknown type, or one that does not parse, is shown by type and size: it may hold anything."""
    broken = any_pb2.Any(type_url=TYPE_PREFIX + "envoy.config.cluster.v3.Cluster", value=b"\xff")
    strange = any_pb2.Any(type_url=UNKNOWN, value=b"anything")
    message = route_components_pb2.VirtualHost(typed_per_filter_config={"broken": broken, "strange": strange})
    assert render(message)["typed_per_filter_config"] == {
        "broken": {"@type": broken.type_url, "size": 1},
        "strange": {"@type": UNKNOWN, "size": 8},
    }


def test_unknown_resource() -> None:
    """The same at the top."""
    assert render_body(UNKNOWN, b"x") == {"@type": UNKNOWN, "size": 1}


def test_payloads_in_payloads() -> None:
    """Nesting without end comes out, the innermost part as its size."""
    message = any_pb2.Any(type_url=UNKNOWN)
    for _ in range(500):
        message = packed(message)
    rendered = render(route_components_pb2.VirtualHost(typed_per_filter_config={"deep": message}))
    assert "typed_per_filter_config" in rendered


def test_unknown_enum_value() -> None:
    """A value that is newer than our definitions is shown as its number."""
    assert render_body(TYPE_PREFIX + "envoy.config.cluster.v3.Cluster", b"\x30\x63") == {"lb_policy": 99}


@pytest.mark.parametrize(
    ("message", "rendered"),
    [
        (
            secret_pb2.Secret(
                name="shop/cert",
                tls_certificate={
                    "certificate_chain": {"inline_string": "public"},
                    "private_key": {"inline_bytes": b"hush"},
                    "password": {"inline_string": "hush"},
                },
            ),
            {
                "name": "shop/cert",
                "tls_certificate": {
                    "certificate_chain": {"inline_string": "public"},
                    "private_key": {"inline_bytes": REDACTED},
                    "password": {"inline_string": REDACTED},
                },
            },
        ),
        (
            secret_pb2.Secret(session_ticket_keys={"keys": [{"inline_bytes": b"hush"}, {"inline_bytes": b"hush"}]}),
            {"session_ticket_keys": {"keys": [{"inline_bytes": REDACTED}, {"inline_bytes": REDACTED}]}},
        ),
        (
            ext_authz_pb2.CheckSettings(context_extensions={"key": "hush"}),
            {"context_extensions": {"key": REDACTED}},
        ),
        (
            basic_auth_pb2.BasicAuth(users={"inline_string": "user:{SHA}hush"}),
            {"users": {"inline_string": REDACTED}},
        ),
        (
            grpc_service_pb2.GrpcService(google_grpc={"call_credentials": [{"access_token": "hush"}]}),
            {"google_grpc": {"call_credentials": [{"access_token": REDACTED}]}},
        ),
        (
            route_components_pb2.VirtualHost(
                request_headers_to_add=[
                    {"header": {"key": "Authorization", "value": "Basic hush"}},
                    {"header": {"key": "x-api-key", "raw_value": b"hush"}},
                    {"header": {"key": "x-team", "value": "web"}},
                ]
            ),
            {
                "request_headers_to_add": [
                    {"header": {"key": "Authorization", "value": REDACTED}},
                    {"header": {"key": "x-api-key", "raw_value": REDACTED}},
                    {"header": {"key": "x-team", "value": "web"}},
                ]
            },
        ),
    ],
    ids=["certificate", "ticket keys", "map", "payload", "token", "headers"],
)
def test_secrets(message: Message, rendered: Json) -> None:
    """What is secret is hidden, what is around it is shown."""
    assert render(message) == rendered


def test_secrets_inside_payloads() -> None:
    """A payload hides its secrets, too, typed or not."""
    untyped = struct_pb2.Struct()
    untyped.update({"client": {"id": "web", "clientSecret": "hush"}, "keys": [{"api_key": "hush"}]})
    users = basic_auth_pb2.BasicAuth(users={"inline_string": "hush"})
    message = route_components_pb2.VirtualHost(
        typed_per_filter_config={"a": packed(users), "b": packed(untyped)},
        metadata={"filter_metadata": {"example": untyped}},
    )
    hidden = {"client": {"id": "web", "clientSecret": REDACTED}, "keys": [{"api_key": REDACTED}]}
    rendered = render(message)
    assert rendered["typed_per_filter_config"] == {
        "a": {
            "@type": TYPE_PREFIX + "envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
            "users": {"inline_string": REDACTED},
        },
        "b": {"@type": TYPE_PREFIX + "google.protobuf.Struct", "value": hidden},
    }
    assert rendered["metadata"] == {"filter_metadata": {"example": hidden}}
