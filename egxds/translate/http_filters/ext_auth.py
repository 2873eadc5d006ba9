"""extAuth → Envoy's filter for it, which stands at routes as a whole. Pure.

For a route Envoy takes another server, and not what becomes of requests without its answer, nor what it is told of
them. So the slot runs a filter that says all of it (seen with 1.40: bodies reach the server, its answer reaches the
client, the route is chosen again with the headers that it sets).
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcherPerRoute
from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import BufferSettings, ExtAuthz, HttpService
from envoy.type.matcher.v3.string_pb2 import ListStringMatcher, StringMatcher
from envoy.type.v3.http_status_pb2 import HttpStatus

from egxds.model.api.ext_auth import HttpAuthorizationServer
from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.ext_auth import EXT_AUTH, ServerAuthorization
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.server_calls import duration, retry_policy
from egxds.translate.http_filters.slot import empty_slot, filled_slot
from egxds.translate.metadata import FILTER_NAMESPACE

NAME = "envoy.filters.http.ext_authz"


def _write(found: ServerAuthorization) -> ExtensionWithMatcherPerRoute:
    return filled_slot((NAME, ext_authz(found)))


def ext_authz(found: ServerAuthorization) -> ExtAuthz:
    """Write the filter that asks a server."""
    asked = found.asked
    message = ExtAuthz(
        transport_api_version=ApiVersion.V3,
        failure_mode_allow=asked.fail_open,
        clear_route_cache=asked.recompute_route,
        route_metadata_context_namespaces=[FILTER_NAMESPACE] if asked.include_route_metadata else [],
    )
    if found.http is not None:
        message.http_service.CopyFrom(_http_service(found, found.http))
    else:
        message.grpc_service.CopyFrom(_grpc_service(found))
    if asked.headers_to_ext_auth:
        message.allowed_headers.CopyFrom(_headers(asked.headers_to_ext_auth))
    if asked.body_to_ext_auth is not None:
        message.with_request_body.CopyFrom(BufferSettings(max_request_bytes=asked.body_to_ext_auth.max_request_bytes))
    if asked.status_on_error is not None:
        message.status_on_error.CopyFrom(HttpStatus(code=asked.status_on_error))
    return message


def _grpc_service(found: ServerAuthorization) -> GrpcService:
    to = GrpcService.EnvoyGrpc(cluster_name=found.server.cluster, authority=found.authority)
    service = GrpcService(envoy_grpc=to, timeout=duration(found.timeout_s))
    if found.retries is not None:
        service.retry_policy.CopyFrom(retry_policy(found.retries))
    return service


def _http_service(found: ServerAuthorization, http: HttpAuthorizationServer) -> HttpService:
    path = http.path or ""
    uri = HttpUri(
        uri=f"http://{found.authority}{path}", cluster=found.server.cluster, timeout=duration(found.timeout_s)
    )
    service = HttpService(server_uri=uri, path_prefix=path)
    if found.retries is not None:
        service.retry_policy.CopyFrom(retry_policy(found.retries))
    if http.headers_to_backend:
        service.authorization_response.allowed_upstream_headers.CopyFrom(_headers(http.headers_to_backend))
    return service


def _headers(names: Iterable[str]) -> ListStringMatcher:
    return ListStringMatcher(patterns=[StringMatcher(exact=name, ignore_case=True) for name in names])


FILTER = PolicyFilter(
    name=own_name(NAME, SECURITY_POLICY.id),
    kind=SECURITY_POLICY.id,
    feature=EXT_AUTH.field,
    idle=empty_slot(),
    write=_write,
    takes=lambda found: not found.tells_context,
)
