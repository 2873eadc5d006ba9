"""extAuth: which server decides who gets in, what it is told, and what becomes of requests without its answer. Pure.

A policy of which a reference leads nowhere denies, also with `failOpen`: that is for servers that do not answer, and
not for mistakes (Envoy Gateway lets everybody in then). Where nobody is behind a reference, nobody answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from egxds import names
from egxds.model.api.backends import BACKEND
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import SECRET
from egxds.model.api.ext_auth import AuthorizationServer, ExtAuth, HttpAuthorizationServer, ValueReference
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.features.policy_servers import (
    PolicyServer,
    Retries,
    given_s,
    referred_server,
    retries,
    server_queries,
)
from egxds.model.resolve.references import backend_target, kind_text, not_found
from egxds.model.resolve.upstreams import SocketAddress, UpstreamProtocol
from egxds.object_key import ObjectKey

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ServerAuthorization:
    """What a server decides, and how it is asked.

    Attributes:
        name: after the policies, unlike that of any other at a Gateway.
        policies: that it comes from.
        server: who is asked.
        http: how it is asked by HTTP; None by gRPC.
        authority: by which it is asked.
        asked: what else the policy says.
        timeout_s: for which an answer is waited for.
        retries: None for Envoy's own.
        context: what a server by gRPC is told with every question, by name; sorted.
    """

    name: str
    policies: tuple[ObjectKey, ...]
    server: PolicyServer
    http: HttpAuthorizationServer | None
    authority: str
    asked: ExtAuth
    timeout_s: float
    retries: Retries | None
    context: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def tells_context(self) -> bool:
        """Whether anything is told with every question: Envoy has no way to by HTTP."""
        return self.http is None and bool(self.context)


def _service(asked: ExtAuth) -> tuple[str, AuthorizationServer]:
    """Return the one service that is asked, with its field."""
    if asked.http is not None:
        return "http", asked.http
    if asked.grpc is not None:
        return "grpc", asked.grpc
    raise ValueError("an extAuth without a server was accepted")


def _queries(asked: ExtAuth, policy: ObjectKey) -> Iterator[Query]:
    yield from server_queries(_service(asked)[1].refs, policy)
    for extension in asked.context_extensions:
        if extension.value_ref is not None:
            yield _target(extension.value_ref, policy)


def _resolve(asked: ExtAuth, context: FeatureContext) -> ServerAuthorization | Fault:
    told = _context(asked, context)
    if isinstance(told, Fault):
        return told
    kind, service = _service(asked)
    name = names.requirement_name((key.namespace, key.name) for key in context.policies)
    path = (*context.path, kind, "backendRefs" if service.backend_refs else "backendRef")
    found = referred_server(service.refs, path, context, names.authorization_server_name(name))
    if isinstance(found, Fault):
        return found
    server = found if asked.grpc is None else replace(found, protocol=UpstreamProtocol.HTTP2)
    retry = service.backend_settings.retry if service.backend_settings is not None else None
    back_off = retry.per_retry.back_off if retry is not None and retry.per_retry is not None else None
    return ServerAuthorization(
        name,
        context.policies,
        server,
        asked.http,
        _authority(service, server, context.policy),
        asked,
        given_s(asked.timeout, _TIMEOUT_S),
        retries(retry.num_retries, back_off) if retry is not None else None,
        told,
    )


def _context(asked: ExtAuth, context: FeatureContext) -> tuple[tuple[str, str], ...] | Fault:
    """Return what is told with every question; messages name objects, and no values."""
    found: dict[str, str] = {}
    for at, extension in enumerate(asked.context_extensions):
        path = (*context.path, "contextExtensions", at, "valueRef")
        ref = extension.value_ref
        value = extension.value or "" if ref is None else _referred(ref, path, context)
        if isinstance(value, Fault):
            return value
        found[extension.name] = value
    return tuple(sorted(found.items()))


def _referred(ref: ValueReference, path: Path, context: FeatureContext) -> str | Fault:
    target = _target(ref, context.policy)
    if target.group_kind not in (SECRET.id, CONFIG_MAP.id):
        message = f"a value is in a Secret or a ConfigMap, not in a {kind_text(*target.group_kind)}"
        return Fault(Reason.INVALID, message, path)
    secret, config_map = context.index.state.of(SECRET).get(target), context.index.state.of(CONFIG_MAP).get(target)
    if secret is None and config_map is None:
        return not_found(Reason.INVALID, target, path)
    value = (config_map.content.values if config_map is not None else secret.content.data if secret else {}).get(
        ref.key
    )
    if value is None:
        return Fault(Reason.INVALID, f"{target}: has nothing under {ref.key}", path)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Fault(Reason.INVALID, f"{target}: what is under {ref.key} is no text in UTF-8", path)


def _target(ref: ValueReference, policy: ObjectKey) -> ObjectKey:
    return ObjectKey(ref.group, ref.kind, policy.namespace, ref.name)


def _authority(service: AuthorizationServer, server: PolicyServer, policy: ObjectKey) -> str:
    """Return by which name a server is asked: that of the first reference (Envoy Gateway)."""
    ref = service.refs[0]
    target = backend_target(policy, ref)
    if target.group_kind == BACKEND.id:
        named = (each for each in server.addresses if isinstance(each, SocketAddress) and each.is_hostname)
        first = next(named, None)
        return f"{first.address}:{first.port}" if first is not None else f"{target.name}.{target.namespace}"
    return f"{target.name}.{target.namespace}:{ref.port}"


EXT_AUTH = Feature("extAuth", "ext_auth", _resolve, _queries)
