"""How a walk steps from a message to the ones inside, and what stops it."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.core.v3 import base_pb2, extension_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from google.protobuf import any_pb2
from google.protobuf.message import Message

from egxds.errors import UnreadableMessageError
from egxds.resources.encoding import encode, pack
from egxds.resources.walk import MAX_DEPTH, Walk, map_value, message_fields, payload

HEADER = "envoy.config.core.v3.HeaderValue"
NAMED = "envoy.config.core.v3.TypedExtensionConfig"
UNKNOWN = "example.io/unknown.Type"
UNREADABLE = b"\xff"


def header(key: str) -> base_pb2.HeaderValue:
    """Return what the walks below look for."""
    return base_pb2.HeaderValue(key=key)


def named(name: str, inner: Message | None = None) -> extension_pb2.TypedExtensionConfig:
    """Return a message with a name and an `Any`."""
    return extension_pb2.TypedExtensionConfig(name=name, typed_config=inner and pack(inner))


def host(**fields: Any) -> route_components_pb2.VirtualHost:
    """Return a virtual host."""
    return route_components_pb2.VirtualHost(**fields)


def nested(depth: int) -> any_pb2.Any:
    """Return an `Any` that many levels above the message that is looked for."""
    found = pack(header("deep"))
    for _ in range(depth - 1):
        found = pack(found)
    return found


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        (header("a"), ["a"]),
        (base_pb2.HeaderValueOption(header=header("a")), ["a"]),
        (host(request_headers_to_add=[{"header": {"key": "a"}}, {"header": {"key": "b"}}]), ["a", "b"]),
        (pack(header("a")), ["a"]),
        (pack(pack(header("a"))), ["a"]),
        (host(typed_per_filter_config={"x": pack(header("a")), "y": pack(header("b"))}), ["a", "b"]),
        (host(), []),
        (base_pb2.Metadata(filter_metadata={"x": {"fields": {"key": {"string_value": "a"}}}}), []),
        (any_pb2.Any(), []),
        (any_pb2.Any(type_url=UNKNOWN, value=encode(header("a"))), []),
        (any_pb2.Any(type_url=pack(header("a")).type_url, value=UNREADABLE), []),
        (nested(MAX_DEPTH), ["deep"]),
        (nested(MAX_DEPTH + 1), []),
    ],
    ids=[
        *("itself", "field", "list", "payload", "payload of a payload", "map", "nothing", "no messages in a map"),
        *("empty payload", "unknown type", "unreadable", "deep", "too deep"),
    ],
)
def test_what_is_found(message: Message, keys: list[str]) -> None:
    """Every edge of the tree is followed, to the end of what is known."""
    assert sorted(found.key for found in Walk(HEADER).find(message)) == keys  # type: ignore[attr-defined]


def test_outer_messages_come_before_inner_ones() -> None:
    """A wanted message inside a wanted one is found too."""
    message = named("outer", named("middle", named("inner")))
    assert [found.name for found in Walk(NAMED).find(message)] == ["outer", "middle", "inner"]  # type: ignore[attr-defined]


def test_payloads_that_can_hold_nothing_wanted_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their type says so."""
    parsed: list[type[Message]] = []

    def decode(message_class: type[Message], _body: bytes) -> Message:
        parsed.append(message_class)
        return message_class()

    monkeypatch.setattr("egxds.resources.walk.decode", decode)
    list(Walk(NAMED).find(host(typed_per_filter_config={"x": pack(header("a")), "y": pack(named("b"))})))
    assert parsed == [extension_pb2.TypedExtensionConfig]


def rename(message: Any) -> None:
    """Change a message that is found."""
    message.name += "!"


def test_what_is_found_can_be_changed() -> None:
    """A change deep inside is in the bytes of everything around it."""
    message = route_pb2.RouteConfiguration(
        virtual_hosts=[host(typed_per_filter_config={"x": pack(named("a", named("b")))})]
    )
    Walk(NAMED).edit(message, rename)
    assert message.virtual_hosts[0].typed_per_filter_config["x"] == pack(named("a!", named("b!")))


def test_a_payload_of_unknown_type_is_not_changed() -> None:
    """Nobody knows what it is."""
    message = any_pb2.Any(type_url=UNKNOWN, value=UNREADABLE)
    Walk(NAMED).edit(message, rename)
    assert message == any_pb2.Any(type_url=UNKNOWN, value=UNREADABLE)


@pytest.mark.parametrize(
    "message",
    [any_pb2.Any(type_url=pack(header("a")).type_url, value=UNREADABLE), nested(MAX_DEPTH + 1)],
    ids=["unreadable", "too deep"],
)
def test_what_cannot_be_gone_through_is_not_changed_in_part(message: Message) -> None:
    """A change that misses something would pass for a whole one."""
    with pytest.raises(UnreadableMessageError):
        Walk(NAMED).edit(message, rename)


def test_fields_that_lead_to_messages() -> None:
    """One, a list or a map; each message has a label of its own within its field, and maps have an order."""
    message = host(
        retry_policy={"retry_on": "5xx"},
        routes=[{"name": "a"}, {"name": "b"}],
        typed_per_filter_config={"y": pack(router_pb2.Router()), "x": pack(router_pb2.Router())},
    )
    fields = message_fields(message.DESCRIPTOR)
    labels = {
        field.name: [label for label, _ in fields[field.number].labelled(value)]
        for field, value in message.ListFields()
    }
    assert labels == {
        "retry_policy": [""],
        "routes": ["[0]", "[1]"],
        "typed_per_filter_config": ["['x']", "['y']"],
    }


def test_fields_that_lead_to_none() -> None:
    """Texts, numbers, and maps of them."""
    assert not message_fields(header("a").DESCRIPTOR)
    node = base_pb2.Node.DESCRIPTOR.fields_by_name
    assert map_value(node["dynamic_parameters"]) is not None
    assert map_value(node["extensions"]) is None
    assert map_value(node["id"]) is None


def test_a_payload_by_its_type() -> None:
    """Known, unknown, and not what it says."""
    packed = pack(header("a"))
    assert payload(packed.type_url, packed.value) == header("a")
    assert payload(UNKNOWN, b"") is None
    with pytest.raises(UnreadableMessageError):
        payload(packed.type_url, UNREADABLE)
