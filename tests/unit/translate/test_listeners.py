"""Listeners, their filter chains, and the secrets they name."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import re2

from egxds import names
from egxds.resources.encoding import encode
from egxds.resources.translation import GatewayTranslation
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.translate.config_source import ads_source
from egxds.translate.http_filters.table import POLICY_FILTERS
from tests.unit.translate.builders import at, backend, gateway, listener, pair_for, route, rule, secret, source
from tests.unit.translate.reading import by_name, translate

ADS = {"ads": {}, "resource_api_version": "V3"}
ONE, TWO = secret("one"), secret("two")


def _only(translation: GatewayTranslation) -> dict[str, Any]:
    (found,) = by_name(translation.listeners).values()
    return found


def _manager(chain: dict[str, Any]) -> dict[str, Any]:
    (network_filter,) = chain["filters"]
    config: dict[str, Any] = network_filter["typed_config"]
    return config


def _tls(chain: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = chain["transport_socket"]["typed_config"]["common_tls_context"]
    return context


def test_http_listeners_of_a_port_share_a_chain() -> None:
    """One listener, one default chain, one RouteConfiguration, all named like the first on the port."""
    translation = translate(
        gateway(
            listener("first", hostname="a.example"), listener("second", hostname="b.example"), listener("x", port=81)
        )
    )
    assert [each.name for each in translation.listeners.values()] == ["default/web/first", "default/web/x"]
    assert [each.name for each in translation.route_configurations.values()] == ["default/web/first", "default/web/x"]
    first = by_name(translation.listeners)["default/web/first"]
    assert first["default_filter_chain"]["name"] == "default/web/first"
    assert "filter_chains" not in first
    assert "listener_filters" not in first


def test_connection_manager() -> None:
    """Fixed values are Envoy Gateway's; routes come by RDS over ADS."""
    manager = _manager(_only(translate(gateway(listener("http", port=8080))))["default_filter_chain"])
    manager.pop("@type")
    (ignored,) = manager.pop("http_protocol_options")["ignore_http_11_upgrade"]
    assert not re2.fullmatch(ignored["safe_regex"]["regex"], "WebSocket")
    assert all(re2.fullmatch(ignored["safe_regex"]["regex"], each) for each in ("h2", "TLS/1.2", "websockets", "web"))
    filters = manager.pop("http_filters")
    assert [each["name"] for each in filters if not each.get("disabled")] == [
        "envoy.filters.http.header_to_metadata",
        "envoy.filters.http.router",
    ]
    assert [each["name"] for each in filters if each.get("disabled")] == [
        row.name_at("default/web") for row in POLICY_FILTERS
    ]
    assert filters[-1]["name"] == "envoy.filters.http.router"
    assert manager == {
        "stat_prefix": "http-8080",
        "rds": {"config_source": ADS, "route_config_name": "default/web/http"},
        "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "strip_trailing_host_dot": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        ({"path": {"escapedSlashesAction": "KeepUnchanged"}}, {"path_with_escaped_slashes_action": "KEEP_UNCHANGED"}),
        ({"path": {"escapedSlashesAction": "RejectRequest"}}, {"path_with_escaped_slashes_action": "REJECT_REQUEST"}),
        (
            {"path": {"escapedSlashesAction": "UnescapeAndForward"}},
            {"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
        ),
        ({"path": {"disableMergeSlashes": True}}, {"merge_slashes": None}),
        ({"headers": {"withUnderscoresAction": "Allow"}}, {"common_http_protocol_options": {}}),
        (
            {"headers": {"withUnderscoresAction": "DropHeader"}},
            {"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"}},
        ),
    ],
)
def test_how_requests_are_taken(traffic: dict[str, Any], expected: dict[str, Any]) -> None:
    """Settings that are given stand in every connection manager; the rest is as it is without."""
    settings = ClientTrafficSettings.model_validate(traffic)
    without, with_ = (
        _manager(_only(translate(gateway(listener("http")), each))["default_filter_chain"])
        for each in (AS_BY_DEFAULT, settings)
    )
    assert {key: with_.get(key) for key in without if with_.get(key) != without[key]} == expected


def test_https_listeners_have_a_chain_each() -> None:
    """A chain is chosen by server name, the open one by none, and each has its own RouteConfiguration."""
    translation = translate(
        gateway(
            listener("z-wild", port=443, hostname="*.example", certificates=[ONE]),
            listener("a-exact", port=443, hostname="a.example", certificates=[TWO, ONE, TWO]),
            listener("open", port=443, certificates=[TWO]),
        )
    )
    found = _only(translation)
    chains = {chain["name"].rpartition("/")[2]: chain for chain in found["filter_chains"]}
    assert list(chains) == ["a-exact", "open", "z-wild"]
    assert [chain.get("filter_chain_match") for chain in chains.values()] == [
        {"server_names": ["a.example"]},
        None,
        {"server_names": ["*.example"]},
    ]
    managers = {name: _manager(chain) for name, chain in chains.items()}
    assert {each["stat_prefix"] for each in managers.values()} == {"https-443"}
    assert {each["rds"]["route_config_name"] for each in managers.values()} == {
        table.name for table in translation.route_configurations.values()
    }
    secrets = _tls(chains["a-exact"])["tls_certificate_sds_secret_configs"]
    assert secrets == [{"name": name, "sds_config": ADS} for name in ("default/two", "default/one")]
    assert _tls(chains["open"])["alpn_protocols"] == ["h2", "http/1.1"]
    assert [each["name"] for each in found["listener_filters"]] == ["envoy.filters.listener.tls_inspector"]


def test_http_and_https_on_one_port_keep_apart() -> None:
    """The HTTP listeners take the default chain, under a name of their own."""
    found = _only(translate(gateway(listener("tls", port=443, certificates=[ONE]), listener("http", port=443))))
    assert found["name"] == "default/web/tls"
    assert found["default_filter_chain"]["name"] == "default/web/http"
    assert [chain["name"] for chain in found["filter_chains"]] == ["default/web/tls"]


def test_addresses() -> None:
    """The first address is the listener's, the others are additional ones."""
    found = _only(translate(gateway(listener("http"), addresses=("10.0.0.1", "::1"))))
    assert found["address"] == {"socket_address": {"address": "10.0.0.1", "port_value": 80}}
    assert found["additional_addresses"] == [{"address": {"socket_address": {"address": "::1", "port_value": 80}}}]


def test_routes_do_not_change_a_listener() -> None:
    """Attaching a route, or changing one, drains nothing."""
    empty = translate(gateway(listener("http"), listener("tls", port=443, certificates=[ONE])))
    app = at(route("app", rule(backend("10.0.0.1"))), "app.example")
    served = translate(gateway(listener("http", app), listener("tls", app, port=443, certificates=[ONE])))
    assert dict(empty.listeners) == dict(served.listeners)


def test_certificate_content_does_not_change_a_listener() -> None:
    """A renewed certificate is an SDS update."""
    before, after = (
        translate(gateway(listener("tls", port=443, certificates=[secret("one", host)])))
        for host in ("a.test", "b.test")
    )
    assert dict(before.listeners) == dict(after.listeners)
    assert before.secrets != after.secrets


def test_secrets_are_delivered_once() -> None:
    """Every certificate is there once, whole, whoever names it."""
    translation = translate(
        gateway(
            listener("a", port=443, certificates=[TWO, ONE]),
            listener("b", port=8443, certificates=[ONE]),
        )
    )
    assert set(translation.secrets) == {"default/one", "default/two"}
    one = translation.secrets["default/one"]
    assert (one.type_url, one.sources) == (names.SECRET, (source("Secret", "one"),))
    written, pair = by_name(translation.secrets)["default/one"]["tls_certificate"], pair_for("shop.test")
    assert base64.b64decode(written["certificate_chain"]["inline_bytes"]).decode() == pair.cert
    assert base64.b64decode(written["private_key"]["inline_bytes"]).decode() == pair.key


def test_sources_of_a_listener() -> None:
    """A listener is made from its Gateway and the certificates it names."""
    translation = translate(gateway(listener("a", port=443, certificates=[TWO, ONE])))
    assert next(iter(translation.listeners.values())).sources == (
        source("Secret", "one"),
        source("Secret", "two"),
        source("Gateway", "web"),
    )


def test_config_source_has_the_same_bytes_always() -> None:
    """A secret whose source differs is another secret to Envoy."""
    assert encode(ads_source()) == encode(ads_source()) == bytes.fromhex("1a003002")
