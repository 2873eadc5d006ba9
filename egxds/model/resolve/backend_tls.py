"""How backends are spoken to by TLS: what policies ask for, and which of them is for what. Pure; follows what changed.

Source: Gateway API v1.6, BackendTLSPolicy.

    a policy for                 is in force for
    a port of a Service          that port, whatever there is for the Service as a whole
    a Service                    its other ports
    a Backend                    it
    a port of a Backend          it, where all its endpoints have that port
    a port that is not there     everything that no other is for, and denies it: nobody knows what it was to cover

A Backend may say itself how it is spoken to (`spec.tls`, Envoy Gateway's); a policy for it counts before that.

A policy that cannot be done as it is written denies what it covers. Plain text is never what comes of one, nor is a
certificate that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.backends import BACKEND, BackendSpec, BackendTls
from egxds.model.api.tls_policies import BackendTlsPolicySpec, BackendTlsValidation
from egxds.model.api.validation import Path
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.dependents import Changed, Dependents
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Policy
from egxds.model.resolve.upstreams import Authorities, NameKind, SystemAuthorities, UpstreamTls
from egxds.object_key import ObjectKey, of_kinds

_VALIDATION: Path = ("spec", "validation")


@dataclass(frozen=True, slots=True)
class TlsVerdict:
    """What was decided about a policy, or a Backend, that asks for TLS.

    Attributes:
        tls: what it comes to; None where it denies what it covers.
        refusal: why it does.
        reference_faults: references of it that lead nowhere.
    """

    tls: UpstreamTls | None
    refusal: Fault | None = None
    reference_faults: tuple[Fault, ...] = ()


class BackendTlsBook:
    """Knows what every policy for TLS to backends comes to, and what Backends say of it themselves."""

    def __init__(self, index: ObjectIndex, policies: PolicyBook) -> None:
        """Start without policies and Backends.

        Args:
            index: finds the objects.
            policies: knows what they are for.
        """
        self._index = index
        self._policies = policies
        self._verdicts: dict[ObjectKey, TlsVerdict] = {}
        self._own: dict[ObjectKey, TlsVerdict] = {}
        self._dependents: Dependents[ObjectKey] = Dependents()

    def update(self, changed: Changed, edit: PolicyEdit) -> AbstractSet[ObjectKey]:
        """Decide again about the policies and Backends that changed, or that read something that changed.

        Returns:
            The backends that may be spoken to otherwise than before.
        """
        dirty = edit.policies | changed.of([BACKEND.id]) | self._dependents.readers(changed.queries)
        backends = of_kinds(dirty, [BACKEND.id])
        moved = [key for key in sorted(dirty - backends) if self._judge(key)]
        own = frozenset(key for key in backends if self._judge_backend(key))
        return own.union(*(self._policies.about(key) for key in moved))

    def own(self, backend: ObjectKey) -> TlsVerdict | None:
        """Return what was decided about what a Backend says itself; None of one that says nothing."""
        return self._own.get(backend)

    def verdict(self, policy: ObjectKey) -> TlsVerdict | None:
        """Return what was decided about a policy; None of one that asks for no TLS."""
        return self._verdicts.get(policy)

    def tls_of(
        self, backend: ObjectKey, section: str, all_sections: Collection[str], path: Path
    ) -> UpstreamTls | Fault | None:
        """Say how a backend is spoken to.

        Args:
            backend: a Service or a Backend.
            section: name of the port that is meant, where it has one.
            all_sections: names of all its ports.
            path: where a route refers to it.

        Returns:
            How, by TLS; None where nothing asks for that; or why it is not spoken to at all.
        """
        own = self._own.get(backend)
        if own is not None and own.refusal is not None and own.refusal.reason is Reason.UNSUPPORTED_VALUE:
            return _denied(backend, backend, own.refusal, path)
        attachments = self._policies.encrypting(backend)
        in_force = {entry.section: entry.policy.key for entry in attachments}
        policy = (in_force.get(section) if section else None) or in_force.get("")
        if policy is not None:
            verdict = self._verdicts[policy]
            return verdict.tls or _denied(backend, policy, verdict.refusal, path)
        unknown = [key for name, key in in_force.items() if name not in all_sections]
        if not unknown:
            return (own.tls or _denied(backend, backend, own.refusal, path)) if own is not None else None
        missing = Fault(Reason.TARGET_NOT_FOUND, "it names a port that is not there")
        return _denied(backend, unknown[0], missing, path)

    def _judge(self, key: ObjectKey) -> bool:
        """Decide about a policy; tell whether it comes to something else than before."""
        before, policy = self._verdicts.pop(key, None), self._policies.policy(key)
        if policy is None or self._policies.effect(policy) is not PolicyEffect.ENCRYPTS:
            self._dependents.forget(key)
            return before is not None
        asked = policy.content.asked
        spec = asked if isinstance(asked, BackendTlsPolicySpec) else None
        self._dependents.note(key, [target for target, _ in _references(key, spec.validation)] if spec else ())
        now = self._verdicts[key] = keep_equal(before, self._decide(policy, spec))
        return now is not before

    def _judge_backend(self, key: ObjectKey) -> bool:
        """Decide about what a Backend says itself; tell whether it comes to something else than before."""
        before, backend = self._own.pop(key, None), self._index.state.of(BACKEND).get(key)
        said = backend.content.tls if backend is not None else None
        if backend is None or said is None:
            self._dependents.forget(key)
            return before is not None
        self._dependents.note(key, [target for target, _ in _own_references(key, said)])
        now = self._own[key] = keep_equal(before, self._decide_own(key, backend.content, said))
        return now is not before

    def _decide_own(self, key: ObjectKey, backend: BackendSpec, said: BackendTls) -> TlsVerdict:
        if said.unserved:
            message = f"tls: {', '.join(said.unserved)}: not served here; what refers to it answers 500"
            return TlsVerdict(None, Fault(Reason.UNSUPPORTED_VALUE, message, ("spec", "tls")))
        hostnames = {each.fqdn.hostname.rstrip(".") if each.fqdn is not None else "" for each in backend.endpoints}
        name = said.sni or (hostnames.pop() if len(hostnames) == 1 else "")
        if said.insecure_skip_verify:
            return TlsVerdict(UpstreamTls(name, None))
        if bool(said.ca_certificate_refs) == (said.well_known is not None):
            message = "tls: give one of caCertificateRefs and wellKnownCACertificates: what refers to it answers 500"
            return TlsVerdict(None, Fault(Reason.INVALID, message, ("spec", "tls")))
        if not name:
            message = "tls: nobody knows which name its certificate is to have: give tls.sni, or a BackendTLSPolicy"
            return TlsVerdict(None, Fault(Reason.INVALID, message, ("spec", "tls")))
        authorities = self._own_authorities(key, said)
        if isinstance(authorities, Fault):
            return TlsVerdict(None, authorities)
        behind = self._said(*(target for target, _ in _own_references(key, said)))
        return TlsVerdict(UpstreamTls(name, authorities, ((NameKind.HOSTNAME, name),), behind))

    def _own_authorities(self, key: ObjectKey, said: BackendTls) -> Authorities | SystemAuthorities | Fault:
        """Find those that a Backend names: all of them, since it is accepted as a whole or not at all."""
        if said.well_known is not None:
            return SystemAuthorities.TRUSTED
        secret = names.backend_authorities_name(key.namespace, key.name)
        found = find_authorities(key, secret, _own_references(key, said), Reason.INVALID_KIND, self._index)
        faults = (*found.faults, *((found.refusal,) if found.refusal is not None else ()))
        return faults[0] if faults or found.authorities is None else found.authorities

    def _decide(self, policy: Policy, spec: BackendTlsPolicySpec | None) -> TlsVerdict:
        if spec is None:
            message = "it has mistakes, which are told beside this; what it is for answers 500"
            return TlsVerdict(None, Fault(Reason.INVALID, message))
        if spec.options:
            named = ", ".join(spec.options)
            message = f"options: {named}: not known here; what it is for answers 500; delete them"
            return TlsVerdict(None, Fault(Reason.INVALID, message, ("spec", "options")))
        if spec.validation.well_known is not None:
            return TlsVerdict(_tls(spec.validation, SystemAuthorities.TRUSTED, self._said(policy.key)))
        name = names.policy_authorities_name(policy.key.namespace, policy.key.name)
        refs = tuple(_references(policy.key, spec.validation))
        found = find_authorities(policy.key, name, refs, Reason.INVALID_KIND, self._index)
        said = self._said(policy.key, *(target for target, _ in refs))
        tls = _tls(spec.validation, found.authorities, said) if found.authorities is not None else None
        return TlsVerdict(tls, found.refusal, found.faults)

    def _said(self, *keys: ObjectKey) -> tuple[object, ...]:
        """Return what some objects say; of authorities what is in them, whatever they show of themselves."""
        found = (self._index.state.find(key) for key in keys)
        said = ((item.meta.labels, item.meta.annotations, item.content) for item in found if item is not None)
        return (*said, *map(self._index.authorities, keys))


def _references(policy: ObjectKey, validation: BackendTlsValidation) -> Iterator[Reference]:
    for position, ref in enumerate(validation.ca_certificate_refs):
        target = ObjectKey(ref.group, ref.kind, policy.namespace, ref.name)
        yield target, (*_VALIDATION, "caCertificateRefs", position)


def _own_references(backend: ObjectKey, said: BackendTls) -> Iterator[Reference]:
    for position, ref in enumerate(said.ca_certificate_refs):
        target = ObjectKey(ref.group, ref.kind, backend.namespace, ref.name)
        yield target, ("spec", "tls", "caCertificateRefs", position)


def _tls(
    validation: BackendTlsValidation, authorities: Authorities | SystemAuthorities, said: tuple[object, ...]
) -> UpstreamTls:
    named = tuple(
        (NameKind.URI, name.uri) if name.uri is not None else (NameKind.HOSTNAME, name.hostname or "")
        for name in validation.subject_alt_names
    )
    return UpstreamTls(validation.hostname, authorities, named or ((NameKind.HOSTNAME, validation.hostname),), said)


def _denied(backend: ObjectKey, policy: ObjectKey, refusal: Fault | None, path: Path) -> Fault:
    why = refusal.message if refusal is not None else ""
    message = f"{policy} asks for TLS to {backend}, which cannot be done as it is written: {why}"
    return Fault(Reason.INVALID_BACKEND_TLS, message, path)
