"""What a Backend says itself of how it is spoken to by TLS, with its references followed. Pure.

Source: Envoy Gateway v1.9, BackendTLSSettings.

    it says                        the server name, and the name that its certificate is to have
    sni                            that
    autoSNIFromEndpointHostname    the hostname of each endpoint; `sni` of one that has none
    neither                        the host of the request; where none is looked at the one name of its endpoints

Whom to trust and how TLS is agreed on are two things: a policy for the Backend replaces the one, and leaves the other.
What of either cannot be done closes what refers to the Backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from egxds import names
from egxds.certificates.key_pair import key_pair
from egxds.model.api.backend_tls import BackendTls
from egxds.model.api.backends import BackendSpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.references import resolve_certificate, secret_target
from egxds.model.resolve.upstreams import (
    AskedBy,
    Authorities,
    NameKind,
    ShownCertificate,
    SystemAuthorities,
    TlsAgreement,
    UpstreamTls,
)
from egxds.object_key import ObjectKey

_TLS: Path = ("spec", "tls")


@dataclass(frozen=True, slots=True)
class OwnTls:
    """What was decided about what a Backend says.

    Attributes:
        trusted: what it comes to by itself, but for what is agreed on; or why that cannot be done.
        without_host: the same where no request is looked at, so that there is no host.
        agreed: how TLS is agreed on; or why that cannot be done, whatever policies say.
    """

    trusted: UpstreamTls | Fault
    without_host: UpstreamTls | Fault
    agreed: TlsAgreement | Fault

    def tls(self, *, has_host: bool) -> UpstreamTls | Fault:
        """Return what it comes to by itself, or why it cannot be done.

        Args:
            has_host: whether requests are looked at.
        """
        return self.with_trust(self.trusted if has_host else self.without_host)

    def with_trust(self, trusted: UpstreamTls | Fault) -> UpstreamTls | Fault:
        """Return what trust that it says itself, or a policy for it, comes to with what it says beside."""
        if isinstance(self.agreed, Fault):
            return self.agreed
        return replace(trusted, agreed=self.agreed) if isinstance(trusted, UpstreamTls) else trusted


def own_references(backend: ObjectKey, said: BackendTls) -> Iterator[Reference]:
    """Yield who certificates are to be issued by, as a Backend names it."""
    for position, ref in enumerate(said.ca_certificate_refs):
        target = ObjectKey(ref.group, ref.kind, backend.namespace, ref.name)
        yield target, (*_TLS, "caCertificateRefs", position)


def own_targets(backend: ObjectKey, said: BackendTls) -> Iterator[ObjectKey]:
    """Yield everything that a Backend names for TLS."""
    yield from (target for target, _ in own_references(backend, said))
    if said.client_certificate_ref is not None:
        yield secret_target(backend, said.client_certificate_ref)


def own_tls(
    backend: ApiObject[BackendSpec], said: BackendTls, index: ObjectIndex, behind: tuple[object, ...]
) -> OwnTls:
    """Decide what a Backend's own TLS comes to.

    Args:
        backend: the Backend.
        said: its `spec.tls`.
        index: finds what it names.
        behind: what the objects say that it names.
    """
    agreed = _agreement(backend, said, index)
    if said.insecure_skip_verify:
        trusted = _refusal_of_unchecked(said) or _asked(backend.content, said, None, behind)
        return OwnTls(trusted, trusted, agreed)
    authorities = _authorities(backend.key, said, index)
    if isinstance(authorities, Fault):
        return OwnTls(authorities, authorities, agreed)
    trusted = _asked(backend.content, said, authorities, behind)
    return OwnTls(trusted, _without_host(trusted, backend.content), agreed)


def _asked(
    backend: BackendSpec,
    said: BackendTls,
    authorities: Authorities | SystemAuthorities | None,
    behind: tuple[object, ...],
) -> UpstreamTls | Fault:
    name = said.sni or ""
    if backend.is_dynamic:
        return UpstreamTls("", authorities, said=behind, asked_by=AskedBy.REQUEST) if not name else _named_dynamic()
    if said.auto_sni:
        if not name and not all(each.hostname or each.fqdn for each in backend.endpoints):
            message = (
                "tls.autoSNIFromEndpointHostname: an endpoint has neither fqdn nor hostname: give it one, or tls.sni"
            )
            return Fault(Reason.INVALID, message, (*_TLS, "autoSNIFromEndpointHostname"))
        return UpstreamTls(name, authorities, said=behind, asked_by=AskedBy.ENDPOINT)
    if name:
        wanted = ((NameKind.HOSTNAME, name),) if authorities is not None else ()
        return UpstreamTls(name, authorities, wanted, behind)
    return UpstreamTls("", authorities, said=behind, asked_by=AskedBy.REQUEST)


def _named_dynamic() -> Fault:
    message = "tls.sni: a Backend of type DynamicResolver is asked by the host of the request; delete it"
    return Fault(Reason.INVALID, message, (*_TLS, "sni"))


def _without_host(trusted: UpstreamTls | Fault, backend: BackendSpec) -> UpstreamTls | Fault:
    if isinstance(trusted, Fault) or trusted.asked_by is not AskedBy.REQUEST:
        return trusted
    hostnames = {each.fqdn.hostname.rstrip(".") if each.fqdn is not None else "" for each in backend.endpoints}
    name = hostnames.pop() if len(hostnames) == 1 else ""
    if not name:
        message = "tls: nobody knows which name its certificate is to have: give tls.sni, or a BackendTLSPolicy"
        return Fault(Reason.INVALID, message, _TLS)
    return replace(trusted, server_name=name, names=((NameKind.HOSTNAME, name),), asked_by=AskedBy.NAME)


def _refusal_of_unchecked(said: BackendTls) -> Fault | None:
    if said.ca_certificate_refs or said.well_known is not None:
        message = "tls: insecureSkipVerify stands beside whom to trust: delete one: what refers to it answers 500"
        return Fault(Reason.INVALID, message, _TLS)
    return None


def _authorities(backend: ObjectKey, said: BackendTls, index: ObjectIndex) -> Authorities | SystemAuthorities | Fault:
    """Find those that a Backend names: all of them, since it is accepted as a whole or not at all."""
    if bool(said.ca_certificate_refs) == (said.well_known is not None):
        message = "tls: give one of caCertificateRefs and wellKnownCACertificates: what refers to it answers 500"
        return Fault(Reason.INVALID, message, _TLS)
    if said.well_known is not None:
        return SystemAuthorities.TRUSTED
    name = names.backend_authorities_name(backend.namespace, backend.name)
    found = find_authorities(backend, name, own_references(backend, said), Reason.INVALID_KIND, index)
    faults = (*found.faults, *((found.refusal,) if found.refusal is not None else ()))
    return faults[0] if faults or found.authorities is None else found.authorities


def _agreement(backend: ApiObject[BackendSpec], said: BackendTls, index: ObjectIndex) -> TlsAgreement | Fault:
    settings = said.agreement
    ref, path = said.client_certificate_ref, (*_TLS, "clientCertificateRef")
    if ref is None:
        return TlsAgreement(settings)
    if ref.namespace not in (None, backend.key.namespace):
        message = "tls.clientCertificateRef: what is shown is a Secret in the namespace of the Backend"
        return Fault(Reason.INVALID, message, path)
    secret = resolve_certificate(backend, ref, path, index)
    if isinstance(secret, Fault):
        return secret
    pair = key_pair(secret.content.data)
    name = names.backend_certificate_name(backend.key.namespace, backend.key.name)
    sources = tuple(sorted((backend.key, secret.key)))
    return TlsAgreement(settings, ShownCertificate(name, pair.certificates_pem(), pair.key_pem(), sources))
