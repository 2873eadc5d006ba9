"""One YAML document to the objects it holds. Pure; the same text always gives the same objects.

An object is refused as a whole where an API server would refuse it; what it got wrong is reported all at once. What an
API server takes and nobody can serve is read as it is: it costs the rule or the listener that it stands in
(`unservable` of the API's classes), and never the one filter, without which a route is open where it was to be closed.
Documents are independent: nothing here knows of another one, so that what is remembered of a text holds
wherever it stands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from pydantic import ValidationError

from egxds.errors import YamlRefused
from egxds.files.documents.document import SourceDocument
from egxds.model.api.core import ExtensionBody
from egxds.model.api.kinds import KindTable
from egxds.model.api.object import ApiModel, ApiObject, Body, Kind, ObjectMeta, api_type, read_generation
from egxds.model.api.policies import PolicyBody, PolicyTargets
from egxds.model.api.references import ParentReference
from egxds.model.api.replaced_kinds import replacement
from egxds.model.api.validation import UNQUOTED, FieldError, Path, path_text
from egxds.model.store.deciding_policy import has_targets, misnamed, read_deciding_policy, seeming_key
from egxds.model.store.documents import DocumentProblem, ParsedDocument, ParsedObject, RefusedObject, UnknownKind
from egxds.model.store.field_errors import field_errors_of
from egxds.model.store.unknown_fields import OBJECT_FIELDS, unknown_field_errors
from egxds.object_key import ObjectKey
from egxds.problems import Location, Problem, Severity, error
from egxds.yaml_input.builder import LocatedMapping, LocatedSequence, LocatedStream, YamlFault
from egxds.yaml_input.load import line_at, load, read

DEFAULT_NAMESPACE = "default"
MAX_PROBLEMS = 20
"""Problems reported of one object; more than these help nobody."""

_LIST = "List"
_DECISIVE = frozenset({"apiVersion", "kind", "items"})
"""Keys that say what an object is; where one stands twice, nobody knows."""

_TypeMeta = tuple[str, str]
"""apiVersion and kind."""

_NO_TYPE = ("", "")
_BESIDE_SPEC = OBJECT_FIELDS | {"spec"}
_ModelT = TypeVar("_ModelT", bound=ApiModel)


def parse_document(document: SourceDocument, kinds: KindTable) -> ParsedDocument:
    """Read the objects of one document; a list of objects counts as the objects in it.

    Args:
        document: the text.
        kinds: what is read.
    """
    try:
        loaded = read(document.text)
    except YamlRefused as err:
        return ParsedDocument(refused=(RefusedObject(None, err.line - 1),))
    if loaded.value is None:
        return ParsedDocument()
    reading = _Reading(loaded.value, kinds)
    outcomes = [reading.read(path, raw) for path, raw in _objects_in(loaded.value, (), _NO_TYPE)]
    # Who does not read a kind has no opinion on what is in it.
    if loaded.faults and not (all(isinstance(each, UnknownKind) for each in outcomes) and _is_sure(loaded.faults)):
        return ParsedDocument(refused=(RefusedObject(None, loaded.faults[0].line - 1),))
    return _collect(outcomes)


def yaml_problem(document: SourceDocument, first_line: int) -> Problem:
    """Say why a document is not YAML; the message names lines of its file.

    Args:
        document: one that was refused without a problem.
        first_line: on which it starts.
    """
    try:
        load(document.text, first_line)
    except YamlRefused as err:
        return error(Location(document.file, err.line), err.message)
    raise AssertionError("a text that was no YAML is YAML now")


def _is_sure(faults: tuple[YamlFault, ...]) -> bool:
    """Tell whether faults leave no doubt of what kinds of objects a document holds."""
    return not any(fault.key in _DECISIVE for fault in faults)


def _objects_in(value: object, path: Path, type_: _TypeMeta) -> Iterator[tuple[Path, object]]:
    """Find the objects of a document, those inside of lists included.

    Args:
        value: an object, a list, or several of them that follow each other.
        path: where it stands.
        type_: what an item of the list around it is that does not say so.
    """
    if isinstance(value, LocatedStream):
        for index, each in enumerate(value):
            yield from _objects_in(each, (index,), _NO_TYPE)
        return
    raw = _typed(value, type_) if isinstance(value, LocatedMapping) else value
    items = _items_of(raw) if isinstance(raw, LocatedMapping) else None
    if items is None:
        yield path, raw
        return
    type_of_items = _type_of_items(cast("LocatedMapping", raw))
    for index, item in enumerate(items):
        yield from _objects_in(item, (*path, "items", index), type_of_items)


def _typed(raw: LocatedMapping, type_: _TypeMeta) -> LocatedMapping:
    """Return an item of a list with the type that goes without saying there."""
    missing = {name: text for name, text in zip(("apiVersion", "kind"), type_, strict=True) if text and name not in raw}
    if not missing:
        return raw
    typed = LocatedMapping(raw.line)
    typed.update(missing | raw)
    typed.lines = dict.fromkeys(missing, raw.line) | raw.lines
    return typed


def _items_of(raw: LocatedMapping) -> Sequence[object] | None:
    """Return the items of a list of objects: `List` or, as API servers write it, `HTTPRouteList`."""
    kind, items = raw.get("kind"), raw.get("items")
    if not isinstance(kind, str) or not kind.endswith(_LIST):
        return None
    if items is None:
        return () if kind == _LIST or "items" in raw else None
    return items if isinstance(items, LocatedSequence) else None


def _type_of_items(raw: LocatedMapping) -> _TypeMeta:
    api_version, kind = raw.get("apiVersion"), str(raw["kind"]).removesuffix(_LIST)
    return (api_version, kind) if kind and isinstance(api_version, str) else _NO_TYPE


_Outcome = ParsedObject | RefusedObject | UnknownKind


def _collect(outcomes: list[_Outcome]) -> ParsedDocument:
    return ParsedDocument(
        objects=tuple([outcome for outcome in outcomes if isinstance(outcome, ParsedObject)]),
        refused=tuple([outcome for outcome in outcomes if isinstance(outcome, RefusedObject)]),
        unknown_kinds=tuple([outcome for outcome in outcomes if isinstance(outcome, UnknownKind)]),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of one document."""

    root: object
    kinds: KindTable

    def read(self, path: Path, raw: object) -> _Outcome:
        """Read one object of the document."""
        line = self._line(path)
        if not isinstance(raw, LocatedMapping):
            message = "an object is a mapping with apiVersion, kind and metadata"
            return RefusedObject(None, line, (_error(line, message),))
        # Without these two it may be anything, an object in force included: so it has no key, and its file is held.
        missing = [name for name in ("apiVersion", "kind") if not isinstance(raw.get(name), str) or not raw[name]]
        if missing:
            message = f"{' and '.join(missing)} missing, or not text: an object needs both to be known"
            return RefusedObject(None, line, (_error(line, message),))
        api_version, kind = str(raw["apiVersion"]), str(raw["kind"])
        group, _, version = api_version.rpartition("/")
        known = self.kinds.find(group, kind)
        if known is None and has_targets(raw):
            known = self.kinds.find_misnamed_policy(group, kind)
        if known is not None and not known.content.concerns(raw):
            return UnknownKind(api_version, kind, line, "")
        if known is None:
            return self._unknown(api_version, kind, line)
        return self._read_known(path, raw, known, version)

    def _unknown(self, api_version: str, kind: str, line: int) -> UnknownKind:
        """Name a kind that is not read; what may be a Secret, misspelt, is not quoted beyond its kind."""
        replaced = replacement((api_version.rpartition("/")[0], kind))
        meant = self.kinds.nearest(kind)
        if meant is not None and meant.content.quotable_names is not None:
            api_version = UNQUOTED
        guess = f"did you mean {meant.kind} of {meant.api_versions[0]}?" if meant else ""
        return UnknownKind(api_version, kind, line, replaced or guess)

    def _read_known(self, path: Path, raw: LocatedMapping, known: Kind[ApiModel], version: str) -> _Outcome:
        if known.id in self.kinds.extension_kinds.deciding_policies:
            return self._read_deciding_policy(path, raw, known)
        line, api_version = self._line(path), sys.intern(str(raw["apiVersion"]))
        key = _key(raw, known)
        subject = str(key) if key else known.kind
        # Refused and not passed over: the object is one of ours, and has to keep its last accepted version.
        if version not in known.versions:
            shown = api_version if known.content.quotable_names is None else UNQUOTED
            message = f"apiVersion {shown} is not served; write {' or '.join(known.api_versions)}"
            problem = _error(self._line((*path, "apiVersion")), message, subject)
            return _refused(key, line, (problem,), shown, raw)
        meta, meta_errors = _validate_meta(raw, known)
        content, content_errors = _validate_content(raw, known)
        problems = self._problems(path, [*meta_errors, *content_errors], subject, known.content.quotable_names)
        if key is None or meta is None or content is None or any(p.severity is Severity.ERROR for p in problems):
            return _refused(key, line, problems, api_version, raw)
        item = ApiObject(key, api_version, meta, content, meta.generation or 1)
        return ParsedObject(item, line, path, problems)

    def _read_deciding_policy(self, path: Path, raw: LocatedMapping, known: Kind[ApiModel]) -> _Outcome:
        """Read a policy that decides on access: nothing that is wrong with it opens what it was to close."""
        api_version, line = str(raw["apiVersion"]), self._line(path)
        key = _key(raw, known) or seeming_key(raw, known, DEFAULT_NAMESPACE)
        meta, meta_errors = _validate_meta(raw, known)
        spec_class = self.kinds.extension_kinds.deciding_policies[known.id]
        content, content_errors = read_deciding_policy(raw, known, spec_class)
        errors = [*misnamed(raw, known), *meta_errors, *content_errors]
        if content is not None and any(error.severity is Severity.ERROR for error in errors):
            content = replace(content, asked=None)
        problems = self._problems(path, errors, str(key))
        if content is None:
            return RefusedObject(key, line, problems, api_version)
        return ParsedObject(ApiObject(key, api_version, meta or _bare_meta(key), content), line, path, problems)

    def _line(self, path: Path) -> int:
        """Return the line of what a path leads to, 0 for the first of the document."""
        return max(line_at(self.root, path) - 1, 0)

    def _problems(
        self, path: Path, errors: list[FieldError], subject: str, quotable: frozenset[str] | None = None
    ) -> tuple[DocumentProblem, ...]:
        # Errors first: they say why it is refused, and only so many are shown.
        ordered = sorted(errors, key=lambda error: error.severity is Severity.WARNING)
        problems = [
            DocumentProblem(
                error.severity,
                self._line((*path, *error.path)),
                f"{path_text(error.path, quotable)}: {error.message}",
                subject,
            )
            for error in ordered[:MAX_PROBLEMS]
        ]
        if len(ordered) > MAX_PROBLEMS:
            message = f"and {len(ordered) - MAX_PROBLEMS} more problems; correct those above first"
            problems.append(DocumentProblem(ordered[MAX_PROBLEMS].severity, self._line(path), message, subject))
        return tuple(problems)


def _refused(
    key: ObjectKey | None, line: int, problems: tuple[DocumentProblem, ...], api_version: str, raw: LocatedMapping
) -> RefusedObject:
    """Make a refusal of an object, with what its status is about as far as that can be read."""
    generation, parents = read_generation(raw.get("metadata")), tuple(_parents(raw.get("spec")))
    return RefusedObject(key, line, problems, api_version, generation, parents)


def _parents(spec: object) -> Iterator[ParentReference]:
    """Yield the parentRefs of a spec that can be read."""
    refs = spec.get("parentRefs") if isinstance(spec, dict) else None
    for ref in refs if isinstance(refs, list) else ():
        found, _ = _validate(ref, ParentReference)
        if found is not None:
            yield found


def _error(line: int, message: str, subject: str = "") -> DocumentProblem:
    return DocumentProblem(Severity.ERROR, line, message, subject)


def _key(raw: LocatedMapping, known: Kind[ApiModel]) -> ObjectKey | None:
    """Tell what identifies an object, as far as it says so, even where the rest of it is wrong."""
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace") or DEFAULT_NAMESPACE
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        return None
    return ObjectKey(known.group, known.kind, sys.intern(namespace) if known.is_namespaced else "", name)


def _validate_meta(raw: LocatedMapping, known: Kind[ApiModel]) -> tuple[ObjectMeta | None, list[FieldError]]:
    metadata = raw.get("metadata")
    if metadata is None:
        return None, [FieldError((), "metadata is missing")]
    # A namespace that is written out and one that goes without saying make the same object.
    filled = metadata
    if isinstance(metadata, dict):
        namespace = (metadata.get("namespace") or DEFAULT_NAMESPACE) if known.is_namespaced else ""
        filled = {**metadata, "namespace": namespace}
    meta, errors = _validate(filled, ObjectMeta)
    return meta, [error.below(("metadata",)) for error in (*errors, *unknown_field_errors(metadata, ObjectMeta))]


def _bare_meta(key: ObjectKey) -> ObjectMeta:
    """Return what is known of an object whose metadata is wrong."""
    return ObjectMeta(name="unnamed", namespace=key.namespace)


def _validate_content(raw: LocatedMapping, known: Kind[ApiModel]) -> tuple[ApiModel | None, list[FieldError]]:
    if known.body is Body.DOCUMENT:
        return _as_document(raw, known)
    body = _body(raw, known)
    if known.body is Body.WHOLE:
        content, errors = _validate(body, known.content)
        return content, [*errors, *unknown_field_errors(raw, known.content, OBJECT_FIELDS)]
    # Of a misplaced field (rules beside spec) both sides have to tell: spec is missing, and this is not where it
    # belongs.
    beside = list(unknown_field_errors(raw, _NoContent, _BESIDE_SPEC))
    if body is None:
        return None, [FieldError((), "spec is missing"), *beside]
    content, errors = _validate(body, known.content)
    inside = [error.below(("spec",)) for error in (*errors, *unknown_field_errors(body, known.content))]
    return content, [*inside, *beside]


@api_type
class _NoContent(ApiModel):
    """What an object with a spec has beside it."""


def _as_document(raw: LocatedMapping, known: Kind[ApiModel]) -> tuple[ApiModel | None, list[FieldError]]:
    """Keep an extension's object as it is, its namespace filled in; of a policy, read what it targets too."""
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        return None, []
    whole = {**raw, "metadata": {**metadata, "namespace": metadata.get("namespace") or DEFAULT_NAMESPACE}}
    try:
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        return None, [FieldError((), "holds a number that JSON cannot write: .nan or .inf")]
    if known.content is not PolicyBody:
        return ExtensionBody(document=text.encode()), []
    targets, errors = _validate(raw.get("spec") or {}, PolicyTargets)
    content = PolicyBody(document=text.encode(), targets=targets) if targets is not None else None
    return content, [error.below(("spec",)) for error in errors]


def _validate(value: object, content: type[_ModelT]) -> tuple[_ModelT | None, list[FieldError]]:
    try:
        return content.model_validate(value), []
    except ValidationError as err:
        return None, list(field_errors_of(err))


def _body(raw: LocatedMapping, known: Kind[ApiModel]) -> object:
    if known.body is Body.SPEC:
        return raw.get("spec")
    if known.body is Body.DOCUMENT:
        return raw
    return {name: value for name, value in raw.items() if name not in OBJECT_FIELDS}
