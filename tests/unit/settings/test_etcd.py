"""The settings of a source in etcd."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest
from click.testing import CliRunner

from egxds.cli.application import application
from egxds.errors import SettingsError, StartError
from egxds.settings.daemon import Settings
from egxds.settings.etcd import EtcdSource
from egxds.settings.notes import notes_of
from egxds.settings.text import parse_settings


def source(text: str) -> EtcdSource:
    """Read what stands below `sources.etcd`."""
    found = parse_settings(f"sources: {{etcd: {{{text}}}}}", "f").sources.etcd
    assert found is not None
    return found


def fault(text: str) -> str:
    """Return what is wrong with a file."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "f")
    (problem,) = caught.value.problems
    return problem.message


def test_the_least_there_is() -> None:
    """One endpoint; all else has a default."""
    read = source("endpoints: ['127.0.0.1:2379']")
    assert [str(member) for member in read.members] == ["127.0.0.1:2379"]
    assert (read.prefix, read.request_timeout, read.speaks_tls) == ("/egxds/", 5.0, False)
    assert (read.limits.file_bytes, read.limits.total_bytes) == (32 * 2**20, 512 * 2**20)


def test_endpoints_are_urls_or_hosts_with_ports() -> None:
    """Of all of them only the host and the port count, and whether TLS is spoken."""
    read = source("endpoints: ['https://etcd-1:2379', 'https://10.0.0.2:2379/', '[::1]:2381']")
    assert [(each.host, each.port) for each in read.members] == [("etcd-1", 2379), ("10.0.0.2", 2379), ("::1", 2381)]
    assert str(read.members[2]) == "[::1]:2381"
    assert read.speaks_tls


def test_relative_files_are_below_the_settings_file() -> None:
    """Those of TLS and that of the password."""
    files = "tls: {caFile: ca.pem, certFile: /own.pem, keyFile: own.key}, user: replica, passwordFile: password"
    read = source(f"endpoints: ['a:1'], {files}").below(PurePath("/etc/egxds"))
    assert read.tls is not None
    assert (read.tls.ca_file, read.tls.cert_file) == ("/etc/egxds/ca.pem", "/own.pem")
    assert (read.tls.key_file, read.password_file) == ("/etc/egxds/own.key", "/etc/egxds/password")
    assert source("endpoints: ['a:1']").below(PurePath("/etc")) == source("endpoints: ['a:1']")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "sources: give exactly one of files and etcd"),
        ("{files: {paths: [a]}, etcd: {endpoints: ['a:1']}}", "sources: give exactly one of files and etcd"),
        ("{etcd: {}}", "sources.etcd.endpoints: is missing"),
        ("{etcd: {endpoints: []}}", "sources.etcd.endpoints: is empty; at least 1 is needed"),
        (
            "{etcd: {endpoints: ['a']}}",
            "sources.etcd.endpoints[0]: 'a' is no endpoint: write https://host:port, http://host:port or host:port",
        ),
        (
            "{etcd: {endpoints: ['a:0']}}",
            "sources.etcd.endpoints[0]: 'a:0' is no endpoint: write https://host:port, http://host:port or host:port",
        ),
        (
            "{etcd: {endpoints: ['http://a:1', 'https://b:1']}}",
            "sources.etcd: http://a:1 is in the clear, and tls or another endpoint is not: write https://",
        ),
        ("{etcd: {endpoints: ['a:1'], user: u}}", "sources.etcd: give user and passwordFile, or neither"),
        (
            "{etcd: {endpoints: ['a:1'], tls: {certFile: c}}}",
            "sources.etcd.tls: give certFile and keyFile, or neither",
        ),
        (
            "{etcd: {endpoints: ['a:1'], prefix: /egxds}}",
            "sources.etcd.prefix: '/egxds' is no prefix: write letters without blanks that end with /, such as /egxds/",
        ),
        (
            "{etcd: {endpoints: ['a:1'], limits: {totalBytes: 1Mi}}}",
            "sources.etcd: limits.totalBytes has no room for one file of limits.fileBytes: raise it",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, expected: str) -> None:
    """Each with its key."""
    assert fault(f"sources: {text}") == expected


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("endpoints: ['127.0.0.1:1', '[::1]:1', 'localhost:1'], user: u, passwordFile: p", []),
        ("endpoints: ['https://etcd-1:1'], user: u, passwordFile: p", []),
        ("endpoints: ['localhost:1', 'etcd-1:1']", ["sources.etcd.endpoints"]),
        (
            "endpoints: ['10.0.0.1:1'], user: u, passwordFile: p",
            ["sources.etcd.passwordFile", "sources.etcd.endpoints"],
        ),
    ],
)
def test_what_goes_over_a_network_in_the_clear_is_said(text: str, keys: list[str]) -> None:
    """It is allowed: the network may be one that nobody else is on."""
    settings = parse_settings(f"sources: {{etcd: {{{text}}}}}", "f")
    assert [note.key for note in notes_of(settings)] == keys


def test_what_reads_files_says_so_where_there_are_none() -> None:
    """Instead of going on with nothing."""
    settings = Settings.model_validate({"sources": {"etcd": {"endpoints": ["a:1"]}}})
    with pytest.raises(StartError, match=r"sources\.etcd is not read here, only sources\.files is"):
        _ = settings.sources.in_files


@pytest.mark.parametrize("command", [["validate"], ["hooks", "test"]], ids=" ".join)
def test_commands_that_read_files_say_that_there_are_none(tmp_path: Path, command: list[str]) -> None:
    """They end, and name the file that says so."""
    config = tmp_path / "egxds.yaml"
    config.write_text("sources: {etcd: {endpoints: ['a:1']}}\n")
    done = CliRunner().invoke(application, [*command, "-c", str(config)])
    said = f"egxds: {config}: sources.etcd is not read here, only sources.files is\n"
    assert (done.exit_code, done.stderr) == (2, said)


def test_secrets_are_not_sent_in_the_clear() -> None:
    """They are published where that is said, and over TLS only."""
    assert not source("endpoints: ['https://etcd:2379']").allow_secrets
    assert source("endpoints: ['https://etcd:2379'], allowSecrets: true").allow_secrets
    message = fault("sources: {etcd: {endpoints: ['etcd:2379'], allowSecrets: true}}")
    assert "allowSecrets needs TLS" in message
