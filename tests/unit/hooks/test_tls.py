"""TLS to a real extension server that asks for a certificate: what it is checked with, and how files are replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from structlog.testing import capture_logs

from egxds.errors import FailureReason, StartError
from egxds.hooks.calls import HookFailure, HookReply
from egxds.hooks.remote.client import ExtensionClient
from egxds.settings.extensions import Hook
from tests.envoy.certificates import Authority, Pair
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.extensions import manager, record, unchanged
from tests.unit.hooks.gateways import translation

pytestmark = pytest.mark.anyio

CALL = next(call for batch in record(translation(), (manager(),), unchanged)[1] for call in batch)
NAME = "ext.internal"
FILES = {"caFile": "ca.crt", "certFile": "client.crt", "keyFile": "client.key"}


class Certificates:
    """A directory of certificates for both ends."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority()
        self.write_ca(self.authority)
        self.write("server", self.authority.issue(NAME))
        self.write("client", self.authority.issue("egxds"))

    def write(self, name: str, pair: Pair) -> None:
        """Replace a certificate and its key."""
        (self.directory / f"{name}.crt").write_text(pair.cert)
        (self.directory / f"{name}.key").write_text(pair.key)

    def write_ca(self, authority: Authority) -> None:
        """Replace what the other end is checked with."""
        (self.directory / "ca.crt").write_text(authority.cert)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExtensionHandle, Certificates]]:
    """Keep one extension server with TLS for all tests."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    with ExtensionHandle.start(None, "--tls", str(certificates.directory)) as handle:
        yield handle, certificates


@pytest.fixture
def extension(started: tuple[ExtensionHandle, Certificates]) -> ExtensionHandle:
    """The extension server, working."""
    started[0].set_mode("ok")
    return started[0]


@pytest.fixture
def certificates(started: tuple[ExtensionHandle, Certificates], tmp_path: Path) -> Certificates:
    """A client's own files that the server accepts."""
    made = Certificates(tmp_path)
    made.authority = started[1].authority
    made.write_ca(made.authority)
    made.write("client", made.authority.issue("egxds"))
    return made


def client_of(extension: ExtensionHandle, certificates: Certificates, **tls: Any) -> ExtensionClient:
    """Make a client with TLS that makes one attempt; `None` leaves a key out."""
    keys = {key: value for key, value in ({"serverName": NAME} | FILES | tls).items() if value is not None}
    service = extension.service | {"tls": keys, "retry": {"maxAttempts": 1}}
    return ExtensionClient(manager(service=service, timeout="20s"), certificates.directory)


async def outcome_of(client: ExtensionClient) -> HookReply | HookFailure:
    """Make one call on a connection of its own."""
    await client.start()
    outcome = await client.call(CALL)
    await client.aclose()
    return outcome


async def test_both_ends_prove_who_they_are(extension: ExtensionHandle, certificates: Certificates) -> None:
    """With a CA, a certificate and the right name, a call is made as without TLS."""
    assert CALL.hook is Hook.ROUTE
    assert isinstance(await outcome_of(client_of(extension, certificates)), HookReply)


async def test_an_absolute_name_is_the_name_in_the_certificate(
    extension: ExtensionHandle, certificates: Certificates
) -> None:
    """A certificate has no dot at the end of a name (istio/istio issue 28103)."""
    assert isinstance(await outcome_of(client_of(extension, certificates, serverName=f"{NAME}.")), HookReply)


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        pytest.param({"serverName": "other.internal"}, "Hostname mismatch", id="another name"),
        pytest.param({"serverName": None}, "IP address mismatch", id="the address that is connected to"),
        pytest.param({"caFile": "other.crt"}, "certificate verify failed", id="another CA"),
        pytest.param({"certFile": None, "keyFile": None}, "", id="no certificate of ours"),
    ],
)
async def test_who_is_not_known_is_not_called(
    extension: ExtensionHandle, certificates: Certificates, tls: dict[str, str | None], said: str
) -> None:
    """A server that is not the one meant, or that does not know us, is a connection that cannot be made."""
    (certificates.directory / "other.crt").write_text(Authority().cert)
    outcome = await outcome_of(client_of(extension, certificates, **tls))
    assert isinstance(outcome, HookFailure)
    assert (outcome.reason, said in outcome.message) == (FailureReason.CONNECT, True), outcome


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("ca.crt", "caFile: cannot use "),
        ("client.crt", "certFile, keyFile: cannot use "),
        ("client.key", "certFile, keyFile: cannot use "),
    ],
)
async def test_a_file_that_cannot_be_used_stops_the_start(
    extension: ExtensionHandle, certificates: Certificates, broken: str, said: str
) -> None:
    """The message names the extension and the setting."""
    (certificates.directory / broken).write_text("nothing of use")
    with pytest.raises(StartError, match=f"^service.tls of extension authz: {said}"):
        await client_of(extension, certificates).start()


async def test_a_file_that_is_missing_stops_the_start(extension: ExtensionHandle, certificates: Certificates) -> None:
    """What is not there is named."""
    (certificates.directory / "ca.crt").unlink()
    with pytest.raises(StartError, match=r"cannot use .*/ca.crt: no such file or directory$"):
        await client_of(extension, certificates).start()


async def test_new_files_are_used_by_new_connections_only(
    extension: ExtensionHandle, certificates: Certificates
) -> None:
    """A connection lives on with what it was made with; the next one has what the files say then."""
    client = client_of(extension, certificates)
    await client.start()
    assert isinstance(await client.call(CALL), HookReply)
    certificates.write("client", Authority().issue("egxds"))
    assert isinstance(await client.call(CALL), HookReply)
    await reconnect(extension)
    with capture_logs() as lines:
        assert isinstance(await client.call(CALL), HookFailure)
        certificates.write("client", certificates.authority.issue("egxds"))
        assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()
    assert [line["event"] for line in lines] == ["hook.certificates_loaded"] * 2


async def test_broken_files_leave_the_old_ones_in_force(extension: ExtensionHandle, certificates: Certificates) -> None:
    """A key that does not belong to the new certificate, yet, costs nothing and is said once."""
    client = client_of(extension, certificates)
    await client.start()
    pair = certificates.authority.issue("egxds")
    (certificates.directory / "client.crt").write_text(pair.cert)
    with capture_logs() as lines:
        for _ in range(2):
            assert isinstance(await client.call(CALL), HookReply)
            await reconnect(extension)
        (certificates.directory / "client.key").write_text(pair.key)
        assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()
    assert [line["event"] for line in lines] == ["hook.certificates_kept", "hook.certificates_loaded"]
    assert (lines[0]["manager"], "key values mismatch" in lines[0]["error"]) == ("authz", True)


def secrets_of(certificates: Certificates) -> dict[tuple[str, str], dict[str, bytes]]:
    """Return the client's files as Secrets: (namespace, name) → values."""
    ca, cert, key = ((certificates.directory / name).read_bytes() for name in FILES.values())
    return {("default", "ca"): {"tls.crt": ca}, ("certs", "egxds"): {"tls.crt": cert, "tls.key": key}}


CA = "Secret envoy-gateway-system/ca or default/ca"


def client_with(
    extension: ExtensionHandle, certificates: Certificates, secrets: dict[tuple[str, str], dict[str, bytes]]
) -> ExtensionClient:
    """Make a client whose certificates are in Secrets."""
    references = {"certificateRef": {"name": "ca"}, "clientCertificateRef": {"name": "egxds", "namespace": "certs"}}
    service = extension.service | {"tls": {"serverName": NAME} | references, "retry": {"maxAttempts": 1}}
    settings = manager(service=service, timeout="20s")
    return ExtensionClient(settings, certificates.directory, lambda namespace, name: secrets.get((namespace, name)))


async def test_certificates_may_be_in_secrets(extension: ExtensionHandle, certificates: Certificates) -> None:
    """Authority and own certificate are found where the settings name Secrets, as Envoy Gateway's do."""
    assert isinstance(await outcome_of(client_with(extension, certificates, secrets_of(certificates))), HookReply)


def _authorities(certificates: Certificates) -> dict[str, dict[tuple[str, str], dict[str, bytes]]]:
    """Return where an authority may be, and what else may be there."""
    authority = certificates.authority.cert.encode()
    leaf = certificates.authority.issue("someone").cert.encode()
    other = Authority().cert.encode()
    return {
        "where Envoy Gateway has it": {("envoy-gateway-system", "ca"): {"tls.crt": authority}},
        "before default": {
            ("envoy-gateway-system", "ca"): {"tls.crt": authority},
            ("default", "ca"): {"tls.crt": other},
        },
        "in default": {("default", "ca"): {"tls.crt": authority}},
        "in ca.crt": {("default", "ca"): {"ca.crt": authority}},
        "in ca.crt beside a certificate that vouches for nobody": {
            ("default", "ca"): {"tls.crt": leaf, "tls.key": b"k", "ca.crt": authority}
        },
        "in tls.crt beside another one": {("default", "ca"): {"tls.crt": authority, "ca.crt": other}},
    }


@pytest.mark.parametrize(
    "place",
    [
        "where Envoy Gateway has it",
        "before default",
        "in default",
        "in ca.crt",
        "in ca.crt beside a certificate that vouches for nobody",
        "in tls.crt beside another one",
    ],
)
async def test_an_authority_is_found(extension: ExtensionHandle, certificates: Certificates, place: str) -> None:
    """Envoy Gateway has it in `tls.crt`, and cert-manager and most others in `ca.crt`."""
    own = secrets_of(certificates)[("certs", "egxds")]
    secrets = {("certs", "egxds"): own, **_authorities(certificates)[place]}
    assert isinstance(await outcome_of(client_with(extension, certificates, secrets)), HookReply)


async def test_another_authority_in_ca_crt_is_not_trusted(
    extension: ExtensionHandle, certificates: Certificates
) -> None:
    """As in Envoy Gateway, where `tls.crt` is that of an authority."""
    other = Authority().cert.encode()
    values = {"tls.crt": other, "ca.crt": certificates.authority.cert.encode()}
    secrets = secrets_of(certificates) | {("default", "ca"): values}
    assert isinstance(await outcome_of(client_with(extension, certificates, secrets)), HookFailure)


@pytest.mark.parametrize(
    ("at", "values", "said"),
    [
        (("default", "ca"), None, f"certificateRef: there is no {CA} in the sources"),
        (("default", "ca"), {}, f"certificateRef: cannot use {CA}: tls.crt or ca.crt is missing or empty"),
        (("default", "ca"), {"tls.crt": b"x"}, f"certificateRef: cannot use tls.crt or ca.crt of {CA}: no cert"),
        (("certs", "egxds"), None, "clientCertificateRef: there is no Secret certs/egxds in the sources"),
        (("certs", "egxds"), {"tls.crt": b"x"}, "cannot use Secret certs/egxds: tls.key is missing or empty"),
        (("certs", "egxds"), {"tls.crt": b"x", "tls.key": b"y"}, "clientCertificateRef: cannot use tls.crt of Secret"),
    ],
)
async def test_a_secret_of_no_use_is_a_connection_that_cannot_be_made(
    extension: ExtensionHandle,
    certificates: Certificates,
    at: tuple[str, str],
    values: dict[str, bytes] | None,
    said: str,
) -> None:
    """It does not stop the start, as the sources may yet bring a better one; when they do, calls are made."""
    secrets = secrets_of(certificates)
    good = secrets.pop(at)
    if values is not None:
        secrets[at] = values
    client = client_with(extension, certificates, secrets)
    await client.start()
    outcome = await client.call(CALL)
    assert isinstance(outcome, HookFailure)
    assert outcome.reason is FailureReason.CONNECT
    assert said in outcome.message, outcome
    secrets[at] = good
    assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()


async def test_a_secret_that_goes_leaves_its_certificates_in_force(
    extension: ExtensionHandle, certificates: Certificates
) -> None:
    """What could be used last is used until there is something better, and that is said once."""
    secrets = secrets_of(certificates)
    client = client_with(extension, certificates, secrets)
    assert isinstance(await client.call(CALL), HookReply)
    secrets.clear()
    with capture_logs() as lines:
        for _ in range(2):
            await reconnect(extension)
            assert isinstance(await client.call(CALL), HookReply)
    await client.aclose()
    assert [line["event"] for line in lines] == ["hook.certificates_kept"]


async def reconnect(extension: ExtensionHandle) -> None:
    """Have the server close every connection and listen again."""
    await to_thread.run_sync(extension.set_mode, "refuse")
    await to_thread.run_sync(extension.set_mode, "ok")
