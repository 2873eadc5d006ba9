"""What follows a Listener of which Envoy exchanges filter chains: what it has not fetched before, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egxds.incremental.revision import Revision
from egxds.names import LISTENER, ROUTE_CONFIGURATION, SECRET
from egxds.resources.listener import FilterChain, FilterChains, Listener
from egxds.resources.resource import Key, Resource
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.snapshot.store import SnapshotStore

GATEWAY = "ns/a"
ROUTES, CERT, OTHER = (ROUTE_CONFIGURATION, "pages"), (SECRET, "cert"), (SECRET, "other")
CHILDREN = (ROUTES, (ROUTE_CONFIGURATION, "more"), CERT, OTHER)


def _chain(name: str, *children: Key, body: bytes = b"") -> FilterChain:
    return FilterChain(name, body or repr((name, children)).encode(), frozenset(children))


PAGES, MAIL = _chain("pages", ROUTES, CERT), _chain("mail", CERT)
BEFORE = Listener("l", b"", FilterChains((PAGES, MAIL)), b"")


class Stream:
    """An Envoy that has a Listener and all that it fetches."""

    def __init__(self, *, acks: bool = True) -> None:
        self._store = SnapshotStore()
        self._store.mark_loaded()
        self.connect({})
        self.offer(BEFORE, acks=acks)

    def connect(self, reported: dict[str, str]) -> None:
        """Open a stream; a Listener is said to be there in the version that it was sent last, where one is reported."""
        self._session = DeltaSession()
        self._now_s = 0.0
        self._session.receive(Request(LISTENER, Node("envoy", GATEWAY), initial_versions=reported), 0.0)
        for type_url in (ROUTE_CONFIGURATION, SECRET):
            names = tuple(name for kind, name in CHILDREN if kind == type_url)
            self._session.receive(Request(type_url, subscribe=names), 0.0)

    def version(self) -> str:
        """Return the version of the Listener that is published."""
        view = self._store.view(GATEWAY)
        assert view is not None
        return view.snapshot.of(LISTENER)["l"].version

    def offer(self, listener: Listener, *, acks: bool = True, refuses: bool = False) -> list[Key]:
        """Publish a Listener, and return everything that is sent, in order."""
        types = {
            LISTENER: Revision({"l": listener.resource()}),
            **{
                kind: Revision({name: Resource(kind, name, b"") for each, name in CHILDREN if each == kind})
                for kind in (ROUTE_CONFIGURATION, SECRET)
            },
        }
        self._store.publish(GATEWAY, "class", types)
        view = self._store.view(GATEWAY)
        assert view is not None
        self._session.offer(view.snapshot)
        # Longer than an ACK is waited for, and shorter than the first step of what is tried again.
        self._now_s += 0.5 if refuses else 20.0
        return self._sent(acks=acks, refuses=refuses)

    def subscribe(self, name: str) -> list[Key]:
        """Ask for a Listener once more, and return what is sent."""
        self._session.receive(Request(LISTENER, subscribe=(name,)), self._now_s)
        return self._sent(acks=True, refuses=False)

    def _sent(self, *, acks: bool, refuses: bool) -> list[Key]:
        sent: list[Key] = []
        while (response := self._session.next_response(self._now_s)) is not None:
            sent += [(response.type_url, resource.name) for resource in response.resources]
            self._answer(response, acks=acks, refuses=refuses and response.type_url == LISTENER)
        return sent

    def _answer(self, response: Response, *, acks: bool, refuses: bool) -> None:
        if acks or response.type_url != LISTENER:
            refusal = Refusal(13, "l: no such filter") if refuses else None
            self._session.receive(Request(response.type_url, nonce=response.nonce, refusal=refusal), self._now_s)


def _with(*chains: FilterChain) -> Listener:
    return replace(BEFORE, chains=FilterChains(chains))


@pytest.mark.rule(84, 85)
@pytest.mark.parametrize(
    ("after", "followed_by"),
    [
        pytest.param(_with(PAGES, replace(MAIL, body=b"other")), [], id="a chain says something else"),
        pytest.param(_with(PAGES), [], id="a chain goes"),
        pytest.param(_with(PAGES, MAIL, _chain("new", CERT)), [], id="a new chain with a certificate that others have"),
        pytest.param(_with(PAGES, MAIL, _chain("new", OTHER)), [OTHER], id="a new chain with one of its own"),
        pytest.param(_with(PAGES, _chain("mail", OTHER)), [OTHER], id="a chain with another certificate"),
        pytest.param(replace(BEFORE, tail=b"\x0a\x01l"), [ROUTES, CERT], id="something beside the chains"),
    ],
)
def test_only_what_is_new_to_it_follows_a_listener(after: Listener, followed_by: list[Key]) -> None:
    """Envoy exchanges the chains, and has what the Listener had fetched; one that differs otherwise is a new one."""
    assert Stream().offer(after) == [(LISTENER, "l"), *followed_by]


@pytest.mark.rule(84)
def test_what_was_gone_for_a_version_follows() -> None:
    """Envoy may have let go of it in between."""
    stream = Stream()
    stream.offer(_with(MAIL))
    assert stream.offer(BEFORE) == [(LISTENER, "l"), ROUTES]


@pytest.mark.rule(84)
def test_everything_follows_a_listener_that_was_never_taken() -> None:
    """No ACK came: whether the client has the version before is not known."""
    stream = Stream(acks=False)
    assert stream.offer(_with(MAIL)) == [(LISTENER, "l"), CERT]


@pytest.mark.rule(84)
def test_what_is_new_since_the_version_that_was_taken_follows() -> None:
    """The one in between was refused, and with it what is in the next one too."""
    stream = Stream()
    stream.offer(_with(PAGES, MAIL, _chain("new", OTHER)), refuses=True)
    assert OTHER in stream.offer(_with(PAGES, MAIL, _chain("new", OTHER, body=b"other")))


@pytest.mark.rule(84)
def test_what_was_gone_for_a_version_that_was_refused_in_part_follows() -> None:
    """Envoy uses what it takes of a response that it refuses; that it was the version of before again hides nothing."""
    stream = Stream()
    stream.offer(_with(MAIL), refuses=True)
    stream.offer(BEFORE, refuses=True)
    assert ROUTES in stream.offer(_with(PAGES, replace(MAIL, body=b"other")))


@pytest.mark.rule(84, 86)
def test_everything_follows_on_a_new_stream() -> None:
    """An Envoy that was in the middle of warming when the stream broke reports the version, and waits still."""
    stream = Stream()
    stream.connect({"l": stream.version()})
    stream.offer(BEFORE)
    assert stream.offer(_with(PAGES, replace(MAIL, body=b"other"))) == [(LISTENER, "l"), ROUTES, CERT]


@pytest.mark.rule(84)
@pytest.mark.parametrize("between", [[], [_with(MAIL), BEFORE]], ids=["as it came", "after there and back"])
def test_everything_follows_a_listener_that_is_asked_for_again(between: list[Listener]) -> None:
    """Whoever asks for what it has taken may have lost it; that it was another for a while changes nothing."""
    stream = Stream()
    for listener in between:
        stream.offer(listener)
    assert stream.subscribe("l") == [(LISTENER, "l"), ROUTES, CERT]


@pytest.mark.rule(84)
def test_everything_follows_a_listener_that_is_left_without_chains() -> None:
    """Envoy does not exchange the last of them: it makes a new one, which waits for what its default chain wants."""
    before = replace(BEFORE, chains=FilterChains((MAIL,)), children=frozenset({ROUTES}))
    stream = Stream()
    stream.offer(before)
    assert stream.offer(replace(before, chains=FilterChains(()))) == [(LISTENER, "l"), ROUTES]
