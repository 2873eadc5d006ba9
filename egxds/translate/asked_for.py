"""What policies ask for at a Gateway, each by a name of its own: counted, and told where it is another. Pure.

    a listener, a route at one ──asks──> what is asked for, by name, each counted

It goes when nobody asks for it any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from egxds.incremental.revision import Revision
from egxds.model.resolve.effective_policies import PoliciesInForce
from egxds.model.resolve.resolved import AttachedRoute, ResolvedListener
from egxds.object_key import ObjectKey


class _Named(Protocol):
    @property
    def name(self) -> str: ...


AskedT = TypeVar("AskedT", bound=_Named)
_Asking = tuple[str, ObjectKey | None]
"""A listener, and a route at it, or none for the listener itself."""


class Changes(NamedTuple, Generic[AskedT]):
    """What is asked for otherwise than before.

    Attributes:
        now: name → what it is now.
        gone: names of what nobody asks for any more.
    """

    now: Mapping[str, AskedT]
    gone: tuple[str, ...]


class AskedFor(Generic[AskedT]):
    """Knows what one feature of policies comes to, everywhere at a Gateway."""

    def __init__(self, field: str, comes_to: type[AskedT]) -> None:
        """Start without listeners.

        Args:
            field: of the feature, as the file spells it.
            comes_to: class of what it comes to.
        """
        self._field = field
        self._class = comes_to
        self._asked: dict[_Asking, tuple[AskedT, ...]] = {}
        self._users: Counter[str] = Counter()
        self._touched: dict[str, AskedT] = {}
        self._known: dict[str, AskedT] = {}

    def attach(
        self, listener: str, before: Revision[ObjectKey, AttachedRoute], now: Revision[ObjectKey, AttachedRoute]
    ) -> None:
        """Note the routes of a listener.

        Args:
            listener: its name.
            before: what it had.
            now: what it has.
        """
        for key in now.changed_since(before):
            attached = now.get(key)
            self._ask((listener, key), self._of_route(attached) if attached is not None else ())

    def hear(self, before: Mapping[str, ResolvedListener], now: Mapping[str, ResolvedListener]) -> None:
        """Note what is in force at all listeners, by name."""
        for name in before.keys() | now.keys():
            listener = now.get(name)
            self._ask((name, None), tuple(self._of_policies(listener.in_force)) if listener is not None else ())

    def changes(self) -> Changes[AskedT]:
        """Return what is another than when this was called the last time."""
        gone = tuple(name for name in self._touched if not self._users[name])
        now = {
            name: found
            for name, found in self._touched.items()
            if self._users[name] and (name not in self._known or self._known[name] != found)
        }
        self._touched = {}
        for name in gone:
            del self._users[name]
            self._known.pop(name, None)
        self._known |= now
        return Changes(now, gone)

    def _ask(self, asking: _Asking, found: tuple[AskedT, ...]) -> None:
        for each in self._asked.pop(asking, ()):
            self._users[each.name] -= 1
            self._touched.setdefault(each.name, each)
        if found:
            self._asked[asking] = found
        for each in found:
            self._users[each.name] += 1
            self._touched[each.name] = each

    def _of_route(self, attached: AttachedRoute) -> tuple[AskedT, ...]:
        """Return what a route at a listener asks for, each once."""
        in_force = (attached.merged.get(rule.index, rule.in_force) for rule in attached.route.rules)
        return tuple({found.name: found for each in in_force for found in self._of_policies(each)}.values())

    def _of_policies(self, in_force: PoliciesInForce) -> Iterator[AskedT]:
        for each in in_force:
            found = each.settings.get(self._field)
            if isinstance(found, self._class):
                yield found
