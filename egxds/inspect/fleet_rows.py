"""The connected Envoys as a replica tells the others of them: one line each, and what it refuses. Pure.

An Envoy is in sync when each of its streams has taken all of the newest state that there is for it now, be it offered
already or not: what a stream was offered last may be of before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from egxds.fleet.envoys import MOST_REFUSALS, EnvoyRow, Stand
from egxds.inspect.envoys import EnvoyBook, OfferedState
from egxds.inspect.refusals import RefusedResource, RefusedResources
from egxds.names import SHORT_NAMES
from egxds.problems import Location
from egxds.sessions.events import Node
from egxds.sessions.open_streams import Client

Places = Callable[[RefusedResource], tuple[Location, ...]]
"""Returns where the objects stand that a resource was made from."""

Newest = Callable[[Node], OfferedState | None]
"""Returns the newest state that there is for a node; None where there is none."""

_SHOWN_PLACES = 2


def envoy_rows(
    clients: Iterable[Client],
    book: EnvoyBook,
    refused: RefusedResources,
    newest: Newest,
    places: Places,
) -> Iterator[EnvoyRow]:
    """Yield a row for each Envoy that has said who it is.

    Args:
        clients: the open streams.
        book: knows what they have taken.
        refused: what is refused, by any Envoy.
        newest: returns the newest state that there is for a node; None where there is none.
        places: finds where objects stand.
    """
    streams: defaultdict[str, list[Client]] = defaultdict(list)
    for client in clients:
        if client.session.node is not None:
            streams[client.session.node.id].append(client)
    refusals: defaultdict[str, list[RefusedResource]] = defaultdict(list)
    for one in refused:
        refusals[one.node_id].append(one)
    for node_id, own in streams.items():
        yield _row(node_id, own, refusals.get(node_id, []), _are_in_sync(own, book, newest), places)


def _are_in_sync(own: Iterable[Client], book: EnvoyBook, newest: Newest) -> bool:
    for client in own:
        node = client.session.node
        state = newest(node) if node is not None else None
        if state is not None and not book.has_taken(client.stream, state):
            return False
    return True


def _row(
    node_id: str, own: Iterable[Client], refused: list[RefusedResource], is_in_sync: bool, places: Places
) -> EnvoyRow:
    gateways = ", ".join(dict.fromkeys(gateway for client in own for gateway in client.gateways))
    is_canary = any(client.is_canary for client in own)
    if refused:
        told = tuple(_told(one, places(one)) for one in refused[:MOST_REFUSALS])
        return EnvoyRow(node_id, gateways, Stand.REFUSING, len(refused), told, is_canary)
    return EnvoyRow(node_id, gateways, Stand.IN_SYNC if is_in_sync else Stand.PENDING, is_canary=is_canary)


def _told(one: RefusedResource, places: tuple[Location, ...]) -> str:
    kind = SHORT_NAMES.get(one.type_url, one.type_url)
    where = f" ({', '.join(map(str, places[:_SHOWN_PLACES]))})" if places else ""
    return f"{kind} {one.name}{where}: {one.reason}"
