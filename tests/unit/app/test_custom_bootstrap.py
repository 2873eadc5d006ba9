"""Bootstraps as an EnvoyProxy asks for them; `tests/envoy/test_custom_bootstrap.py` starts Envoys by them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from egxds.app.bootstrap import bootstrap
from egxds.app.custom_bootstrap import BootstrapError, custom_bootstrap
from egxds.model.api.envoy_proxy.bootstrap import ProxyBootstrap
from egxds.settings.daemon import Settings

SINK = {
    "name": "envoy.stat_sinks.statsd",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8125, "protocol": "UDP"}},
    },
}


def default() -> dict[str, Any]:
    """The bootstrap that is made where nobody asks for another."""
    return bootstrap(Settings.model_validate({"sources": {"files": {"paths": ["routes"]}}}), "shop/web", "edge-1")


def made(**asked: Any) -> dict[str, Any]:
    """The bootstrap that an EnvoyProxy asks for."""
    return custom_bootstrap(default(), ProxyBootstrap.model_validate(asked))


def refusal(**asked: Any) -> str:
    """Why none is made."""
    with pytest.raises(BootstrapError) as caught:
        made(**asked)
    return str(caught.value)


def written(**fields: Any) -> str:
    """A bootstrap as a user writes it."""
    return yaml.safe_dump(fields)


def add(path: str, value: object) -> dict[str, object]:
    """One patch."""
    return {"op": "add", "path": path, "value": value}


def test_merge_adds() -> None:
    """What is merged comes to what is there, lists behind lists."""
    found = made(type="Merge", value=written(stats_sinks=[SINK], stats_flush_interval="1s"))
    assert found["stats_sinks"][0]["name"] == "envoy.stat_sinks.statsd"
    assert found["stats_flush_interval"] == "1s"
    assert found["dynamic_resources"]["ads_config"]["api_type"] == "DELTA_GRPC"
    assert found["node"] == {"id": "edge-1", "cluster": "shop/web"}


def test_patches_change_single_values() -> None:
    """Patches go by path or by jsonPath, and see what those before them did."""
    by_path = {"op": "replace", "jsonPath": "$.admin.address.socket_address", "path": "/port_value", "value": 9901}
    found = made(type="JSONPatch", jsonPatches=[add("/stats_sinks", [SINK]), by_path])
    assert found["admin"]["address"]["socket_address"]["port_value"] == 9901
    assert len(found["stats_sinks"]) == 1


def test_what_replaces_ours_is_given_the_way_to_egxds() -> None:
    """Who the Envoy is, and where its server is, no file knows."""
    found = made(value=written(admin=default()["admin"]))
    assert found["node"] == {"id": "edge-1", "cluster": "shop/web"}
    assert [each["name"] for each in found["static_resources"]["clusters"]] == ["xds_cluster"]
    assert "overload_manager" not in found


def test_our_own_may_replace_itself() -> None:
    """The bootstrap that is printed is one that may be written."""
    assert made(value=json.dumps(default()))["node"] == default()["node"]


ELSEWHERE = {"socket_address": {"address": "192.0.2.1", "port_value": 18000}}
ADDRESS = "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"type": "Merge", "value": "admin: ["}, "value is no YAML"),
        ({"type": "Merge", "value": "- a"}, "has no fields"),
        ({"type": "Merge", "value": written(adminn={})}, 'no field named "adminn"'),
        ({"type": "Merge", "value": written(node={"cluster": "other/one"})}, "node.cluster cannot be another"),
        ({"type": "Merge", "value": written(dynamic_resources={"lds_config": {"path": "/a"}})}, "dynamic_resources"),
        ({"type": "Merge", "value": written(layered_runtime=default()["layered_runtime"])}, "are named static_layer"),
        ({"type": "JSONPatch", "jsonPatches": [add("/admin/none/of/this", 1)]}, "no field named"),
        ({"type": "JSONPatch", "jsonPatches": [{"op": "remove", "path": "/tracing"}]}, "jsonPatches[0] cannot be"),
        ({"type": "JSONPatch", "jsonPatches": [add(ADDRESS, ELSEWHERE)]}, "cluster xds_cluster cannot lead elsewhere"),
        (
            {"type": "JSONPatch", "jsonPatches": [{"op": "remove", "path": "/static_resources/clusters/0/type"}]},
            "cluster xds_cluster cannot lead elsewhere",
        ),
        ({"value": written(layered_runtime={"layers": [{"name": "a", "static_layer": {}}]})}, "layered_runtime must"),
        (
            {"type": "Merge", "value": written(stats_sinks=[{"name": "a", "typed_config": {"@type": "b"}}])},
            "stats_sinks",
        ),
    ],
)
def test_what_would_not_be_served(asked: dict[str, Any], reason: str) -> None:
    """A bootstrap with which an Envoy would not start, or not find egxds, is none."""
    assert reason in refusal(**asked)


def test_no_value_is_quoted() -> None:
    """A bootstrap may hold keys; what is wrong with one is told without it."""
    secret = {"name": "a", "tls_certificate": {"private_key": {"inline_bytes": "not for anybody"}}}
    assert "not for anybody" not in refusal(type="Merge", value=written(static_resources={"secrets": [secret]}))


def test_the_way_may_be_tuned() -> None:
    """How the server is spoken to decides on nobody's access."""
    patch = {"op": "replace", "path": "/static_resources/clusters/0/connect_timeout", "value": "1s"}
    found = made(type="JSONPatch", jsonPatches=[patch])
    assert found["static_resources"]["clusters"][0]["connect_timeout"] == "1s"
