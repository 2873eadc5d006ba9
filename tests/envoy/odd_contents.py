"""Contents that Envoy refuses beyond the rules of its fields, one in each: changes of a good configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from egxds.names import TYPE_PREFIX

Part = dict[str, Any]
Edit = Callable[[Part], object]

UNKNOWN = "nope.NopeNopeNopeNope"
"""A type that no Envoy has."""

_FILTERS = "envoy.extensions.filters.http"
_LOGGERS = "envoy.extensions.access_loggers"
_TLS = "envoy.extensions.transport_sockets.tls.v3"
_BALANCERS = "envoy.extensions.load_balancing_policies"
_GRPC = {"envoy_grpc": {"cluster_name": "c"}}
_SECOND, _BUCKET = "1s", {"max_tokens": 1, "fill_interval": "1s"}


@dataclass(frozen=True)
class OddContent:
    """One change of a good configuration.

    Attributes:
        part: what is changed; a key of `test_violations.parts`.
        name: what is odd.
        edit: the change.
        is_good: whether Envoy takes it all the same.
    """

    part: str
    name: str
    edit: Edit
    is_good: bool = False

    def __str__(self) -> str:
        return f"{self.part}: {self.name}"


def _put(**values: Any) -> Edit:
    return lambda part: part.update(values)


def _typed(name: str, /, **values: Any) -> Part:
    return {"@type": TYPE_PREFIX + name, **values}


def _extension(name: str, /, **values: Any) -> Part:
    return {"name": "x", "typed_config": _typed(name, **values)}


def _header(value: str, key: str = "a") -> list[Part]:
    return [{"header": {"key": key, "value": value}}]


def _action(**values: Any) -> Edit:
    return _put(route={"cluster": "c", **values})


def _answer(**values: Any) -> Edit:
    return lambda route: (route.pop("route"), route.update(direct_response={"status": 200, **values}))


def _filter(name: str, /, **values: Any) -> Edit:
    return lambda manager: manager["http_filters"].insert(0, _extension(name, **values))


def _chain(**values: Any) -> Edit:
    return lambda listener: listener["filter_chains"][0].update(values)


def _log(**values: Any) -> Edit:
    return _put(access_log=[_extension(f"{_LOGGERS}.file.v3.FileAccessLog", path="/dev/null", **values)])


def _check(**values: Any) -> Edit:
    common = {"timeout": _SECOND, "interval": _SECOND, "unhealthy_threshold": 1, "healthy_threshold": 1}
    return _put(health_checks=[{**common, **values}])


def _balanced(name: str, /, **values: Any) -> Edit:
    return _put(load_balancing_policy={"policies": [{"typed_extension_config": _extension(name, **values)}]})


def _upstream_tls(**values: Any) -> Edit:
    return _put(transport_socket=_extension(f"{_TLS}.UpstreamTlsContext", **values))


def _users(text: str) -> Edit:
    return _filter(f"{_FILTERS}.basic_auth.v3.BasicAuth", users={"inline_string": text})


_SHA = "{SHA}2kuSN7rMzfGcB2DKt67EqDWQELA="

GOOD_FORMATS = (
    *("", "100%%off", "%REQ(a)%", "%REQ(a?b):3%", "%START_TIME%", "%START_TIME(%Y)%", "%HOSTNAME%"),
    *("%PATH(NQ:ORIG)%", "%METADATA(ROUTE:a)%", "%FILTER_STATE(a:PLAIN)%", "%COMMON_DURATION(a:b:ms)%", "é"),
    '%COALESCE({"operators": ["HOSTNAME", {"command": "REQ", "param": "a", "max_length": 3}]})%',
)
BAD_FORMATS = (
    *("100%off", "%", "50% off %", "%FOO%", "%PROTOCOL", "%PROTOCOL(x)%", "%PROTOCOL:5%", "%REQ%", "%REQ()%"),
    *("%REQ(a b)%", "%REQ(a?b?c)%", "%REQ(a):x%", "%lower%", "%_%", "%PATH(x)%", "%PATH(NQ:x)%", "%GRPC_STATUS(x)%"),
    *("%METADATA(FOO:a)%", "%FILTER_STATE(a:FOO)%", "%FILTER_STATE(a:FIELD)%", "%COMMON_DURATION(a)%"),
    *("%COALESCE(1)%", "%COALESCE({})%", '%COALESCE({"operators": []})%', '%COALESCE({"operators": ["FOO"]})%'),
    *('%COALESCE({"operators": ["REQ"]})%', "%START_TIME:3%", "%CLUSTER_METADATA(a):3%"),
    '%COALESCE({"operators": [{"command": "COALESCE", "param": "1"}]})%',
)


def of_formats() -> Iterator[OddContent]:
    """Yield format strings, in each place that takes them."""
    for text in GOOD_FORMATS:
        yield OddContent("route", f"header {text!r}", _put(response_headers_to_add=_header(text)), is_good=True)
    for text in BAD_FORMATS:
        yield OddContent("route", f"header {text!r}", _put(response_headers_to_add=_header(text)))
    bad = "100%off"
    body, substitution = {"string_value": bad}, {"text_format_source": {"inline_string": bad}}
    telemetry = f"{_LOGGERS}.open_telemetry.v3.OpenTelemetryAccessLogConfig"
    common = {"log_name": "x", "grpc_service": _GRPC, "transport_api_version": "V3"}
    attributes = {"values": [{"key": "a", "value": body}]}
    mutation = {"append": _header(bad)[0]}
    yield OddContent("host", "header of a host", _put(request_headers_to_add=_header(bad)))
    yield OddContent("listener", "text_format", _log(log_format={"text_format": bad}))
    yield OddContent("listener", "text_format_source", _log(log_format=substitution))
    yield OddContent("listener", "json_format", _log(log_format={"json_format": {"a": {"b": [bad]}}}))
    yield OddContent("listener", "format", _log(format=bad))
    yield OddContent("listener", "json_format of the log", _log(json_format={"a": bad}))
    yield OddContent(
        "listener", "a good log", _log(log_format={"json_format": {"a": "%REQ(A)%", "b": 1}}), is_good=True
    )
    yield OddContent("manager", "log of requests", _log(log_format={"text_format": bad}))
    yield OddContent("listener", "OTLP body", _put(access_log=[_extension(telemetry, common_config=common, body=body)]))
    logs = [_extension(telemetry, common_config=common, attributes=attributes)]
    yield OddContent("listener", "OTLP attribute", _put(access_log=logs))
    yield OddContent("route", "body_format", _answer(body={"inline_string": "x"}, body_format={"text_format": bad}))
    yield OddContent("manager", "local reply", _put(local_reply_config={"body_format": {"text_format": bad}}))
    yield OddContent("route", "operation of a span", _put(tracing={"operation": bad}))
    yield OddContent("route", "tag of a span", _put(tracing={"custom_tags": [{"tag": "a", "value": bad}]}))
    mutations = {"request_mutations": [mutation]}
    yield OddContent(
        "manager", "mutation", _filter(f"{_FILTERS}.header_mutation.v3.HeaderMutation", mutations=mutations)
    )
    check = {"path": "/", "request_headers_to_add": _header(bad)}
    yield OddContent("cluster", "header of a health check", _check(http_health_check=check))


def of_routes() -> Iterator[OddContent]:
    """Yield routes and virtual hosts."""
    for name in ("host", ":path", "Host"):
        yield OddContent("route", f"adds {name}", _put(request_headers_to_add=_header("x", name)))
        yield OddContent("host", f"removes {name}", _put(response_headers_to_remove=[name]))
    for value in ("-5s", "9223372036s"):
        policy = {"retry_on": "5xx", "per_try_timeout": value}
        yield OddContent("route", f"per_try_timeout {value}", _action(retry_policy=policy))
        yield OddContent("route", f"timeout {value}", _action(timeout=value))
        yield OddContent("manager", f"stream_idle_timeout {value}", _put(stream_idle_timeout=value))
        yield OddContent("listener", f"listener_filters_timeout {value}", _put(listener_filters_timeout=value))
    yield OddContent("route", "a long timeout", _action(timeout="9223372035s"), is_good=True)
    back_off = {"base_interval": "2s", "max_interval": _SECOND}
    yield OddContent("route", "back-off", _action(retry_policy={"retry_on": "5xx", "retry_back_off": back_off}))
    predicate = {"retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts"}]}
    yield OddContent("route", "extension by name", _action(retry_policy={"retry_on": "5xx", **predicate}))
    for name, clusters in {
        "weights of nothing": [{"name": "c", "weight": 0}],
        "too large weights": [{"name": "c", "weight": 2**32 - 1}] * 2,
        "two ways to a cluster": [{"name": "c", "cluster_header": "a", "weight": 1}],
        "no way to a cluster": [{"weight": 1}],
    }.items():
        yield OddContent("route", name, _put(route={"weighted_clusters": {"clusters": clusters}}))
    yield OddContent("route", "large body", _answer(body={"inline_string": "x" * 4097}))
    regex = {"pattern": {"regex": "a"}, "substitution": "x"}
    yield OddContent("route", "two rewrites", _action(prefix_rewrite="/", regex_rewrite=regex))
    yield OddContent("route", "upgrade twice", _action(upgrade_configs=[{"upgrade_type": "a"}, {"upgrade_type": "A"}]))
    connect = [{"upgrade_type": "websocket", "connect_config": {}}]
    yield OddContent("route", "connect_config", _action(upgrade_configs=connect))
    yield OddContent("route", "mirror to nowhere", _action(request_mirror_policies=[{}]))
    template = _extension("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", path_template="/{a")
    yield OddContent("route", "template", _put(match={"path_match_policy": template}))
    matcher = {"safe_regex": {"regex": "a"}, "ignore_case": True}
    headers = [{"name": "a", "string_match": matcher}]
    yield OddContent("route", "ignore_case", _put(match={"prefix": "/", "headers": headers}))
    copied = {"response_headers_to_copy": ["host"]}
    yield OddContent("route", "copied header", _action(internal_redirect_policy=copied))
    yield OddContent("host", "virtual cluster", _put(virtual_clusters=[{"name": "a"}]))
    yield OddContent("host", "matcher beside routes", _put(matcher={}))
    hosts = [{"name": "v", "domains": ["a"]}, {"name": "w", "domains": ["A"]}]
    yield OddContent("manager", "domain twice", _put(route_config={"name": "r", "virtual_hosts": hosts}))


def of_types() -> Iterator[OddContent]:
    """Yield extensions that Envoy does not have, or not there."""
    nope, cluster, cors = _typed(UNKNOWN), _typed("envoy.config.cluster.v3.Cluster", name="x"), f"{_FILTERS}.cors.v3"
    struct = "xds.type.v3.TypedStruct"
    yield OddContent("manager", "unknown filter", _filter(UNKNOWN))
    yield OddContent("manager", "filter that is none", _filter("envoy.config.cluster.v3.Cluster", name="x"))
    optional = {"name": "x", "is_optional": True}
    skip = _put_first({**optional, "typed_config": cluster})
    yield OddContent("manager", "filter that is none and optional", skip, is_good=True)
    yield OddContent("manager", "filter by name", _put_first({"name": "envoy.filters.http.cors"}))
    yield OddContent("manager", "filter", _filter(f"{cors}.Cors"), is_good=True)
    yield OddContent("manager", "unknown struct", _filter(struct, type_url=TYPE_PREFIX + UNKNOWN, value={}))
    of_cors = {"type_url": f"{TYPE_PREFIX}{cors}.Cors"}
    yield OddContent("manager", "struct", _filter(struct, **of_cors, value={}), is_good=True)
    yield OddContent("manager", "struct with an unknown field", _filter(struct, **of_cors, value={"nope": 1}))
    buffer = {"type_url": f"{TYPE_PREFIX}{_FILTERS}.buffer.v3.Buffer"}
    yield OddContent("manager", "struct that lacks a field", _filter(struct, **buffer, value={}))
    yield OddContent("manager", "filter of clusters", _filter(f"{_FILTERS}.upstream_codec.v3.UpstreamCodec"))
    yield OddContent("manager", "two routers", _filter(f"{_FILTERS}.router.v3.Router"))
    yield OddContent("manager", "no router", _put(http_filters=[_extension(f"{cors}.Cors")]))
    for name, config in {"nope": nope, "cluster": cluster, "router": _typed(f"{_FILTERS}.router.v3.Router")}.items():
        yield OddContent("route", f"settings of a filter: {name}", _put(typed_per_filter_config={"x": config}))
    policy = _typed(f"{cors}.CorsPolicy")
    yield OddContent("route", "settings of a filter", _put(typed_per_filter_config={"x": policy}), is_good=True)
    off = _typed("envoy.config.route.v3.FilterConfig", disabled=True)
    yield OddContent("host", "a filter that is off", _put(typed_per_filter_config={"x": off}), is_good=True)
    yield OddContent("route", "metadata", _put(metadata={"typed_filter_metadata": {"a": cluster}}), is_good=True)
    yield OddContent("listener", "unknown log", _put(access_log=[_extension(UNKNOWN)]))
    yield OddContent("listener", "unknown filter of connections", _chain(filters=[_extension(UNKNOWN)]))
    yield OddContent("listener", "unknown socket", _chain(transport_socket=_extension(UNKNOWN)))
    yield OddContent("listener", "socket by name", _chain(transport_socket={"name": "envoy.transport_sockets.tls"}))
    yield OddContent(
        "cluster", "socket of listeners", _put(transport_socket=_extension(f"{_TLS}.DownstreamTlsContext"))
    )
    yield OddContent("cluster", "unknown socket", _put(transport_socket=_extension(UNKNOWN)))


def _put_first(entry: Part) -> Edit:
    return lambda manager: manager["http_filters"].insert(0, entry)


def of_clusters() -> Iterator[OddContent]:
    """Yield clusters."""
    yield OddContent(
        "cluster", "EDS without settings", lambda part: (part.pop("load_assignment"), part.update(type="EDS"))
    )
    yield OddContent("cluster", "settings of EDS", _put(eds_cluster_config={"eds_config": {"ads": {}}}))
    yield OddContent("cluster", "ORIGINAL_DST", _put(type="ORIGINAL_DST", lb_policy="CLUSTER_PROVIDED"))
    yield OddContent("cluster", "CLUSTER_PROVIDED", _put(lb_policy="CLUSTER_PROVIDED"))
    yield OddContent("cluster", "no policy", _put(lb_policy="LOAD_BALANCING_POLICY_CONFIG"))
    yield OddContent("cluster", "empty policy", _put(load_balancing_policy={"policies": []}))
    ring = {"minimum_ring_size": 100, "maximum_ring_size": 10}
    yield OddContent("cluster", "ring", _put(lb_policy="RING_HASH", ring_hash_lb_config=ring))
    yield OddContent("cluster", "ring of a policy", _balanced(f"{_BALANCERS}.ring_hash.v3.RingHash", **ring))
    yield OddContent("cluster", "table", _put(lb_policy="MAGLEV", maglev_lb_config={"table_size": 4}))
    yield OddContent("cluster", "a prime", _put(lb_policy="MAGLEV", maglev_lb_config={"table_size": 7}), is_good=True)
    times = {"base_ejection_time": "500s", "max_ejection_time": _SECOND}
    yield OddContent("cluster", "outliers", _put(outlier_detection=times))
    back_off = {"base_interval": "5s", "max_interval": _SECOND}
    yield OddContent("cluster", "DNS", _put(type="STRICT_DNS", dns_failure_refresh_rate=back_off))
    breakers = {"per_host_thresholds": [{"max_requests": 5}]}
    yield OddContent("cluster", "limits of a host", _put(circuit_breakers=breakers))
    checks: dict[str, Part] = {
        "range": {"http_health_check": {"path": "/", "expected_statuses": [{"start": 500, "end": 200}]}},
        "body": {"http_health_check": {"path": "/", "method": "GET", "send": {"text": "00"}}},
        "digits": {"tcp_health_check": {"send": {"text": "zz"}}},
        "half a byte": {"tcp_health_check": {"receive": [{"text": "abc"}]}},
        "by name": {"custom_health_check": {"name": "envoy.health_checkers.redis"}},
    }
    for name, check in checks.items():
        yield OddContent("cluster", f"health check: {name}", _check(**check))
    names = [{"san_type": "DNS", "matcher": {"exact": "x"}}]
    context = {"validation_context": {"match_typed_subject_alt_names": names}}
    yield OddContent("cluster", "names without a CA", _upstream_tls(common_tls_context=context))
    for name, text in {"no": "x", "half a": "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"}.items():
        trusted = {"validation_context": {"trusted_ca": {"inline_string": text}}}
        yield OddContent("cluster", f"{name} certificate of a CA", _upstream_tls(common_tls_context=trusted))
    yield OddContent("cluster", "auto_sni_san_validation", _upstream_tls(auto_sni_san_validation=True))
    yield OddContent("cluster", "ALPN", _upstream_tls(common_tls_context={"alpn_protocols": ["x" * 256]}))
    yield OddContent("cluster", "TLS", _upstream_tls(sni="x"), is_good=True)
    host = {"socket_address": {"address": "example.com", "port_value": 1}}
    yield OddContent("endpoint", "a name", _put(address=host))


def of_listeners() -> Iterator[OddContent]:
    """Yield listeners."""
    for name, socket in {
        "a name": {"address": "example.com", "port_value": 80},
        "no address": {"address": "999.1.1.1", "port_value": 80},
        "a port by name": {"address": "127.0.0.1", "named_port": "http"},
        "UDP": {"address": "127.0.0.1", "protocol": "UDP", "port_value": 10000},
    }.items():
        yield OddContent("listener", name, _put(address={"socket_address": socket}))
    udp = {"address": {"socket_address": {"address": "127.0.0.1", "protocol": "UDP", "port_value": 10000}}}
    yield OddContent("listener", "another protocol", _put(additional_addresses=[udp]))
    internal = {"envoy_internal_address": {"server_listener_name": "x"}}
    yield OddContent("listener", "address within Envoy", _put(address=internal))
    yield OddContent("listener", "no address and one", _put(internal_listener={}))
    match = {"prefix_ranges": [{"address_prefix": "x", "prefix_len": 8}]}
    yield OddContent("listener", "network", _chain(filter_chain_match=match))
    yield OddContent("listener", "suffix", _chain(filter_chain_match={"address_suffix": "::1", "suffix_len": 5}))
    tls = _extension(f"{_TLS}.DownstreamTlsContext")
    yield OddContent("listener", "TLS without a certificate", _chain(transport_socket=tls))
    rbac = _extension("envoy.extensions.filters.network.rbac.v3.RBAC", stat_prefix="x")
    yield OddContent("listener", "chain without an end", _chain(filters=[rbac]))
    yield OddContent("listener", "filter behind the end", lambda part: part["filter_chains"][0]["filters"].append(rbac))
    yield OddContent("manager", "upgrade twice", _put(upgrade_configs=[{"upgrade_type": "a"}] * 2))
    detection = _extension("envoy.extensions.http.original_ip_detection.xff.v3.XffConfig")
    both = {"original_ip_detection_extensions": [detection], "use_remote_address": True}
    yield OddContent("manager", "two ways to an address", _put(**both))


def of_filters() -> Iterator[OddContent]:
    """Yield HTTP filters."""
    fast = {"max_tokens": 1, "fill_interval": "0.01s"}
    limit = f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit"
    descriptor = {"entries": [{"key": "a", "value": "b"}], "token_bucket": _BUCKET}
    yield OddContent("manager", "too fast a bucket", _filter(limit, stat_prefix="x", token_bucket=fast))
    descriptors = {"token_bucket": _BUCKET, "descriptors": [descriptor] * 2}
    yield OddContent("manager", "descriptor twice", _filter(limit, stat_prefix="x", **descriptors))
    yield OddContent("manager", "a bucket", _filter(limit, stat_prefix="x", token_bucket=_BUCKET), is_good=True)
    server = {"uri": "http://x", "cluster": "c", "timeout": _SECOND}
    service = {"server_uri": server, "path_prefix": "x"}
    authz = f"{_FILTERS}.ext_authz.v3.ExtAuthz"
    yield OddContent("manager", "path_prefix", _filter(authz, transport_api_version="V3", http_service=service))
    fixed = {"headers_to_add": [{"key": ":path", "value": "x"}]}
    service = {"server_uri": server, "authorization_request": fixed}
    yield OddContent("manager", "fixed header", _filter(authz, transport_api_version="V3", http_service=service))
    processor = f"{_FILTERS}.ext_proc.v3.ExternalProcessor"
    yield OddContent("manager", "no processor", _filter(processor))
    duplex = {"request_body_mode": "FULL_DUPLEX_STREAMED"}
    yield OddContent("manager", "no trailers", _filter(processor, grpc_service=_GRPC, processing_mode=duplex))
    yield OddContent("manager", "a processor", _filter(processor, grpc_service=_GRPC), is_good=True)
    keys = '{"keys": [{"kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}]}'
    jwt = f"{_FILTERS}.jwt_authn.v3.JwtAuthentication"
    providers = {"p": {"issuer": "i", "local_jwks": {"inline_string": keys}}}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "q"}}
    yield OddContent("manager", "keys", _filter(jwt, providers={"p": {"local_jwks": {"inline_string": "x"}}}))
    yield OddContent("manager", "provider", _filter(jwt, providers=providers, rules=[rule]))
    named = {"match": {"prefix": "/"}, "requirement_name": "q"}
    yield OddContent("manager", "requirement", _filter(jwt, providers=providers, rules=[named]))
    yield OddContent("manager", "JWT", _filter(jwt, providers=providers), is_good=True)
    ports = {"destination_port_range": {"start": 9, "end": 9}}
    policies = {"a": {"permissions": [ports], "principals": [{"any": True}]}}
    yield OddContent("manager", "ports", _filter(f"{_FILTERS}.rbac.v3.RBAC", rules={"policies": policies}))
    both = {"inline_code": "x = 1", "default_source_code": {"inline_string": "x = 1"}}
    yield OddContent("manager", "two scripts", _filter(f"{_FILTERS}.lua.v3.Lua", **both))
    rules = f"{_FILTERS}.header_to_metadata.v3.Config"
    yield OddContent("manager", "rule without effect", _filter(rules, request_rules=[{"header": "a"}]))
    yield OddContent("manager", "no source", _filter(rules, request_rules=[{"on_header_present": {"key": "x"}}]))
    for text in ("u:p", "u:{SHA}x", f":{_SHA}", f"u:{_SHA}\nu:{_SHA}"):
        yield OddContent("manager", f"users {text!r}", _users(text))
    yield OddContent("manager", "users", _users(f"u:{_SHA}\nv:{_SHA}\n"), is_good=True)
    clients = {"credentials": [{"key": "a", "client": "x"}] * 2, "key_sources": [{"header": "x"}]}
    yield OddContent("manager", "key twice", _filter(f"{_FILTERS}.api_key_auth.v3.ApiKeyAuth", **clients))
    check = {"pass_through_mode": False, "cache_time": "5s"}
    yield OddContent("manager", "cache_time", _filter(f"{_FILTERS}.health_check.v3.HealthCheck", **check))


def odd_contents() -> tuple[OddContent, ...]:
    """Return all of them."""
    return (*of_formats(), *of_routes(), *of_types(), *of_clusters(), *of_listeners(), *of_filters())
