"""Odd certificates and keys: what egxds takes, Envoy takes, and what egxds refuses, Envoy refuses.

The whole table goes to one Envoy, each certificate in a listener of its own: Envoy takes the good listeners of a
response, and says of each other one why not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsCertificate

from egxds.certificates.key_pair import KeyPair, read_key_pair
from egxds.resources.validation.violations import violations
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.odd_certificates import Odd, odd_chains, odd_fields, odd_keys
from tests.envoy.odd_encodings import odd_bytes, odd_key_forms, odd_texts

pytestmark = pytest.mark.envoy

ODD = (*odd_keys(), *odd_fields(), *odd_bytes(), *odd_chains(), *odd_key_forms(), *odd_texts())
_BEYOND = frozenset({"bytes behind it", "headers", "key named RSA that is none", "key without a kind in SEC 1"})
"""What only a text that is written anew is good for, and is not found out where it is not: in the reply of a hook."""

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"


@pytest.fixture(scope="module")
def taken(envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """What a real Envoy takes: `as it is <name>`, and of what egxds takes `as sent <name>`."""
    directory = tmp_path_factory.mktemp("odd")
    pairs = {f"as it is {odd.name}": (odd.certificate, odd.key) for odd in ODD}
    read = {odd.name: read_key_pair(odd.data) for odd in ODD}
    pairs |= {
        f"as sent {name}": (pair.certificates_pem(), pair.key_pem())
        for name, pair in read.items()
        if isinstance(pair, KeyPair)
    }
    listeners = [_listener(name, *pair, directory / f"{at}.sock") for at, (name, pair) in enumerate(pairs.items())]
    (directory / "lds.json").write_text(json.dumps({"resources": listeners}))
    source = {"path_config_source": {"path": str(directory / "lds.json")}}
    bootstrap = {"node": {"id": "odd", "cluster": "odd"}, "dynamic_resources": {"lds_config": source}}
    envoy = EnvoyProcess(envoy_binary, bootstrap, directory / "envoy")
    try:
        envoy.start()
        envoy.wait_ready()
        return frozenset(each["name"] for each in envoy.admin("/listeners?format=json").json["listener_statuses"])
    finally:
        envoy.stop()


def _listener(name: str, certificate: bytes, key: bytes, path: Path) -> Mapping[str, Any]:
    values = {"certificate_chain": certificate, "private_key": key}
    inline = {field: {"inline_bytes": base64.b64encode(value).decode()} for field, value in values.items()}
    tls = {"@type": _TLS, "common_tls_context": {"tls_certificates": [inline]}}
    chain = {"filters": [], "transport_socket": {"name": "tls", "typed_config": tls}}
    return {"@type": _LISTENER, "name": name, "address": {"pipe": {"path": str(path)}}, "filter_chains": [chain]}


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_egxds_and_envoy_agree(odd: Odd, taken: frozenset[str]) -> None:
    """Nothing is sent that Envoy refuses, and nothing is refused that Envoy takes, but for a reason that is written."""
    found = read_key_pair(odd.data)
    if isinstance(found, KeyPair):
        assert not odd.refused
        assert f"as sent {odd.name}" in taken
    else:
        assert odd.refused
        assert any(odd.refused in fault for fault in found), found
        assert (f"as it is {odd.name}" in taken) is bool(odd.stricter)


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd.name not in _BEYOND], ids=lambda odd: odd.name)
def test_what_a_hook_returns_is_judged_as_it_is(odd: Odd, taken: frozenset[str]) -> None:
    """A certificate in the reply of a hook is not written anew, so the text around it counts too."""
    message = TlsCertificate(
        certificate_chain=DataSource(inline_bytes=odd.certificate), private_key=DataSource(inline_bytes=odd.key)
    )
    if not list(violations(message)):
        assert f"as it is {odd.name}" in taken
