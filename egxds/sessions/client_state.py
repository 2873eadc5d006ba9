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

What a client is to be told is looked for where it can be, which is among few names:

    what the newest mapping has otherwise than the one that the client was compared with last (`synced`);
    what is unsettled: removals that were withheld, what did not fit a response, what was answered from another mapping
    than the one that is compared with, and what is in doubt;
    what is owed.

Everything is looked at only before the first comparison, and where everything is owed. So whoever changes what is
believed of a name, other than by a comparison, makes it unsettled.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.sessions.events import Request
from egxds.sessions.in_order import InOrder
from egxds.sessions.overlay import Versions
from egxds.sessions.policy import Removal, TypePolicy
from egxds.sessions.subscription import Change, Subscription
from egxds.snapshot.snapshot import VersionedResource, VersionedResources

_ABSENT = ""
"""Stands for the version of a resource that the client was told does not exist."""

_UNKNOWN = "unknown"
"""Stands for the version of a resource that the client may have, in whatever version. No hash is equal to it."""

_FEW = 4
"""One in four names of a mapping, and they are picked from it in its order."""


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
        withheld: names of which the removal has to wait.
    """

    updated: tuple[VersionedResource, ...]
    removed: tuple[str, ...]
    withheld: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.updated or self.removed)


class ClientState:
    """One client and one type.

    Attributes:
        subscription: what it wants.
        versions: resource name → version it was sent last, or reported to hold; empty where it was told that there
            is none.
        synced: what it was compared with last; None before the first time.
        owed: names to be answered whatever their version.
        owes_all: everything is to be sent whatever its version.
        owes_response: there must be a response, if only an empty one.
    """

    def __init__(self, policy: TypePolicy, in_order: InOrder) -> None:
        self.subscription = Subscription()
        self.versions = Versions(in_order)
        self.synced: VersionedResources | None = None
        self.owed: set[str] = set()
        self.owes_all = False
        self.owes_response = False
        self._policy = policy
        self._in_order = in_order
        self._unsettled: set[str] = set()

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
        reported = request.initial_versions
        if "" in reported.values():
            reported = {name: version or _UNKNOWN for name, version in reported.items()}
        self.versions = Versions(self._in_order, reported)
        change = self.subscription.apply(request)
        # Who asks by name is not told of others, whatever it may use of them.
        if self.subscription.is_wildcard:
            for name in doubts:
                self.versions.put(name, _UNKNOWN)
        self.owes_response = is_unspecific or change.asked_all
        # All that was asked, and not only what is unknown: an Envoy that was in the middle of warming when the stream
        # broke reports versions of what it received, and still waits for it on the new stream (rule 63).
        if self._policy.is_resent_on_reconnect:
            self._owe(change)
        else:
            self.owed.update(name for name in change.asked - reported.keys() if name not in self.versions)

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
            self.owed = {name for name in self.owed if name in self.subscription.names}
            # Versions of what is no longer wanted are forgotten, or a wildcard that comes back would be answered with
            # less than everything (rule 20).
            gone.update(name for name in self.versions.all() if name not in self.subscription.names)
        self.versions.drop(gone)
        self.owed -= gone
        return frozenset(gone)

    def holds(self, name: str) -> bool:
        """Say whether the client has been sent this resource, and not its removal since."""
        return bool(self.versions.get(name))

    def has_given(self, name: str) -> bool:
        """Say whether the client has been told of a resource, or that there is none, and is owed nothing about it."""
        return name not in self.owed and self.versions.get(name) is not None

    def is_settled(self) -> bool:
        """Say whether the client is owed nothing."""
        return not (self.owed or self.owes_all or self.owes_response)

    def is_synced(self, mapping: VersionedResources) -> bool:
        """Say whether nothing but what is owed can differ from this mapping."""
        return self.synced is mapping and not self._unsettled

    def doubt(self, name: str, mapping: VersionedResources) -> None:
        """Have a resource that is not in this mapping sent when it comes, though it should be as it was sent last."""
        if self.holds(name):
            self.versions.put(name, _UNKNOWN)
            # Where it is not in what was compared with either, it differs from that when it comes.
            if self.synced is not mapping:
                self._unsettled.add(name)

    def postpone(self, names: Iterable[str], mapping: VersionedResources) -> None:
        """Have these compared once more: they are due, and have to wait; after `settle`."""
        self._unsettled.update(names)
        for name in names:
            # Owed though it should be the same: that it is due must show in the comparison.
            if name in mapping and self.versions.get(name) == mapping[name].version:
                self.versions.put(name, _UNKNOWN)

    def settle(self, mapping: VersionedResources, scope: Scope, withheld: Collection[str]) -> None:
        """Owe nothing any more: it was sent, or there is nothing to say to it.

        Args:
            mapping: what was compared with.
            scope: in which.
            withheld: what is left to be removed.
        """
        if scope is not Scope.OWED:
            self.synced = mapping
            self._unsettled = set(withheld)
        elif self.synced is not mapping:
            # Answered from a newer state: that the next one differs from the state of before does not follow.
            self._unsettled |= self.owed
        self.owed.clear()
        self.owes_all = self.owes_response = False

    def rest(self) -> None:
        """Keep of the client what differs from what it was compared with last."""
        if self.synced is not None:
            self.versions.rest_on(self.synced)
            self.subscription.names.rest_on(self.synced)

    def note(self, updated: Collection[VersionedResource], removed: Collection[str]) -> None:
        """Remember what goes out."""
        self.versions.put_all(updated)
        if not removed:
            return
        # Still subscribed: that it was told is remembered, so that it is told once. Otherwise there is nothing to
        # remember.
        told = self.subscription.names.among(set(removed))
        for name in told:
            self.versions.put(name, _ABSENT)
        self.versions.drop(name for name in removed if name not in told)

    def defer(self, rest: Difference, scope: Scope) -> None:
        """Leave what did not fit a response for the next one.

        Args:
            rest: what did not fit.
            scope: in which it was compared: a rest of an answer is owed by name, and that is all there is; what is
                withdrawn is owed to nobody, and to be found again by comparing.
        """
        self.owed.update(resource.name for resource in rest.updated)
        if scope is Scope.OWED:
            self.owed.update(rest.removed)
        else:
            self.owed.update(name for name in rest.removed if name in self.subscription.names)
            self._unsettled.update(rest.removed)

    def difference(self, mapping: VersionedResources, scope: Scope) -> Difference:
        """Compare what the client has with what it should have.

        Args:
            mapping: all there are of this type.
            scope: what may be sent now.
        """
        names = self._concerned(mapping, scope)
        if self._is_all_due(mapping, scope):
            updated = self._in_order.all_of(mapping)
            concerned = sorted(names - mapping.keys())
        else:
            concerned = _sorted(names, mapping)
            updated = tuple(self._of(mapping, concerned, scope))
        if self._policy.removal is Removal.NEVER:
            return Difference(updated, ())
        there = mapping.keys()
        gone = [name for name in concerned if name not in there]
        missing = tuple(self._missing(gone))
        if scope is Scope.OWED:
            return Difference(updated, missing)
        withdrawn = {*self._withdrawn(gone), *self._unwanted(concerned)}.difference(missing)
        if scope is Scope.KEEP:
            return Difference(updated, missing, tuple(withdrawn))
        return Difference(updated, tuple(sorted({*missing, *withdrawn})))

    def _owe(self, change: Change) -> None:
        self.owed |= change.asked
        self.owes_all = self.owes_all or change.asked_all
        self.owes_response = self.owes_response or change.asked_all

    def _concerned(self, mapping: VersionedResources, scope: Scope) -> AbstractSet[str]:
        """Return all names that the client may have to be told of."""
        if scope is Scope.OWED:
            return self.owed
        if self.synced is None or self.owes_all:
            return self._everything(mapping)
        changed = mapping.changed_since(self.synced)
        wanted = changed if self.subscription.is_wildcard else self.subscription.names.among(changed)
        # What is owed may be a name that is subscribed no more: a name dropped under a wildcard is answered too (rule
        # 25).
        return wanted | self._unsettled | self.owed

    def _everything(self, mapping: VersionedResources) -> AbstractSet[str]:
        names = self.subscription.names
        if not self.subscription.is_wildcard:
            return {*names, *self.versions.all(), *self.owed}
        if self.owes_all:
            return {*mapping, *names, *self.versions.all(), *self.owed}
        differing = self.versions.differing_from(mapping)
        # As they are where that is all: names that come in order are sorted in no time.
        return {*differing, *names, *self.owed} if names or self.owed else differing

    def _is_all_due(self, mapping: VersionedResources, scope: Scope) -> bool:
        """Tell whether the client is to be sent all there is, and nothing of it need be compared."""
        if scope is not Scope.OWED and self.subscription.is_wildcard and (self.owes_all or not self.versions):
            return True
        return bool(mapping) and len(self.owed) >= len(mapping) and mapping.keys() <= self.owed

    def _of(self, mapping: VersionedResources, concerned: Iterable[str], scope: Scope) -> list[VersionedResource]:
        """Return what of these names is to be sent."""
        there = mapping.keys()
        found = [mapping[name] for name in concerned if name in there]
        if scope is Scope.OWED:
            return found
        get, owed, wants = self.versions.get, self.owed, self.subscription.wants
        return [item for item in found if item.name in owed or (get(item.name) != item.version and wants(item.name))]

    def _missing(self, gone: Iterable[str]) -> Iterator[str]:
        """Yield names the client waits for in vain and is to be told so: once, or once more where it asked again."""
        for name in gone:
            is_waited_for = name in self.subscription.names and name not in self.versions
            # Of a RouteConfiguration that it never had the client is told nothing: it would wait for ever (rule 42).
            if (is_waited_for or name in self.owed) and (self._policy.removal is Removal.ALWAYS or self.holds(name)):
                yield name

    def _withdrawn(self, gone: Iterable[str]) -> Iterator[str]:
        """Yield names the client holds that do not exist any more."""
        for name in gone:
            version = self.versions.get(name)
            if version or (version == _ABSENT and name not in self.subscription.names):
                yield name

    def _unwanted(self, concerned: Iterable[str]) -> Iterator[str]:
        """Yield names the client reported and did not ask for: nobody else would have it drop them (rule 56)."""
        if not self.subscription.is_wildcard:
            owed, names, versions = self.owed, self.subscription.names, self.versions
            yield from (name for name in concerned if name not in owed and name not in names and name in versions)


def _sorted(names: AbstractSet[str], mapping: VersionedResources) -> list[str]:
    """Return names sorted. Of many, those in a mapping are taken as they are there, which is in order but for a few."""
    if _FEW * len(names) < len(mapping):
        return sorted(names)
    return sorted([*(name for name in mapping if name in names), *(names - mapping.keys())])
