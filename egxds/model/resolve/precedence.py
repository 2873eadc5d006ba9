"""Which of two objects came first. Pure.

The older one by creationTimestamp, then the first by `namespace/name` (Gateway API, route precedence). An object of a
file need not have a time: it counts as younger than every one that has, so that what is known to be old is never
displaced by what is not known. Times of files are no ages: a checkout makes them all new. Where
objects of two kinds have one name, the kind decides.
"""

from __future__ import annotations

from datetime import UTC, datetime

from egxds.model.api.object import ApiModel, ApiObject

_YOUNGEST = datetime.max.replace(tzinfo=UTC)

Precedence = tuple[datetime, str, str, str]


def precedence(item: ApiObject[ApiModel]) -> Precedence:
    """Return a key that sorts the older object first."""
    created = item.meta.creation_timestamp
    age = datetime.fromisoformat(created) if created else _YOUNGEST
    return age, item.key.namespace, item.key.name, item.key.kind
