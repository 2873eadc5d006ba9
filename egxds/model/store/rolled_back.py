"""Objects of which a former content is in force, since an Envoy refuses what an edit made of them. Pure.

A text can be accepted, and what is made of it be refused by an Envoy all the same. Then what it says is barred, by who
knows of Envoys (`egxds.app.refused_edits`), and the store has something else in force in its place (`Bar.instead`):

    IN FORCE ------ what it says is barred -------------------> ROLLED BACK: a former content, of its own generation;
                                                                or a form of it that denies; or no object at all
    ROLLED BACK --- a text that says the same ----------------> ROLLED BACK
    ROLLED BACK --- another content ---------------------------> IN FORCE, as after any edit; the bar is forgotten
    ROLLED BACK --- the bar is lifted -------------------------> IN FORCE, as it is written
    ROLLED BACK --- a policy that guarded the former content
                    guards less than then (`guards`) ----------> nothing is in force; or what is written, where
                                                                 nothing would be worse: it stays refused
    ROLLED BACK --- its text is refused, or cannot be read ----> what is in force stays so, by the rules of the store
    ROLLED BACK --- it is gone for good -----------------------> ABSENT; the bar is forgotten

All rooms behind see an object with that content, and nothing else: translation, hooks, versions and Envoys need no rule
of their own. What a bar is compared with is all that an object says, so that a comment or another place lifts none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from egxds.files.documents.document import SourceDocument
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.store.definitions import Definition
from egxds.model.store.guards import is_policy, may_guard
from egxds.object_key import ObjectKey


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """An object with the text that it was accepted from.

    Attributes:
        item: the object.
        document: the text.
    """

    item: ApiObject[ApiModel]
    document: SourceDocument = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bar:
    """What an object must not say for now.

    Attributes:
        barred: the object that says it.
        former: what was in force of it before the edit; None where that was nothing.
        instead: what is in force in its place; None where that is nothing.
        why: who refuses what, and what it says, for people.
        versions: of the Envoys that were there when it was refused; one of another version may take it.
        may_be_nothing: whether nothing may be in force in its place.
    """

    barred: WrittenObject
    former: WrittenObject | None
    instead: ApiObject[ApiModel] | None
    why: str
    versions: frozenset[str] = frozenset()
    may_be_nothing: bool = False

    @property
    def is_former(self) -> bool:
        """Whether the content of before the edit is in force."""
        return self.former is not None and self.instead is self.former.item


@dataclass(frozen=True, slots=True)
class RolledBack:
    """An object of which another content is in force than its text says.

    Attributes:
        bar: what it must not say, and what is in force instead.
        definition: its text.
    """

    bar: Bar
    definition: Definition


class Bars:
    """What is barred now."""

    def __init__(self) -> None:
        """Bar nothing."""
        self._bars: dict[ObjectKey, Bar] = {}
        self._changed: set[ObjectKey] = set()
        self._as_written: dict[ObjectKey, ApiObject[ApiModel]] = {}

    @property
    def changed(self) -> frozenset[ObjectKey]:
        """Objects of which something else is barred than when they were looked at last."""
        return frozenset(self._changed)

    def copy(self) -> Bars:
        """Return another that knows the same."""
        other = copy(self)
        vars(other).update(_bars=self._bars.copy(), _changed=self._changed.copy(), _as_written=self._as_written.copy())
        return other

    def put(self, bars: Mapping[ObjectKey, Bar]) -> None:
        """Bar what some objects say."""
        found = {key: bar for key, bar in bars.items() if not self._stays(bar.barred.item)}
        self._bars.update(found)
        self._changed.update(found)

    def lift(self, keys: Iterable[ObjectKey]) -> None:
        """Have some objects in force as they are written."""
        self._changed.update(key for key in keys if self._bars.pop(key, None) is not None)

    def unguarded(self, lost: Collection[ApiObject[ApiModel]]) -> frozenset[ObjectKey]:
        """Have no former content in force that policies guarded which guard less now; return the objects.

        Args:
            lost: these policies, as they were.
        """
        found = {key: bar for key, bar in self._bars.items() if _was_guarded(bar, lost)} if lost else {}
        for key, bar in found.items():
            if bar.may_be_nothing:
                self._bars[key] = replace(bar, former=None, instead=None)
            else:
                del self._bars[key]
                self._as_written[key] = bar.barred.item
        return frozenset(found)

    def _stays(self, item: ApiObject[ApiModel]) -> bool:
        """Tell whether an object is in force as it says, whoever refuses that."""
        known = self._as_written.get(item.key)
        return known is not None and known.says == item.says

    def looked_at(self) -> None:
        """Note that everything was decided by what is barred now."""
        self._changed.clear()

    def on(self, found: ApiObject[ApiModel]) -> Bar | None:
        """Return what bars an object that is to come in force; a bar on anything else that it said is forgotten."""
        if not self._stays(found):
            self._as_written.pop(found.key, None)
        bar = self._bars.get(found.key)
        if bar is None or bar.barred.item.says == found.says:
            return bar
        del self._bars[found.key]
        return None

    def file_of(self, key: ObjectKey) -> str | None:
        """Return the file in which an object stood when it was barred; None where it is not."""
        bar = self._bars.get(key)
        return bar.barred.document.file if bar is not None else None

    def forget(self, key: ObjectKey) -> None:
        """Forget what is barred of an object that is gone."""
        self._bars.pop(key, None)
        self._as_written.pop(key, None)


def _was_guarded(bar: Bar, lost: Collection[ApiObject[ApiModel]]) -> bool:
    is_policy_itself = is_policy(bar.barred.item)  # which goes back only to what asks for as much
    return bar.is_former and not is_policy_itself and any(may_guard(each, bar.barred.item.key) for each in lost)
