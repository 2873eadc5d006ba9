"""Reads the lines of a transcript; `driver` says what they mean, and plays them on a session."""

from __future__ import annotations

import re
from dataclasses import dataclass

from egxds import names
from egxds.names import EXTENSION_CONFIG
from egxds.resources.resource import Key
from egxds.sessions.events import Refusal, Request
from egxds.sessions.policy import SCOPED_ROUTE_CONFIGURATION

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
SHORT = {type_url: short for short, type_url in TYPES.items()}

_RESOURCE = re.compile(
    r"(?P<name>[^\s,@()~#:]+)(?::(?P<ports>[\d+]+))?(?:@(?P<version>[^\s,()~#]+))?(?:~(?P<ttl>[\d.]+))?(?:#(?P<size>\d+))?"
    r"(?:\((?P<children>[^)]*)\))?"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A resource as a transcript writes it: `name:port+port@version~ttl#bytes(TYPE:child TYPE:child)`."""

    name: str
    version: str = "h1"
    children: tuple[Key, ...] = ()
    ttl_s: float | None = None
    size: int = 0
    ports: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Expected:
    """A response as a transcript writes it; the nonce is empty where it does not matter."""

    type_url: str
    resources: tuple[str, ...]
    removed: tuple[str, ...]
    nonce: str
    beats: tuple[str, ...] = ()


def parse_set(rest: str) -> dict[str, tuple[Named, ...]]:
    """Read what comes after SET: type URL → resources, sorted by name."""
    listed = re.findall(r"(\S+?)\[([^\]]*)\]", rest)
    return {
        TYPES.get(short, short): tuple(sorted(_resources(text), key=lambda one: one.name)) for short, text in listed
    }


def parse_request(rest: str) -> Request:
    """Read what comes after →, but for the node."""
    short = rest.split(" ", 1)[0]
    error = _bracketed(rest, "err", "{}")
    nonce = re.search(r"nonce=(\S+)", rest)
    versions = _listed(_bracketed(rest, "irv", "{}") or "")
    return Request(
        type_url="" if short == "-" else TYPES.get(short, short),
        subscribe=_listed(_bracketed(rest, "sub") or ""),
        unsubscribe=_listed(_bracketed(rest, "unsub") or ""),
        initial_versions={name: version for name, _, version in (pair.partition(":") for pair in versions)},
        nonce=nonce[1] if nonce else "",
        refusal=None if error is None else Refusal(13, error),
    )


def parse_node(rest: str) -> str | None:
    """Read the id of a node; None where a request does not speak of one."""
    return _bracketed(rest, "node", "{}")


def parse_response(rest: str) -> Expected:
    """Read what comes after ←."""
    short = rest.split(" ", 1)[0]
    nonce = re.search(r" n(\d+)$", rest)
    return Expected(
        TYPES.get(short, short),
        tuple(map(str, _resources(_bracketed(rest, "res") or ""))),
        _listed(_bracketed(rest, "rem") or ""),
        nonce[1] if nonce else "",
        tuple(map(str, _resources(_bracketed(rest, "beat") or ""))),
    )


def parse_answer(word: str, rest: str) -> tuple[str, Refusal | None]:
    """Read what comes after ack or nack: the type URL, empty for that of the newest response, and the refusal."""
    short, _, message = rest.partition(": ") if word == "nack" else (rest, "", "")
    if word == "nack" and short not in TYPES:
        short, message = "", rest
    return (TYPES[short] if short else ""), (Refusal(13, message) if word == "nack" else None)


def _resources(text: str) -> list[Named]:
    return [_resource(match) for match in _RESOURCE.finditer(text)]


def _resource(match: re.Match[str]) -> Named:
    pairs = [child.partition(":") for child in (match["children"] or "").split()]
    children = tuple((TYPES[kind], name) for kind, _, name in pairs)
    ttl_s = float(match["ttl"]) if match["ttl"] else None
    ports = tuple(map(int, (match["ports"] or "").split("+"))) if match["ports"] else ()
    # Without another version: one that says where it listens.
    version = match["version"] or "+".join(["h1", *map(str, ports)])
    return Named(match["name"], version, children, ttl_s, int(match["size"] or 0), ports)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def _bracketed(line: str, word: str, brackets: str = "[]") -> str | None:
    found = re.search(rf"\b{word}\{brackets[0]}([^\{brackets[1]}]*)\{brackets[1]}", line)
    return found[1] if found else None
