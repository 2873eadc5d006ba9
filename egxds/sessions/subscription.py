"""What one client asks for of one type: names, and whether it wants everything. Pure.

A request adds and drops names; the wildcard is the name `*`, or unsaid in the first request of some types (xDS
protocol, How the client specifies what resources to return). Names and wildcard stand beside each other:

                        no names               names
    no wildcard         nothing is wanted      these                     sub[a] moves right, unsub[a] left
    wildcard            everything             everything, and these     sub[*] moves down, unsub[*] up

Nothing but `sub[*]` moves down after the first request: a request without names, by a client that has dropped its
wildcard, means no change (rule 21), and it makes no difference whether the wildcard that `unsub[*]` drops was ever
written out (rule 22). A name that only the wildcard covers cannot be dropped by itself (rule 26). One that was named
beside the wildcard can, and is answered: covered, it is sent, else removed (rules 24, 25).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from egxds.sessions.events import Request
from egxds.sessions.overlay import Names

WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Change:
    """What a request changed.

    Attributes:
        asked: names that are owed an answer, known or not.
        asked_all: the wildcard was asked for, so everything is.
        dropped: names the client no longer wants in any way.
        dropped_all: the wildcard was dropped; what is not named is no longer wanted.
    """

    asked: frozenset[str] = frozenset()
    asked_all: bool = False
    dropped: frozenset[str] = frozenset()
    dropped_all: bool = False


@dataclass(slots=True)
class Subscription:
    """Names and wildcard of one type on one stream.

    Attributes:
        names: those that were asked for.
        is_wildcard: whether everything was.
        name_bytes: size of the names.
    """

    names: Names = field(default_factory=Names)
    is_wildcard: bool = False
    name_bytes: int = 0

    def wants(self, name: str) -> bool:
        """Say whether a resource of this name would be sent, if there is one."""
        return self.is_wildcard or name in self.names

    def apply(self, request: Request) -> Change:
        """Add the names of a request, then drop those it drops.

        The order decides for a name that is in both lists: it is dropped, as for `*` in a first request by which
        a client says that it will ask name by name.
        """
        asked = frozenset(request.subscribe) - {"", WILDCARD}
        self.name_bytes += size_of(asked - self.names.among(asked))
        self.names.add(asked)
        asked_all = WILDCARD in request.subscribe
        self.is_wildcard = self.is_wildcard or asked_all
        dropped_all = WILDCARD in request.unsubscribe and self.is_wildcard
        if dropped_all:
            self.is_wildcard = False
        dropped = frozenset([name for name in request.unsubscribe if name in self.names])
        self.names.discard(dropped)
        self.name_bytes -= size_of(dropped)
        if self.is_wildcard:
            # Its client cannot tell whether the wildcard still covers the name, so it is told.
            return Change(asked | dropped, asked_all)
        return Change(asked - dropped, asked_all=False, dropped=dropped, dropped_all=dropped_all)


def size_of(names: Iterable[str]) -> int:
    """Return how many bytes some texts have together."""
    return len("".join(names).encode())
