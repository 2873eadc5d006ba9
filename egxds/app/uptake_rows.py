"""How the Envoys that are connected here stand, each by what it is served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from egxds.fleet.envoys import EnvoyRow
from egxds.inspect.envoys import OfferedState
from egxds.inspect.fleet_rows import Places, envoy_rows
from egxds.inspect.status import StatusStore
from egxds.sessions.events import Node
from egxds.sessions.open_streams import Client
from egxds.snapshot.stores import Choice, Stores


def uptake_rows(clients: Iterable[Client], status: StatusStore, stores: Stores, places: Places) -> Iterator[EnvoyRow]:
    """Yield a row for each Envoy that has said who it is.

    Args:
        clients: the streams of all that are meant.
        status: which have taken or refused what.
        stores: what there is for them, and for which of them what.
        places: finds where objects stand.
    """
    return envoy_rows(clients, status.envoys, status.refusals.all(), _newest_of(stores), places)


def _newest_of(stores: Stores) -> Callable[[Node], OfferedState | None]:
    """Return what tells the newest state that there is for a node; each is looked up once."""
    states: dict[tuple[Choice, str], OfferedState | None] = {}

    def newest(node: Node) -> OfferedState | None:
        choice = stores.choice(node.id)
        key = (choice, node.cluster)
        if key not in states:
            view = choice.store.view(node.cluster)
            states[key] = OfferedState(view.generation, choice.turn) if view is not None else None
        return states[key]

    return newest
