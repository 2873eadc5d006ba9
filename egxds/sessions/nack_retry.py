"""What a NACK leaves to be done: who is refused, and who only travelled with a refused resource. Pure.

Envoy 1.40 answers a response that holds one bad resource in one of three ways (seen on the wire; rule 73):

- Clusters and Listeners, a resource that fails on its own: the text names it, the others are in use, but Envoy does
  not record their versions. Sent again they are recorded; otherwise their removal is lost across a reconnect.
- Clusters and Listeners, a message that does not decode or validate: the text names nothing, nothing is applied.
- All other types: a random part of the others is applied, and the text names no resource that can be relied on.

So the text is used only where it has the first form. Otherwise each resource is sent once more, alone: what is refused
alone is bad. That ends: a group is smaller than the response it comes from, and of a group of one nothing follows here.
What is bad is tried again in its own time (`pending`).

The text is no ground for more than that. It is cut at 4 kB, of a large message it holds the dump and not the reason,
and it starts with a random word, so that equal failures do not have equal texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from egxds.sessions.events import Response
from egxds.snapshot.snapshot import VersionedResource

_INDIVIDUAL_FAILURES = re.compile(r"^Error adding/updating (?:cluster|listener)\(s\) ")

Group = tuple[str, ...]
"""Names that go into one response."""


def retries(response: Response, message: str) -> tuple[Group, ...]:
    """Return what to send once more after a response was refused.

    Args:
        response: what was refused.
        message: what the client said.

    Returns:
        Names in groups, each of which is to be a response of its own. Nothing where the response held one
        resource alone, or removals alone: there is nobody else to be sent again.
    """
    updated = tuple(resource.name for resource in response.resources)
    blamed = _blamed(updated, message)
    if blamed:
        # Together with the removals: they were carried out as little, or as unrecorded, as the rest.
        rest = (*(name for name in updated if name not in blamed), *response.removed)
        return (rest,) if rest else ()
    removals = (response.removed,) if updated and response.removed else ()
    if len(updated) <= 1:
        return removals
    return (*((name,) for name in updated), *removals)


def culprits(response: Response, message: str) -> tuple[VersionedResource, ...]:
    """Return what is refused for itself, and not for its company; nothing where that is not known yet.

    Args:
        response: what was refused.
        message: what the client said.
    """
    if len(response.resources) == 1:
        return response.resources
    blamed = _blamed((resource.name for resource in response.resources), message)
    return tuple(resource for resource in response.resources if resource.name in blamed)


def _blamed(updated: Iterable[str], message: str) -> set[str]:
    """Return the names that the text blames, in the form `<prefix>a: reason, b: reason`."""
    prefix = _INDIVIDUAL_FAILURES.match(message)
    if prefix is None:
        return set()
    # Clusters are listed with commas, Listeners one a line. A name counts only with the colon behind it: reasons name
    # other resources, too.
    listed = "\n" + message[prefix.end() :]
    return {name for name in updated if f"\n{name}: " in listed or f", {name}: " in listed}
