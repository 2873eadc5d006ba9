"""What of Envoy's API is secret: the table against the API itself, and what must not be seen."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
from collections.abc import Iterator

import pytest
from google.protobuf import any_pb2, descriptor_pool, json_format, struct_pb2
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from udpa.annotations import sensitive_pb2

from egxds.names import TYPE_PREFIX
from egxds.resources.encoding import class_of
from egxds.resources.json import render_body
from egxds.resources.sensitive import NAMED_VALUES, REDACTED, SENSITIVE_FIELDS, without_secrets

CANARY = "c4n4ry"
CORE = "envoy.config.core.v3."
ROUTE = "envoy.config.route.v3."
HTTP = "envoy.extensions.filters.http."
_OF_ENVOY = re.compile(r"(envoy|udpa|xds)/.*_pb2\.py")


def api_types() -> Iterator[object]:
    """Yield every message type of Envoy's API, nested ones too."""
    for file in importlib.metadata.files("xds-protos") or ():
        if _OF_ENVOY.fullmatch(str(file)):
            importlib.import_module(str(file)[: -len(".py")].replace("/", "."))
            found = descriptor_pool.Default().FindFileByName(str(file).replace("_pb2.py", ".proto"))
            waiting = list(found.message_types_by_name.values())
            while waiting:
                descriptor = waiting.pop()
                yield descriptor
                waiting += descriptor.nested_types


@pytest.fixture(scope="module")
def fields() -> dict[str, bool]:
    """Return every field of Envoy's API, and whether it is marked as sensitive."""
    return {
        field.full_name: field.GetOptions().Extensions[sensitive_pb2.sensitive]
        for descriptor in api_types()
        for field in descriptor.fields  # type: ignore[attr-defined]
    }


def test_table_has_every_field_that_the_api_marks(fields: dict[str, bool]) -> None:
    """A release of the API that marks another field as sensitive has to be read, and the table told."""
    marked = {name for name, is_marked in fields.items() if is_marked}
    assert len(marked) >= 38
    assert marked - SENSITIVE_FIELDS == set()


def test_table_names_what_there_is(fields: dict[str, bool]) -> None:
    """A row with a slip of the pen would hide nothing."""
    assert SENSITIVE_FIELDS - fields.keys() == set()
    assert {name for name in NAMED_VALUES if class_of(TYPE_PREFIX + name) is None} == set()


def test_every_sensitive_field_is_hidden(fields: dict[str, bool]) -> None:
    """Whatever a field of the table holds, text or a message with texts in it, does not show."""
    shown = []
    for name in sorted(SENSITIVE_FIELDS):
        type_name, _, field_name = name.rpartition(".")
        message_class = class_of(TYPE_PREFIX + type_name)
        assert message_class is not None
        message = message_class()
        _fill(message, field_name)
        if CANARY in str(render_body(TYPE_PREFIX + type_name, message.SerializeToString())):
            shown.append(name)
    assert shown == []


def _fill(message: Message, field_name: str) -> None:
    field = message.DESCRIPTOR.fields_by_name[field_name]
    if field.message_type is None:
        setattr(message, field_name, CANARY)
    elif field.message_type.GetOptions().map_entry:
        value = field.message_type.fields_by_name["value"]
        json_format.ParseDict({field_name: {"name": _content(value)}}, message)
    else:
        content = _content(field)
        json_format.ParseDict({field_name: [content] if field.is_repeated else content}, message)


def _content(field: object) -> object:
    content = field.message_type  # type: ignore[attr-defined]
    if content is None:
        return CANARY
    if content.full_name == "google.protobuf.Any":
        return {"@type": TYPE_PREFIX + "google.protobuf.StringValue", "value": CANARY}
    if content.full_name == "google.protobuf.Struct":
        return {"any": CANARY}
    if content.full_name.endswith(".HeaderValueOption"):
        return {"header": {"key": "x-any", "value": CANARY}}
    names = content.fields_by_name.keys()
    value = "value" if "value" in names else "key" if "client" in names else "inlineString"
    return {value: CANARY} | ({"key": "x-any"} if value == "value" else {})


@pytest.mark.parametrize(
    ("type_name", "content"),
    [
        (CORE + "HeaderValue", {"key": "authorization", "value": CANARY}),
        (CORE + "HeaderValue", {"key": "X-Auth-Key", "value": CANARY}),
        (CORE + "HeaderValue", {"key": "set-cookie", "value": CANARY}),
        (CORE + "HeaderValue", {"key": "x-upstream", "value": f"https://user:{CANARY}@example.com/"}),
        (CORE + "HeaderValue", {"key": "x-upstream", "value": f"Bearer {CANARY}-and-more"}),
        (CORE + "QueryParameter", {"key": "api_key", "value": CANARY}),
        (ROUTE + "HeaderMatcher", {"name": "authorization", "string_match": {"exact": CANARY}}),
        (ROUTE + "HeaderMatcher", {"name": "x-api-key", "exact_match": CANARY}),
        (ROUTE + "HeaderMatcher", {"name": "cookie", "string_match": {"safe_regex": {"regex": CANARY}}}),
        (ROUTE + "HeaderMatcher", {"name": "x-api-key", "safe_regex_match": {"regex": CANARY}}),
        (ROUTE + "QueryParameterMatcher", {"name": "token", "string_match": {"exact": CANARY}}),
        (CORE + "HttpUri", {"uri": f"https://user:{CANARY}@example.com/keys", "cluster": "c", "timeout": "1s"}),
        (CORE + "HttpUri", {"uri": f"https://{CANARY}@example.com/keys", "cluster": "c", "timeout": "1s"}),
        (CORE + "HttpUri", {"uri": f"https://example.com/?a=b&api_key={CANARY}", "cluster": "c", "timeout": "1s"}),
        (CORE + "HttpUri", {"uri": f"https://example.com/?a=b&sig={CANARY}", "cluster": "c", "timeout": "1s"}),
        (CORE + "GrpcService", {"google_grpc": {"target_uri": f"dns://u:{CANARY}@a/b", "stat_prefix": "s"}}),
        (CORE + "GrpcService", {"initial_metadata": [{"key": "x-tenant", "value": CANARY}]}),
        (HTTP + "jwt_authn.v3.JwtProvider", {"issuer": "i", "local_jwks": {"inline_string": CANARY}}),
        (
            HTTP + "oauth2.v3.OAuth2Config",
            {"token_endpoint": {"uri": f"https://u:{CANARY}@id/t", "cluster": "c", "timeout": "1s"}},
        ),
        (
            "envoy.extensions.wasm.v3.PluginConfig",
            {"vm_config": {"code": {"local": {"inline_bytes": "YzRuNHJ5"}}}},
        ),
        (
            "xds.type.v3.TypedStruct",
            {"type_url": "x/example.Unknown", "value": {"password": CANARY, "nested": [{"apiKey": CANARY}]}},
        ),
        (
            "xds.type.v3.TypedStruct",
            {"type_url": f"x/{HTTP}basic_auth.v3.BasicAuth", "value": {"users": {"inline_string": CANARY}}},
        ),
        (
            "udpa.type.v1.TypedStruct",
            {"type_url": f"x/{HTTP}lua.v3.Lua", "value": {"sourceCodes": {"a": {"inlineString": CANARY}}}},
        ),
        (
            "xds.type.v3.TypedStruct",
            {
                "type_url": f"x/{ROUTE}VirtualHost",
                "value": {"routes": [{"match": {"headers": [{"name": "authorization", "exactMatch": CANARY}]}}]},
            },
        ),
        (
            "google.protobuf.Struct",
            {"headers": [{"name": "authorization", "value": CANARY}], "jwks": CANARY, "inline_string": CANARY},
        ),
        ("google.protobuf.Struct", {"auth": {"@type": f"x/{HTTP}basic_auth.v3.BasicAuth", "users": {"a": CANARY}}}),
        (
            "xds.type.matcher.v3.Matcher",
            {
                "matcher_tree": {
                    "input": {
                        "name": "header",
                        "typed_config": {
                            "@type": TYPE_PREFIX + "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                            "header_name": "authorization",
                        },
                    },
                    "exact_match_map": {"map": {CANARY: {"action": {"name": "a"}}}},
                }
            },
        ),
    ],
    ids=str,
)
def test_is_not_shown(type_name: str, content: dict[str, object]) -> None:
    """At the top, and as an extension packs it; the names around it are shown."""
    shown = render_body(TYPE_PREFIX + type_name, _encoded(type_name, content))
    assert CANARY not in str(shown)
    assert "YzRuNHJ5" not in str(shown)
    assert REDACTED in str(shown)


def _encoded(type_name: str, content: dict[str, object]) -> bytes:
    message_class = class_of(TYPE_PREFIX + type_name)
    assert message_class is not None
    for name in re.findall(r"envoy\.[a-z0-9_.]+\.[A-Z]\w+", str(content)):
        assert class_of(TYPE_PREFIX + name) is not None
    return json_format.ParseDict(content, message_class()).SerializeToString()


@pytest.mark.parametrize(
    ("type_name", "content"),
    [
        (CORE + "HeaderValue", {"key": "x-team", "value": "web"}),
        (ROUTE + "HeaderMatcher", {"name": "x-version", "string_match": {"exact": "v2"}}),
        (ROUTE + "HeaderMatcher", {"name": "authorization", "present_match": True}),
        (CORE + "HttpUri", {"uri": "https://example.com/a@b?page=2", "cluster": "c", "timeout": "1s"}),
        (CORE + "HeaderValue", {"key": "x-note", "value": "basic characters of a story"}),
        ("google.protobuf.Struct", {"name": "web", "value": "shown", "keys": ["a"]}),
    ],
    ids=str,
)
def test_what_is_not_secret_is_shown(type_name: str, content: dict[str, object]) -> None:
    """A dump in which everything is hidden helps nobody."""
    shown = render_body(TYPE_PREFIX + type_name, _encoded(type_name, content))
    assert REDACTED not in json.dumps(shown)


def test_payload_of_a_hidden_field_keeps_its_type() -> None:
    """So that one sees what kind of secret there is."""
    message_class = class_of(TYPE_PREFIX + "envoy.extensions.wasm.v3.PluginConfig")
    assert message_class is not None
    inner = any_pb2.Any()
    inner.Pack(struct_pb2.Struct())
    message = json_format.ParseDict({"configuration": json_format.MessageToDict(inner)}, message_class())
    shown = render_body(TYPE_PREFIX + message.DESCRIPTOR.full_name, message.SerializeToString())
    assert shown == {"configuration": {"@type": inner.type_url, "value": REDACTED}}


@given(st.text(alphabet=st.characters(blacklist_characters='/?#"<>', blacklist_categories=["Z", "C"]), min_size=1))
def test_user_info_of_any_shape(user_info: str) -> None:
    """Nothing between the slashes and the last @ of an authority is left."""
    assert without_secrets(f"https://{user_info}@example.com/a") == f"https://{REDACTED}@example.com/a"
