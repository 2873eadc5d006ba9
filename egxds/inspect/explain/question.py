"""What is asked, as an Envoy would see it. Pure."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from egxds.errors import EgxdsError

_HIGHEST_PORT = 65535
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A method, or the name of a header (RFC 9110, 5.6.2)."""

_PORT = re.compile(r":([0-9]*)$")
_NOT_SENT_RAW = re.compile(r"[^\x21-\x7e]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
OFFERED = ("h2", "http/1.1")
"""What clients of HTTP offer by ALPN."""

_GRPC = (("content-type", "application/grpc"),)


class QuestionError(EgxdsError):
    """Nothing that could be asked of an Envoy; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a URL of a scheme asks.

    Attributes:
        is_tls: whether the client speaks TLS.
        is_http: whether it sends a request, or just connects.
        is_udp: whether it sends datagrams.
        port: where a URL names none; None where it has to.
        method: of the request, where nothing else is said.
        headers: that it has, where nothing else is said.
    """

    is_tls: bool = False
    is_http: bool = True
    is_udp: bool = False
    port: int | None = None
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()


SCHEMES = {
    "http": Scheme(port=80),
    "https": Scheme(is_tls=True, port=443),
    "grpc": Scheme(port=80, method="POST", headers=_GRPC),
    "grpcs": Scheme(is_tls=True, port=443, method="POST", headers=_GRPC),
    "tcp": Scheme(is_http=False),
    "tls": Scheme(is_tls=True, is_http=False, port=443),
    "udp": Scheme(is_http=False, is_udp=True),
}


class Part(enum.Enum):
    """Headers that HTTP/2 has as parts of the request."""

    METHOD = ":method"
    PATH = ":path"
    AUTHORITY = ":authority"
    SCHEME = ":scheme"


@dataclass(frozen=True, slots=True)
class Question:
    """A connection, and the request on it.

    Attributes:
        scheme: what the URL is about.
        url: as it was asked, for people.
        port: where the client connects to.
        server_name: that it asks for by TLS, in lower case; empty where it asks for none.
        authority: the Host of the request, as it was given.
        path: path and query.
        method: of the request.
        headers: each with its name in lower case.
        address: IP address where the client connects to; None where that is not said.
        offered: protocols that the client offers by ALPN, in its order.
    """

    scheme: Scheme
    url: str
    port: int
    server_name: str
    authority: str = ""
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    address: str | None = None
    offered: tuple[str, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a header by its lower-case name; none where the request does not have it."""
        own = {
            Part.METHOD.value: self.method,
            Part.PATH.value: self.path,
            Part.AUTHORITY.value: self.authority,
            "host": self.authority,
            Part.SCHEME.value: "https" if self.scheme.is_tls else "http",
        }
        return (own[name],) if name in own else tuple(value for known, value in self.headers if known == name)


def split_port(authority: str) -> tuple[str, str]:
    """Return name and port of a Host; the port is empty where it has none."""
    found = _PORT.search(authority)
    return (authority[: found.start()], found[1]) if found else (authority, "")


def ask(
    url: str,
    headers: Iterable[str] = (),
    method: str | None = None,
    address: str | None = None,
    offered: tuple[str, ...] = OFFERED,
) -> Question:
    """Read a question.

    Args:
        url: such as `https://shop.test/cart?x=1`, or `tls://db.test:5432`.
        headers: each `name: value`.
        method: GET where it is not said.
        address: IP address that the client connects to; that of the URL where it has one.
        offered: protocols that a client which speaks TLS offers by ALPN, where it is one of HTTP.

    Raises:
        QuestionError: that is no question.
    """
    parts, port = _split(url)
    scheme = SCHEMES[parts.scheme]
    given = tuple(map(_header, headers))
    host, authority = _names(parts, url)
    authorities = [value for name, value in given if name in ("host", Part.AUTHORITY.value)]
    kept = tuple(each for each in given if each[0] not in ("host", Part.AUTHORITY.value))
    names = {name for name, _ in kept}
    return Question(
        scheme=scheme,
        url=url,
        port=port,
        server_name=host.rstrip(".") if scheme.is_tls and not _is_address(host) else "",
        authority=authorities[-1] if authorities else authority,
        path=_escaped((parts.path or "/") + (f"?{parts.query}" if parts.query else "")),
        method=_method(method) if method else scheme.method,
        headers=(*kept, *(each for each in scheme.headers if each[0] not in names)),
        address=_address(address or host, is_asked=address is not None),
        offered=offered if scheme.is_tls and scheme.is_http else (),
    )


def _split(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise QuestionError(f"{url!r} is no URL: {err}") from err
    if parts.scheme not in SCHEMES or "://" not in url:
        raise QuestionError(f"{url!r}: write it with its scheme, as http://shop.test/; there are {', '.join(SCHEMES)}")
    if not parts.hostname:
        raise QuestionError(f"{url!r} names no host")
    found = port if port is not None else SCHEMES[parts.scheme].port
    if not found or found > _HIGHEST_PORT:
        raise QuestionError(f"{url!r} names no port: write {parts.scheme}://HOST:PORT")
    return parts, found


def _names(parts: SplitResult, url: str) -> tuple[str, str]:
    """Return the host of a URL, and its Host header, as clients send them: names of other scripts in ASCII."""
    host, authority = parts.hostname or "", parts.netloc.rpartition("@")[2]
    if host.isascii():
        return host, authority
    try:
        encoded = host.encode("idna").decode()
    except UnicodeError as err:
        raise QuestionError(f"{url!r} names no host: {err}") from err
    port = split_port(authority)[1]
    return encoded, f"{encoded}:{port}" if port else encoded


def _escaped(path: str) -> str:
    """Return a path as clients send it."""
    return _NOT_SENT_RAW.sub(lambda found: quote(found[0], safe=""), path)


def _header(text: str) -> tuple[str, str]:
    # Of `:authority: shop.test` the first colon is part of the name.
    name, colon, value = text[1:].partition(":") if text.startswith(":") else text.partition(":")
    name = f":{name}" if text.startswith(":") else name
    if not colon or not _TOKEN.fullmatch(name.removeprefix(":").strip()) or not _VALUE.fullmatch(value):
        raise QuestionError(f"header {name.strip()!r}: write it as 'name: value'")
    return name.strip().lower(), value.strip()


def _method(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise QuestionError(f"{text!r} is no method")
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(text: str, *, is_asked: bool) -> str | None:
    if _is_address(text):
        return str(ipaddress.ip_address(text))
    if is_asked:
        raise QuestionError(f"{text!r} is no IP address")
    return None
