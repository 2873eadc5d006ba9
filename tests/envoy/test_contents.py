"""What no rule of a field describes: what egxds takes, Envoy takes, and what egxds refuses, Envoy refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf import empty_pb2, json_format

from egxds.names import TYPE_PREFIX
from egxds.resources.encoding import class_of
from egxds.resources.validation.envoy_types import EXTENSIONS
from egxds.resources.validation.format_commands import COMMANDS
from egxds.resources.validation.violations import violations
from tests.envoy.conftest import RunEnvoy
from tests.envoy.envoy_process import check_config
from tests.envoy.odd_contents import UNKNOWN, OddContent, odd_contents
from tests.unit.resources.validation.test_violations import good, parts

ODD = odd_contents()
_EMPTY = empty_pb2.Empty.DESCRIPTOR.full_name


def _changed(odd: OddContent) -> dict[str, Any]:
    config = good()
    odd.edit(parts(config)[odd.part][1])
    return config


def _found(config: Mapping[str, Any]) -> list[str]:
    """Return what egxds says of a bootstrap."""
    text = json.dumps(config)
    for name in re.findall(r"googleapis\.com/([\w.]+)", text):
        class_of(TYPE_PREFIX + name)
    # JSON has no form for what nobody knows, so it is put in afterwards: the two have one length.
    message = json_format.Parse(text.replace(UNKNOWN, _EMPTY), bootstrap_pb2.Bootstrap())
    body = message.SerializeToString().replace(_EMPTY.encode(), UNKNOWN.encode())
    return list(violations(bootstrap_pb2.Bootstrap.FromString(body)))


@pytest.mark.envoy
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_egxds_and_envoy_agree(odd: OddContent, envoy_binary: Path, tmp_path: Path) -> None:
    """Nothing of these is sent that Envoy refuses, nothing is refused that it takes; `100%off` took every host."""
    config = _changed(odd)
    done = check_config(envoy_binary, config, tmp_path)
    assert (done.returncode == 0) == odd.is_good, done.stderr
    assert bool(_found(config)) != odd.is_good


@pytest.mark.envoy
def test_the_extensions_are_those_that_envoy_says_it_has(run_envoy: RunEnvoy) -> None:
    """The table is as of one version, and this is how a newer one shows."""
    envoy = run_envoy({"node": {"id": "a", "cluster": "b"}})
    said = envoy.admin("/server_info").json["node"]["extensions"]
    assert frozenset(name for each in said for name in each.get("type_urls", [])) == EXTENSIONS


@pytest.mark.envoy
def test_envoy_has_each_command(envoy_binary: Path, tmp_path: Path) -> None:
    """All commands of the table are taken by an Envoy, in one header each."""
    arguments = {"COALESCE": '{"operators": ["HOSTNAME"]}', "COMMON_DURATION": "a:b", "METADATA": "ROUTE", "CEL": "1"}
    formats = [
        f"%{name}({arguments.get(name, 'a')})%" if command.needs_argument else f"%{name}%"
        for name, command in COMMANDS.items()
    ]
    config = good()
    headers = [{"header": {"key": f"a{at}", "value": text}} for at, text in enumerate(formats)]
    parts(config)["route"][1]["response_headers_to_add"] = headers
    assert check_config(envoy_binary, config, tmp_path).returncode == 0
    assert _found(config) == []


@pytest.mark.parametrize(
    "name", ["nope.Nope", "envoy.extensions.filters.http.golang.v3alpha.Config", "envoy.config.cluster.v3.Cluster"]
)
def test_a_type_that_is_allowed_is_taken(name: str) -> None:
    """Who builds an Envoy of their own knows what it has; what Envoy's image contrib has is known."""
    manager = http_connection_manager_pb2.HttpConnectionManager()
    manager.http_filters.add(name="x").typed_config.type_url = TYPE_PREFIX + name
    found = [fault for fault in violations(manager) if "extension" in fault]
    assert bool(found) == ("golang" not in name)
    assert not [fault for fault in violations(manager, allowed=frozenset({name})) if "extension" in fault]


def test_metadata_may_hold_whatever_it_is_given() -> None:
    """It is for whoever reads it, and Envoy passes over a type that it does not know."""
    route = route_components_pb2.Route(match={"prefix": "/"}, route={"cluster": "c"})
    route.metadata.typed_filter_metadata["a"].type_url = TYPE_PREFIX + UNKNOWN
    assert list(violations(route)) == []
