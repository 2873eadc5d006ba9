"""Who read what, so that a change is judged by its readers and by nobody else. Pure.

What was decided about a route, a Gateway, the endpoints of a backend holds for as long as the answers do that it was
decided by. So each of them notes its questions, and a change is turned into the questions that have another answer:

    SecretA is another object         ObjectKey of it               Gateways that name it
    a GatewayClass comes or goes      its ObjectKey                 Gateways of the class
    the first or last of a kind       AnyOf(kind)                   "without any GatewayClass every Gateway is ours"
    an EndpointSlice, its labels      SlicesOf(Service)             endpoints of the Service, before and after
    a ReferenceGrant                  GrantsIn(namespace)           whoever refers into that namespace from elsewhere
    a ListenerSet, its parentRef      SetsOf(Gateway)               the Gateway it is for, before and after
    a first endpoint, a last one      EndpointsKey                  routes with that backend: they hold its shape
    a Gateway, or whose it is         its ObjectKey                 routes that name it as a parent
    a ListenerSet, or where it is     its ObjectKey                 routes that name it as a parent
    a Namespace                       its ObjectKey                 routes at listeners that select by its labels,
                                                                    Gateways that select the ListenerSets in it

A question is noted whatever its answer was: an object that is not there is asked for by its key like any other, and
its coming finds whoever missed it. Questions may be noted that were not asked after all (a refused reference does not
look for its object); that costs work where it happens, while one left out leaves a verdict standing that is wrong.
Which policies select an object is the one question that goes the other way: labels are compared with every selector
for the object's kind, of which there are few (`policy_targets`).

Nothing here loops over readers but those that it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from egxds.model.resolve.upstreams import EndpointsKey
from egxds.object_key import GroupKind, ObjectKey


class SlicesOf(NamedTuple):
    """Which EndpointSlices a Service has, and what they say."""

    service: ObjectKey


class GrantsIn(NamedTuple):
    """Which ReferenceGrants a namespace has, and what they say."""

    namespace: str


class SetsOf(NamedTuple):
    """Which ListenerSets name a Gateway, and what they say."""

    gateway: ObjectKey


class AnyOf(NamedTuple):
    """Whether there is any object of a kind."""

    kind: GroupKind


Query = ObjectKey | SlicesOf | SetsOf | GrantsIn | AnyOf | EndpointsKey
"""A question; that of an ObjectKey is what the object says, of an EndpointsKey which shape the endpoints have. They are
tuples of different forms, so that none equals one of another kind."""

ReaderT = TypeVar("ReaderT", bound=tuple[object, ...])
"""A key."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What is others than before.

    Attributes:
        queries: questions that have another answer.
        objects: kind → objects that changed, came or went.
    """

    queries: AbstractSet[Query]
    objects: Mapping[GroupKind, AbstractSet[ObjectKey]]

    def of(self, kinds: Iterable[GroupKind]) -> AbstractSet[ObjectKey]:
        """Return the objects of some kinds that changed, came or went."""
        return frozenset().union(*(self.objects.get(kind, ()) for kind in kinds))


class Dependents(Generic[ReaderT]):
    """Finds the readers of what changed."""

    def __init__(self) -> None:
        """Start without readers."""
        self._reads: dict[ReaderT, tuple[Query, ...]] = {}
        # Most questions have one reader: a set for each would be a fifth of what is kept of a route.
        self._readers: dict[Query, ReaderT | set[ReaderT]] = {}

    def note(self, reader: ReaderT, queries: Iterable[Query]) -> None:
        """Note everything that a reader asked, in the place of what it asked before.

        Args:
            reader: what was decided by the answers.
            queries: the questions, those included that found nothing.
        """
        asked = tuple(queries)
        before = self._reads.get(reader, ())
        if asked == before:
            return
        for query in set(before).difference(asked) if before else ():
            self._drop(query, reader)
        for query in asked:
            self._add(query, reader)
        self._reads[reader] = asked

    def forget(self, reader: ReaderT) -> None:
        """Drop a reader that is gone; one that is not known is no error."""
        for query in set(self._reads.pop(reader, ())):
            self._drop(query, reader)

    def readers(self, changed: Iterable[Query]) -> set[ReaderT]:
        """Return everybody who asked one of some questions."""
        found: set[ReaderT] = set()
        for query in changed:
            readers = self._readers.get(query)
            if isinstance(readers, set):
                found |= readers
            elif readers is not None:
                found.add(readers)
        return found

    def _add(self, query: Query, reader: ReaderT) -> None:
        readers = self._readers.setdefault(query, reader)
        if isinstance(readers, set):
            readers.add(reader)
        elif readers != reader:
            self._readers[query] = {readers, reader}

    def _drop(self, query: Query, reader: ReaderT) -> None:
        readers = self._readers[query]
        if isinstance(readers, set):
            readers.discard(reader)
        if not isinstance(readers, set) or not readers:
            del self._readers[query]
