"""What of Envoy's API is secret: the table by type and field, and the names that tell it elsewhere. Pure.

A field is hidden that stands in `SENSITIVE_FIELDS`. Those that Envoy's API marks with `udpa.annotations.sensitive` are
all there, which a test holds; a newer API may mark more, so the mark counts as well. Beyond fields there are pairs of a
name and a value, such as headers, where the name tells; and texts in which only a part is secret, such as a URI with a
password. Names are judged on suspicion: too much hidden is a nuisance, too little is a leak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import FieldDescriptor
from udpa.annotations import sensitive_pb2

REDACTED = "[redacted]"

_V3 = "envoy.extensions."
_CORE = "envoy.config.core.v3."

SENSITIVE_FIELDS: frozenset[str] = frozenset(
    {
        # Keys, passwords and the contents of Secrets.
        _V3 + "transport_sockets.tls.v3.GenericSecret.secret",
        _V3 + "transport_sockets.tls.v3.GenericSecret.secrets",
        _V3 + "transport_sockets.tls.v3.PrivateKeyProvider.typed_config",
        _V3 + "transport_sockets.tls.v3.TlsCertificate.password",
        _V3 + "transport_sockets.tls.v3.TlsCertificate.pkcs12",
        _V3 + "transport_sockets.tls.v3.TlsCertificate.private_key",
        _V3 + "transport_sockets.tls.v3.TlsSessionTicketKeys.keys",
        # Who may come in.
        _V3 + "filters.http.api_key_auth.v3.ApiKeyAuth.credentials",
        _V3 + "filters.http.api_key_auth.v3.ApiKeyAuthPerRoute.credentials",
        _V3 + "filters.http.api_key_auth.v3.Credential.key",
        _V3 + "filters.http.basic_auth.v3.BasicAuth.users",
        _V3 + "filters.http.basic_auth.v3.BasicAuthPerRoute.users",
        _V3 + "filters.http.ext_authz.v3.CheckSettings.context_extensions",
        _V3 + "filters.http.jwt_authn.v3.JwtProvider.local_jwks",
        # What Envoy shows to others.
        _CORE + "GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials.authorization_token",
        _CORE + "GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials.json_key",
        _CORE + "GrpcService.GoogleGrpc.CallCredentials.access_token",
        _CORE + "GrpcService.GoogleGrpc.CallCredentials.google_refresh_token",
        _CORE + "GrpcService.GoogleGrpc.SslCredentials.private_key",
        _CORE + "GrpcService.initial_metadata",
        _CORE + "HealthCheck.GrpcHealthCheck.initial_metadata",
        "envoy.config.grpc_credential.v3.FileBasedMetadataConfig.secret_data",
        "envoy.config.trace.v3.ClientConfig.backend_token",
        "envoy.config.trace.v3.LightstepConfig.access_token",
        _V3 + "common.aws.v3.AssumeRoleWithWebIdentityCredentialProvider.web_identity_token_data_source",
        _V3 + "common.aws.v3.CredentialsFileCredentialProvider.credentials_data_source",
        _V3 + "common.aws.v3.IAMRolesAnywhereCredentialProvider.private_key",
        _V3 + "common.aws.v3.InlineCredentialProvider.access_key_id",
        _V3 + "common.aws.v3.InlineCredentialProvider.secret_access_key",
        _V3 + "common.aws.v3.InlineCredentialProvider.session_token",
        _V3 + "filters.http.aws_lambda.v3.Credentials.access_key_id",
        _V3 + "filters.http.aws_lambda.v3.Credentials.secret_access_key",
        _V3 + "filters.http.aws_lambda.v3.Credentials.session_token",
        _V3 + "filters.http.ext_proc.v3.ExtProcOverrides.grpc_initial_metadata",
        _V3 + "filters.network.redis_proxy.v3.RedisProtocolOptions.Credential.auth_password",
        _V3 + "filters.network.redis_proxy.v3.RedisProtocolOptions.Credential.auth_username",
        _V3 + "filters.network.redis_proxy.v3.RedisProtocolOptions.auth_password",
        _V3 + "filters.network.redis_proxy.v3.RedisProtocolOptions.auth_username",
        _V3 + "filters.network.redis_proxy.v3.RedisProxy.downstream_auth_password",
        _V3 + "filters.network.redis_proxy.v3.RedisProxy.downstream_auth_passwords",
        _V3 + "filters.network.redis_proxy.v3.RedisProxy.downstream_auth_username",
        _V3 + "grpc_service.call_credentials.access_token.v3.AccessTokenCredentials.token",
        _V3 + "grpc_service.call_credentials.file_based_metadata.v3.FileBasedMetadataCallCredentials.secret_data",
        _V3 + "grpc_service.call_credentials.google_iam.v3.GoogleIamCredentials.authorization_token",
        _V3 + "grpc_service.call_credentials.google_refresh_token.v3.GoogleRefreshTokenCredentials.token",
        _V3 + "grpc_service.call_credentials.service_account_jwt_access.v3.ServiceAccountJwtAccessCredentials.json_key",
        # Programs, which hold whatever their authors put there, and what they are told.
        _CORE + "AsyncDataSource.local",
        _V3 + "filters.http.lua.v3.Lua.default_source_code",
        _V3 + "filters.http.lua.v3.Lua.inline_code",
        _V3 + "filters.http.lua.v3.Lua.source_codes",
        _V3 + "filters.http.lua.v3.LuaPerRoute.source_code",
        _V3 + "router.cluster_specifiers.lua.v3.LuaConfig.source_code",
        _V3 + "string_matcher.lua.v3.Lua.source_code",
        _V3 + "wasm.v3.EnvironmentVariables.key_values",
        _V3 + "wasm.v3.PluginConfig.configuration",
        _V3 + "wasm.v3.VmConfig.configuration",
        # The API's second version, which Envoy no longer takes and an extension may still send.
        "envoy.api.v2.auth.GenericSecret.secret",
        "envoy.api.v2.auth.PrivateKeyProvider.config",
        "envoy.api.v2.auth.PrivateKeyProvider.typed_config",
        "envoy.api.v2.auth.TlsCertificate.password",
        "envoy.api.v2.auth.TlsCertificate.private_key",
        "envoy.api.v2.auth.TlsSessionTicketKeys.keys",
        "envoy.api.v2.core.GrpcService.GoogleGrpc.SslCredentials.private_key",
        "envoy.config.filter.network.redis_proxy.v2.RedisProtocolOptions.auth_password",
        "envoy.config.filter.network.redis_proxy.v2.RedisProxy.downstream_auth_password",
        "envoy.config.grpc_credential.v2alpha.FileBasedMetadataConfig.secret_data",
    }
)
"""Fields whose values are hidden, by full name."""


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A message in which a name tells whether the rest is secret.

    Attributes:
        name: fields that lead to the name.
        hidden: fields that are hidden for it.
    """

    name: tuple[str, ...]
    hidden: frozenset[str]


_HEADER = NamedValue(("key",), frozenset({"value", "raw_value"}))
_MATCHES = ("exact", "safe_regex", "range", "prefix", "suffix", "contains", "string")
_HEADER_MATCH = NamedValue(("name",), frozenset(f"{match}_match" for match in _MATCHES) | {"value", "regex_match"})
_INPUT = ("input", "typed_config", "*")
_PREDICATE = NamedValue(_INPUT, frozenset({"value_match", "custom_match"}))
_TREE = NamedValue(_INPUT, frozenset({"exact_match_map", "prefix_match_map", "custom_match"}))

NAMED_VALUES: Mapping[str, NamedValue] = {
    _CORE + "HeaderValue": _HEADER,
    _CORE + "KeyValue": _HEADER,
    _CORE + "KeyValuePair": _HEADER,
    _CORE + "QueryParameter": _HEADER,
    "envoy.api.v2.core.HeaderValue": _HEADER,
    "envoy.api.v2.route.HeaderMatcher": _HEADER_MATCH,
    "envoy.config.route.v3.HeaderMatcher": _HEADER_MATCH,
    "envoy.config.route.v3.QueryParameterMatcher": _HEADER_MATCH,
    "envoy.config.common.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate": _PREDICATE,
    "envoy.config.common.matcher.v3.Matcher.MatcherTree": _TREE,
    "xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate": _PREDICATE,
    "xds.type.matcher.v3.Matcher.MatcherTree": _TREE,
}
"""Types of which a name decides, by full name. A `*` in the way to it is every field."""

_TELLING = r"authorization|cookie|passw(or)?d|passphrase|secret|token|credential|(api|private|access)[-_]?key"
_TELLING_NAME = re.compile(rf"{_TELLING}|jwks?$|hmac|inline[-_]?(string|bytes|code)", re.IGNORECASE)
_TELLING_HEADER = re.compile(rf"{_TELLING}|(^|[-_])(auth|key|jwt|bearer|session|signature|hmac)([-_]|$)", re.IGNORECASE)
_TELLING_FIELD = re.compile(r"(^|_)(password|passphrase|secret|token|private_key|access_key|api_key|json_key)$")
_USER_INFO = re.compile(r"(?<=://)[^/?#\s\"<>]*@")
_QUERY = re.compile(
    rf"([?&#](?:key|sig|[^=&#?\s]{{0,64}}(?:{_TELLING}|signature)[^=&#?\s]{{0,64}})=)[^&#\s\"]+", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s{1,8}(?=[-A-Za-z0-9+/_=.~]*[-0-9+/_=.~A-Z])[-A-Za-z0-9+/_=.~]{8,}")


@cache
def is_sensitive(field: FieldDescriptor) -> bool:
    """Tell whether the values of a field are hidden."""
    if field.full_name in SENSITIVE_FIELDS or field.GetOptions().Extensions[sensitive_pb2.sensitive]:
        return True
    return field.cpp_type == FieldDescriptor.CPPTYPE_STRING and _TELLING_FIELD.search(field.name) is not None


def is_telling(name: str) -> bool:
    """Tell whether a name in untyped settings says that its value is secret."""
    return _TELLING_NAME.search(name) is not None


def is_telling_header(name: str) -> bool:
    """Tell whether the name of a header, or of a parameter, says that its value is secret."""
    return _TELLING_HEADER.search(name) is not None


def without_secrets(text: str) -> str:
    """Hide what opens a door inside a text: user info and telling parameters of URIs, credentials of HTTP."""
    if "://" in text:
        text = _USER_INFO.sub(f"{REDACTED}@", text)
    if "=" in text:
        text = _QUERY.sub(rf"\1{REDACTED}", text)
    return _SCHEME.sub(rf"\1 {REDACTED}", text)


def hide_named(type_name: str, rendered: dict[str, object]) -> dict[str, object]:
    """Hide the values of a rendered message whose name tells that they are secret.

    Args:
        type_name: full name of its type.
        rendered: its fields, named as in the .proto files or in camelCase.
    """
    pair = NAMED_VALUES.get(type_name)
    if pair is None or not any(is_telling_header(name) for name in _names(rendered, pair.name)):
        return rendered
    return {name: REDACTED if snake_case(name) in pair.hidden else value for name, value in rendered.items()}


def snake_case(name: str) -> str:
    """Return the name of a field as the .proto files write it, of one that may be in camelCase."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _names(value: object, way: tuple[str, ...]) -> list[str]:
    """Return the texts that a way leads to."""
    if not way:
        return [value] if isinstance(value, str) else []
    if not isinstance(value, Mapping):
        return []
    steps = value.items() if way[0] == "*" else ((key, at) for key, at in value.items() if snake_case(key) == way[0])
    return [name for key, at in steps if key != "@type" for name in _names(at, way[1:])]
