"""The connected Envoys as others are told of them."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.fleet.envoys import EnvoyRow, Stand
from egxds.inspect.envoys import EnvoyBook, OfferedState
from egxds.inspect.fleet_rows import envoy_rows
from egxds.inspect.refusals import RefusedResource
from egxds.names import LISTENER, SECRET
from egxds.problems import Location
from egxds.sessions.events import Node, Request
from egxds.sessions.open_streams import Clients


class House:
    """Envoys, and what there is for them.

    Attributes:
        book: what they have taken.
        newest: `node.cluster` → number of the newest state.
        clients: their streams.
        canaries: node id → turn of the candidate that there is for it.
    """

    def __init__(self) -> None:
        self.book = EnvoyBook()
        self.newest: dict[str, int] = {"default/web": 3}
        self.canaries: dict[str, int] = {}
        self.clients = Clients()

    def connect(self, node_id: str, cluster: str = "default/web", taken: int = 0) -> None:
        """Have an Envoy that has taken a state."""
        client = self.clients.open("127.0.0.1:1", 0.0, None)
        client.gateways = (cluster,) if cluster in self.newest else ()
        client.session.receive(Request(LISTENER, node=Node(node_id, cluster, "envoy")), 0.0)
        self.book.opened(client.stream, node_id)
        if taken:
            self.book.offered(client.stream, OfferedState(taken), 0.0)
            self.book.took_all(client.stream)

    def _newest(self, node: Node) -> OfferedState | None:
        number = self.newest.get(node.cluster)
        return OfferedState(number, self.canaries.get(node.id, 0)) if number is not None else None

    def rows(self, *refused: RefusedResource) -> Mapping[str, EnvoyRow]:
        """Return what is told."""
        found = envoy_rows(
            self.clients.all(), self.book, refused, self._newest, lambda _: (Location("gateway.yaml", 7),)
        )
        return {row.id: row for row in found}


def refusal(node_id: str, type_url: str = LISTENER, message: str = "in use") -> RefusedResource:
    """Return something that an Envoy refuses."""
    return RefusedResource(node_id, ("default/web",), type_url, "default/web/http", message, (), 0.0)


def test_in_sync_is_who_has_the_newest_state_there_is() -> None:
    """Be the next one offered already or not."""
    house = House()
    house.connect("new", taken=3)
    house.connect("old", taken=2)
    house.connect("none")
    stands = {name: row.stand for name, row in house.rows().items()}
    assert stands == {"new": Stand.IN_SYNC, "old": Stand.PENDING, "none": Stand.PENDING}
    house.newest["default/web"] = 4
    assert house.rows()["new"].stand is Stand.PENDING


def test_an_envoy_is_in_sync_with_all_of_its_streams() -> None:
    """Two processes of one id are one Envoy."""
    house = House()
    house.connect("a", taken=3)
    house.connect("a", taken=2)
    assert list(house.rows().values()) == [EnvoyRow("a", "default/web", Stand.PENDING)]


def test_for_whom_there_is_nothing_nothing_is_missing() -> None:
    """It selects what never was."""
    house = House()
    house.connect("odd", "nowhere")
    assert house.rows()["odd"] == EnvoyRow("odd", "", Stand.IN_SYNC)


def test_what_is_refused_is_told_with_its_place() -> None:
    """Of many the first; of a secret not what Envoy says, which may quote it."""
    house = House()
    house.connect("a", taken=3)
    row = house.rows(*[refusal("a")] * 5, refusal("b"))["a"]
    assert (row.stand, row.refused) == (Stand.REFUSING, 5)
    assert row.refusals == ("listener default/web/http (gateway.yaml:7): in use",) * 3
    (told,) = house.rows(refusal("a", SECRET, "private key xyz"))["a"].refusals
    assert "xyz" not in told


def test_in_sync_with_a_candidate_is_who_is_served_it_and_has_all_of_it() -> None:
    """What the head had under that number is not it, before it is offered."""
    house = House()
    house.connect("a", taken=3)
    house.canaries["a"] = 1
    assert house.rows()["a"] == EnvoyRow("a", "default/web", Stand.PENDING)
    (client,) = house.clients.all()
    client.is_canary = True
    house.book.offered(client.stream, OfferedState(3, turn=1), 1.0)
    house.book.took_all(client.stream)
    assert house.rows()["a"] == EnvoyRow("a", "default/web", Stand.IN_SYNC, is_canary=True)
    assert house.rows(refusal("a"))["a"].is_canary
