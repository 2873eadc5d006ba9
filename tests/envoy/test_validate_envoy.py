"""`egxds validate --envoy`: what a real Envoy says of files, with no daemon and no network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from egxds import names
from egxds.app.envoy_check import refusal_of
from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Pipeline
from egxds.app.static_bootstrap import static_bootstrap
from egxds.cli.application import application
from egxds.files.reading.content import Scan
from egxds.resources.encoding import class_of
from egxds.resources.resource import Resource
from egxds.resources.translation import GatewayTranslation
from egxds.resources.walk import Walk
from egxds.settings.daemon import Settings
from tests.envoy.processes import ROOT
from tests.revisions import named

MANAGERS = Walk("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")
SOURCES = Walk("envoy.config.core.v3.ConfigSource")
CASES = ("backends", "filters", "https", "listener-sets", "stream-routes", "tls-trust")


def case(name: str) -> Path:
    """Return the files of a golden case."""
    return ROOT / "tests" / "golden" / "cases" / name / "in.yaml"


def run(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(application, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", CASES)
def test_what_files_come_to_is_taken(envoy_binary: Path, name: str) -> None:
    """Routes, endpoints and secrets of every kind stand where Envoy looks for them."""
    result = run("validate", "--envoy-binary", envoy_binary, case(name))
    assert "Envoy does not take" not in result.stdout


def translation_of(name: str) -> tuple[Settings, GatewayTranslation]:
    """Return settings that read a case, and what its first Gateway comes to."""
    settings = Settings.model_validate({"sources": {"files": {"paths": [str(case(name))]}}})
    translations = Pipeline(settings, FileTrees(settings, ROOT)).run(Scan.ALL).translations
    return settings, translations[min(translations)]


def test_nothing_is_left_to_be_fetched() -> None:
    """An Envoy that asks nobody would take a name for what it stands for."""
    _, translation = translation_of("https")
    bootstrap: Any = class_of(f"{names.TYPE_PREFIX}envoy.config.bootstrap.v3.Bootstrap")
    whole = bootstrap.FromString(static_bootstrap(translation, {})).static_resources
    managers: list[Any] = [found for listener in whole.listeners for found in MANAGERS.find(listener)]
    assert {found.route_config.name for found in managers} == set(translation.route_configurations)
    assert {secret.name for secret in whole.secrets} == set(translation.secrets)
    assert {cluster.load_assignment.cluster_name for cluster in whole.clusters} == set(translation.endpoints)
    assert not [found for each in (*whole.listeners, *whole.clusters) for found in SOURCES.find(each)]


def test_what_envoy_refuses_is_told_in_its_words(envoy_binary: Path) -> None:
    """Without the whole configuration, which has private keys."""
    settings, translation = translation_of("https")
    cluster: Any = class_of(names.CLUSTER)
    bad = cluster(name="bad", connect_timeout={"seconds": -1}).SerializeToString()
    broken = replace(translation, clusters=named([Resource(names.CLUSTER, "bad", bad)]))
    assert "Invalid duration" in refusal_of(envoy_binary, settings, broken)
    assert refusal_of(envoy_binary, settings, translation) == ""


def test_refusal_stands_at_the_gateway(tmp_path: Path) -> None:
    """With file and line, and exit 1; a binary that is none is a mistake in the command line."""
    refusing = tmp_path / "envoy"
    key = "-----BEGIN EC PRIVATE KEY----- MHcCAQ -----END EC PRIVATE KEY-----"
    refusing.write_text(f"#!/bin/sh\necho 'no room for' >&2\necho '{key} here' >&2\nexit 1\n")
    refusing.chmod(0o755)
    result = run("validate", "--envoy-binary", refusing, case("one-route"))
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "Envoy does not take" in line]
    assert "one-route/in.yaml:2: error: " in line
    assert "Gateway shop/web: Envoy does not take what it comes to: no room for [redacted] here" in line
    assert run("validate", "--envoy-binary", tmp_path / "none", case("one-route")).exit_code == 2
