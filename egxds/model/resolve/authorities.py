"""Who certificates are to be issued by: references to ConfigMaps and Secrets, followed. Pure.

Source: Gateway API v1.6, BackendTLSPolicyValidation.caCertificateRefs, FrontendTLSValidation.caCertificateRefs. Secrets
are Envoy Gateway's addition. Those references that lead somewhere count, whatever becomes of the others: fewer are
trusted then, and never more. Where none does, nobody is trusted, and what asked for it is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.core import SECRET
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.references import is_permitted, kind_text, not_found, not_permitted
from egxds.model.resolve.upstreams import Authorities
from egxds.object_key import ObjectKey

_KINDS = frozenset({CONFIG_MAP.id, SECRET.id})

Reference = tuple[ObjectKey, Path]
"""What is named, and where."""


@dataclass(frozen=True, slots=True)
class FoundAuthorities:
    """What came of some references.

    Attributes:
        authorities: those that were found; None where nobody was.
        faults: references that lead nowhere.
    """

    authorities: Authorities | None
    faults: tuple[Fault, ...]

    @property
    def refusal(self) -> Fault | None:
        """Why nobody is trusted; None where somebody is."""
        if self.authorities is not None:
            return None
        message = "; ".join(fault.message for fault in self.faults) or "no certificate of an authority is named"
        return Fault(Reason.NO_VALID_CA_CERTIFICATE, message, self.faults[0].path if self.faults else ())


def find_authorities(
    origin: ObjectKey, name: str, refs: Iterable[Reference], wrong_kind: Reason, index: ObjectIndex
) -> FoundAuthorities:
    """Follow references to the certificates of authorities.

    Args:
        origin: what refers.
        name: by which Envoy is to fetch what is found.
        refs: the references.
        wrong_kind: reason where one is of a kind that has no such certificates.
        index: finds the objects and the grants.
    """
    faults: list[Fault] = []
    texts: dict[bytes, None] = {}
    sources = {origin}
    for target, path in refs:
        found = _follow(origin, target, path, wrong_kind, index)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            texts[found] = None
            sources.add(target)
    authorities = Authorities(name, b"".join(texts), tuple(sorted(sources))) if texts else None
    return FoundAuthorities(authorities, tuple(faults))


def _follow(origin: ObjectKey, target: ObjectKey, path: Path, wrong_kind: Reason, index: ObjectIndex) -> bytes | Fault:
    if target.group_kind not in _KINDS:
        message = (
            f"certificates of authorities are in a ConfigMap or a Secret, not in a {kind_text(*target.group_kind)}"
        )
        return Fault(wrong_kind, message, path)
    if not is_permitted(origin, target, index.grants(target.namespace)):
        return not_permitted(origin, target, path)
    found = index.authorities(target)
    if found is None:
        missing = not_found(Reason.INVALID_CA_CERTIFICATE_REF, target, path)
        return Fault(missing.reason, f"{missing.message} with ca.crt", path)
    if isinstance(found, tuple):
        return Fault(Reason.INVALID_CA_CERTIFICATE_REF, f"{target}: {'; '.join(found)}", path)
    return found
