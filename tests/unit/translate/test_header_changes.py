"""Header modifiers."""

from __future__ import annotations

import pytest

from egxds.translate.format_strings import format_string
from tests.unit.translate.builders import backend, rule, serve
from tests.unit.translate.reading import only_route

CHANGE = {
    "set": [{"name": "X-Set", "value": "a"}, {"name": "x-set", "value": "ignored"}],
    "add": [{"name": "X-Add", "value": "b"}],
    "remove": ["X-Remove"],
}
ADDED = [
    {"header": {"key": "X-Set", "value": "a"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
    {"header": {"key": "X-Add", "value": "b"}},
]
"""Envoy JSON leaves out the first value of an enumeration, here APPEND_IF_EXISTS_OR_ADD."""


@pytest.mark.parametrize("side", ["request", "response"])
def test_header_modifier(side: str) -> None:
    """Set overwrites, add appends, remove removes; of equal names the first counts."""
    kind = f"{side.capitalize()}HeaderModifier"
    filters = [{"type": kind, f"{side}HeaderModifier": CHANGE}]
    found = only_route(serve(rule(backend("10.0.0.1"), filters=filters)))
    assert found[f"{side}_headers_to_add"] == ADDED
    assert found[f"{side}_headers_to_remove"] == ["X-Remove"]
    other = "response" if side == "request" else "request"
    assert not any(key.startswith(other) for key in found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("100%", "100%%"),
        ("50% off, 100% sure", "50%% off, 100%% sure"),
        ("100%% sure", "100%% sure"),
        ("%%%", "%%%%"),
        ("%REQ(x-user)%", "%REQ(x-user)%"),
        ("%REQ(x-a?:authority):20%", "%REQ(x-a?:authority):20%"),
        ("%REQ(x-a?:authority)%", "%REQ(x-a?:authority)%"),
        ("%REQ(x-a):20%", "%REQ(x-a):20%"),
        ("%REQ(a?b?c)%", "%%REQ(a?b?c)%%"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        ("id-%STREAM_ID%-100%", "id-%STREAM_ID%-100%%"),
        ("%UNKNOWN%", "%%UNKNOWN%%"),
    ],
)
def test_format_string(value: str, expected: str) -> None:
    """Envoy's command operators pass; any other percent sign stands for itself."""
    assert format_string(value) == expected
