"""An extension over mTLS whose certificates are Secrets among the routes: what is denied without, served with them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority, Pair
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.shop import ONE, TWO, Shop, manager
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server.handle import ExtensionHandle

pytestmark = pytest.mark.envoy

NAME = "ext.internal"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs for both ends; the extension server's files are there."""
    made = Authority()
    pair = made.issue(NAME)
    for name, text in {"ca.crt": made.cert, "server.crt": pair.cert, "server.key": pair.key}.items():
        (tmp_path / name).write_text(text)
    return made


@pytest.fixture
def extension(authority: Authority, tmp_path: Path) -> Iterator[ExtensionHandle]:
    """An extension server that asks for certificates."""
    with ExtensionHandle.start(None, "--tls", str(tmp_path)) as running:
        yield running


def write_authority(workspace: Workspace, authority: Authority) -> None:
    """Write the Secret that the server is checked with."""
    data = {"tls.crt": base64.b64encode(authority.cert.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "extension-ca"}, "data": data}
    workspace.write("extension-ca.yaml", json.dumps(secret))


def write_own(workspace: Workspace, pair: Pair) -> None:
    """Write the Secret that egxds shows."""
    workspace.write("extension-client.yaml", pair.secret("extension-client"))


def test_secrets_come_late(
    workspace: Workspace,
    backend: EchoBackend,
    authority: Authority,
    extension: ExtensionHandle,
    make_daemon: Callable[..., Daemon],
    start_envoy: StartEnvoy,
) -> None:
    """Everything is denied, and why is said, until the Secrets are there; then all of it is served."""
    shop = Shop(workspace, backend)
    references = {"certificateRef": {"name": "extension-ca"}, "clientCertificateRef": {"name": "extension-client"}}
    service = extension.service | {"tls": {"serverName": NAME} | references}
    daemon = make_daemon(extensionManagers=[manager(extension, "deny", service=service)])
    daemon.start()
    start_envoy(daemon)
    for host in (ONE, TWO):
        wait_for(shop.denies(host), f"{host} to be denied")
    assert (
        "certificateRef: there is no Secret envoy-gateway-system/extension-ca or default/extension-ca in the sources"
        in last_errors(daemon)
    )

    write_authority(workspace, authority)
    wait_for(lambda: "clientCertificateRef: there is no Secret" in last_errors(daemon), "the other to be missed")
    write_own(workspace, authority.issue("egxds"))
    for host in (ONE, TWO):
        wait_for(shop.says(host, "old", through_extension=True), f"{host} to be served")


def last_errors(daemon: Daemon) -> str:
    """Return what went wrong last, for every hook."""
    return "\n".join(hook["lastError"] for hook in daemon.api("hooks")["items"])
