"""Plays a written transcript against a session, line by line.

    SET CDS[A, B@h2(EDS:B SDS:s)] RDS[]   a new snapshot; types that are not listed stay; `SET nothing`: none is loaded
    → RDS sub[A,B] unsub[C] irv{A:h1}     a request; also nonce=3, err{text}, node{id} (the first has one by itself)
    ← RDS beat[A@h1]                      a heartbeat: what has no body
    → RDS sub[A] ✗ 3                      a request that ends the stream with this status
    ! text                                the last request was odd, and was said to be for containing this
    ← RDS res[A@h1] rem[C] n4             the next response, exactly; the nonce may be left out
    ∅                                     there is no next response
    ack · ack CDS                         an ACK of the newest response, or of the newest of a type
    nack text · nack CDS: text            a NACK of it
    wait 10                               seconds go by

A version that is left out is h1. A resource may have a time to live and a size: A@h1~2.5#600. A Listener may have
ports: x:80, x:80+81@h2; its version, left out, is h1+80. Nothing may be left to read where a transcript ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from types import MappingProxyType

import pytest

from egxds.errors import RemoteProtocolError
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Event, Node, Request, Response, UnexpectedRequest
from egxds.sessions.status import ResourceStatus, TypeStatus
from egxds.snapshot.snapshot import NOTHING, Snapshot, VersionedResource, VersionedResources
from tests.transcripts.language import (
    SHORT,
    TYPES,
    Expected,
    Named,
    parse_answer,
    parse_node,
    parse_request,
    parse_response,
    parse_set,
)


def versioned(type_url: str, named: Named) -> VersionedResource:
    """Make a resource that has no content but its name and version."""
    return VersionedResource(
        type_url=type_url,
        name=named.name,
        version=named.version,
        body=b"",
        head=bytes(named.size),
        children=named.children,
        ttl_s=named.ttl_s,
        sockets=frozenset(("TCP", "127.0.0.1", port) for port in named.ports),
    )


class Transcript:
    """A session, and a client that says what it is told to say."""

    def __init__(self, fixed_type: str | None = None, session: DeltaSession | None = None) -> None:
        self.session = session or DeltaSession(TYPES[fixed_type] if fixed_type else None)
        self.now_s = 100.0
        self.events: tuple[Event, ...] = ()
        self._mappings: dict[str, VersionedResources] = {}
        self._made: dict[tuple[str, Named], VersionedResource] = {}
        self._newest: dict[str, str] = {}
        self._last_type = ""

    def play(self, text: str) -> Transcript:
        """Play a transcript, and see that nothing is left to read."""
        for line in filter(None, map(str.strip, text.splitlines())):
            self.step(line)
        self._expect_nothing("end of the transcript")
        return self

    def status(self, short: str) -> TypeStatus:
        """Return the status of a type."""
        (status,) = [status for status in self.session.status() if status.type_url == TYPES[short]]
        return status

    def resource(self, short: str, name: str) -> ResourceStatus:
        """Return the status of a resource."""
        return self.status(short).resources[name]

    @staticmethod
    def short(response: Response) -> str:
        """Return the short name of a response's type."""
        return SHORT[response.type_url]

    def step(self, line: str) -> None:
        """Play one line."""
        word, _, rest = line.partition(" ")
        match word:
            case "SET":
                self._set(rest)
            case "→":
                self._request(rest)
            case "←":
                self._expect(line, rest)
            case "∅":
                self._expect_nothing(line)
            case "ack" | "nack":
                self._answer(word, rest)
            case "wait":
                self.now_s += float(rest)
            case "!":
                said = [event.detail for event in self.events if isinstance(event, UnexpectedRequest)]
                assert any(rest in detail for detail in said), f"{line}: {said}"
            case _:
                raise AssertionError(f"not a line of a transcript: {line}")

    def _set(self, rest: str) -> None:
        if rest == "nothing":
            self.session.offer(None)
            return
        for type_url, listed in parse_set(rest).items():
            before = self._mappings.get(type_url, NOTHING)
            self._mappings[type_url] = before.renewed({one.name: self._same(type_url, one) for one in listed})
        self.session.offer(Snapshot(MappingProxyType(dict(self._mappings))))

    def _same(self, type_url: str, named: Named) -> VersionedResource:
        """Return the very object again where a resource is as it was before, as the snapshots of a Gateway do."""
        return self._made.setdefault((type_url, named), versioned(type_url, named))

    def _request(self, rest: str) -> None:
        rest, _, status = rest.partition(" ✗ ")
        request = dataclasses.replace(parse_request(rest), node=self._node(parse_node(rest)))
        if not status:
            self.events = self.session.receive(request, self.now_s)
            return
        with pytest.raises(RemoteProtocolError) as refused:
            self.session.receive(request, self.now_s)
        assert refused.value.status == int(status)

    def _node(self, text: str | None) -> Node | None:
        if text is None:
            return Node("envoy-1", "shop/front") if self.session.node is None else None
        return None if text == "none" else Node(text, "shop/front")

    def _answer(self, word: str, rest: str) -> None:
        type_url, refusal = parse_answer(word, rest)
        type_url = type_url or self._last_type
        request = Request(type_url, nonce=self._newest[type_url], refusal=refusal)
        self.events = self.session.receive(request, self.now_s)

    def _expect(self, line: str, rest: str) -> None:
        response = self.session.next_response(self.now_s)
        assert response is not None, f"{line}: there is no response"
        expected = parse_response(rest)
        assert _shown(response) == dataclasses.replace(expected, nonce=expected.nonce or response.nonce), line
        self._newest[response.type_url] = response.nonce
        self._last_type = response.type_url

    def _expect_nothing(self, line: str) -> None:
        response = self.session.next_response(self.now_s)
        assert response is None, f"{line}: {_shown(response)}" if response else line


def _shown(response: Response) -> Expected:
    return Expected(
        response.type_url, _named(response.resources), response.removed, response.nonce, _named(response.heartbeats)
    )


def _named(resources: Iterable[VersionedResource]) -> tuple[str, ...]:
    return tuple(f"{resource.name}@{resource.version}" for resource in resources)


def play(text: str, fixed_type: str | None = None) -> Transcript:
    """Play a transcript on a new stream."""
    return Transcript(fixed_type).play(text)
