"""http1, http2, grpc, scheme and healthCheck: what is spoken with clients, and what answers without a route. Pure."""

from __future__ import annotations

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions, Http2ProtocolOptions, SchemeHeaderTransformation
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.extensions.filters.http.grpc_web.v3.grpc_web_pb2 import GrpcWeb
from envoy.extensions.filters.http.health_check.v3.health_check_pb2 import HealthCheck as HealthCheckFilter
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy.extensions.http.header_formatters.preserve_case.v3.preserve_case_pb2 import PreserveCaseFormatterConfig
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from egxds.model.api.client_traffic.requests import Grpc, HealthCheck, Http1, Http2, Scheme
from egxds.resources.encoding import pack
from egxds.translate.client_traffic.http2 import write_http2_options
from egxds.translate.client_traffic.place import ManagerPlace
from egxds.translate.client_traffic.text_matches import text_matcher

_STREAMS = 100


def write_http1(manager: HttpConnectionManager, asked: Http1 | None, place: ManagerPlace) -> None:
    """Write how HTTP/1 is spoken; upgrades that are not looked at anyway stay so (`translate.upgrades`)."""
    if asked is None:
        return
    options = manager.http_protocol_options
    options.enable_trailers = asked.enable_trailers
    options.ignore_http_11_upgrade.extend(text_matcher(each) for each in asked.ignored_upgrade_types)
    if asked.preserve_header_case:
        case = TypedExtensionConfig(name="preserve_case", typed_config=pack(PreserveCaseFormatterConfig()))
        options.header_key_format.CopyFrom(Http1ProtocolOptions.HeaderKeyFormat(stateful_formatter=case))
    if asked.http10 is not None:
        options.accept_http_10 = True
        options.default_host_for_http_10 = place.hostname if asked.http10.use_default_host else ""
    if asked.disable_safe_max_connection_duration:
        manager.http1_safe_max_connection_duration = False


def write_http2(manager: HttpConnectionManager, asked: Http2 | None, _place: ManagerPlace) -> None:
    """Write how HTTP/2 is spoken; what a policy does not say is Envoy Gateway's default."""
    options = Http2ProtocolOptions(max_concurrent_streams=UInt32Value(value=_STREAMS))
    write_http2_options(options, asked or Http2())
    manager.http2_protocol_options.CopyFrom(options)


def write_grpc(manager: HttpConnectionManager, asked: Grpc | None, _place: ManagerPlace) -> None:
    """Have gRPC-Web understood, before any other filter sees the request."""
    if asked is not None and asked.enable_web:
        manager.http_filters.insert(0, HttpFilter(name="envoy.filters.http.grpc_web", typed_config=pack(GrpcWeb())))


def write_scheme(manager: HttpConnectionManager, asked: Scheme | None, _place: ManagerPlace) -> None:
    """Write which scheme backends are told."""
    if asked == "MatchBackend":
        manager.scheme_header_transformation.CopyFrom(SchemeHeaderTransformation(match_upstream=True))


def write_health_check(manager: HttpConnectionManager, asked: HealthCheck | None, _place: ManagerPlace) -> None:
    """Have a path answered at once, whoever asks and whatever is denied: load balancers have no login."""
    if asked is not None:
        path = HeaderMatcher(name=":path", string_match=StringMatcher(exact=asked.path))
        config = HealthCheckFilter(pass_through_mode=BoolValue(value=False), headers=[path])
        manager.http_filters.insert(0, HttpFilter(name="envoy.filters.http.health_check", typed_config=pack(config)))
