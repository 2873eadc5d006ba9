"""Whatever a client asks for, it ends up with that, and every response is well-formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from egxds.incremental.revision import Revision
from egxds.names import CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET, TYPE_PREFIX
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Request, Response
from egxds.sessions.subscription import WILDCARD
from egxds.snapshot.snapshot import Snapshot, VersionedResource

TYPES = (CLUSTER, ENDPOINT, LISTENER, ROUTE_CONFIGURATION, SECRET, TYPE_PREFIX + "acme.Thing")
LEGACY_WILDCARD = (CLUSTER, LISTENER)
NAMES = st.sampled_from("abcd")
VERSIONS = st.sampled_from(("h1", "h2", "h3"))
_NODE = Node("n", "c")


@dataclass
class Asking:
    """A client's own view of one type: what it asked for, and what it has."""

    names: set[str] = field(default_factory=set)
    is_wildcard: bool = False
    held: dict[str, str] = field(default_factory=dict)

    def ask(self, request: Request, *, is_first: bool) -> None:
        """Note a request, as the protocol defines its meaning."""
        if is_first:
            self.held = dict(request.initial_versions)
            names_nothing = not request.subscribe and not request.unsubscribe
            self.is_wildcard = names_nothing and request.type_url in LEGACY_WILDCARD
        self.names |= set(request.subscribe) - {WILDCARD}
        self.is_wildcard |= WILDCARD in request.subscribe
        self.is_wildcard &= WILDCARD not in request.unsubscribe
        self.names -= set(request.unsubscribe)
        if not is_first and not self.is_wildcard:
            self.held = {name: version for name, version in self.held.items() if name in self.names}

    def take(self, response: Response) -> None:
        """Note a response that is well-formed."""
        updated = [resource.name for resource in response.resources]
        assert updated == sorted(set(updated))
        assert list(response.removed) == sorted(set(response.removed) - set(updated))
        assert all(resource.type_url == response.type_url and resource.version for resource in response.resources)
        assert self.is_wildcard or self.names.issuperset(updated)
        self.held.update({resource.name: resource.version for resource in response.resources})
        for name in response.removed:
            self.held.pop(name, None)


def _snapshot(versions: Mapping[str, Mapping[str, str]]) -> Snapshot:
    return Snapshot(
        MappingProxyType(
            {
                type_url: Revision({name: VersionedResource(type_url, name, named[name], b"", b"") for name in named})
                for type_url, named in versions.items()
            }
        )
    )


_LISTED = st.lists(st.one_of(NAMES, st.just(WILDCARD)), max_size=3).map(tuple)
_REQUESTS = st.builds(
    Request,
    type_url=st.sampled_from(TYPES),
    node=st.just(_NODE),
    subscribe=_LISTED,
    unsubscribe=_LISTED,
    initial_versions=st.dictionaries(NAMES, VERSIONS, max_size=3),
    nonce=st.sampled_from(("", "1", "2", "nonsense")),
)
_SNAPSHOTS = st.dictionaries(st.sampled_from(TYPES), st.dictionaries(NAMES, VERSIONS)).map(_snapshot)
_STEPS = st.lists(st.one_of(_REQUESTS, _SNAPSHOTS, st.just(None)), max_size=12)


def _drain(session: DeltaSession, asking: dict[str, Asking]) -> None:
    """Read and ACK until there is nothing more."""
    for _ in range(100):
        response = session.next_response(0.0)
        if response is None:
            # The wire looks once, and then sleeps.
            assert session.next_response(0.0) is None
            return
        asking[response.type_url].take(response)
        session.receive(Request(response.type_url, nonce=response.nonce), 0.0)
    raise AssertionError("the session does not come to rest")


@pytest.mark.rule(91, 92, 95)
@given(_STEPS, _SNAPSHOTS)
@example(
    [
        Request(CLUSTER, _NODE, initial_versions={"a": "h1"}),
        Request(CLUSTER, _NODE),
        Request(ROUTE_CONFIGURATION, _NODE, subscribe=("a",)),
    ],
    _snapshot({}),
)
def test_client_ends_up_with_what_it_asks_for(steps: list[Request | Snapshot | None], last: Snapshot) -> None:
    """Any requests, any snapshots, read at any time."""
    session, asking = DeltaSession(), dict[str, Asking]()
    for step in steps:
        if isinstance(step, Request):
            is_first = step.type_url not in asking
            asking.setdefault(step.type_url, Asking()).ask(step, is_first=is_first)
            session.receive(step, 0.0)
        elif isinstance(step, Snapshot):
            session.offer(step)
        else:
            _drain(session, asking)
    session.offer(last)
    _drain(session, asking)
    for type_url, client in asking.items():
        wanted = {name for name in last.of(type_url) if client.is_wildcard or name in client.names}
        assert client.held == {name: last.of(type_url)[name].version for name in wanted}


@given(_STEPS)
def test_nothing_is_sent_where_nothing_is_loaded(steps: list[Request | Snapshot | None]) -> None:
    """Requests alone make no response."""
    session = DeltaSession()
    for step in steps:
        if isinstance(step, Request):
            session.receive(step, 0.0)
        assert session.next_response(0.0) is None
        assert session.wakes_at() is None
