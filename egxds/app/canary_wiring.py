"""What the judge of candidates is told by the rooms of a daemon, and how it acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from egxds.app.canary_facts import CanaryParts
from egxds.app.candidate import Candidate
from egxds.app.candidates import Candidates
from egxds.app.uptake_rows import uptake_rows
from egxds.etcd.errors import UnavailableError
from egxds.fleet.envoys import EnvoyRow
from egxds.inspect.refusals import RefusedResource, of_candidate
from egxds.inspect.status import StatusStore
from egxds.problems import Location
from egxds.published.ending_candidate import Promoted, Withdrawn
from egxds.published.errors import PublishedContentError, SweptError
from egxds.sessions.events import Node
from egxds.sessions.open_streams import Client, Clients
from egxds.snapshot.stores import Stores

_SHOWN_PLACES = 2


@dataclass(frozen=True, slots=True)
class CanaryRooms:
    """The rooms.

    Attributes:
        candidate: how it is served here.
        candidates: where it comes from, and who acts on it there.
        status: what Envoys have taken and refused.
        stores: what there is for them.
        clients: who is connected.
        replica: returns the name of this replica.
    """

    candidate: Candidate
    candidates: Candidates
    status: StatusStore
    stores: Stores
    clients: Callable[[], Clients]
    replica: Callable[[], str]

    def parts(self) -> CanaryParts:
        """Return what the judge asks."""
        candidate, status = self.candidate, self.status
        return CanaryParts(
            candidate=candidate.facts,
            uptakes=self._uptakes,
            resumed=self._resumed,
            refusals=lambda: of_candidate(status.refusals.all()),
            is_of_candidate=candidate.is_refused_alone,
            told=self._told,
            promote=self._promote,
            take_back=self._take_back,
        )

    def places(self, one: RefusedResource) -> tuple[Location, ...]:
        """Return where the objects stand that a refused resource was made from, in the files of what is served."""
        return self.candidate.places(one) if one.is_canary else self.status.locate(one.sources)

    def _uptakes(self, nodes: AbstractSet[str]) -> Iterable[EnvoyRow]:
        return uptake_rows(self._trying(nodes), self.status, self.stores, self.places)

    def _resumed(self, nodes: AbstractSet[str]) -> int:
        """Return how many came with what they had, by each of their streams."""
        sessions = [each.session for each in self._trying(nodes)]
        is_resumed = {each.node.id: True for each in sessions if each.node is not None}
        is_resumed |= {each.node.id: False for each in sessions if each.node is not None and not each.is_resumed}
        return sum(is_resumed.values())

    def _trying(self, nodes: AbstractSet[str]) -> list[Client]:
        """Return the streams of canary nodes that try it."""
        return [each for each in self.clients().all() if self._tries(each.session.node, nodes)]

    def _tries(self, node: Node | None, nodes: AbstractSet[str]) -> bool:
        """Tell whether a stream is of a canary node; one that selects nothing that there is tries nothing."""
        return node is not None and node.id in nodes and self.stores.of(node.id).view(node.cluster) is not None

    def _told(self, one: RefusedResource) -> str:
        places = ", ".join(map(str, self.places(one)[:_SHOWN_PLACES]))
        return f"{one} ({places})" if places else str(one)

    async def _promote(self, put_at: int) -> bool:
        if self.candidates.standing.candidate_put_at != put_at:
            return False
        try:
            return isinstance(await self.candidates.promote(), Promoted)
        except (PublishedContentError, SweptError) as err:
            raise UnavailableError(str(err)) from err

    async def _take_back(self, put_at: int, why: str) -> bool:
        if self.candidates.standing.candidate_put_at != put_at:
            return False
        try:
            return isinstance(await self.candidates.take_back(why, self.replica()), Withdrawn)
        except PublishedContentError as err:
            raise UnavailableError(str(err)) from err
