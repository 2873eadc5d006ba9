"""apiKeyAuth: the keys in Secrets, each under the name of its client. Pure.

Of a client that several Secrets have, the first counts (Envoy Gateway). A key that two clients have tells nobody apart,
and Envoy refuses it. Messages name Secrets and no keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egxds.model.api.api_key_auth import ApiKeyAuth, KeySource
from egxds.model.resolve.dependents import GrantsIn, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.references import resolve_secret, secret_target
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Who is let in by which key.

    Attributes:
        clients: client and key, sorted.
        sources: where requests have their key.
        client_header: by which backends are told the client; empty where they are not.
        hides_keys: whether backends are not shown the key.
    """

    clients: tuple[tuple[str, str], ...] = field(repr=False)
    sources: tuple[KeySource, ...]
    client_header: str
    hides_keys: bool


def _queries(asked: ApiKeyAuth, policy: ObjectKey) -> Iterator[Query]:
    for ref in asked.credential_refs:
        target = secret_target(policy, ref)
        yield target
        if target.namespace != policy.namespace:
            yield GrantsIn(target.namespace)


def _resolve(asked: ApiKeyAuth, context: FeatureContext) -> ApiKeys | Fault:
    clients: dict[str, str] = {}
    for at, ref in enumerate(asked.credential_refs):
        path = (*context.path, "credentialRefs", at)
        secret = resolve_secret(context.policy, ref, path, context.index, Reason.INVALID)
        if isinstance(secret, Fault):
            return secret
        wrong = _take(secret.content.data, clients)
        if wrong:
            return Fault(Reason.INVALID, f"{secret.key}: {wrong}", path)
    if not clients:
        return Fault(Reason.INVALID, "no Secret has a key", (*context.path, "credentialRefs"))
    header = asked.forward_client_id_header or ""
    return ApiKeys(tuple(sorted(clients.items())), asked.extract_from, header, asked.sanitize)


def _take(data: dict[str, bytes], clients: dict[str, str]) -> str:
    """Add the clients of a Secret; say what is wrong with one of them, which is empty where nothing is."""
    for client in sorted(data.keys() - clients.keys()):
        try:
            key = data[client].decode()
        except UnicodeDecodeError:
            return "a key is no text in UTF-8"
        if not key:
            return "a key is empty"
        if key in clients.values():
            return "a key is that of another client, too: give each a key of its own"
        clients[client] = key
    return ""


API_KEY_AUTH = Feature("apiKeyAuth", "api_key_auth", _resolve, _queries)
