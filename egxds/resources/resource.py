"""Envoy resources on their way from translation through the hooks to the snapshot.

A body is always the deterministic encoding of its message (map keys sorted, known `Any` payloads inside
encoded the same way), so equal content has equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from egxds.incremental.revision import Revision
from egxds.object_key import ObjectKey

Key = tuple[str, str]
"""(type URL, resource name)."""


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What whoever joined a body of parts knows of it, so that nobody has to look at all of them.

    Attributes:
        body: the very body; of any other, nothing is known.
        children: resources that Envoy fetches on behalf of it, sorted.
        frame: the body without its parts.
        parts: the parts by name, each with the `children` that are fetched on behalf of it.
    """

    body: bytes
    children: tuple[Key, ...]
    frame: bytes
    parts: Revision[str, Any]

    def children_since(self, before: KnownContent) -> frozenset[Key] | None:
        """Return what is fetched for parts that are others than before, and for none before; None where all is anew.

        That is for another frame, and where there are no parts: Envoy makes a new Listener of one without filter chains
        (`ListenerImpl::supportUpdateFilterChain`).

        Whoever exchanges parts has what other parts had fetched, and fetches it in the same way: those who join bodies
        write each reference to a name alike.
        """
        if self.frame != before.frame or not self.parts:
            return None
        # What was joined anew has parts that are others and say the same; they add nothing either.
        changed = (self.parts[name] for name in self.parts.changed_since(before.parts) if name in self.parts)
        return frozenset().union(*(part.children for part in changed)).difference(before.children)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as Envoy subscribes to it.

    Attributes:
        type_url: one of `names.PUSH_ORDER`.
        name: its resource name; the message inside has the same.
        body: the encoded message.
        sources: the objects it was made from, sorted.
        ttl_s: seconds after which a client drops it unless it is kept alive; None where it keeps it.
        known: what is known of a body, perhaps of an earlier one.
    """

    type_url: str
    name: str
    body: bytes = field(repr=False)
    sources: Sequence[ObjectKey] = ()
    ttl_s: float | None = None
    known: KnownContent | None = field(default=None, repr=False, compare=False)

    @property
    def content(self) -> KnownContent | None:
        """What is known of its body; None where that has to be read."""
        return self.known if self.known is not None and self.known.body is self.body else None


Resources = Revision[str, Resource]
"""Resources of one type by name."""


@dataclass(frozen=True, slots=True)
class ExtensionResource:
    """An extension's own object, in the form its server gets it."""

    group: str
    kind: str
    document: bytes = field(repr=False)


ExtensionResources = tuple[ExtensionResource, ...]
"""Some objects of extensions."""
