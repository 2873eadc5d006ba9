"""apiKeyAuth → Envoy's filter for it, which stands at routes alone: it is marked as work in progress. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcherPerRoute
from envoy.extensions.filters.http.api_key_auth.v3.api_key_auth_pb2 import (
    ApiKeyAuth,
    Credential,
    Forwarding,
    KeySource,
)

from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.api_key_auth import API_KEY_AUTH, ApiKeys
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name
from egxds.translate.http_filters.slot import empty_slot, filled_slot

_NAME = "envoy.filters.http.api_key_auth"


def _write(found: ApiKeys) -> ExtensionWithMatcherPerRoute:
    message = ApiKeyAuth(
        credentials=[Credential(client=client, key=key) for client, key in found.clients],
        key_sources=_sources(found),
    )
    if found.client_header or found.hides_keys:
        message.forwarding.CopyFrom(Forwarding(header=found.client_header, hide_credentials=found.hides_keys))
    return filled_slot((_NAME, message))


def _sources(found: ApiKeys) -> Iterator[KeySource]:
    for source in found.sources:
        yield from (KeySource(header=name) for name in source.headers)
        yield from (KeySource(query=name) for name in source.params)
        yield from (KeySource(cookie=name) for name in source.cookies)


FILTER = PolicyFilter(
    name=own_name(_NAME, SECURITY_POLICY.id),
    kind=SECURITY_POLICY.id,
    feature=API_KEY_AUTH.field,
    idle=empty_slot(),
    write=_write,
)
