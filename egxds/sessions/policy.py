"""How the resource types differ in a delta session. Pure.

What a table entry rests on is the xDS protocol where it speaks, and what Envoy 1.40 was seen to do where it does not.
ARCHITECTURE.md shows the table; `python -m tests.docs.tables` draws it from here. Why the entries are not all alike:

- A legacy wildcard is for types that Envoy wants whole. As a default it would answer an empty request for routes with
  all the routes there are (rule 15).
- Envoy acts on a removal by type: a RouteConfiguration, endpoints or a secret in use stay as they are, a cluster or a
  Listener goes at once. But while it still waits for a name, a removal ends the wait, for endpoints and secrets with
  nothing, which is right if there are none; for a RouteConfiguration it stops the clock and goes on waiting.
- An Envoy that was in the middle of warming when the stream broke waits for endpoints and secrets on the new one,
  reports versions of them all the same, and may not ask for clusters before it has them (rule 63).
- The ACK of clusters comes when the slowest of them is warm, 15 s later where one has no endpoints. A push that waited
  for it would wait for one dead backend (rule 78).
- A removal of clusters or endpoints ahead of the routes that leave them costs requests: 129 to 189 of some 7,860
  answered 503 when both came in one burst in the wrong order, none in the right one (rule 82). Listeners are removed
  in the response that brings new ones: the new one may want the old one's port, and is refused where it comes first
  (rule 83).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from egxds import names

SCOPED_ROUTE_CONFIGURATION = names.TYPE_PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"
VIRTUAL_HOST = names.TYPE_PREFIX + "envoy.config.route.v3.VirtualHost"


class Removal(enum.Enum):
    """When a client is told that a resource does not exist.

    ALWAYS: also where it asked for a resource that it never had.
    HELD: only where it may have it. A RouteConfiguration that is reported missing ends the wait of Envoy's listener
        for it without an outcome: that listener never starts, and neither does an Envoy that starts with it.
    NEVER: an extension's configuration that is taken away fails live requests at once.
    """

    ALWAYS = "always"
    HELD = "held"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class TypePolicy:
    """What is particular to one type.

    Attributes:
        has_legacy_wildcard: a first request that names nothing means everything.
        removal: when the client is told that a resource does not exist.
        is_resent_on_reconnect: named resources are sent again on a new stream even where the client reports their
            version: an Envoy in the middle of warming waits for them, and does not count what it received before.
        awaits_ack: one push at a time. Envoy holds the ACK of clusters back while any of them warms, but applies
            what comes meanwhile, so clusters do not wait.
        goes_last: a resource is removed only after the client took whatever referred to it.
        is_used_unacked: of a response that it refuses, Envoy uses the good resources and does not record them.
        has_addresses: each binds addresses, of which Envoy gives each to one at a time.
        has_heartbeats: a resource without a body keeps alive; of a virtual host it says that there is none.
    """

    has_legacy_wildcard: bool = False
    removal: Removal = Removal.ALWAYS
    is_resent_on_reconnect: bool = False
    awaits_ack: bool = True
    goes_last: bool = False
    is_used_unacked: bool = False
    has_addresses: bool = False
    has_heartbeats: bool = True


_OTHER = TypePolicy()
_POLICIES = {
    names.CLUSTER: TypePolicy(has_legacy_wildcard=True, awaits_ack=False, goes_last=True, is_used_unacked=True),
    names.ENDPOINT: TypePolicy(is_resent_on_reconnect=True, goes_last=True),
    names.LISTENER: TypePolicy(has_legacy_wildcard=True, is_used_unacked=True, has_addresses=True),
    names.ROUTE_CONFIGURATION: TypePolicy(removal=Removal.HELD),
    names.SECRET: TypePolicy(is_resent_on_reconnect=True),
    SCOPED_ROUTE_CONFIGURATION: TypePolicy(has_legacy_wildcard=True),
    VIRTUAL_HOST: TypePolicy(has_heartbeats=False),
    names.EXTENSION_CONFIG: TypePolicy(removal=Removal.NEVER, is_resent_on_reconnect=True),
}

REFERRERS = (names.LISTENER, names.ROUTE_CONFIGURATION)
"""Types through which traffic reaches what goes last."""


def policy_of(type_url: str) -> TypePolicy:
    """Return what is particular to a type; a type that nobody knows is served by the plain rules."""
    return _POLICIES.get(type_url, _OTHER)
