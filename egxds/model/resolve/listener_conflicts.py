"""Which listeners of a Gateway cannot be told apart from others, and which of those have their port all the same. Pure.

Source: Gateway API v1.6, GatewaySpec.listeners ("Distinct Listeners", "Handling indistinct Listeners"), and
ListenerSetSpec.listeners for the order.

Listeners of a port are told apart by their hostnames, and must all speak what can be told apart on one port
(`listener_protocols`): plain HTTP or TLS. One for plain TCP, or for UDP, has its port alone.

    listeners of one object      none wins: none is older, and an order in a list that decides whose traffic arrives
                                 is one that nobody meant
    listeners of several         those of the Gateway, then those of ListenerSets, the older set first: what comes
                                 later loses, alone; where all Gateways of a class are served as one, those of the
                                 older Gateway come before all of the younger one

What none of one object has won is contested, and so it is no gift for a later one either. What has lost to an earlier
object holds nothing: a third one is compared with the winner. (Of Gateways that are served apart, and to an Envoy of
their class together, `class_conflicts` speaks.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.listener_protocols import ToldApart, Transport, protocol_of
from egxds.model.resolve.owned_listeners import OwnedListener
from egxds.model.resolve.resolved import ANY_HOST
from egxds.object_key import ObjectKey

ListenerKey = tuple[ObjectKey, str]
"""The object that a listener stands in, and its name there."""

_Conflict = tuple[ListenerKey, Fault]
"""A listener, and what it conflicts with."""


def conflicts_of(objects: Iterable[Sequence[OwnedListener]]) -> Mapping[ListenerKey, Fault]:
    """Find the listeners that do not get what they are for; one whose protocol is not served is none.

    Args:
        objects: the listeners of the Gateway, then those of each ListenerSet, the one that counts more first.
    """
    ports: defaultdict[tuple[Transport, int], _Port] = defaultdict(_Port)
    found: dict[ListenerKey, Fault] = {}
    for listeners in objects:
        here: defaultdict[tuple[Transport, int], list[OwnedListener]] = defaultdict(list)
        for each in listeners:
            protocol = protocol_of(each.listener)
            if protocol is not None:
                here[protocol.transport, each.listener.port].append(each)
        for bound, those in here.items():
            found.update(ports[bound].take(those))
    return found


class _Port:
    """Who has what of one port, or contests it."""

    def __init__(self) -> None:
        self._holders: list[OwnedListener] = []
        self._told_apart: set[ToldApart | None] = set()
        self._by_hostname: defaultdict[str, list[OwnedListener]] = defaultdict(list)

    def take(self, listeners: Sequence[OwnedListener]) -> Iterator[_Conflict]:
        """Give listeners of one object what is left, and yield those of them that conflict."""
        others = [each for each in listeners if self._has_room_for(each)]
        yield from (_late_protocol(each, self._holders[0]) for each in listeners if not self._has_room_for(each))
        told_apart = {_told_apart(each) for each in others}
        if len(told_apart) > 1 or (ToldApart.NOT_AT_ALL in told_apart and len(others) > 1):
            yield from (_protocol(each, others) for each in others)
            self._hold(others)
        else:
            yield from self._take_hostnames(others)

    def _has_room_for(self, each: OwnedListener) -> bool:
        """Tell whether a listener can be told apart from all that have the port, by whatever hostname."""
        return not self._told_apart or (
            self._told_apart == {_told_apart(each)} and ToldApart.NOT_AT_ALL not in self._told_apart
        )

    def _take_hostnames(self, listeners: Sequence[OwnedListener]) -> Iterator[_Conflict]:
        here: defaultdict[str, list[OwnedListener]] = defaultdict(list)
        for each in listeners:
            here[_hostname(each)].append(each)
        for hostname, same in here.items():
            holders = self._by_hostname[hostname]
            if holders:
                yield from (_late_hostname(each, holders) for each in same)
                continue
            if len(same) > 1:
                yield from (_equal_hostname(each, same) for each in same)
            holders.extend(same)
            self._hold(same)

    def _hold(self, listeners: Iterable[OwnedListener]) -> None:
        self._holders.extend(listeners)
        self._told_apart.update(map(_told_apart, listeners))


def _told_apart(each: OwnedListener) -> ToldApart | None:
    protocol = protocol_of(each.listener)
    return protocol.told_apart if protocol is not None else None


def listener_key(each: OwnedListener) -> ListenerKey:
    """Return what a listener is found by."""
    return each.owner.key, each.listener.name


def _hostname(each: OwnedListener) -> str:
    return each.listener.hostname or ANY_HOST


def _protocol(each: OwnedListener, rivals: Iterable[OwnedListener]) -> _Conflict:
    message = (
        f"listener {each.listener.name}: listeners of port {each.listener.port} cannot share it "
        f"({_spoken(each, rivals)}); give each protocol a port of its own"
    )
    return listener_key(each), Fault(Reason.PROTOCOL_CONFLICT, message, each.path)


def _late_protocol(each: OwnedListener, holder: OwnedListener) -> _Conflict:
    message = (
        f"listener {each.listener.name}: port {each.listener.port} is that of listener {_spoken(each, [holder])}, "
        f"before it, which cannot share it with {each.listener.protocol_name}; give it a port of its own"
    )
    return listener_key(each), Fault(Reason.PROTOCOL_CONFLICT, message, each.path)


def _equal_hostname(each: OwnedListener, same: Iterable[OwnedListener]) -> _Conflict:
    message = f"{_belongs_to(each, same)}; only one can have it"
    return listener_key(each), Fault(Reason.HOSTNAME_CONFLICT, message, each.path)


def _late_hostname(each: OwnedListener, holders: Iterable[OwnedListener]) -> _Conflict:
    message = f"{_belongs_to(each, holders)}, before it; only one can have it"
    return listener_key(each), Fault(Reason.HOSTNAME_CONFLICT, message, each.path)


def _belongs_to(each: OwnedListener, rivals: Iterable[OwnedListener]) -> str:
    there = ", ".join(_shown(rival, each) for rival in rivals)
    what = f"hostname {_hostname(each)} of port {each.listener.port}"
    return f"listener {each.listener.name}: {what} belongs to listeners {there}"


def _spoken(each: OwnedListener, rivals: Iterable[OwnedListener]) -> str:
    return ", ".join(f"{_shown(rival, each)} {rival.listener.protocol_name}" for rival in rivals)


def _shown(rival: OwnedListener, each: OwnedListener) -> str:
    """Name a listener for whoever is concerned with another one: in full, where it is another Gateway's."""
    owner = rival.owner.key
    is_of_other = owner.kind == each.owner.key.kind and owner != each.owner.key and rival.name == rival.listener.name
    return f"{owner.namespace}/{owner.name}/{rival.name}" if is_of_other else rival.name
