"""What identifies an object of the API. Cellar, pure: an Envoy resource says by it what it was made from."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

GroupKind = tuple[str, str]
"""(API group, kind)."""


class ObjectKey(NamedTuple):
    """What identifies an object: its version does not. A tuple, since keys are looked up all the time.

    Attributes:
        group: API group, empty for core.
        kind: such as `HTTPRoute`.
        namespace: empty for kinds that live in none.
        name: its name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """Group and kind."""
        return self.group, self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def of_kinds(keys: Iterable[ObjectKey], kinds: Collection[GroupKind]) -> frozenset[ObjectKey]:
    """Return those of some keys that are of one of some kinds."""
    return frozenset(key for key in keys if key.group_kind in kinds)
