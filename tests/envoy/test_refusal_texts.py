"""What a real Envoy quotes of a configuration that it refuses, and that none of it is left when egxds shows it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from egxds.app.envoy import find_envoy
from egxds.resources.refusal_text import without_quotes

CANARY = "c4n4ry"
TYPES = "type.googleapis.com/"
HTTP = TYPES + "envoy.extensions.filters.http."
MANAGER = TYPES + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
OK = {"status": 200}


def listener(*filters: dict[str, object], **host: object) -> dict[str, object]:
    """Return a listener with HTTP filters and a virtual host."""
    made = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": OK}], **host}
    router = {"name": "router", "typed_config": {"@type": HTTP + "router.v3.Router"}}
    manager = {
        "@type": MANAGER,
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [made]},
        "http_filters": [*filters, router],
    }
    return {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def http_filter(type_name: str, **content: object) -> dict[str, object]:
    """Return a filter."""
    return {"name": type_name, "typed_config": {"@type": HTTP + type_name, **content}}


def lua(code: str) -> dict[str, object]:
    """Return a filter with a script."""
    return http_filter("lua.v3.Lua", default_source_code={"inline_string": code})


def header_added(value: str) -> list[dict[str, Any]]:
    """Return a header to add that is secret."""
    return [{"header": {"key": "authorization", "value": value}}]


CASES = {
    "script that does not parse": listener(lua(f"function f() {CANARY} {CANARY} end")),
    "script that raises": listener(lua(f"error('{CANARY}')")),
    "expression": listener(
        routes=[
            {
                "match": {
                    "prefix": "/",
                    "headers": [{"name": "authorization", "string_match": {"safe_regex": {"regex": CANARY + "("}}}],
                },
                "direct_response": OK,
            }
        ]
    ),
    "format": listener(request_headers_to_add=header_added(f"%{CANARY}(%")),
    "control character": listener(request_headers_to_add=header_added(f"{CANARY}\n")),
    "rule of another field": listener(name="", request_headers_to_add=header_added(CANARY)),
    "key twice": listener(
        http_filter(
            "api_key_auth.v3.ApiKeyAuth",
            credentials=[{"key": CANARY, "client": "a"}, {"key": CANARY, "client": "b"}],
            key_sources=[{"header": "x"}],
        )
    ),
    "untyped": listener(
        {
            "name": "untyped",
            "typed_config": {
                "@type": TYPES + "xds.type.v3.TypedStruct",
                "type_url": HTTP + "basic_auth.v3.BasicAuth",
                "value": {CANARY: "x"},
            },
        }
    ),
    "URI": listener(
        http_filter(
            "jwt_authn.v3.JwtAuthentication",
            providers={
                "p": {
                    "issuer": "i",
                    "remote_jwks": {"http_uri": {"uri": f"https://u:{CANARY}@ x", "cluster": "c", "timeout": "1s"}},
                }
            },
        )
    ),
}


@pytest.mark.parametrize("made", CASES.values(), ids=CASES.keys())
def test_a_quote_of_envoy_is_cut_out(made: dict[str, object], tmp_path: Path) -> None:
    """The same text comes back in a NACK."""
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps({"static_resources": {"listeners": [made]}}))
    command: list[str | Path] = [find_envoy(None), "--mode", "validate", "-l", "critical", "-c", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    refusal = said.partition(f"'{path}': ")[2]
    assert CANARY in refusal
    assert CANARY not in without_quotes(refusal)
