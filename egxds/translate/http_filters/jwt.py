"""jwt → Envoy's filter for tokens, whose configuration each Gateway fetches by a name of its own (ECDS). Pure.

Envoy has providers, their keys among them, in the filter, and at a route the name of what it asks. In a Listener an
issuer that changes would drain every connection. So the filter is fetched: nothing is drained, connections that are
open obey at once, and a change of routes fetches no keys again (seen with 1.40). A name that is asked for before the
filter knows it lets nobody in (403).

    in the filter     providers, each with its keys; name → which of them have to take a token
    in RDS            the name, at what it is in force for

Any change of the filter has Envoy fetch all keys of it again, those of other policies, too: it starts with none, asks
for them at once, and has requests wait for that. The alternative that was seen to work, Envoy's composite filter with
what is asked inside of routes, does so with each change of a route.


"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.core.v3.base_pb2 import DataSource, RetryPolicy
from envoy.config.core.v3.http_uri_pb2 import HttpUri
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import (
    JwksAsyncFetch,
    JwtAuthentication,
    JwtClaimToHeader,
    JwtHeader,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    PerRouteConfig,
    RemoteJwks,
)
from google.protobuf.empty_pb2 import Empty

from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.fetched_keys import FetchedKeys
from egxds.model.resolve.features.jwt import JWT, TokenProvider, TokenRequirement, WrittenKeys
from egxds.translate.http_filters.policy_filter import PolicyFilter
from egxds.translate.http_filters.server_calls import duration, retry_policy

SPACED_CLAIMS = ("scope", "scp")
"""Claims that hold several words in one text (RFC 8693), and are a list where they are compared."""


def _write(found: TokenRequirement) -> PerRouteConfig:
    return PerRouteConfig(requirement_name=found.name)


def token_providers(found: TokenRequirement) -> Iterator[tuple[str, JwtProvider]]:
    """Yield the providers of what is asked, each with its name in the filter."""
    return ((_provider_name(found, each), _provider(each)) for each in found.providers)


def token_requirement(found: TokenRequirement) -> JwtRequirement:
    """Write which providers have to take a token."""
    each = [JwtRequirement(provider_name=_provider_name(found, provider)) for provider in found.providers]
    if found.allows_bad:
        each.append(JwtRequirement(allow_missing_or_failed=Empty()))
    elif found.allows_none:
        each.append(JwtRequirement(allow_missing=Empty()))
    return each[0] if len(each) == 1 else JwtRequirement(requires_any=JwtRequirementOrList(requirements=each))


def _provider_name(found: TokenRequirement, provider: TokenProvider) -> str:
    return f"{found.name}/{provider.name}"


def _provider(provider: TokenProvider) -> JwtProvider:
    message = JwtProvider(
        issuer=provider.issuer,
        audiences=provider.audiences,
        forward=True,
        # By this name rules of an authorization find the claims.
        payload_in_metadata=provider.name,
        claim_to_headers=[JwtClaimToHeader(header_name=header, claim_name=claim) for header, claim in provider.headers],
        clear_route_cache=provider.chooses_again,
    )
    message.normalize_payload_in_metadata.space_delimited_claims.extend(SPACED_CLAIMS)
    if isinstance(provider.keys, WrittenKeys):
        message.local_jwks.CopyFrom(DataSource(inline_string=provider.keys.text))
    else:
        message.remote_jwks.CopyFrom(_fetched(provider.keys))
    if provider.sources is not None:
        message.from_headers.extend(
            JwtHeader(name=each.name, value_prefix=each.value_prefix) for each in provider.sources.headers
        )
        message.from_cookies.extend(provider.sources.cookies)
        message.from_params.extend(provider.sources.params)
    return message


def _fetched(keys: FetchedKeys) -> RemoteJwks:
    return RemoteJwks(
        http_uri=HttpUri(uri=keys.uri, cluster=keys.server.cluster, timeout=duration(keys.timeout_s)),
        cache_duration=duration(keys.cache_s),
        # A Listener does not wait for keys: whose server is down would keep all others from being served.
        async_fetch=JwksAsyncFetch(fast_listener=True, failed_refetch_duration=duration(keys.refetch_s)),
        retry_policy=retry_policy(keys.retries) if keys.retries is not None else RetryPolicy(),
    )


FILTER = PolicyFilter(
    name="envoy.filters.http.jwt_authn",
    kind=SECURITY_POLICY.id,
    feature=JWT.field,
    idle=JwtAuthentication(),
    write=_write,
    is_fetched=True,
)
