"""How backends are spoken to by TLS: what policies ask for, and which of them is for what. Pure; follows what changed.

Source: Gateway API v1.6, BackendTLSPolicy.

    a policy for                 is in force for
    a port of a Service          that port, whatever there is for the Service as a whole
    a Service                    its other ports
    a Backend                    it
    a port of a Backend          it, where all its endpoints have that port
    a port that is not there     everything that no other is for, and denies it: nobody knows what it was to cover

A Backend may say itself how it is spoken to (`own_tls`). A policy for it replaces whom it trusts and by which name,
also that nobody looks; versions, ciphers, ALPN and what it is shown stay its own. Envoy Gateway merges the two
likewise, but has nobody look where the Backend says so.

A policy that cannot be done as it is written denies what it covers. Plain text is never what comes of one, nor is a
certificate that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.backends import BACKEND
from egxds.model.api.tls_policies import BackendTlsPolicySpec, BackendTlsValidation
from egxds.model.api.validation import Path
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.dependents import Changed, Dependents
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.own_tls import OwnTls, own_targets, own_tls
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Policy
from egxds.model.resolve.upstreams import Authorities, NameKind, SystemAuthorities, UpstreamTls
from egxds.object_key import ObjectKey, of_kinds

_NO_ONE_NAME = "it names one server, and a Backend of type DynamicResolver reaches any"
_VALIDATION: Path = ("spec", "validation")


@dataclass(frozen=True, slots=True)
class TlsVerdict:
    """What was decided about a policy that asks for TLS.

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
        self._own: dict[ObjectKey, OwnTls] = {}
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

    def refusals(self, backend: ObjectKey, all_sections: Collection[str]) -> Iterator[Fault]:
        """Say what of a Backend's own TLS closes it; what a policy replaces does not.

        Args:
            backend: the Backend.
            all_sections: what policies can name of it.
        """
        own = self._own.get(backend)
        if own is None:
            return
        if isinstance(own.agreed, Fault):
            yield own.agreed
        sections = {entry.section for entry in self._policies.encrypting(backend)}
        if isinstance(own.trusted, Fault) and "" not in sections and not sections.intersection(all_sections):
            yield own.trusted

    def verdict(self, policy: ObjectKey) -> TlsVerdict | None:
        """Return what was decided about a policy; None of one that asks for no TLS."""
        return self._verdicts.get(policy)

    def tls_of(
        self, backend: ObjectKey, section: str, all_sections: Collection[str], path: Path, *, has_host: bool
    ) -> UpstreamTls | Fault | None:
        """Say how a backend is spoken to.

        Args:
            backend: a Service or a Backend.
            section: name of the port that is meant, where it has one.
            all_sections: names of all its ports.
            path: where a route refers to it.
            has_host: whether requests are looked at, which name a host.

        Returns:
            How, by TLS; None where nothing asks for that; or why it is not spoken to at all.
        """
        own = self._own.get(backend)
        attachments = self._policies.encrypting(backend)
        in_force = {entry.section: entry.policy.key for entry in attachments}
        policy = (in_force.get(section) if section else None) or in_force.get("")
        if policy is not None:
            verdict = self._verdicts[policy]
            if verdict.tls is None:
                return _denied(backend, policy, verdict.refusal, path)
            backend_ = self._index.state.of(BACKEND).get(backend)
            if backend_ is not None and backend_.content.is_dynamic:
                return _denied(backend, policy, Fault(Reason.INVALID, _NO_ONE_NAME), path)
            asked = own.with_trust(verdict.tls) if own is not None else verdict.tls
            return _denied(backend, backend, asked, path) if isinstance(asked, Fault) else asked
        unknown = [key for name, key in in_force.items() if name not in all_sections]
        if unknown:
            missing = Fault(Reason.TARGET_NOT_FOUND, "it names a port that is not there")
            return _denied(backend, unknown[0], missing, path)
        said = own.tls(has_host=has_host) if own is not None else None
        return _denied(backend, backend, said, path) if isinstance(said, Fault) else said

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
        targets = tuple(own_targets(key, said))
        self._dependents.note(key, targets)
        now = self._own[key] = keep_equal(before, own_tls(backend, said, self._index, self._said(*targets)))
        return now is not before

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
