"""Plays a written transcript against a session, line by line.

    SET CDS[A, B@h2(EDS:B SDS:s)] RDS[]   a new snapshot; types that are not listed stay; `SET nothing`: none is loaded
    → RDS sub[A,B] unsub[C] irv{A:h1}     a request; also nonce=3, err{text}, node{id} (the first has one by itself)
    → RDS sub[A] ✗ 3                      a request that ends the stream with this status
    ! text                                the last request was odd, and was said to be for containing this
    ← RDS res[A@h1] rem[C] n4             the next response, exactly; the nonce may be left out
    ∅                                     there is no next response
    ack · ack CDS                         an ACK of the newest response, or of the newest of a type
    nack text · nack CDS: text            a NACK of it
    wait 10                               seconds go by

A version that is left out is h1. Nothing may be left to read where a transcript ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from egxds import names
from egxds.errors import RemoteProtocolError
from egxds.sessions.delta_session import DeltaSession
from egxds.sessions.events import Event, Node, OddRequest, Refusal, Request, Response
from egxds.sessions.policy import EXTENSION_CONFIG, SCOPED_ROUTE_CONFIGURATION
from egxds.sessions.status import ResourceStatus, TypeStatus
from egxds.snapshot.snapshot import Key, Snapshot, VersionedResource

TYPES = {
    "CDS": names.CLUSTER,
    "EDS": names.ENDPOINT,
    "LDS": names.LISTENER,
    "RDS": names.ROUTE_CONFIGURATION,
    "SDS": names.SECRET,
    "SRDS": SCOPED_ROUTE_CONFIGURATION,
    "ECDS": EXTENSION_CONFIG,
    "RTDS": names.TYPE_PREFIX + "envoy.service.runtime.v3.Runtime",
    "VHDS": names.TYPE_PREFIX + "envoy.config.route.v3.VirtualHost",
}
_SHORT = {type_url: short for short, type_url in TYPES.items()}
_RESOURCE = re.compile(r"(?P<name>[^\s,@()]+)(?:@(?P<version>[^\s,()]+))?(?:\((?P<children>[^)]*)\))?")


def versioned(short: str, name: str, version: str = "h1", children: tuple[Key, ...] = ()) -> VersionedResource:
    """Make a resource that has no content but its name and version."""
    type_url = TYPES.get(short, short)
    return VersionedResource(type_url, name, version, body=version.encode(), frame=b"", children=children)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def _bracketed(line: str, word: str, brackets: str = "[]") -> str | None:
    found = re.search(rf"\b{word}\{brackets[0]}([^\{brackets[1]}]*)\{brackets[1]}", line)
    return found[1] if found else None


class Transcript:
    """A session, and a client that says what it is told to say."""

    def __init__(self, fixed_type: str | None = None) -> None:
        self.session = DeltaSession(TYPES[fixed_type] if fixed_type else None)
        self.now_s = 100.0
        self.events: tuple[Event, ...] = ()
        self._mappings: dict[str, Mapping[str, VersionedResource]] = {}
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
                said = [event.detail for event in self.events if isinstance(event, OddRequest)]
                assert any(rest in detail for detail in said), f"{line}: {said}"
            case _:
                raise AssertionError(f"not a line of a transcript: {line}")

    def _set(self, rest: str) -> None:
        if rest == "nothing":
            self.session.offer(None)
            return
        for short, listed in re.findall(r"(\S+?)\[([^\]]*)\]", rest):
            found = [_resource(short, match) for match in _RESOURCE.finditer(listed)]
            ordered = sorted(found, key=lambda resource: resource.name)
            self._mappings[TYPES.get(short, short)] = MappingProxyType({item.name: item for item in ordered})
        self.session.offer(Snapshot(MappingProxyType(dict(self._mappings))))

    def _request(self, rest: str) -> None:
        rest, _, status = rest.partition(" ✗ ")
        if not status:
            self.events = self.session.receive(self._parsed(rest), self.now_s)
            return
        with pytest.raises(RemoteProtocolError) as refused:
            self.session.receive(self._parsed(rest), self.now_s)
        assert refused.value.status == int(status)

    def _parsed(self, rest: str) -> Request:
        short = rest.split(" ", 1)[0]
        node = _bracketed(rest, "node", "{}")
        error = _bracketed(rest, "err", "{}")
        nonce = re.search(r"nonce=(\S+)", rest)
        versions = _listed(_bracketed(rest, "irv", "{}") or "")
        return Request(
            type_url="" if short == "-" else TYPES.get(short, short),
            node=self._node(node),
            subscribe=_listed(_bracketed(rest, "sub") or ""),
            unsubscribe=_listed(_bracketed(rest, "unsub") or ""),
            initial_versions={name: version for name, _, version in (pair.partition(":") for pair in versions)},
            nonce=nonce[1] if nonce else "",
            refusal=None if error is None else Refusal(13, error),
        )

    def _node(self, text: str | None) -> Node | None:
        if text is None:
            return Node("envoy-1", "shop/front") if self.session.node is None else None
        return None if text == "none" else Node(text, "shop/front")

    def _answer(self, word: str, rest: str) -> None:
        short, _, message = rest.partition(": ") if word == "nack" else (rest, "", "")
        if word == "nack" and short not in TYPES:
            short, message = "", rest
        type_url = TYPES[short] if short else self._last_type
        refusal = Refusal(13, message) if word == "nack" else None
        request = Request(type_url, nonce=self._newest[type_url], refusal=refusal)
        self.events = self.session.receive(request, self.now_s)

    def _expect(self, line: str, rest: str) -> None:
        response = self.session.next_response(self.now_s)
        assert response is not None, f"{line}: there is no response"
        short = rest.split(" ", 1)[0]
        nonce = re.search(r" n(\d+)$", rest)
        resources = [_resource(short, match) for match in _RESOURCE.finditer(_bracketed(rest, "res") or "")]
        expected = (
            short,
            [f"{resource.name}@{resource.version}" for resource in resources],
            list(_listed(_bracketed(rest, "rem") or "")),
            nonce[1] if nonce else response.nonce,
        )
        assert _shown(response) == expected, line
        self._newest[response.type_url] = response.nonce
        self._last_type = response.type_url

    def _expect_nothing(self, line: str) -> None:
        response = self.session.next_response(self.now_s)
        assert response is None, f"{line}: {_shown(response)}" if response else line


def _resource(short: str, match: re.Match[str]) -> VersionedResource:
    pairs = [child.partition(":") for child in (match["children"] or "").split()]
    children = tuple((TYPES[kind], name) for kind, _, name in pairs)
    return versioned(short, match["name"], match["version"] or "h1", children)


def _shown(response: Response) -> tuple[str, list[str], list[str], str]:
    return (
        _SHORT.get(response.type_url, response.type_url),
        [f"{resource.name}@{resource.version}" for resource in response.resources],
        list(response.removed),
        response.nonce,
    )


def play(text: str, fixed_type: str | None = None) -> Transcript:
    """Play a transcript on a new stream."""
    return Transcript(fixed_type).play(text)
