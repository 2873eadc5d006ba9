"""`egxds settings` and `egxds schema`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from egxds.cli.application import application

OF_ENVOY_GATEWAY = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
provider: {type: Custom, custom: {resource: {type: File, file: {paths: [/routes]}}}}
rateLimit: {backend: {type: Redis, redis: {url: "redis://:hunter2@cache:6379"}}}
"""


def test_settings_of_a_file_of_envoy_gateway_are_printed_as_ours(tmp_path: Path) -> None:
    """What is to be said of it stands apart from them, and no password anywhere."""
    config = tmp_path / "envoy-gateway.yaml"
    config.write_text(OF_ENVOY_GATEWAY)
    done = CliRunner().invoke(application, ["settings", "-c", str(config)])
    assert done.exit_code == 0
    assert yaml.safe_load(done.stdout)["sources"]["files"]["paths"] == ["/routes"]
    assert f"egxds: {config}: warning: rateLimit: has no effect" in done.stderr
    assert "hunter2" not in done.output


def test_a_fault_is_said_with_its_line(tmp_path: Path) -> None:
    """As `serve` says it."""
    config = tmp_path / "envoy-gateway.yaml"
    config.write_text(OF_ENVOY_GATEWAY + "extensionApis: {enableBackend: false}\n")
    done = CliRunner().invoke(application, ["settings", "-c", str(config), "-o", "json"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{config}:5: error: extensionApis.enableBackend: " in done.stderr


def test_the_schema_is_printed() -> None:
    """Ready to be saved."""
    done = CliRunner().invoke(application, ["schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["required"] == ["sources"]
