"""An Envoy reduced to its delta xDS client, with the habits that Envoy 1.40 was seen to have.

It asks for what its clusters and Listeners refer to, waits for children that come after their parent, applies good
companions of a refused cluster without recording them, applies a random part of the companions of anything else, and
keeps routes, endpoints and secrets whose removal it is told. It refuses a Listener whose address another Listener has,
and what its machine does not allow for a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random

from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.snapshot.snapshot import VersionedResource

WILDCARD_TYPES = (CLUSTER, LISTENER)
NAMED_TYPES = (ENDPOINT, ROUTE_CONFIGURATION, SECRET)
IN_ORDER_OF_USE = (CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET)
BAD = "!"
"""At the end of a version: the client refuses it."""
BAD_CONTENT = "no such filter"

NODE = Node("envoy-1", "shop/front", "envoy")


def is_bad(resource: VersionedResource) -> bool:
    """Say whether the client refuses a resource."""
    return resource.version.endswith(BAD)


class FakeEnvoy:
    """The client's side of one stream after the other.

    Attributes:
        held: type → name → what is in use.
        recorded: type → name → version that a reconnect reports.
        subscribed: type → names that it watches.
        unlet: names that nothing refers to any more, but that it still watches while old Listeners drain.
        cold: (type, name) of children that a parent has waited for since it was applied.
        outbox: requests on their way, oldest first.
        routes_in_use: Listener → names of the RouteConfigurations by which it serves.
        impossible: (type, name) of what its machine does not allow just now, in any version.
    """

    def __init__(self) -> None:
        self.held: dict[str, dict[str, VersionedResource]] = {type_url: {} for type_url in IN_ORDER_OF_USE}
        self.recorded: dict[str, dict[str, str]] = {type_url: {} for type_url in IN_ORDER_OF_USE}
        self.subscribed: dict[str, set[str]] = {type_url: set() for type_url in NAMED_TYPES}
        self.unlet: set[tuple[str, str]] = set()
        self.cold: set[tuple[str, str]] = set()
        self.outbox: deque[Request] = deque()
        self.routes_in_use: dict[str, set[str]] = {}
        self.impossible: set[tuple[str, str]] = set()
        self._refused: set[tuple[str, str]] = set()
        self._asked: set[str] = set()

    def connect(self) -> None:
        """Open a stream; one that was open is lost, with everything on its way."""
        self.outbox.clear()
        self._asked.clear()
        for type_url in IN_ORDER_OF_USE:
            self._ask_first(type_url)

    def read(self, response: Response, random: Random) -> None:
        """Take a response: apply it, ask for what it refers to, and answer it, in this order."""
        bad = self._reasons(response)
        refusal = None
        if not bad:
            self._apply(response.type_url, response.resources, response.removed, is_recorded=True)
        else:
            refusal = self._refuse(response, bad, random)
        self._follow_references()
        if CLUSTER not in self._asked:
            self._ask_first(CLUSTER)
        self.outbox.append(Request(response.type_url, nonce=response.nonce, refusal=refusal))

    def finish_draining(self) -> None:
        """Let go of every name that nothing refers to."""
        for type_url, name in sorted(self.unlet):
            self._let_go(type_url, name)
            self.outbox.append(self._request(type_url, unsubscribe=(name,)))
        self.unlet.clear()

    def take_again(self, type_url: str, name: str) -> None:
        """Drop a name and take it again before a request went out: one subscribe is all that is seen of it."""
        self._let_go(type_url, name)
        self.subscribed[type_url].add(name)
        self.outbox.append(self._request(type_url, subscribe=(name,)))

    def give_up_waiting(self) -> bool:
        """Let the fetch timeouts of cold children pass; say whether anything was asked for then."""
        self.cold.clear()
        if CLUSTER in self._asked:
            return False
        self._ask_first(CLUSTER)
        return True

    def references(self) -> set[tuple[str, str]]:
        """Return the children of everything in use."""
        parents = [resource for type_url in WILDCARD_TYPES for resource in self.held[type_url].values()]
        return {child for parent in parents for child in parent.children}

    def _ask_first(self, type_url: str) -> None:
        """Send the first request of a type on a stream; clusters are not asked for while any of them is cold."""
        names = tuple(sorted(self.subscribed.get(type_url, ())))
        is_warming = any(kind == ENDPOINT for kind, _ in self.cold)
        if (type_url in NAMED_TYPES and not names) or (type_url == CLUSTER and is_warming):
            return
        self.outbox.append(self._request(type_url, subscribe=names))

    def _request(self, type_url: str, subscribe: tuple[str, ...] = (), unsubscribe: tuple[str, ...] = ()) -> Request:
        is_first = type_url not in self._asked
        node = None if self._asked else NODE
        self._asked.add(type_url)
        versions = dict(self.recorded[type_url]) if is_first else {}
        return Request(type_url, node, subscribe, unsubscribe, versions)

    def _reasons(self, response: Response) -> dict[str, str]:
        """Return why resources are refused: name → reason. Listeners take their addresses one after the other."""
        listeners = self.held[LISTENER] if response.type_url == LISTENER else {}
        sockets = {name: one.sockets for name, one in listeners.items() if name not in response.removed}
        reasons = {}
        for resource in response.resources:
            others = frozenset[object]().union(*(held for name, held in sockets.items() if name != resource.name))
            if is_bad(resource):
                reasons[resource.name] = BAD_CONTENT
            elif (response.type_url, resource.name) in self.impossible:
                reasons[resource.name] = "cannot bind: Address already in use"
            elif resource.sockets & others:
                reasons[resource.name] = "has duplicate address as existing listener"
            else:
                sockets[resource.name] = resource.sockets
        return reasons

    def _refuse(self, response: Response, bad: Mapping[str, str], random: Random) -> Refusal:
        good = [resource for resource in response.resources if resource.name not in bad]
        type_url = response.type_url
        self._refused |= {(type_url, name) for name in bad}
        if type_url in NAMED_TYPES:
            self._apply(type_url, random.sample(good, random.randint(0, len(good))), (), is_recorded=False)
            return Refusal(13, "malformed")
        if BAD_CONTENT in bad.values() and random.random() < 0.3:
            return Refusal(13, "Invalid duration: Expected positive duration")
        self._apply(type_url, good, response.removed, is_recorded=False)
        kind = "cluster" if type_url == CLUSTER else "listener"
        return Refusal(
            13, f"Error adding/updating {kind}(s) " + ", ".join(f"{name}: {why}" for name, why in bad.items())
        )

    def _apply(
        self, type_url: str, resources: Sequence[VersionedResource], removed: tuple[str, ...], *, is_recorded: bool
    ) -> None:
        for resource in resources:
            changed = self.held[type_url].get(resource.name) != resource
            self.held[type_url][resource.name] = resource
            self.cold.discard((type_url, resource.name))
            self._refused.discard((type_url, resource.name))
            if changed:
                self.cold |= {child for child in resource.children if child[0] != ROUTE_CONFIGURATION}
            if is_recorded:
                self.recorded[type_url][resource.name] = resource.version
        for name in removed:
            self.recorded[type_url].pop(name, None)
            self.cold.discard((type_url, name))
            if type_url in WILDCARD_TYPES:
                self.held[type_url].pop(name, None)

    def _follow_references(self) -> None:
        """Watch what is referred to; what is not any more is let go when its Listener has drained."""
        references = self.references()
        self.cold &= references
        for type_url in NAMED_TYPES:
            wanted = {name for kind, name in references if kind == type_url}
            new = tuple(sorted(wanted - self.subscribed[type_url]))
            self.subscribed[type_url] |= wanted
            if new:
                self.outbox.append(self._request(type_url, subscribe=new))
            self.unlet = {(kind, name) for kind, name in self.unlet if kind != type_url}
            self.unlet |= {(type_url, name) for name in self.subscribed[type_url] - wanted}
        self._move_traffic()

    def _move_traffic(self) -> None:
        """A Listener takes traffic with its new routes once it has an outcome for each of them."""
        listeners = self.held[LISTENER]
        self.routes_in_use = {name: routes for name, routes in self.routes_in_use.items() if name in listeners}
        settled = {
            *self.held[ROUTE_CONFIGURATION],
            *(name for kind, name in self._refused if kind == ROUTE_CONFIGURATION),
        }
        for name, listener in listeners.items():
            routes = {child for kind, child in listener.children if kind == ROUTE_CONFIGURATION}
            if routes <= settled:
                self.routes_in_use[name] = routes

    def _let_go(self, type_url: str, name: str) -> None:
        self.subscribed[type_url].discard(name)
        self.held[type_url].pop(name, None)
        self.recorded[type_url].pop(name, None)
        self._refused.discard((type_url, name))
