"""References from one object to another, and who permits them. Pure.

A reference into another namespace counts only where a ReferenceGrant of that namespace permits it (Gateway API,
ReferenceGrant): who may write there decides what may be used from elsewhere. So the grant is looked for before the
object is, and a refused reference says nothing about whether the object exists.
"""

from __future__ import annotations

from collections.abc import Iterable

from egxds.model.api.core import SECRET, ReferenceGrantSpec, SecretBody
from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import CORE_GROUP, ApiModel, ApiObject
from egxds.model.api.references import BackendObjectReference
from egxds.model.api.validation import Path
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.object_key import ObjectKey


def backend_target(origin: ObjectKey, ref: BackendObjectReference) -> ObjectKey:
    """Return the key of the backend that a route refers to; without a namespace it is in the route's own."""
    return ObjectKey(ref.group, ref.kind, ref.namespace or origin.namespace, ref.name)


def kind_text(group: str, kind: str) -> str:
    """Name a kind for people; the core group goes without saying."""
    return f"{kind} of group {group}" if group else kind


def is_permitted(origin: ObjectKey, target: ObjectKey, grants: Iterable[ReferenceGrantSpec]) -> bool:
    """Tell whether an object may refer to another.

    Args:
        origin: what refers.
        target: what it refers to.
        grants: those of the target's namespace.
    """
    return origin.namespace == target.namespace or any(_grants(grant, origin, target) for grant in grants)


def _grants(grant: ReferenceGrantSpec, origin: ObjectKey, target: ObjectKey) -> bool:
    asked = (origin.group, origin.kind, origin.namespace)
    if all((entry.group, entry.kind, entry.namespace) != asked for entry in grant.from_):
        return False
    return any(
        (entry.group, entry.kind) == (target.group, target.kind) and entry.name in (None, target.name)
        for entry in grant.to
    )


def not_permitted(origin: ObjectKey, target: ObjectKey, path: Path) -> Fault:
    """Say that a reference needs a ReferenceGrant."""
    message = f"no ReferenceGrant in namespace {target.namespace} lets {origin} refer to {target}; add one there"
    return Fault(Reason.REF_NOT_PERMITTED, message, path)


def not_found(reason: Reason, target: ObjectKey, path: Path) -> Fault:
    """Say that nothing is behind a reference."""
    return Fault(reason, f"no accepted document defines {target}", path)


def secret_target(origin: ObjectKey, ref: SecretObjectReference) -> ObjectKey:
    """Return the key of what is named as a Secret; without a namespace it is in that of what names it."""
    return ObjectKey(ref.group, ref.kind, ref.namespace or origin.namespace, ref.name)


def resolve_secret(
    origin: ObjectKey, ref: SecretObjectReference, path: Path, index: ObjectIndex, reason: Reason, what: str = "this"
) -> ApiObject[SecretBody] | Fault:
    """Follow a reference to a Secret, whatever is in it.

    Args:
        origin: what has the reference.
        ref: the reference.
        path: where it stands.
        index: finds the Secret and the grants.
        reason: where it leads nowhere.
        what: what the Secret is to be, for people.
    """
    if (ref.group, ref.kind) != (CORE_GROUP, "Secret"):
        message = f"{what} is a Secret, not a {kind_text(ref.group, ref.kind)}"
        return Fault(reason, message, path)
    target = secret_target(origin, ref)
    if not is_permitted(origin, target, index.grants(target.namespace)):
        return not_permitted(origin, target, path)
    return index.state.of(SECRET).get(target) or not_found(reason, target, path)


def resolve_certificate(
    origin: ApiObject[ApiModel],
    ref: SecretObjectReference,
    path: Path,
    index: ObjectIndex,
    reason: Reason = Reason.INVALID_CERTIFICATE_REF,
) -> ApiObject[SecretBody] | Fault:
    """Follow the reference of a Gateway, or of a listener, to a certificate.

    Args:
        origin: what has the reference: a Gateway, or a ListenerSet.
        ref: the reference.
        path: where it stands.
        index: finds the Secret and the grants.
        reason: where it leads nowhere.
    """
    secret = resolve_secret(origin.key, ref, path, index, reason, "a certificate")
    if isinstance(secret, Fault):
        return secret
    target = secret.key
    faults = index.certificate_faults(secret)
    return Fault(reason, f"{target}: {'; '.join(faults)}", path) if faults else secret
