"""Parser events to plain values that know their lines. Cellar, pure: `egxds.yaml_input.load` feeds it.

Nothing here follows the nesting of a text by recursion: a stack of collections takes one event after the other and
refuses what is too deep, too large or too often aliased before it is built. A route is some 30 events, and events are
half of what it costs to read one: so none of them goes through more calls than it must.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from egxds.errors import YamlRefused
from egxds.yaml_input.scalars import CORE_TAG, STRING_STARTS, is_scalar_tag, plain_value, tagged_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from egxds.yaml_input.quoting import Quote

_UNKNOWN = object()
_UNFINISHED = object()
_MAPPING_TAGS = (None, "!", CORE_TAG + "map")
_SEQUENCE_TAGS = (None, "!", CORE_TAG + "seq")
_MERGE_TAG = CORE_TAG + "merge"
_Around = tuple["LocatedMapping | LocatedSequence", str | None, str | None]
"""A collection around the one that is open, the key of that one in it, and the anchor of that one."""


class LocatedMapping(dict[str, object]):
    """A mapping that knows where it stands.

    Attributes:
        line: line it starts on.
        lines: key → line of the key.
    """

    __slots__ = ("line", "lines")

    # Nothing is left to a dict's own `__init__`, and there is one of these for every few words of a text.
    def __init__(self, line: int) -> None:
        self.line = line
        self.lines: dict[str, int] = {}


class LocatedSequence(list[object]):
    """A sequence that knows where it stands.

    Attributes:
        line: line it starts on.
        lines: line of each item, in order.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        self.line = line
        self.lines: list[int] = []


class LocatedStream(LocatedSequence):
    """Several values that follow each other in one text, as JSON may."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class YamlFault:
    """Something that is not taken, and does not keep the rest from being read.

    Attributes:
        message: what is wrong and what to do about it.
        line: where.
        key: the key that stands there a second time; empty where it is something else.
    """

    message: str
    line: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """How much one text may ask for.

    Attributes:
        depth: collections inside one another.
        aliases: uses of an anchor.
        aliased_nodes: scalars and collections that aliases repeat, each time they do.
        nodes: scalars and collections, repeated ones too.
        bytes: of the text in UTF-8.
    """

    depth: int = 64
    aliases: int = 1_000
    aliased_nodes: int = 10_000
    nodes: int = 500_000
    bytes: int = 16 * 1024 * 1024

    def too_deep(self, line: int) -> YamlRefused:
        """Return what is said of a text that nests deeper, found on a line."""
        return YamlRefused(f"nested deeper than {self.depth} levels", line)


class _Anchors:
    """What aliases may repeat, and how much they already have."""

    __slots__ = ("_limits", "_nodes", "_quote", "_uses", "_values")

    def __init__(self, limits: YamlLimits, quote: Quote) -> None:
        self._limits = limits
        self._quote = quote
        self._values: dict[str, object] = {}
        self._uses = 0
        self._nodes = 0

    def remember(self, name: str, value: object) -> None:
        self._values[name] = value

    def repeat(self, name: str, line: int) -> tuple[object, int, int]:
        """Return the value that an alias stands for, its nodes, and how many collections are inside one another."""
        value = self._values.get(name, _UNKNOWN)
        if value is _UNKNOWN:
            raise YamlRefused(f"the alias{self._quote(f' *{name}')} has no anchor before it", line)
        if value is _UNFINISHED:
            raise YamlRefused(f"the alias{self._quote(f' *{name}')} stands inside what it repeats", line)
        nodes, depth = _extent(value)
        self._uses += 1
        self._nodes += nodes
        if self._uses > self._limits.aliases:
            raise YamlRefused(f"more than {self._limits.aliases} aliases: write the values out", line)
        if self._nodes > self._limits.aliased_nodes:
            raise YamlRefused(f"aliases repeat more than {self._limits.aliased_nodes} values: write them out", line)
        return value, nodes, depth


class _MergeKey(str):
    """Stands for the key `<<` while its value is awaited."""

    __slots__ = ()


_MERGE = _MergeKey("<<")


class DocumentBuilder:
    """Builds the value of one document from its events.

    What is open is a collection, the key whose value is awaited where it is a mapping, the same of all around it, and
    which keys of those are merged and not their own yet.

    Attributes:
        faults: what is not taken of what was read, in the order of the text.
    """

    __slots__ = (
        "_anchors",
        "_around",
        "_documents",
        "_first_line",
        "_key",
        "_limits",
        "_merged",
        "_nodes",
        "_open",
        "_quote",
        "_root",
        "faults",
    )

    def __init__(self, first_line: int, limits: YamlLimits, quote: Quote) -> None:
        self._first_line = first_line
        self._quote = quote
        self._limits = limits
        self._nodes = 0
        self._documents = 0
        self._anchors = _Anchors(limits, quote)
        self._root = LocatedSequence(0)
        self._open: LocatedMapping | LocatedSequence = self._root
        self._key: str | None = None
        self._around: list[_Around] = []
        self._merged: dict[int, set[str]] = {}
        self.faults: list[YamlFault] = []

    def build(self, events: Iterable[Any]) -> object:
        """Take all events and return the value that ends with them; None where there is none.

        Args:
            events: of PyYAML's classes; their type hints leave out what the parser always sets.

        Raises:
            YamlRefused: there is more than the limits allow, a second document, or an alias of nothing.
        """
        handlers, first_line = self._HANDLERS, self._first_line
        for event in events:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(self, event, event.start_mark.line + first_line)
        return self._root[-1] if self._root else None

    def _start_document(self, _event: yaml.DocumentStartEvent, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise YamlRefused("a second document starts here where one is expected: remove it", line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(1, line)
        value: object = event.value
        if event.tag == _MERGE_TAG or (value == "<<" and event.tag is None and event.implicit[0]):
            value = _MERGE if self._awaits_key() else value
        elif event.tag is not None or not event.implicit[0]:
            value = self._tagged(event.value, event.tag or "!", line)
        elif event.value[:1] not in STRING_STARTS:
            value = self._plain(event.value, line)
        if event.anchor is not None:
            self._anchors.remember(event.anchor, value)
        self._add(value, line)

    def _alias(self, event: Any, line: int) -> None:
        value, nodes, depth = self._anchors.repeat(event.anchor, line)
        self._count(nodes, line)
        self._check_depth(depth, line)
        self._add(value, line)

    def _start_mapping(self, event: yaml.MappingStartEvent, line: int) -> None:
        if event.tag not in _MAPPING_TAGS:
            self._refuse_tag(event.tag, line)
        self._start(LocatedMapping(line), event.anchor, line)

    def _start_sequence(self, event: yaml.SequenceStartEvent, line: int) -> None:
        if event.tag not in _SEQUENCE_TAGS:
            self._refuse_tag(event.tag, line)
        self._start(LocatedSequence(line), event.anchor, line)

    def _end_collection(self, _event: yaml.CollectionEndEvent, _line: int) -> None:
        ended = self._open
        self._open, self._key, anchor = self._around.pop()
        if self._merged:
            self._merged.pop(id(ended), None)
        if anchor is not None:
            self._anchors.remember(anchor, ended)
        self._add(ended, ended.line)

    def _start(self, collection: LocatedMapping | LocatedSequence, anchor: str | None, line: int) -> None:
        self._count(1, line)
        self._check_depth(1, line)
        if anchor is not None:
            self._anchors.remember(anchor, _UNFINISHED)
        self._around.append((self._open, self._key, anchor))
        self._open, self._key = collection, None

    def _add(self, value: object, line: int) -> None:
        into = self._open
        if isinstance(into, LocatedSequence):
            into.append(value)
            into.lines.append(line)
        elif self._key is None:
            if value is _MERGE:
                self._key = _MERGE
            else:
                self._key = key = self._checked_key(value, into, line)
                into.lines.setdefault(key, line)
        else:
            if self._key is _MERGE:
                self._merge(value, into, line)
            else:
                into[self._key] = value
            self._key = None

    def _merge(self, value: object, into: LocatedMapping, line: int) -> None:
        """Take over what a mapping does not say itself; of several to take it from, the first that says it."""
        sources = value if isinstance(value, LocatedSequence) else [value]
        merged = self._merged.setdefault(id(into), set())
        for source in sources:
            if not isinstance(source, LocatedMapping):
                self._fault("a merge key (<<) takes a mapping, or a list of mappings", line)
                return
            added = {key: below for key, below in source.items() if key not in into}
            into.update(added)
            into.lines.update(dict.fromkeys(added, line))
            merged.update(added)

    def _awaits_key(self) -> bool:
        return self._key is None and isinstance(self._open, LocatedMapping)

    def _checked_key(self, key: object, mapping: LocatedMapping, line: int) -> str:
        if not isinstance(key, str):
            what = "not a mapping or list" if isinstance(key, dict | list) else "put it in quotes"
            self._fault(f"a key must be a string: {what}", line)
            return str(key)
        merged = self._merged.get(id(mapping))
        if merged and key in merged:
            merged.discard(key)
            mapping.lines[key] = line
        elif key in mapping:
            self._fault(
                f"the key{self._quote(f' {key!r}')} stands here and on line {mapping.lines[key]}: keep one", line, key
            )
        return key

    def _plain(self, text: str, line: int) -> object:
        try:
            value = plain_value(text)
        except ValueError as err:
            self._fault(str(err), line)
            return text
        # A number or a truth value that is a key means its text, as it does for an API server.
        return _written(text, value) if self._awaits_key() and value is not None else value

    def _tagged(self, text: str, tag: str, line: int) -> object:
        if not is_scalar_tag(tag):
            self._refuse_tag(tag, line)
            return text
        try:
            return tagged_value(text, tag)
        except ValueError as err:
            self._fault(str(err), line)
            return text

    def _refuse_tag(self, tag: str, line: int) -> None:
        self._fault(f"the tag{self._quote(f' {tag}')} is not supported: remove it", line)

    def _fault(self, message: str, line: int, key: str = "") -> None:
        self.faults.append(YamlFault(message, line, key))

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise YamlRefused(f"more than {self._limits.nodes} values in one document: split it", line)

    def _check_depth(self, more: int, line: int) -> None:
        if len(self._around) + more > self._limits.depth:
            raise self._limits.too_deep(line)

    _HANDLERS: ClassVar[Mapping[type, Callable[[DocumentBuilder, Any, int], None]]] = {
        yaml.DocumentStartEvent: _start_document,
        yaml.ScalarEvent: _scalar,
        yaml.AliasEvent: _alias,
        yaml.MappingStartEvent: _start_mapping,
        yaml.MappingEndEvent: _end_collection,
        yaml.SequenceStartEvent: _start_sequence,
        yaml.SequenceEndEvent: _end_collection,
    }


def _extent(value: object) -> tuple[int, int]:
    """Count the nodes of a value, keys included, and how many collections stand inside one another."""
    nodes, depth = 1, 0
    collections = [value] if isinstance(value, dict | list) else []
    while collections:
        depth += 1
        children = [child for collection in collections for child in _children(collection)]
        nodes += len(children) + sum(len(collection) for collection in collections if isinstance(collection, dict))
        collections = [child for child in children if isinstance(child, dict | list)]
    return nodes, depth


def _children(collection: dict[str, object] | list[object]) -> Iterable[object]:
    return collection.values() if isinstance(collection, dict) else collection


def _written(text: str, value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else text
