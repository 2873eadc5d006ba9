"""What Envoy would refuse a message for: found here, and refused by a real Envoy too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from envoy.config.bootstrap.v3 import bootstrap_pb2
from envoy.config.core.v3 import base_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from google.protobuf import any_pb2, json_format
from xds.type.v3 import typed_struct_pb2

from egxds.errors import UnreadableMessageError
from egxds.names import TYPE_PREFIX
from egxds.resources.encoding import pack
from egxds.resources.validation.violations import violations
from egxds.resources.walk import MAX_DEPTH
from tests.envoy.envoy_process import check_config

# A configuration as Envoy reads it from JSON.
_Config = dict[str, Any]
_Edit = Callable[[_Config], object]

_MANAGER, _ROUTER = http_connection_manager_pb2.HttpConnectionManager, router_pb2.Router
"""The types of the payloads are known by being imported."""


@dataclass(frozen=True)
class Case:
    """One change of a good configuration.

    Attributes:
        part: what is changed; a key of `parts`.
        edit: how.
        fault: what is said of it, without the path of the part; empty where it stays good.
    """

    part: str
    edit: _Edit
    fault: str

    def __str__(self) -> str:
        return f"{self.part} {self.fault or 'good'}"[:60]


def good() -> _Config:
    """Make a configuration that Envoy takes."""
    route = {"name": "r", "match": {"prefix": "/"}, "route": {"cluster": "c"}}
    host = {"name": "v", "domains": ["*"], "routes": [route]}
    manager = {
        "@type": TYPE_PREFIX + _MANAGER.DESCRIPTOR.full_name,
        "stat_prefix": "http",
        "route_config": {"name": "rc", "virtual_hosts": [host]},
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE_PREFIX + _ROUTER.DESCRIPTOR.full_name}}],
    }
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    listener = {"name": "l", "address": _address(10_000), "filter_chains": [chain]}
    endpoint = {"endpoint": {"address": _address(10_001)}}
    assignment = {"cluster_name": "c", "endpoints": [{"lb_endpoints": [endpoint]}]}
    cluster = {"name": "c", "connect_timeout": "1s", "load_assignment": assignment}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> _Config:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _pipe(path: str) -> _Config:
    return {"pipe": {"path": path}}


def parts(config: _Config) -> dict[str, tuple[str, _Config]]:
    """Return what cases change: name → its path, and the part itself."""
    resources = config["static_resources"]
    (listener,), (cluster,) = resources["listeners"], resources["clusters"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    host = manager["route_config"]["virtual_hosts"][0]
    manager_path = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config."
    host_path = f"{manager_path}route_config.virtual_hosts[0]."
    endpoint_path = "static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint."
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    return {
        "listener": ("static_resources.listeners[0].", listener),
        "cluster": ("static_resources.clusters[0].", cluster),
        "endpoint": (endpoint_path, endpoint),
        "manager": (manager_path, manager),
        "host": (host_path, host),
        "route": (f"{host_path}routes[0].", host["routes"][0]),
    }


def put(**values: Any) -> _Edit:
    """Set fields."""
    return lambda part: part.update(values)


def drop(field: str) -> _Edit:
    """Leave a field out."""
    return lambda part: part.pop(field)


def regex(text: str) -> _Config:
    """Match a path with a regular expression."""
    return {"safe_regex": {"regex": text}}


def header(key: str, value: str = "x") -> list[_Config]:
    """Add one header."""
    return [{"header": {"key": key, "value": value}}]


def log() -> _Config:
    """Write an access log."""
    file = {"@type": TYPE_PREFIX + file_pb2.FileAccessLog.DESCRIPTOR.full_name, "path": "/dev/null"}
    return {"name": "file", "typed_config": file}


CASES = (
    Case("route", put(), ""),
    Case("route", drop("match"), "match: must be set"),
    Case("route", put(match={}), "match.path_specifier: one of prefix, path, safe_regex, connect_matcher, "),
    Case("route", drop("route"), "action: one of route, redirect, direct_response, filter_action, "),
    Case("route", put(match=regex("(a")), "match.safe_regex.regex: is not a regular expression in RE2 syntax"),
    Case("route", put(match=regex("a|b")), ""),
    Case("route", put(match=regex("")), "match.safe_regex.regex: must have at least this many characters: 1"),
    Case("route", put(match={"path_separated_prefix": "/a/"}), "match.path_separated_prefix: must match ^[^?#]+"),
    Case("route", put(match={"path_separated_prefix": "/a"}), ""),
    Case("route", put(response_headers_to_add=header("")), "response_headers_to_add[0].header.key: must have"),
    Case("route", put(response_headers_to_add=header("a\nb")), "response_headers_to_add[0].header.key: must match"),
    Case("route", put(response_headers_to_add=header("a", "")), ""),
    Case("route", put(request_headers_to_remove=["a", ""]), "request_headers_to_remove: entry 1 must have at least"),
    Case("route", put(metadata={"filter_metadata": {"": {}}}), "metadata.filter_metadata: keys must have at least"),
    Case("route", put(metadata={"filter_metadata": {"a": {"b": 1}}}), ""),
    Case("route", put(route={"cluster": ""}), "route.cluster: must have at least this many characters: 1"),
    Case("route", put(route={"cluster": "c", "priority": 7}), "route.priority: must be a value of envoy.config.core"),
    Case("route", put(route={"cluster": "c", "timeout": "0s"}), ""),
    Case("host", put(domains=[]), "domains: must have at least this many entries: 1"),
    Case("host", put(require_tls=9), "require_tls: must be a value of envoy.config.route.v3.VirtualHost.TlsRequ"),
    Case("host", put(hedge_policy={"initial_requests": 0}), "hedge_policy.initial_requests: must be at least 1"),
    Case("host", put(hedge_policy={}), ""),
    Case("manager", drop("stat_prefix"), "stat_prefix: must have at least this many characters: 1"),
    Case("manager", drop("route_config"), "route_specifier: one of rds, route_config, scoped_routes must be set"),
    Case("manager", put(max_request_headers_kb=9000), "max_request_headers_kb: must be at most 8192"),
    Case("manager", put(max_request_headers_kb=60), ""),
    Case("manager", put(codec_type=17), "codec_type: must be a value of envoy.extensions.filters.network.http_con"),
    Case("cluster", put(connect_timeout="0s"), "connect_timeout: must be greater than 0 s"),
    Case("cluster", drop("connect_timeout"), ""),
    Case("cluster", put(lb_policy=4), "lb_policy: must be a value of envoy.config.cluster.v3.Cluster.LbPolicy"),
    Case("endpoint", put(address=_address(65_536)), "address.socket_address.port_value: must be at most 65535"),
    Case("endpoint", put(address={}), "address.address: one of socket_address, pipe, envoy_internal_address must be"),
    Case("endpoint", put(address=_pipe("/" + "a" * 106)), ""),
    Case("endpoint", put(address=_pipe("/" + "a" * 107)), "address.pipe.path: is longer than the 107 bytes"),
    Case("endpoint", put(address=_pipe("/" + "é" * 54)), "address.pipe.path: is longer than the 107 bytes"),
    Case("listener", put(access_log=[{**log(), "filter": {}}]), "access_log[0].filter.filter_specifier: one of"),
)
IS_BAD = pytest.mark.parametrize("case", CASES, ids=str)


def changed(case: Case) -> tuple[str, _Config]:
    """Return the path of the part that a case changes, and the whole configuration then."""
    config = good()
    path, part = parts(config)[case.part]
    case.edit(part)
    return path, config


@IS_BAD
def test_the_first_violation_is_named(case: Case) -> None:
    """With the path to it, through lists, maps and payloads, and what Envoy asks for there; never what stands there."""
    path, config = changed(case)
    found = [*violations(json_format.ParseDict(config, bootstrap_pb2.Bootstrap())), ""]
    assert found[0].startswith(path + case.fault if case.fault else "")
    assert bool(found[0]) == bool(case.fault), found


@pytest.mark.envoy
@IS_BAD
def test_a_real_envoy_says_the_same(case: Case, envoy_binary: Path, tmp_path: Path) -> None:
    """It takes what is found to be good, and refuses the rest."""
    done = check_config(envoy_binary, changed(case)[1], tmp_path)
    assert (done.returncode == 0) == (not case.fault), done.stderr


def test_a_payload_of_a_type_that_is_not_known_is_not_looked_into() -> None:
    """It is for who has it to know what is in it; whether it may be there is for what it is in."""
    message = any_pb2.Any(type_url=f"{TYPE_PREFIX}example.Unknown", value=b"\xff")
    assert list(violations(message)) == []


def test_every_violation_is_found() -> None:
    """A whole message is gone through, whatever was found before."""
    manager = _MANAGER()
    manager.http_filters.add()
    assert len(list(violations(pack(manager)))) == 4


def test_names_need_a_ca_unless_that_comes_by_sds() -> None:
    """Envoy puts the two together before it looks (tests/envoy/test_backend_tls.py)."""
    named = common_pb2.CertificateValidationContext()
    named.match_typed_subject_alt_names.add(san_type="DNS").matcher.exact = "x"
    by_sds = secret_pb2.SdsSecretConfig(name="ca", sds_config={"ads": {}})
    combined = tls_pb2.CommonTlsContext.CombinedCertificateValidationContext(
        default_validation_context=named, validation_context_sds_secret_config=by_sds
    )
    assert list(violations(tls_pb2.CommonTlsContext(combined_validation_context=combined))) == []
    missing = "validation_context.match_typed_subject_alt_names: needs trusted_ca"
    assert list(violations(tls_pb2.CommonTlsContext(validation_context=named))) == [missing]
    assert list(violations(secret_pb2.Secret(name="ca", validation_context=named))) == [missing]


def test_nesting_has_an_end() -> None:
    """What is deeper than anybody writes is refused, and does not take the stack."""
    message = pack(router_pb2.Router())
    for _ in range(MAX_DEPTH - 1):
        message = pack(message)
    assert not list(violations(message))
    with pytest.raises(UnreadableMessageError, match="nested deeper than"):
        list(violations(pack(message)))


@pytest.mark.parametrize("text", ["[" * 16_000, '{"operators": [' * 1_000], ids=["lists", "objects"])
def test_json_that_is_nested_without_end_is_refused(text: str) -> None:
    """A reply is a stranger's."""
    (fault,) = violations(base_pb2.HeaderValue(key="a", value=f"%COALESCE({text})%"))
    assert "must be a JSON object" in fault


def test_a_struct_that_json_has_no_form_for_is_refused() -> None:
    """Infinity, in a text that stands for another message."""
    struct = typed_struct_pb2.TypedStruct(type_url=TYPE_PREFIX + _ROUTER.DESCRIPTOR.full_name)
    struct.value.fields["dynamic_stats"].number_value = float("inf")
    (fault,) = violations(struct)
    assert fault.startswith("value: does not fit its type")
