"""Which document speaks for which object, where several files may speak for the same one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from egxds.model.api import ApiModel, ApiObject, ObjectKey
from egxds.model.parsed import ParsedDocument, RefusedObject, UnknownKind
from egxds.model.places import Places
from egxds.problems import Problem, Source, error, warning


@dataclass(slots=True)
class Claims:
    """What one look at the files says.

    Attributes:
        found: the accepted objects that count.
        places: for each of them, where its parts stand.
        refused: what was not accepted.
        refused_keys: objects whose mention that counts was not accepted.
        duplicates: an error for every mention that does not count.
    """

    found: dict[ObjectKey, ApiObject[ApiModel]] = field(default_factory=dict)
    places: dict[ObjectKey, Places] = field(default_factory=dict)
    refused: list[RefusedObject] = field(default_factory=list)
    refused_keys: set[ObjectKey] = field(default_factory=set)
    duplicates: list[Problem] = field(default_factory=list)


def claims_of(documents: Sequence[ParsedDocument], in_force: Container[ObjectKey]) -> Claims:
    """Decide who speaks for each object.

    The first mention counts. One that was not accepted counts where a version accepted before can stay in
    force; where there is none, it does not keep an accepted one out.

    Args:
        documents: sorted by file and line.
        in_force: objects that are in force now.
    """
    claims = Claims()
    contested: set[ObjectKey] = set()
    for document in documents:
        claims.refused.extend(document.refused)
        contested.update(entry.key for entry in document.refused if entry.key is not None)
        for item, places in zip(document.objects, document.places, strict=True):
            if item.key in claims.found:
                contested.add(item.key)
            claims.found[item.key], claims.places[item.key] = item, places
    _settle(claims, contested, documents, in_force)
    return claims


@dataclass(frozen=True, slots=True)
class _Mention:
    """One place that names an object; without the object where it was not accepted."""

    source: Source
    item: ApiObject[ApiModel] | None
    places: Places


def _settle(
    claims: Claims, contested: set[ObjectKey], documents: Sequence[ParsedDocument], in_force: Container[ObjectKey]
) -> None:
    """Decide about the objects that are named more than once, or were not accepted somewhere."""
    for key, mentions in _mentions(contested, documents).items():
        first = mentions[0]
        if key not in in_force:
            first = next((mention for mention in mentions if mention.item is not None), first)
        claims.duplicates.extend(_duplicate(key, mention, first) for mention in mentions if mention is not first)
        if first.item is not None:
            claims.found[key], claims.places[key] = first.item, first.places
        else:
            claims.refused_keys.add(key)
            claims.found.pop(key, None)
            claims.places.pop(key, None)


def _mentions(contested: set[ObjectKey], documents: Sequence[ParsedDocument]) -> dict[ObjectKey, list[_Mention]]:
    """Return every mention of some objects, the first by file and line first."""
    found: dict[ObjectKey, list[_Mention]] = {key: [] for key in contested}
    for document in documents if contested else ():
        for item, places in zip(document.objects, document.places, strict=True):
            if item.key in contested:
                found[item.key].append(_Mention(item.source, item, places))
        for entry in document.refused:
            if entry.key is not None:
                found[entry.key].append(_Mention(entry.source, None, {}))
    return {key: sorted(mentions, key=lambda mention: mention.source) for key, mentions in found.items()}


def _duplicate(key: ObjectKey, mention: _Mention, first: _Mention) -> Problem:
    message = f"is also defined at {first.source}, and that one counts; delete one of the two"
    return error(mention.source, message, str(key))


def unknown_kind_problems(unknown: Iterable[UnknownKind]) -> list[Problem]:
    """Report each kind that is not read once, at its first place."""
    by_kind: dict[tuple[str, str], list[UnknownKind]] = defaultdict(list)
    for entry in unknown:
        by_kind[entry.api_version, entry.kind].append(entry)
    return [_unknown_kind(min(entries, key=lambda entry: entry.source), len(entries)) for entries in by_kind.values()]


def _unknown_kind(first: UnknownKind, count: int) -> Problem:
    others = f", and {count - 1} more" if count > 1 else ""
    hint = f"; did you mean {first.suggestion}?" if first.suggestion else ""
    return warning(first.source, f"kind {first.kind} of {first.api_version} is not read: passed over{others}{hint}")
