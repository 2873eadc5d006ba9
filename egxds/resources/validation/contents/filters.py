"""Contents of HTTP filters that extensions put into listeners and routes. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.resources.validation.contents.plain import inline
from egxds.resources.validation.contents.routes import nanoseconds

_FILTERS = "envoy.extensions.filters.http"
_LEAST_FILL_NS = 50 * 10**6
_SHA = "{SHA}"
_SHA_CHARACTERS = 28
_FULL_DUPLEX_STREAMED = 4
_SEND = 1


def _wrong_local_limit(limit: Any) -> Iterator[str]:
    if limit.HasField("token_bucket") and nanoseconds(limit.token_bucket.fill_interval) < _LEAST_FILL_NS:
        yield "token_bucket.fill_interval: must be at least 0.05 s"


def _wrong_http_descriptors(limit: Any) -> Iterator[str]:
    yield from _wrong_local_limit(limit)
    found = [tuple((entry.key, entry.value) for entry in each.entries) for each in limit.descriptors]
    if len(set(found)) < len(found):
        yield "descriptors: one is there more than once"


def _wrong_authorization_service(service: Any) -> Iterator[str]:
    if service.path_prefix and not service.path_prefix.startswith("/"):
        yield "path_prefix: must start with /"


def _wrong_processor(processor: Any) -> Iterator[str]:
    if processor.HasField("grpc_service") == processor.HasField("http_service"):
        yield "grpc_service: give exactly one of grpc_service and http_service"
    mode = processor.processing_mode
    sends_more = mode.request_body_mode or mode.response_body_mode
    sends_more = sends_more or _SEND in (mode.request_trailer_mode, mode.response_trailer_mode)
    if processor.HasField("http_service") and sends_more:
        yield "processing_mode: a service over HTTP is sent no bodies and no trailers"
    for way in ("request", "response"):
        is_duplex = getattr(mode, f"{way}_body_mode") == _FULL_DUPLEX_STREAMED
        if is_duplex and getattr(mode, f"{way}_trailer_mode") != _SEND:
            yield f"processing_mode.{way}_trailer_mode: must be SEND where the body is FULL_DUPLEX_STREAMED"


def _wrong_jwt(settings: Any) -> Iterator[str]:
    for name in sorted(settings.providers):
        text = inline(settings.providers[name].local_jwks)
        if text and not _has_keys(text):
            yield f"providers[{name!r}].local_jwks: must be a JSON object with keys"
    for at, rule in enumerate(settings.rules):
        if rule.requirement_name and rule.requirement_name not in settings.requirement_map:
            yield f"rules[{at}].requirement_name: is not in requirement_map"
        yield from (f"rules[{at}]: {fault}" for fault in _wrong_requirement(rule.requires, settings.providers))


def _has_keys(text: bytes) -> bool:
    if text.lstrip().startswith(b"-----BEGIN"):
        return True
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.get("keys", found))


def _wrong_requirement(requirement: Any, providers: Mapping[str, Any]) -> Iterator[str]:
    names = (requirement.provider_name, requirement.provider_and_audiences.provider_name)
    yield from (f"provider {name!r} is not there" for name in names if name and name not in providers)
    for inner in (*requirement.requires_any.requirements, *requirement.requires_all.requirements):
        yield from _wrong_requirement(inner, providers)


def _wrong_permission(permission: Any) -> Iterator[str]:
    ports = permission.destination_port_range
    if permission.HasField("destination_port_range") and ports.start >= ports.end:
        yield "destination_port_range.start: must be less than end"


def _wrong_lua(script: Any) -> Iterator[str]:
    if script.inline_code and script.HasField("default_source_code"):
        yield "inline_code: cannot stand beside default_source_code"


def _wrong_metadata_rule(rule: Any) -> Iterator[str]:
    if not rule.HasField("on_header_present") and not rule.HasField("on_header_missing"):
        yield "on_header_present: give it, or on_header_missing"
    if bool(rule.header) == bool(rule.cookie):
        yield "header: give exactly one of header and cookie"
    if rule.HasField("on_header_missing") and not rule.on_header_missing.value:
        yield "on_header_missing.value: must be set"
    for field in ("on_header_present", "on_header_missing"):
        found = getattr(rule, field)
        if found.value and found.HasField("regex_value_rewrite"):
            yield f"{field}.value: cannot stand beside regex_value_rewrite"


def _wrong_users(settings: Any) -> Iterator[str]:
    if settings.users.WhichOneof("specifier") is None:
        yield "users: must be set"
    text = inline(settings.users).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    names = Counter(line.partition(":")[0] for line in lines)
    for at, line in enumerate(lines, start=1):
        name, _, password = line.partition(":")
        digest = password.removeprefix(_SHA)
        if not name or digest == password or len(digest) != _SHA_CHARACTERS or names[name] > 1:
            yield f"users: entry {at} must be name:{{SHA}} and a hash of 28 characters, each name once"


def _wrong_keys(settings: Any) -> Iterator[str]:
    if len({each.key for each in settings.credentials}) < len(settings.credentials):
        yield "credentials: a key is there more than once"


def _wrong_key_source(source: Any) -> Iterator[str]:
    if not (source.header or source.query or source.cookie):
        yield "header: give one of header, query and cookie"


def _wrong_health_check(check: Any) -> Iterator[str]:
    if check.HasField("cache_time") and not check.pass_through_mode.value:
        yield "cache_time: is for pass_through_mode"


FILTER_CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "envoy.config.rbac.v3.Permission": _wrong_permission,
    f"{_FILTERS}.api_key_auth.v3.ApiKeyAuth": _wrong_keys,
    f"{_FILTERS}.api_key_auth.v3.KeySource": _wrong_key_source,
    f"{_FILTERS}.basic_auth.v3.BasicAuth": _wrong_users,
    f"{_FILTERS}.basic_auth.v3.BasicAuthPerRoute": _wrong_users,
    f"{_FILTERS}.ext_authz.v3.HttpService": _wrong_authorization_service,
    f"{_FILTERS}.ext_proc.v3.ExternalProcessor": _wrong_processor,
    f"{_FILTERS}.header_to_metadata.v3.Config.Rule": _wrong_metadata_rule,
    f"{_FILTERS}.health_check.v3.HealthCheck": _wrong_health_check,
    f"{_FILTERS}.jwt_authn.v3.JwtAuthentication": _wrong_jwt,
    f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit": _wrong_http_descriptors,
    f"{_FILTERS}.lua.v3.Lua": _wrong_lua,
    "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit": _wrong_local_limit,
}
"""Type of message → what finds out what is wrong in one."""
