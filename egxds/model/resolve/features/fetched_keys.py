"""Keys that Envoy fetches: from whom, and how often. Pure.

They are those of the host that a URI names, with TLS by what the machine trusts that Envoy runs on, unless the policy
refers to backends, which are spoken to as they are for routes.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from egxds import names
from egxds.model.api.jwt import KeysServerSettings, RemoteKeys
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import FeatureContext
from egxds.model.resolve.features.policy_servers import PolicyServer, Retries, given_s, referred_server, retries
from egxds.model.resolve.upstreams import NameKind, SocketAddress, SystemAuthorities, UpstreamTls

_CACHE_S = 300.0
_TIMEOUT_S = 10.0
_REFETCH_S = 1.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """Keys of a server.

    Attributes:
        uri: where they are.
        server: who has them.
        cache_s: for which they are used.
        timeout_s: for which an answer is waited for.
        refetch_s: after which they are asked for again where that has failed.
        retries: None for Envoy's own.
    """

    uri: str
    server: PolicyServer
    cache_s: float
    timeout_s: float
    refetch_s: float
    retries: Retries | None


def fetched_keys(keys: RemoteKeys, path: Path, context: FeatureContext, own_server: str) -> FetchedKeys | Fault:
    """Say which keys are fetched, and from whom, or why they cannot be.

    Args:
        keys: as the policy has them.
        path: where they stand.
        context: of the feature.
        own_server: name of the cluster of whom the policy refers to.
    """
    if keys.backend_refs:
        server = _referred(keys, path, context, own_server)
    else:
        server = _named(keys.uri, (*path, "uri"), context)
    if isinstance(server, Fault):
        return server
    settings = keys.backend_settings or KeysServerSettings()
    timeouts = settings.timeout.http if settings.timeout is not None else None
    return FetchedKeys(
        keys.uri,
        server,
        given_s(keys.cache_duration, _CACHE_S),
        given_s(timeouts.request_timeout if timeouts is not None else None, _TIMEOUT_S),
        given_s(keys.failed_refetch_duration, _REFETCH_S),
        _retries(settings),
    )


def _retries(settings: KeysServerSettings) -> Retries | None:
    retry = settings.retry
    if retry is None:
        return None
    return retries(retry.num_retries, retry.per_retry.back_off if retry.per_retry is not None else None)


def _named(uri: str, path: Path, context: FeatureContext) -> PolicyServer | Fault:
    """Return who has the keys at a URI."""
    parts = urlsplit(uri)
    host, is_encrypted = parts.hostname or "", parts.scheme == "https"
    address = SocketAddress(host, parts.port or _PORTS[parts.scheme], is_hostname=not _is_address(host))
    refusal = context.backends.refusal(address)
    if refusal:
        return Fault(Reason.INVALID, refusal, path)
    tls = _tls(host, path) if is_encrypted else None
    if isinstance(tls, Fault):
        return tls
    return PolicyServer(names.key_server_name(host, address.port, is_encrypted), (address,), tls)


def _tls(host: str, path: Path) -> UpstreamTls | Fault:
    """Return how the host of a URI is spoken to by TLS, where nothing else says it."""
    if _is_address(host):
        message = (
            f"{host} is an address, and nobody knows which name the certificate is to have: write a name, or "
            "backendRefs to a Backend that a BackendTLSPolicy is for"
        )
        return Fault(Reason.INVALID, message, path)
    return UpstreamTls(host, SystemAuthorities.TRUSTED, ((NameKind.HOSTNAME, host),))


def _referred(keys: RemoteKeys, path: Path, context: FeatureContext, name: str) -> PolicyServer | Fault:
    """Return who has the keys by the references of a policy: by TLS where their URI says so, if nothing else does."""
    server, uri = referred_server(keys.backend_refs, (*path, "backendRefs"), context, name), urlsplit(keys.uri)
    if isinstance(server, Fault) or server.tls is not None or uri.scheme != "https":
        return server
    tls = _tls(uri.hostname or "", (*path, "uri"))
    return tls if isinstance(tls, Fault) else replace(server, tls=tls)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
