"""Reads a policy that decides on access or trust: what it seems to be about, however badly it says so. Pure.

An object with a mistake is refused, and that is safe for what lets somebody in: a route that is not accepted serves
nobody. A policy that is to keep somebody out is the other way round. So of the kinds in
`egxds.model.api.unserved_policies` and `served_policies` each is accepted with its mistakes, which are errors all the
same, and covers what can be made out of its targets. What a served one asks for is done only where nothing is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, Kind
from egxds.model.api.policies import PolicyBody, PolicyTargetReference, PolicyTargets, TargetSelector
from egxds.model.api.validation import FieldError, Path
from egxds.model.store.field_errors import field_errors_of
from egxds.model.store.unknown_fields import unknown_field_errors
from egxds.object_key import GroupKind, ObjectKey
from egxds.problems import Severity

_TARGET_FIELDS = ("targetRef", "targetRefs", "targetSelectors")
_BY_NAME: Mapping[str, GroupKind] = {
    kind.kind.lower(): kind.id
    for kind in (GATEWAY, GATEWAY_CLASS, LISTENER_SET, HTTP_ROUTE, GRPC_ROUTE, SERVICE, BACKEND)
}


def has_targets(raw: Mapping[str, object]) -> bool:
    """Tell whether an object of any kind says, as policies do, what it is about."""
    spec = raw.get("spec")
    return isinstance(spec, dict) and any(name in spec for name in _TARGET_FIELDS)


def misnamed(raw: Mapping[str, object], known: Kind[ApiModel]) -> Iterator[FieldError]:
    """Say of a policy that its kind, group or version is not the one that it must have been meant to have."""
    if raw["kind"] != known.kind or raw["apiVersion"] not in known.api_versions:
        meant = f"{known.kind} of {' or '.join(known.api_versions)}"
        yield FieldError(("apiVersion",), f"{raw['kind']} of {raw['apiVersion']} is taken for {meant}; write that")


def read_deciding_policy(
    raw: Mapping[str, object], known: Kind[ApiModel], spec_class: type[ApiModel] | None
) -> tuple[PolicyBody | None, list[FieldError]]:
    """Read what of a policy decides what becomes of its targets.

    Args:
        raw: the object.
        known: its kind.
        spec_class: class of its spec, where its kind is served.

    Returns:
        The policy, None where it has no spec; and what is wrong with it.
    """
    spec = raw.get("spec")
    if not isinstance(spec, dict):
        message = f"spec is missing, or no mapping: nobody can tell what this {known.kind} covers"
        return None, [FieldError((), message)]
    reading = _Targets()
    targets = reading.read(spec)
    asked, errors = _read_spec(spec, spec_class) if spec_class is not None and not reading.errors else (None, [])
    body = PolicyBody(document=_text(raw), targets=targets, fields=frozenset(map(str, spec)), asked=asked)
    return body, [*reading.errors, *errors]


def _read_spec(spec: Mapping[str, object], spec_class: type[ApiModel]) -> tuple[ApiModel | None, list[FieldError]]:
    """Read all of a spec; nothing of one in which something is wrong."""
    errors = [error.below(("spec",)) for error in unknown_field_errors(spec, spec_class)]
    try:
        asked = spec_class.model_validate(spec)
    except ValidationError as err:
        return None, [*errors, *(error.below(("spec",)) for error in field_errors_of(err))]
    return (None if any(error.severity is Severity.ERROR for error in errors) else asked), errors


def seeming_key(raw: Mapping[str, object], known: Kind[ApiModel], namespace: str) -> ObjectKey:
    """Return a key for a policy without a name that could be read: one that its text alone has.

    Args:
        raw: the object.
        known: its kind.
        namespace: where it is if it does not say.
    """
    metadata = raw.get("metadata")
    said = metadata.get("namespace") if isinstance(metadata, dict) else None
    digest = hashlib.sha256(_text(raw)).hexdigest()
    return known.key(said if isinstance(said, str) and said else namespace, f"unnamed-{digest[:8]}")


def _text(raw: Mapping[str, object]) -> bytes:
    """Return what an object says, whatever stands in it, to be told from others by it; nobody reads it."""
    return json.dumps(raw, skipkeys=True, default=str).encode()


class _Targets:
    """The reading of a policy's targets.

    Attributes:
        errors: what is wrong with them.
    """

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def read(self, spec: Mapping[str, object]) -> PolicyTargets:
        """Return the targets that can be made out."""
        one = spec.get("targetRef")
        is_one = one is not None and not isinstance(one, list)
        several = ("targetRef", "targetRefs") if isinstance(one, list) else ("targetRefs",)
        entries = (entry for name in several for entry in self._entries(spec, name))
        refs = [self._reference(value, path) for path, value in entries]
        if isinstance(one, list):
            self.errors.append(FieldError(("spec", "targetRef"), "is one target; write several under targetRefs"))
        selectors = [self._selector(value, path) for path, value in self._entries(spec, "targetSelectors")]
        return PolicyTargets.model_validate(
            {
                "targetRef": self._reference(one, ("spec", "targetRef")) if is_one else None,
                "targetRefs": tuple(ref for ref in refs if ref is not None),
                "targetSelectors": tuple(selector for selector in selectors if selector is not None),
            }
        )

    def _entries(self, spec: Mapping[str, object], name: str) -> Iterator[tuple[Path, object]]:
        value = spec.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self.errors.append(FieldError(("spec", name), "must be a list"))
            value = [value]
        for at, entry in enumerate(value):
            yield ("spec", name, at), entry

    def _reference(self, value: object, path: Path) -> PolicyTargetReference | None:
        try:
            ref = PolicyTargetReference.model_validate(value)
        except ValidationError as err:
            self.errors.extend(error.below(path) for error in field_errors_of(err))
            return self._seeming_reference(value)
        if (ref.group, ref.kind) in _BY_NAME.values() or ref.kind.lower() not in _BY_NAME:
            return ref
        self.errors.append(FieldError(path, f"there is no {ref.kind} of group {ref.group!r}; {_meant(ref.kind)}"))
        return self._seeming_reference(value)

    def _seeming_reference(self, value: object) -> PolicyTargetReference | None:
        """Return what a reference with mistakes must mean: a kind is told by its name, a bad section is none."""
        kind, name = (value.get("kind"), value.get("name")) if isinstance(value, dict) else (None, None)
        meant = _BY_NAME.get(str(kind).lower())
        if meant is None or not isinstance(name, str) or not isinstance(value, dict):
            return None
        section = value.get("sectionName")
        said = {"group": meant[0], "kind": meant[1], "name": name}
        try:
            return PolicyTargetReference.model_validate({**said, "sectionName": section})
        except ValidationError:
            return self._whole(said)

    def _whole(self, said: Mapping[str, object]) -> PolicyTargetReference | None:
        try:
            return PolicyTargetReference.model_validate(said)
        except ValidationError:
            return None  # no object has such a name

    def _selector(self, value: object, path: Path) -> TargetSelector | None:
        """Return a selector; one with mistakes selects everything of its kind, which is what it may have meant."""
        try:
            selector = TargetSelector.model_validate(value)
        except ValidationError as err:
            self.errors.extend(error.below(path) for error in field_errors_of(err))
            kind = value.get("kind") if isinstance(value, dict) else None
            meant = _BY_NAME.get(str(kind).lower())
            return TargetSelector(group=meant[0], kind=meant[1]) if meant is not None else None
        return selector


def _meant(kind: str) -> str:
    group, name = _BY_NAME[kind.lower()]
    return f"write group: '{group}' and kind: {name}"
