"""Which document speaks for which object, where several files may speak for the same one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from egxds.model.api.object import ApiModel, ApiObject, ObjectKey
from egxds.model.store.documents import ParsedDocument, RefusedObject, UnknownKind
from egxds.model.store.line_map import Places
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


def claims_of(documents: Sequence[ParsedDocument], in_force: Mapping[ObjectKey, ApiObject[ApiModel]]) -> Claims:
    """Decide who speaks for each object.

    The file that spoke for it before goes on to, also while what it says now is not accepted: a second definition
    never displaces what is served. Else one that says what is in force counts, and else the first that was accepted.

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
    claims: Claims,
    contested: set[ObjectKey],
    documents: Sequence[ParsedDocument],
    in_force: Mapping[ObjectKey, ApiObject[ApiModel]],
) -> None:
    """Decide about the objects that are named more than once, or were not accepted somewhere."""
    for key, mentions in _mentions(contested, documents).items():
        speaker = _speaker(mentions, in_force.get(key))
        claims.duplicates.extend(_duplicate(key, mention, speaker) for mention in mentions if mention is not speaker)
        if speaker.item is not None:
            claims.found[key], claims.places[key] = speaker.item, speaker.places
        else:
            claims.refused_keys.add(key)
            claims.found.pop(key, None)
            claims.places.pop(key, None)


def _speaker(mentions: Sequence[_Mention], before: ApiObject[ApiModel] | None) -> _Mention:
    """Return the mention that counts.

    Args:
        mentions: at least one, sorted by file and line.
        before: the object in force now.
    """
    accepted = [mention for mention in mentions if mention.item is not None]
    at_home = [mention for mention in mentions if before and mention.source.file == before.source.file]
    alike = [mention for mention in accepted if before and mention.item and mention.item.digest == before.digest]
    alike_at_home = [mention for mention in alike if mention in at_home]
    return next(chain(alike_at_home, at_home, alike, accepted, mentions))


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


def _duplicate(key: ObjectKey, mention: _Mention, speaker: _Mention) -> Problem:
    message = f"is also defined at {speaker.source}, and that one counts; delete one of the two"
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
