"""Listeners in parts: filter chains keep their own bytes (`resources.parts`).

A Listener is what stands before its filter chains, these, and what stands behind them, in the order of the fields'
numbers. A chain belongs to a listener of a Gateway, or to a route at one, and Envoy exchanges chains one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from egxds import names
from egxds.object_key import ObjectKey
from egxds.resources.encoding import field_prefix
from egxds.resources.parts import SortedParts, SourcesWithin
from egxds.resources.resource import Key, KnownContent, Resource

_LISTENER_FILTER_CHAINS = 3

_children_of = attrgetter("children")
_sources_of = attrgetter("sources")


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One filter chain of a Listener.

    Attributes:
        name: by which it is sorted; no other chain of the Listener has it.
        body: the encoded FilterChain message.
        children: RouteConfigurations and secrets that it fetches.
        sources: the objects that it was made from, those of the Listener aside.
        prefix: what stands before the body inside a Listener.
    """

    name: str
    body: bytes = field(repr=False)
    children: frozenset[Key] = frozenset()
    sources: tuple[ObjectKey, ...] = ()
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", field_prefix(_LISTENER_FILTER_CHAINS, len(self.body)))


class FilterChains(SortedParts[FilterChain]):
    """The filter chains of a Listener, sorted by name. Immutable."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """One Listener, not yet joined.

    Attributes:
        name: as `names.listener_name` makes it.
        head: the encoded fields before its filter chains.
        chains: those that a match leads to.
        tail: the encoded fields behind them.
        children: RouteConfigurations and secrets that it fetches elsewhere than in these chains.
        sources: the objects that it was made from, those of its chains aside.
    """

    name: str
    head: bytes = field(repr=False)
    chains: FilterChains
    tail: bytes = field(repr=False)
    children: frozenset[Key] = frozenset()
    sources: tuple[ObjectKey, ...] = ()

    def resource(self) -> Resource:
        """Return it as one resource; the sources of everything inside are gathered once somebody looks."""
        body = self.chains.joined(self.head, self.tail)
        children = tuple(sorted(self.children.union(*map(_children_of, self.chains))))
        known = KnownContent(body, children, self.head + self.tail, self.chains.by_name)
        return Resource(names.LISTENER, self.name, body, SourcesWithin(self), known=known)

    def all_sources(self) -> frozenset[ObjectKey]:
        """Return the objects that it and everything inside were made from."""
        return frozenset(self.sources).union(*map(_sources_of, self.chains))
