"""Odd sets of keys: of what egxds takes, a real Envoy takes what it is sent, and what Envoy refuses, egxds refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from egxds.certificates.json_web_keys import read_json_web_keys
from tests.envoy.envoy_process import check_config
from tests.envoy.token_issuer import key_set, text_of

pytestmark = pytest.mark.envoy

(GOOD,) = key_set("first")["keys"]
EDWARDS = {"kty": "OKP", "crv": "Ed25519", "x": text_of(b"a" * 32)}
SYMMETRIC = {"kty": "oct", "k": text_of(b"secret")}
_API = "type.googleapis.com/envoy.extensions.filters."

ODD: dict[str, tuple[str, bool]] = {
    name: (value if isinstance(value, str) else json.dumps({"keys": value}), is_taken)
    for name, (value, is_taken) in {
        "RSA": ([GOOD], True),
        "RSA with padding": ([{**GOOD, "n": GOOD["n"] + "=="}], True),
        "RSA twice": ([GOOD, GOOD], True),
        "a kid that is a number": ([{**GOOD, "kid": 5}], True),
        "Ed25519": ([EDWARDS], True),
        "symmetric": ([SYMMETRIC], True),
        "a good one beside a bad one": ([{"kty": "FOO"}, "x", GOOD], True),
        "no JSON": ("{", False),
        "something behind it": (json.dumps({"keys": [GOOD]}) + "x", False),
        "a list": ("[]", False),
        "PEM": ("-----BEGIN PUBLIC KEY-----", False),
        "no keys": ("{}", False),
        "an empty list": ([], False),
        "an unknown kind": ([{"kty": "FOO"}], False),
        "no kind": ([{"n": GOOD["n"], "e": "AQAB"}], False),
        "a modulus that is none": ([{**GOOD, "n": "some-modulus"}], False),
        "a small modulus": ([{**GOOD, "n": "AQAB"}], False),
        "a modulus that is a number": ([{**GOOD, "n": 5}], False),
        "another algorithm": ([{**GOOD, "alg": "HS256"}], False),
        "no base64": ([{"kty": "oct", "k": "!!"}], False),
        "a point that is on no curve": ([{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}], False),
        "another curve of OKP": ([{**EDWARDS, "crv": "X25519"}], False),
    }.items()
}


@pytest.mark.parametrize(("text", "is_taken"), ODD.values(), ids=ODD)
def test_a_set_is_taken_by_both_or_by_none(text: str, is_taken: bool, envoy_binary: Path, tmp_path: Path) -> None:
    """One that Envoy refused would keep the tokens of all other policies from being asked for."""
    found = read_json_web_keys(text)
    assert isinstance(found, str) == is_taken
    checked = check_config(envoy_binary, _bootstrap(found if isinstance(found, str) else text), tmp_path)
    assert (checked.returncode == 0) == is_taken, checked.stderr


def _bootstrap(keys: str) -> dict[str, Any]:
    filters = [
        _filter("http.jwt_authn.v3.JwtAuthentication", providers={"a": {"local_jwks": {"inline_string": keys}}}),
        _filter("http.router.v3.Router"),
    ]
    manager = _filter(
        "network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="a",
        route_config={"name": "a"},
        http_filters=filters,
    )
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 1}}
    listener = {"name": "a", "address": address, "filter_chains": [{"filters": [manager]}]}
    return {"static_resources": {"listeners": [listener]}}


def _filter(type_name: str, **config: Any) -> dict[str, Any]:
    return {"name": type_name, "typed_config": {"@type": _API + type_name, **config}}
