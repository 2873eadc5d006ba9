"""What changes from one state of the objects to the next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from egxds.files.documents.document import FileTree, SourceDocument
from egxds.incremental.changes import ChangeSet
from egxds.incremental.revision import remembered
from egxds.model.api.core import ExtensionBody
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.store.definitions import Definition, Definitions
from egxds.model.store.documents import ParsedDocument
from egxds.model.store.guards import guards_less
from egxds.model.store.rolled_back import Bar, RolledBack
from egxds.model.store.state import GatewayState, Objects
from egxds.object_key import GroupKind, ObjectKey

_NOTHING: Objects[ApiModel] = MappingProxyType({})
_Group = GroupKind | type[ApiModel]
"""A built-in kind; or all kinds of extensions whose content is of one class."""


class Edit:
    """What changes from one state to the next; mappings of the state before are copied when first written to.

    Attributes:
        now_s: when, in seconds of a clock that never goes back.
        dirty: objects about which something has to be decided.
        reports: documents that have something to tell people about.
        silent: documents that are gone, or have nothing to tell.
        defined: objects of which there is a definition that is new.
        places: where each object stands.
    """

    def __init__(self, before: GatewayState, now_s: float) -> None:
        self.now_s = now_s
        self.dirty: set[ObjectKey] = set()
        self.reports: dict[SourceDocument, ParsedDocument] = {}
        self.silent: set[SourceDocument] = set()
        self.defined: set[ObjectKey] = set()
        self.places = dict(before.places)
        self._contested: dict[ObjectKey, Definitions] = {}
        self._settled: set[ObjectKey] = set()
        self._rolled_back: dict[ObjectKey, RolledBack] = {}
        self._as_written: set[ObjectKey] = set()
        self._before = before
        self._groups: dict[_Group, dict[ObjectKey, ApiObject[ApiModel]]] = {}
        self._added: set[ObjectKey] = set()
        self._changed: set[ObjectKey] = set()
        self._removed: set[ObjectKey] = set()

    def put(self, key: ObjectKey, before: ApiObject[ApiModel] | None, item: ApiObject[ApiModel]) -> None:
        """Put an object in force."""
        if before is item:
            return
        self._group(item)[key] = item
        (self._added if before is None else self._changed).add(key)

    def remove(self, key: ObjectKey, before: ApiObject[ApiModel]) -> None:
        """Take an object away."""
        del self._group(before)[key], self.places[key]
        self._removed.add(key)

    def contest(self, key: ObjectKey, definitions: Definitions, chosen: Definition | None) -> None:
        """Note which of several definitions counts."""
        if chosen is not None and len(definitions) > 1:
            self._contested[key] = (chosen, *(each for each in definitions if each is not chosen))
        else:
            self._settled.add(key)

    def mark(self, key: ObjectKey, bar: Bar | None, chosen: Definition | None) -> None:
        """Note whether an object is rolled back.

        Args:
            key: the object.
            bar: what it says is barred by this; None where it is in force as it is written, or its text is refused.
            chosen: its definition.
        """
        if bar is not None and chosen is not None:
            self._rolled_back[key] = RolledBack(bar, chosen)
        else:
            self._as_written.add(key)

    def guarding_less(self, policies: Iterable[ObjectKey]) -> tuple[ApiObject[ApiModel], ...]:
        """Return those of some policies that guard less after this, as they were before it."""
        both = ((self._before.find(key), self._now(key)) for key in policies)
        return tuple(before for before, now in both if before is not None and guards_less(before, now))

    def _now(self, key: ObjectKey) -> ApiObject[ApiModel] | None:
        before = self._before.find(key)
        if before is None or key not in self._changed | self._removed:
            return before
        return self._group(before).get(key)

    def publish(self, tree: FileTree, held: frozenset[str]) -> GatewayState:
        """Return the state after all of it.

        Args:
            tree: all documents there are.
            held: files of objects that are in force without their text.
        """
        groups = {group: MappingProxyType(items) for group, items in self._groups.items()}
        by_kind = {group: items for group, items in groups.items() if isinstance(group, tuple)}
        before = self._before
        changes = ChangeSet(frozenset(self._added), frozenset(self._changed), frozenset(self._removed))
        return replace(
            before,
            by_kind={**before.by_kind, **by_kind},
            extensions=cast("Objects[ExtensionBody]", groups.get(ExtensionBody, before.extensions)),
            policies=cast("Objects[PolicyBody]", groups.get(PolicyBody, before.policies)),
            changes=changes,
            mark=object(),
            steps=remembered((*before.steps, (before.mark, frozenset(changes))), len(self.places)),
            files=tree.files,
            places=self.places,
            reports=before.reports.edited(self.reports, self.silent),
            contested=before.contested.edited(self._contested, self._settled),
            rolled_back=before.rolled_back.edited(self._rolled_back, self._as_written),
            held=held,
            unreadable=tree.problems,
        )

    def _group(self, item: ApiObject[ApiModel]) -> dict[ObjectKey, ApiObject[ApiModel]]:
        group = type(item.content) if isinstance(item.content, ExtensionBody) else item.key.group_kind
        if group not in self._groups:
            # Not `dict(…)`, which would ask every key for its hash.
            self._groups[group] = self._items_before(group) | {}
        return self._groups[group]

    def _items_before(self, group: _Group) -> Objects[ApiModel]:
        if isinstance(group, tuple):
            return self._before.by_kind.get(group, _NOTHING)
        return self._before.policies if group is PolicyBody else self._before.extensions
