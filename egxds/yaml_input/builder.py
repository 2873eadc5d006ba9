"""Parser events to plain values that know their lines. Cellar, pure: `egxds.yaml_input.load` feeds it.

Nothing here follows the nesting of a text by recursion: a stack of frames takes one event after the other and
refuses what is too deep, too large or too often aliased before it is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from egxds.errors import YamlRefused
from egxds.yaml_input.scalars import CORE_TAG, plain_value, tagged_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SHOWN_CHARACTERS = 60
_UNKNOWN = object()
_UNFINISHED = object()
_MAPPING_TAGS = (None, "!", CORE_TAG + "map")
_SEQUENCE_TAGS = (None, "!", CORE_TAG + "seq")


class LocatedMapping(dict[str, object]):
    """A mapping that knows where it stands.

    Attributes:
        line: line it starts on.
        lines: key → line of the key.
    """

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
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
        super().__init__()
        self.line = line
        self.lines: list[int] = []


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
    aliases: int = 64
    aliased_nodes: int = 10_000
    nodes: int = 500_000
    bytes: int = 16 * 1024 * 1024

    def too_deep(self, line: int) -> YamlRefused:
        """Return what is said of a text that nests deeper, found on a line."""
        return YamlRefused(f"nested deeper than {self.depth} levels", line)


class _MappingFrame:
    """A mapping that is being read: keys and values come in turns."""

    __slots__ = ("_key", "anchor", "line", "value")

    def __init__(self, anchor: str | None, line: int) -> None:
        self.anchor = anchor
        self.line = line
        self.value = LocatedMapping(line)
        self._key: str | None = None

    @property
    def awaits_key(self) -> bool:
        return self._key is None

    def add(self, value: object, line: int) -> None:
        if self._key is None:
            self._key = self._check_key(value, line)
            self.value.lines[self._key] = line
        else:
            self.value[self._key] = value
            self._key = None

    def _check_key(self, key: object, line: int) -> str:
        if not isinstance(key, str):
            what = "not a mapping or list" if isinstance(key, dict | list) else f"put {_written(key)} in quotes"
            raise YamlRefused(f"a key must be a string: {what}", line)
        if key in self.value:
            first = self.value.lines[key]
            raise YamlRefused(f"the key {_shown(key)!r} stands here and on line {first}: keep one", line)
        return key


class _SequenceFrame:
    """A sequence that is being read."""

    __slots__ = ("anchor", "line", "value")

    awaits_key = False

    def __init__(self, anchor: str | None, line: int) -> None:
        self.anchor = anchor
        self.line = line
        self.value = LocatedSequence(line)

    def add(self, value: object, line: int) -> None:
        self.value.append(value)
        self.value.lines.append(line)


class _RootFrame:
    """The place of the document's one value."""

    __slots__ = ("value",)

    awaits_key = False
    anchor = None
    line = 0

    def __init__(self) -> None:
        self.value: object = None

    def add(self, value: object, line: int) -> None:  # noqa: ARG002 the value of a bare scalar has no line
        self.value = value


class _Anchors:
    """What aliases may repeat, and how much they already have."""

    __slots__ = ("_limits", "_nodes", "_uses", "_values")

    def __init__(self, limits: YamlLimits) -> None:
        self._limits = limits
        self._values: dict[str, object] = {}
        self._uses = 0
        self._nodes = 0

    def remember(self, name: str | None, value: object) -> None:
        if name:
            self._values[name] = value

    def repeat(self, name: str, line: int) -> tuple[object, int, int]:
        """Return the value that an alias stands for, its nodes, and how many collections are inside one another."""
        value = self._values.get(name, _UNKNOWN)
        if value is _UNKNOWN:
            raise YamlRefused(f"the alias *{_shown(name)} has no anchor before it", line)
        if value is _UNFINISHED:
            raise YamlRefused(f"the alias *{_shown(name)} stands inside what it repeats", line)
        nodes, depth = _extent(value)
        self._uses += 1
        self._nodes += nodes
        if self._uses > self._limits.aliases:
            raise YamlRefused(f"more than {self._limits.aliases} aliases: write the values out", line)
        if self._nodes > self._limits.aliased_nodes:
            raise YamlRefused(f"aliases repeat more than {self._limits.aliased_nodes} values: write them out", line)
        return value, nodes, depth


class DocumentBuilder:
    """Builds the value of one document from its events."""

    __slots__ = ("_anchors", "_documents", "_first_line", "_limits", "_nodes", "_open", "_root")

    def __init__(self, first_line: int, limits: YamlLimits) -> None:
        self._first_line = first_line
        self._limits = limits
        self._nodes = 0
        self._documents = 0
        self._anchors = _Anchors(limits)
        self._root = _RootFrame()
        self._open: list[_RootFrame | _MappingFrame | _SequenceFrame] = [self._root]

    @property
    def value(self) -> object:
        """The document's value once all events are in; None where there is no document."""
        return self._root.value

    def feed(self, event: Any) -> None:
        """Take the next event.

        Args:
            event: as PyYAML's parser yields it; its type hints leave out what the parser always sets.

        Raises:
            YamlRefused: the event is one too many, or of a kind that is not taken.
        """
        handler = self._HANDLERS.get(type(event))
        if handler:
            handler(self, event, event.start_mark.line + self._first_line)

    def _start_document(self, _event: yaml.DocumentStartEvent, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise YamlRefused("a second document starts here where one is expected: remove it", line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(1, line)
        frame = self._open[-1]
        tag = event.tag or (None if event.implicit[0] else "!")
        if event.value == "<<" and tag is None and frame.awaits_key:
            raise YamlRefused("merge keys (<<) are not supported: write the keys out, or quote the key", line)
        try:
            value = plain_value(event.value) if tag is None else tagged_value(event.value, tag)
        except ValueError as err:
            raise YamlRefused(str(err), line) from err
        self._anchors.remember(event.anchor, value)
        frame.add(value, line)

    def _alias(self, event: Any, line: int) -> None:
        value, nodes, depth = self._anchors.repeat(event.anchor, line)
        self._count(nodes, line)
        self._check_depth(depth, line)
        self._open[-1].add(value, line)

    def _start_mapping(self, event: yaml.MappingStartEvent, line: int) -> None:
        if event.tag not in _MAPPING_TAGS:
            raise YamlRefused(f"the tag {event.tag:.60} is not supported: remove it", line)
        self._start(_MappingFrame(event.anchor, line), line)

    def _start_sequence(self, event: yaml.SequenceStartEvent, line: int) -> None:
        if event.tag not in _SEQUENCE_TAGS:
            raise YamlRefused(f"the tag {event.tag:.60} is not supported: remove it", line)
        self._start(_SequenceFrame(event.anchor, line), line)

    def _end_collection(self, _event: yaml.CollectionEndEvent, _line: int) -> None:
        frame = self._open.pop()
        self._anchors.remember(frame.anchor, frame.value)
        self._open[-1].add(frame.value, frame.line)

    def _start(self, frame: _MappingFrame | _SequenceFrame, line: int) -> None:
        self._count(1, line)
        self._check_depth(1, line)
        self._anchors.remember(frame.anchor, _UNFINISHED)
        self._open.append(frame)

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            raise YamlRefused(f"more than {self._limits.nodes} values in one document: split it", line)

    def _check_depth(self, more: int, line: int) -> None:
        if len(self._open) - 1 + more > self._limits.depth:
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


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _written(scalar: object) -> str:
    return "null" if scalar is None else _shown(str(scalar).lower())
