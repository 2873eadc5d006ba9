"""tls of a ClientTrafficPolicy: who clients' certificates are to be issued by, and which are revoked. Pure.

All that is named has to be there: a list of revoked certificates that is missing would let somebody in whom it locks
out, and of authorities a part would lock out somebody whom nobody meant to. Both come to Envoy by SDS, so that new
ones drain nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds import names
from egxds.certificates.revoked import read_revoked
from egxds.model.api.client_traffic.client_tls import ClientTls, ClientValidation
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import SECRET
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.dependents import GrantsIn, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.references import is_permitted, not_found, not_permitted
from egxds.model.resolve.upstreams import Authorities, ClientCheck, ClientTrust
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class ResolvedClientTls:
    """How TLS is agreed on, with all references followed.

    Attributes:
        asked: as it is written.
        trust: what clients are asked for; None where they are asked for nothing.
    """

    asked: ClientTls
    trust: ClientTrust | None = None


def _references(validation: ClientValidation, policy: ObjectKey, path: tuple[str | int, ...]) -> Iterator[Reference]:
    for at, ref in enumerate(validation.ca_certificate_refs):
        key = ObjectKey(ref.group, ref.kind, ref.namespace or policy.namespace, ref.name)
        yield key, (*path, "caCertificateRefs", at)


def _crl_references(
    validation: ClientValidation, policy: ObjectKey, path: tuple[str | int, ...]
) -> Iterator[Reference]:
    for at, ref in enumerate(validation.crl.refs if validation.crl is not None else ()):
        key = ObjectKey(ref.group, ref.kind, ref.namespace or policy.namespace, ref.name)
        yield key, (*path, "crl", "refs", at)


def _queries(asked: ClientTls, policy: ObjectKey) -> Iterator[Query]:
    validation = asked.client_validation
    if validation is None:
        return
    for target, _ in (*_references(validation, policy, ()), *_crl_references(validation, policy, ())):
        yield target
        if target.namespace != policy.namespace:
            yield GrantsIn(target.namespace)


def _resolve(asked: ClientTls, context: FeatureContext) -> ResolvedClientTls | Fault:
    validation = asked.client_validation
    if validation is None:
        return ResolvedClientTls(asked)
    authorities = _authorities(validation, context)
    if isinstance(authorities, Fault):
        return authorities
    return ResolvedClientTls(asked, ClientTrust(authorities, ClientCheck(validation.client_mode), validation))


def _authorities(validation: ClientValidation, context: FeatureContext) -> Authorities | Fault | None:
    """Find whom clients are trusted by; nobody has to be named where no certificate is verified by its issuer."""
    path = (*context.path, "clientValidation")
    refs = tuple(_references(validation, context.policy, path))
    if not refs:
        return None
    name = names.client_policy_authorities_name(context.policy.namespace, context.policy.name)
    found = find_authorities(context.policy, name, refs, Reason.INVALID, context.index)
    if found.faults or found.authorities is None:
        return found.faults[0] if found.faults else Fault(Reason.INVALID, "nobody is named", path)
    crl = _revoked(validation, context, path)
    if isinstance(crl, Fault):
        return crl
    sources = {*found.authorities.sources, *(key for key, _ in _crl_references(validation, context.policy, path))}
    is_leaf = validation.crl is not None and validation.crl.only_verify_leaf_certificate
    return replace(found.authorities, crl=crl, only_leaf_revoked=is_leaf, sources=tuple(sorted(sources)))


def _revoked(validation: ClientValidation, context: FeatureContext, path: tuple[str | int, ...]) -> bytes | Fault:
    texts: dict[bytes, None] = {}
    for target, at in _crl_references(validation, context.policy, path):
        text = _follow(target, at, context)
        if isinstance(text, Fault):
            return text
        texts[text] = None
    return b"".join(texts)


def _follow(target: ObjectKey, path: tuple[str | int, ...], context: FeatureContext) -> bytes | Fault:
    if not is_permitted(context.policy, target, context.index.grants(target.namespace)):
        return not_permitted(context.policy, target, path)
    config_map, secret = context.index.state.of(CONFIG_MAP).get(target), context.index.state.of(SECRET).get(target)
    if config_map is None and secret is None:
        return not_found(Reason.INVALID, target, path)
    found = read_revoked(config_map.content.values if config_map is not None else secret.content.data if secret else {})
    return Fault(Reason.INVALID, f"{target}: {found}", path) if isinstance(found, str) else found


CLIENT_TLS = Feature("tls", "tls", _resolve, _queries)
