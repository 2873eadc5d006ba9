"""jwt: whose tokens are taken, by which keys, and from where the keys come. Pure.

A set of keys that is written down is checked here, since Envoy would refuse all that is asked of tokens for one that it
cannot use. Keys of a server are Envoy's to fetch: while it has none, nobody is let in. The name of what is asked is
that of the policies that ask, so that another issuer, or other keys, change nothing about the routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egxds import names
from egxds.certificates.json_web_keys import JWKS_ENTRY, read_json_web_keys
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.jwt import Jwt, JwtProvider, KeysReference, LocalKeys, TokenSources
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.features.fetched_keys import FetchedKeys, fetched_keys
from egxds.model.resolve.features.policy_servers import server_queries
from egxds.model.resolve.references import kind_text, not_found
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class WrittenKeys:
    """Keys that are written down.

    Attributes:
        text: a set that Envoy can use.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenProvider:
    """Whose tokens are taken.

    Attributes:
        name: in its policy.
        issuer: that tokens must name; empty for any.
        audiences: of which tokens must name one; empty for any.
        keys: by which tokens are signed.
        headers: header and the claim that backends are told by it.
        chooses_again: whether the route is chosen again with these headers.
        sources: where requests have their token; None for where Envoy looks by itself.
    """

    name: str
    issuer: str
    audiences: tuple[str, ...]
    keys: FetchedKeys | WrittenKeys
    headers: tuple[tuple[str, str], ...]
    chooses_again: bool
    sources: TokenSources | None


@dataclass(frozen=True, slots=True)
class TokenRequirement:
    """What is asked of the token of a request.

    Attributes:
        name: by which routes ask for it.
        policies: that it comes from.
        providers: of whom one has to take the token.
        allows_none: whether a request without a token is let in.
        allows_bad: whether one with a bad token is let in.
    """

    name: str
    policies: tuple[ObjectKey, ...]
    providers: tuple[TokenProvider, ...]
    allows_none: bool
    allows_bad: bool


def _queries(asked: Jwt, policy: ObjectKey) -> Iterator[Query]:
    for provider in asked.providers:
        if provider.local_keys is not None and provider.local_keys.value_ref is not None:
            yield _target(policy, provider.local_keys.value_ref)
        if provider.remote_keys is not None:
            yield from server_queries(provider.remote_keys.backend_refs, policy)


def _resolve(asked: Jwt, context: FeatureContext) -> TokenRequirement | Fault:
    name = names.requirement_name((key.namespace, key.name) for key in context.policies)
    providers: list[TokenProvider] = []
    for at, provider in enumerate(asked.providers):
        keys = _keys(provider, (*context.path, "providers", at), context, names.own_key_server_name(name, at))
        if isinstance(keys, Fault):
            return keys
        providers.append(_provider(provider, keys))
    return TokenRequirement(name, context.policies, tuple(providers), asked.optional, asked.fail_open)


def _provider(provider: JwtProvider, keys: FetchedKeys | WrittenKeys) -> TokenProvider:
    headers = tuple((each.header, each.claim) for each in provider.claim_to_headers)
    return TokenProvider(
        provider.name,
        provider.issuer,
        provider.audiences,
        keys,
        headers,
        provider.recompute_route,
        provider.extract_from,
    )


def _keys(
    provider: JwtProvider, path: Path, context: FeatureContext, own_server: str
) -> FetchedKeys | WrittenKeys | Fault:
    if provider.local_keys is not None:
        return _written(provider.local_keys, (*path, "localJWKS"), context)
    if provider.remote_keys is not None:
        return fetched_keys(provider.remote_keys, (*path, "remoteJWKS"), context, own_server)
    raise ValueError("a provider without keys was accepted")


def _written(keys: LocalKeys, path: Path, context: FeatureContext) -> WrittenKeys | Fault:
    if keys.value_ref is not None:
        return _in_config_map(keys.value_ref, (*path, "valueRef"), context)
    found = read_json_web_keys(keys.inline or "")
    return WrittenKeys(found) if isinstance(found, str) else _unusable("the set of keys", found, (*path, "inline"))


def _in_config_map(ref: KeysReference, path: Path, context: FeatureContext) -> WrittenKeys | Fault:
    target = _target(context.policy, ref)
    if target.group_kind != CONFIG_MAP.id:
        message = f"keys are in a ConfigMap, not in a {kind_text(*target.group_kind)}"
        return Fault(Reason.INVALID, message, path)
    config_map = context.index.state.of(CONFIG_MAP).get(target)
    if config_map is None:
        return Fault(Reason.INVALID, f"{not_found(Reason.INVALID, target, path).message} with {JWKS_ENTRY}", path)
    values = config_map.content.data
    text = values.get(JWKS_ENTRY) or (next(iter(values.values())) if len(values) == 1 else "")
    found = read_json_web_keys(text)
    return WrittenKeys(found) if isinstance(found, str) else _unusable(f"{target}: its set of keys", found, path)


def _unusable(what: str, faults: tuple[str, ...], path: Path) -> Fault:
    return Fault(Reason.INVALID, f"{what} {'; '.join(faults)}", path)


def _target(policy: ObjectKey, ref: KeysReference) -> ObjectKey:
    return ObjectKey(ref.group, ref.kind, policy.namespace, ref.name)


JWT = Feature("jwt", "jwt", _resolve, _queries)
