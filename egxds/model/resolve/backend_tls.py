"""How backends are spoken to by TLS: what policies ask for, and which of them is for what. Pure; follows what changed.

Source: Gateway API v1.6, BackendTLSPolicy.

    a policy for                 is in force for
    a port of a Service          that port, whatever there is for the Service as a whole
    a Service                    its other ports
    a Backend                    it
    a port that is not there     everything that no other is for, and denies it: nobody knows what it was to cover

A policy that cannot be done as it is written denies what it covers. Plain text is never what comes of one, nor is a
certificate that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.model.api.tls_policies import BackendTlsPolicySpec, BackendTlsValidation
from egxds.model.api.validation import Path
from egxds.model.resolve.authorities import Reference, find_authorities
from egxds.model.resolve.dependents import Changed, Dependents
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook, PolicyEdit
from egxds.model.resolve.policy_kinds import PolicyEffect
from egxds.model.resolve.policy_targets import Policy
from egxds.model.resolve.resolved import Authorities, NameKind, SystemAuthorities, UpstreamTls
from egxds.object_key import ObjectKey

_VALIDATION: Path = ("spec", "validation")


@dataclass(frozen=True, slots=True)
class TlsVerdict:
    """What was decided about a policy that asks for TLS to backends.

    Attributes:
        tls: what it comes to; None where it denies what it covers.
        refusal: why it does.
        reference_faults: references of it that lead nowhere.
    """

    tls: UpstreamTls | None
    refusal: Fault | None = None
    reference_faults: tuple[Fault, ...] = ()


class BackendTlsBook:
    """Knows what every policy for TLS to backends comes to."""

    def __init__(self, index: ObjectIndex, policies: PolicyBook) -> None:
        """Start without policies.

        Args:
            index: finds the objects.
            policies: knows what they are for.
        """
        self._index = index
        self._policies = policies
        self._verdicts: dict[ObjectKey, TlsVerdict] = {}
        self._dependents: Dependents[ObjectKey] = Dependents()

    def update(self, changed: Changed, edit: PolicyEdit) -> AbstractSet[ObjectKey]:
        """Decide again about the policies that changed, or that read something that changed.

        Returns:
            The backends that those are for which come to something else.
        """
        dirty = edit.policies | self._dependents.readers(changed.queries)
        moved = [key for key in sorted(dirty) if self._judge(key)]
        return frozenset().union(*(self._policies.about(key) for key in moved))

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
        attachments = self._policies.encrypting(backend)
        if not attachments:
            return None
        in_force = {entry.section: entry.policy.key for entry in attachments}
        policy = (in_force.get(section) if section else None) or in_force.get("")
        if policy is not None:
            verdict = self._verdicts[policy]
            return verdict.tls or _denied(backend, policy, verdict.refusal, path)
        unknown = [key for name, key in in_force.items() if name not in all_sections]
        if not unknown:
            return None
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

    def _decide(self, policy: Policy, spec: BackendTlsPolicySpec | None) -> TlsVerdict:
        if spec is None:
            message = "it has mistakes, which are told beside this; what it is for answers 500"
            return TlsVerdict(None, Fault(Reason.INVALID, message))
        if spec.options:
            named = ", ".join(spec.options)
            message = f"options: {named}: not known here; what it is for answers 500; delete them"
            return TlsVerdict(None, Fault(Reason.INVALID, message, ("spec", "options")))
        if spec.validation.well_known is not None:
            return TlsVerdict(_tls(spec.validation, SystemAuthorities.TRUSTED))
        name = names.policy_authorities_name(policy.key.namespace, policy.key.name)
        refs = _references(policy.key, spec.validation)
        found = find_authorities(policy.key, name, refs, Reason.INVALID_KIND, self._index)
        tls = _tls(spec.validation, found.authorities) if found.authorities is not None else None
        return TlsVerdict(tls, found.refusal, found.faults)


def _references(policy: ObjectKey, validation: BackendTlsValidation) -> Iterator[Reference]:
    for position, ref in enumerate(validation.ca_certificate_refs):
        target = ObjectKey(ref.group, ref.kind, policy.namespace, ref.name)
        yield target, (*_VALIDATION, "caCertificateRefs", position)


def _tls(validation: BackendTlsValidation, authorities: Authorities | SystemAuthorities) -> UpstreamTls:
    named = tuple(
        (NameKind.URI, name.uri) if name.uri is not None else (NameKind.HOSTNAME, name.hostname or "")
        for name in validation.subject_alt_names
    )
    return UpstreamTls(validation.hostname, authorities, named or ((NameKind.HOSTNAME, validation.hostname),))


def _denied(backend: ObjectKey, policy: ObjectKey, refusal: Fault | None, path: Path) -> Fault:
    why = refusal.message if refusal is not None else ""
    message = f"{policy} asks for TLS to {backend}, which cannot be done as it is written: {why}"
    return Fault(Reason.INVALID_BACKEND_TLS, message, path)
