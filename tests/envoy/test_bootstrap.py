"""Bootstraps, shown to a real Envoy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from egxds.app.bootstrap import bootstrap
from egxds.app.client_tls import XdsConnection
from egxds.settings.daemon import Settings
from tests.envoy.certificates import Authority

pytestmark = pytest.mark.envoy


def complaints(binary: Path, rendered: dict[str, object]) -> str:
    """What Envoy says to a bootstrap; empty where it accepts it without a word."""
    options = ["--mode", "validate", "--log-level", "warning", "--reject-unknown-dynamic-fields"]
    command = [str(binary), "--config-yaml", json.dumps(rendered), "--disable-hot-restart", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and not done.stderr else f"{done.returncode}: {done.stderr}"


def settings(**xds: Any) -> Settings:
    """Settings with this `xds` section."""
    return Settings.model_validate({"sources": {"files": {"paths": ["routes"]}}, "xds": xds})


@pytest.mark.parametrize("address", ["127.0.0.1:18000", "[::1]:18000", "xds.internal:18000", "unix:/run/xds.sock"])
def test_envoy_accepts_every_kind_of_address(envoy_binary: Path, address: str) -> None:
    """TCP by address, by name, and Unix sockets: Envoy finds nothing to say."""
    assert complaints(envoy_binary, bootstrap(settings(address=address), "shop/web", "edge-1")) == ""


@pytest.mark.parametrize("is_mutual", [False, True])
def test_envoy_accepts_tls(envoy_binary: Path, tmp_path: Path, is_mutual: bool) -> None:
    """TLS with and without a certificate of Envoy's own: Envoy reads the files and finds nothing to say."""
    authority = Authority()
    pair = authority.issue("edge-1")
    texts = {"ca.crt": authority.cert, "tls.crt": pair.cert, "tls.key": pair.key}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    tls = {"certFile": "server.crt", "keyFile": "server.key"} | ({"clientCAFile": "ca.crt"} if is_mutual else {})
    own: dict[str, Any] = {"cert_file": tmp_path / "tls.crt", "key_file": tmp_path / "tls.key"} if is_mutual else {}
    connection = XdsConnection((), tmp_path / "ca.crt", **own)
    assert complaints(envoy_binary, bootstrap(settings(tls=tls), "shop/web", "edge-1", connection=connection)) == ""
