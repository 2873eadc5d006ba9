"""What one client wants and has of one type, and how that differs from what there is. Pure.

Names that are subscribed and versions that were sent are two things, kept in two places: a name stays subscribed while
its resource comes, goes and comes again (rule 46; servers that had one map for both lost subscriptions). And a name
that is asked for once more is answered once more, whatever its version is believed to be: the client may have dropped
what it had (xDS protocol, Subscribing to Resources; rule 31). What a server leaves out because "the client has it" is
what kept Envoys on the answers of a failure after the failure was over (envoyproxy/gateway 5595).

What is believed of a name is its version in `versions`:

    not there    nothing was said of it          sent where there is one; told where there is none
    ""           it was told that there is none  sent where there is one; not told again (rule 45)
    "unknown"    it may hold some version        sent where there is one; removed where there is none
    a version    it was sent, or it reported it  sent where there is another one; removed where there is none

Only the first request of a type on a stream may fill it from what the client reports, and only there a name that is
asked for need not be sent (rules 53 to 57): Envoy's first request names everything that it wants, had or not.

A difference tells apart names that the client waits for in vain (missing: told at once, it may be stuck) and names
that it holds and is to lose (withdrawn: these may have to wait until nothing refers to them, rule 82).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egxds.sessions.events import Request
from egxds.sessions.policy import Removal, TypePolicy
from egxds.sessions.subscription import Change, Subscription
from egxds.snapshot.snapshot import VersionedResource

_ABSENT = ""
"""Stands for the version of a resource that the client was told does not exist."""

_UNKNOWN = "unknown"
"""Stands for the version of a resource that the client may have, in whatever version. No hash is equal to it."""


class Scope(enum.Enum):
    """How much of a difference may be sent now.

    ALL: everything.
    KEEP: everything but the removal of what the client holds.
    OWED: only answers, and children of what was just sent.
    """

    ALL = "all"
    KEEP = "keep"
    OWED = "owed"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a client is to be told.

    Attributes:
        updated: resources to send, sorted by name.
        removed: names that do not exist, or are not wanted any more, sorted.
        is_withheld: there are removals that have to wait.
    """

    updated: tuple[VersionedResource, ...]
    removed: tuple[str, ...]
    is_withheld: bool = False

    def __bool__(self) -> bool:
        return bool(self.updated or self.removed)


class ClientState:
    """One client and one type.

    Attributes:
        subscription: what it wants.
        versions: resource name → version it was sent last, or reported to hold; empty where it was told that there
            is none.
        owed: names to be answered whatever their version.
        owes_all: everything is to be sent whatever its version.
        owes_response: there must be a response, if only an empty one.
    """

    def __init__(self, policy: TypePolicy) -> None:
        self.subscription = Subscription()
        self.versions: dict[str, str] = {}
        self.owed: set[str] = set()
        self.owes_all = False
        self.owes_response = False
        self._policy = policy

    def begin(self, request: Request, doubts: Iterable[str] = ()) -> None:
        """Take the first request of a type on a stream.

        Only this one may say what the client holds from an earlier stream, and only here a name that it holds is
        not sent again. A first request that names nothing, or everything, is answered even where there is nothing:
        Envoy waits for it.

        Args:
            request: the request.
            doubts: names of which a client that wants everything may hold something else than it says.
        """
        is_unspecific = not request.subscribe and not request.unsubscribe
        self.subscription.is_wildcard = is_unspecific and self._policy.has_legacy_wildcard
        # An empty version would read as "told that there is none", and its removal would never be sent.
        self.versions = {name: version or _UNKNOWN for name, version in request.initial_versions.items()}
        change = self.subscription.apply(request)
        # Who asks by name is not told of others, whatever it may use of them.
        if self.subscription.is_wildcard:
            self.versions |= dict.fromkeys(doubts, _UNKNOWN)
        self.owes_response = is_unspecific or change.asked_all
        self.owed.update(name for name in change.asked if name not in self.versions)
        # All that was asked, and not only what is unknown: an Envoy that was in the middle of warming when the stream
        # broke reports versions of what it received, and still waits for it on the new stream (rule 63).
        if self._policy.is_resent_on_reconnect:
            self._owe(change)

    def change(self, request: Request) -> frozenset[str]:
        """Take a later request.

        Returns:
            Names that the client is rid of.
        """
        change = self.subscription.apply(request)
        self._owe(change)
        gone = set(change.dropped)
        if change.dropped_all:
            self.owes_all = self.owes_response = False
            self.owed &= self.subscription.names
            # Versions of what is no longer wanted are forgotten, or a wildcard that comes back would be answered with
            # less than everything (rule 20).
            gone.update(name for name in self.versions if name not in self.subscription.names)
        for name in gone:
            self.versions.pop(name, None)
        self.owed -= gone
        return frozenset(gone)

    def holds(self, name: str) -> bool:
        """Say whether the client has been sent this resource, and not its removal since."""
        return bool(self.versions.get(name))

    def has_given(self, name: str) -> bool:
        """Say whether the client has been told of a resource, or that there is none, and is owed nothing about it."""
        return name in self.versions and name not in self.owed

    def is_settled(self) -> bool:
        """Say whether the client is owed nothing."""
        return not (self.owed or self.owes_all or self.owes_response)

    def doubt(self, name: str) -> None:
        """Have a resource that is not there sent when it comes, though it should be as it was sent last."""
        if self.holds(name):
            self.versions[name] = _UNKNOWN

    def settle(self) -> None:
        """Owe nothing any more: it was sent, or there is nothing to say to it."""
        self.owed.clear()
        self.owes_all = self.owes_response = False

    def note(self, updated: Iterable[VersionedResource], removed: Iterable[str]) -> None:
        """Remember what goes out."""
        for resource in updated:
            self.versions[resource.name] = resource.version
        for name in removed:
            # Still subscribed: that it was told is remembered, so that it is told once. Otherwise there is nothing to
            # remember.
            if name in self.subscription.names:
                self.versions[name] = _ABSENT
            else:
                self.versions.pop(name, None)

    def defer(self, rest: Difference) -> None:
        """Owe what did not fit a response; what is removed is found again by comparing."""
        self.owed.update(resource.name for resource in rest.updated)
        self.owed.update(name for name in rest.removed if name in self.subscription.names)

    def difference(self, mapping: Mapping[str, VersionedResource], scope: Scope) -> Difference:
        """Compare what the client has with what it should have.

        Args:
            mapping: resource name → resource, names sorted: all there are of this type.
            scope: what may be sent now.
        """
        updated = self._of(mapping, self.owed) if scope is Scope.OWED else self._updates(mapping)
        if self._policy.removal is Removal.NEVER:
            return Difference(tuple(updated), ())
        if scope is Scope.OWED:
            return Difference(tuple(updated), tuple(sorted(self._missing(mapping, self.owed))))
        # What is owed may be a name that is subscribed no more: a name dropped under a wildcard is answered too (rule
        # 25).
        missing = {*self._missing(mapping, self.owed), *self._missing(mapping, self.subscription.names)}
        withdrawn = {name for name in self._withdrawn(mapping) if name not in missing}
        if scope is Scope.KEEP:
            return Difference(tuple(updated), tuple(sorted(missing)), is_withheld=bool(withdrawn))
        return Difference(tuple(updated), tuple(sorted(missing | withdrawn)))

    def _owe(self, change: Change) -> None:
        self.owed |= change.asked
        self.owes_all = self.owes_all or change.asked_all
        self.owes_response = self.owes_response or change.asked_all

    def _updates(self, mapping: Mapping[str, VersionedResource]) -> list[VersionedResource]:
        if not self.subscription.is_wildcard:
            return self._of(mapping, self.subscription.names)
        if self.owes_all:
            return list(mapping.values())
        # The one loop over all resources of a type, for each stream and change.
        versions, owed = self.versions, self.owed
        return [item for name, item in mapping.items() if versions.get(name) != item.version or name in owed]

    def _of(self, mapping: Mapping[str, VersionedResource], names: Iterable[str]) -> list[VersionedResource]:
        versions, owed = self.versions, self.owed
        found = [mapping[name] for name in names if name in mapping]
        changed = [item for item in found if versions.get(item.name) != item.version or item.name in owed]
        return sorted(changed, key=lambda item: item.name)

    def _missing(self, mapping: Mapping[str, VersionedResource], asked: Iterable[str]) -> Iterator[str]:
        """Yield names the client waits for in vain and is to be told so: once, or once more where it asked again."""
        for name in asked:
            if name in mapping or (name in self.versions and name not in self.owed):
                continue
            # Of a RouteConfiguration that it never had the client is told nothing: it would wait for ever (rule 42).
            if self._policy.removal is Removal.ALWAYS or self.holds(name):
                yield name

    def _withdrawn(self, mapping: Mapping[str, VersionedResource]) -> Iterator[str]:
        """Yield names the client holds that do not exist any more, or that it reported but does not want."""
        versions, names = self.versions, self.subscription.names
        for name in [name for name in versions if name not in mapping]:
            if versions[name] != _ABSENT or name not in names:
                yield name
        # Reported on a reconnect and not asked for: nobody else would have the client drop it (rule 56).
        if not self.subscription.is_wildcard:
            yield from [name for name in versions if name not in names]
