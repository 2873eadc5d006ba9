"""Which Envoys have taken a change, and after how long. Pure; time is an argument.

    published ------ an Envoy has taken all of it that it asks for ------> told once for that Envoy
    published ------ something of it is published once more -------------> the newer version counts in its place
    published ------ 60 s, or 32 newer changes --------------------------> followed no more

Nothing is noted while Envoys are served: whoever has taken something has its stream looked at afterwards, and the
stream says what it took and when. What an Envoy does not ask for it need not take; it may ask for it in a moment, as
for the routes of a new listener, so that a change counts as taken without it only after a second. Whoever is served a
candidate takes nothing of what is published for the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egxds.resources.resource import Key
from egxds.sessions.open_streams import Client
from egxds.sessions.status import Uptake

FOLLOWED_S = 60.0
MOST_FOLLOWED = 32
ASKED_WITHIN_S = 1.0


@dataclass(slots=True)
class Delivery:
    """One change on its way.

    Attributes:
        gateway: which was published.
        generation: its number.
        since_s: when the change was noticed, in monotonic seconds.
        published_s: when it was published.
        versions: resource → version; empty where it was removed.
        taken_by: streams that have taken it.
    """

    gateway: str
    generation: int
    since_s: float
    published_s: float
    versions: dict[Key, str]
    taken_by: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An Envoy has taken a change.

    Attributes:
        gateway: which was published.
        generation: number of the change.
        node: the Envoy's id.
        ms: since the change was noticed.
    """

    gateway: str
    generation: int
    node: str
    ms: float


class Deliveries:
    """Follows changes until Envoys have taken them."""

    def __init__(self) -> None:
        """Follow none."""
        self._followed: list[Delivery] = []

    def __bool__(self) -> bool:
        """Tell whether anything is followed."""
        return bool(self._followed)

    def follow(self, delivery: Delivery) -> None:
        """Follow a change."""
        for older in self._followed:
            if older.gateway == delivery.gateway:
                both = older.versions.keys() & delivery.versions.keys()
                older.versions.update({key: delivery.versions[key] for key in both})
        self._followed = [*self._followed[-MOST_FOLLOWED + 1 :], delivery]

    def forget_old(self, now_s: float) -> None:
        """Follow no more what was published long ago."""
        self._followed = [one for one in self._followed if now_s - one.published_s < FOLLOWED_S]

    def is_due_again(self, now_s: float) -> bool:
        """Tell whether time alone may end something: what was not asked for may still be."""
        return any(now_s - one.published_s < 2 * ASKED_WITHIN_S for one in self._followed)

    def arrived(self, client: Client, now_s: float) -> list[Arrival]:
        """Return the changes that an Envoy has taken since the last look.

        Args:
            client: its stream.
            now_s: monotonic seconds.
        """
        node, found = client.session.node, []
        for one in self._followed if node is not None else ():
            if client.stream in one.taken_by or client.is_canary or one.gateway not in client.gateways:
                continue
            at_s = _taken_at_s(one, client, now_s)
            if at_s is not None and node is not None:
                one.taken_by.add(client.stream)
                found.append(Arrival(one.gateway, one.generation, node.id, round((at_s - one.since_s) * 1000, 1)))
        return found


def _taken_at_s(delivery: Delivery, client: Client, now_s: float) -> float | None:
    """Return when an Envoy had taken the last part of a change; None where it has not, or asks for nothing of it."""
    session = client.session
    is_early = now_s - delivery.published_s < ASKED_WITHIN_S
    types: set[str] = set()
    for (type_url, name), version in delivery.versions.items():
        uptake = session.uptake(type_url, name, version)
        if uptake is Uptake.NOT_TAKEN or (uptake is Uptake.NOT_ASKED and version and is_early):
            return None
        if uptake is Uptake.TAKEN:
            types.add(type_url)
    times = [at_s for type_url in types if (at_s := session.last_acked_at_s(type_url)) is not None]
    # What an Envoy reported when it came back it has taken long before.
    return max(times) if times and max(times) >= delivery.published_s else None
