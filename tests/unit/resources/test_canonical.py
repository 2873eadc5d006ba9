"""What others have encoded comes out as if we had."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication, JwtProvider
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from egxds import names
from egxds.errors import UnreadableMessageError
from egxds.resources import canonical as module
from egxds.resources.canonical import canonical
from egxds.resources.encoding import encode, field_bytes, pack
from egxds.resources.walk import MAX_DEPTH
from tests.unit.translate.builders import backend, gateway, listener, secret, serve
from tests.unit.translate.builders import rule as a_rule
from tests.unit.translate.reading import CLASSES, resources, translate

PROVIDERS = 1
KEYS = ("one", "two", "three")


def _map_entry(key: str, value: Message) -> bytes:
    return field_bytes(PROVIDERS, field_bytes(1, key.encode()) + field_bytes(2, encode(value)))


def _providers(keys: tuple[str, ...]) -> bytes:
    """Return a JwtAuthentication whose map is written in the order of the keys."""
    return b"".join(_map_entry(key, JwtProvider(issuer=key)) for key in keys)


def _wrapped(body: bytes) -> bytes:
    """Return a Route whose per-filter configuration is an encoded JwtAuthentication."""
    url = names.TYPE_PREFIX + JwtAuthentication.DESCRIPTOR.full_name
    route = Route(name="r")
    route.typed_per_filter_config["jwt"].CopyFrom(AnyMessage(type_url=url, value=body))
    return encode(route)


def _nested(depth: int) -> AnyMessage:
    """Return an `Any` in an `Any`, and so on."""
    inner = AnyMessage()
    for _ in range(depth):
        inner = pack(inner)
    return inner


def test_canonical_settles_payloads() -> None:
    """Two replies that differ in the order of a map inside an `Any` come out equal."""
    one, other = _wrapped(_providers(KEYS)), _wrapped(_providers(KEYS[::-1]))
    assert one != other
    assert canonical(Route, one) == canonical(Route, other)


def test_canonical_settles_payloads_of_payloads() -> None:
    """A map three messages deep, inside two `Any`s and a repeated field, is sorted too."""

    def manager(body: bytes) -> bytes:
        message = HttpConnectionManager(stat_prefix="x")
        route = message.route_config.virtual_hosts.add(name="v", domains=["*"]).routes.add()
        route.CopyFrom(Route.FromString(_wrapped(body)))
        return encode(pack(message))

    one, other = manager(_providers(KEYS)), manager(_providers(KEYS[::-1]))
    assert one != other
    assert canonical(AnyMessage, one) == canonical(AnyMessage, other)


def test_canonical_changes_nothing_but_the_form() -> None:
    """What comes out is the same message, and is left alone the second time."""
    body = _wrapped(_providers(KEYS))
    settled = canonical(Route, body)
    assert Route.FromString(settled) == Route.FromString(canonical(Route, settled))
    assert canonical(Route, settled) == settled
    payload = Route.FromString(settled).typed_per_filter_config["jwt"].value
    assert JwtAuthentication.FromString(payload) == JwtAuthentication.FromString(_providers(KEYS))


@pytest.mark.parametrize("url", ["example.io/unknown.Type", "type.googleapis.com/envoy.nothing.v3.None", "", "envoy."])
def test_unknown_payload_stays(url: str) -> None:
    """A payload of a type nobody knows is not touched."""
    message = AnyMessage(type_url=url, value=b"\xff\xff")
    assert canonical(AnyMessage, encode(message)) == encode(message)


def test_unknown_fields_stay() -> None:
    """A field of a newer Envoy survives."""
    body = encode(Route(name="r")) + field_bytes(9999, b"new")
    assert canonical(Route, body) == body


@pytest.mark.parametrize(
    ("message_type", "body"),
    [
        (Route, b"\xff\xff\xff"),
        (Route, field_bytes(14, b"\xff\xfe")),
        (Route, _wrapped(b"\xff\xff\xff")),
        (names.LISTENER, b"\x08"),
        ("type.googleapis.com/no.such.Type", b""),
        (AnyMessage, encode(_nested(MAX_DEPTH + 1))),
    ],
    ids=["garbage", "not UTF-8", "garbage inside", "cut off", "unknown type", "too deep"],
)
def test_canonical_refuses(message_type: Any, body: bytes) -> None:
    """Bytes that are no such message, or go too deep, are an error of one known class."""
    with pytest.raises(UnreadableMessageError):
        canonical(message_type, body)


def test_canonical_follows_what_is_not_too_deep() -> None:
    """The limit of depth is far from what anybody writes."""
    body = encode(_nested(MAX_DEPTH // 2))
    assert canonical(AnyMessage, body) == body


def test_canonical_refuses_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message over the limit of size is not even parsed."""
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 3)
    with pytest.raises(UnreadableMessageError, match="4 bytes are more than the 3"):
        canonical(Route, b"\xff\xff\xff\xff")


def test_what_translation_writes_is_canonical() -> None:
    """Listeners, clusters, endpoints and secrets have the bytes that they would have coming back from a hook."""
    served = serve(a_rule(backend("10.0.0.1"), backend("db.example")))
    secure = gateway(*served.listeners, listener("https", port=443, certificates=[secret("cert")]))
    found = [each for each in resources(translate(secure)) if each.type_url != names.ROUTE_CONFIGURATION]
    assert {each.type_url for each in found} == set(CLASSES) - {names.ROUTE_CONFIGURATION}
    assert [canonical(each.type_url, each.body) for each in found] == [each.body for each in found]
