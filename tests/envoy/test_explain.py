"""An explanation is what a real Envoy does: the same request is asked of both, and the routes are compared."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egxds.inspect.explain.answers import Outcome
from egxds.inspect.explain.explain import explain
from egxds.inspect.explain.question import ask
from egxds.snapshot.gateway import SnapshotBuilder
from egxds.snapshot.snapshot import Snapshot
from tests.envoy import odd_routes
from tests.envoy.certificates import Authority
from tests.envoy.envoy_process import EnvoyProcess
from tests.ports import free_port
from tests.revisions import by_type

pytestmark = pytest.mark.envoy

_LIMIT_S = 20.0
_UNESCAPE = {"normalize_path": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "raw": ({}, {}),
    "normal": ({}, {"normalize_path": True, "merge_slashes": True, "strip_trailing_host_dot": True}),
    "unescaped": ({"ignore_path_parameters_in_path_matching": True}, {**_UNESCAPE, "strip_matching_host_port": True}),
    "portless": ({"ignore_port_in_host_matching": True}, {"merge_slashes": True}),
    "any port": ({}, {"strip_any_host_port": True, "strip_trailing_host_dot": True}),
    "by header": ({"vhost_header": "x-exact"}, {}),
}
"""Of a listener: its name, settings of its RouteConfiguration, and of its connection manager."""


@dataclass(frozen=True)
class Request:
    """One request."""

    path: str
    host: str = "odd.test"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Both:
    """An Envoy, and what explains it.

    Attributes:
        plain: ports of the listeners without TLS, whose settings differ.
        tls: port of the one with filter chains.
    """

    plain: tuple[int, ...]
    tls: int
    snapshot: Snapshot
    ca: str

    def answered(self, request: Request, port: int) -> str:
        """Return the name of the route that Envoy takes; empty where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)
        try:
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in (("Host", request.host), *request.headers):
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        name = response.getheader(odd_routes.NAME, "")
        is_grpc = response.getheader("grpc-status") is not None
        assert (response.status, bool(name)) in ((200, True), (200 if is_grpc else 404, False)), (response.status, name)
        return name

    def explained(self, request: Request, port: int) -> str:
        """Return the name of the route that the explanation has."""
        headers = (f"{name}: {value}" for name, value in (("Host", request.host), *request.headers))
        question = ask(f"http://127.0.0.1:{port}{request.path}", headers, request.method)
        (answer,) = explain(question, {"default/web": self.snapshot})
        taking = answer.takings[-1]
        return "" if taking.outcome is Outcome.NOT_FOUND else taking.name

    def server(self, name: str, protocols: list[str]) -> str:
        """Return the filter chain that Envoy takes for a server name; empty where the connection ends."""
        context = ssl.create_default_context(cadata=self.ca)
        context.check_hostname = False
        context.set_alpn_protocols(protocols)
        with socket.create_connection(("127.0.0.1", self.tls), _LIMIT_S) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=name or None) as secure:
                    secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = b"".join(iter(lambda: secure.recv(4096), b"")).decode()
                    return answer.partition(f"{odd_routes.NAME}: ")[2].partition("\r\n")[0]
            except OSError:
                return ""


@pytest.fixture(scope="module")
def both(envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Serve the odd routes."""
    authority = Authority()
    plain, tls = tuple(free_port() for _ in SETTINGS), free_port()
    listeners = [
        *(
            odd_routes.plain_listener(name, port, routes, **manager)
            for port, (name, (routes, manager)) in zip(plain, SETTINGS.items(), strict=True)
        ),
        odd_routes.tls_listener(tls, authority.issue("a.test")),
    ]
    process = EnvoyProcess(
        envoy_binary,
        {"node": {"id": "odd", "cluster": "odd"}, "static_resources": {"listeners": listeners}},
        tmp_path_factory.mktemp("envoy"),
    )
    process.start()
    try:
        process.wait_ready()
        snapshot = SnapshotBuilder().build(by_type(map(odd_routes.listener_resource, listeners)))
        yield Both(plain, tls, snapshot, authority.cert)
    finally:
        process.discard()


def _h(path: str, **headers: str) -> Request:
    return Request(path, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


REQUESTS = [
    *map(Request, ("/a/b", "/a/b?c", "/a/b/", "/A/b", "/case", "/CASE?x", "/lower/X", "/LOWER", "/")),
    *map(Request, ("/sep", "/sep/", "/sep/x", "/separate", "/sep?x", "/r/12", "/r/12?x", "/r/", "/r/1x", "/RI/X")),
    *map(Request, ("/chance", "/%41-letter", "/A-letter", "/all", "/all/%2e%2e/a/b", "//a///b", "/all/./x/../../a/b")),
    *map(Request, ("/h/none", "/h/not", "/h/empty", "/h/scheme", "/h/whole?x=1", "/h/whole?x=2", "/h/host", "/h")),
    Request("/h", method="PUT"),
    Request("/h/not", headers=(("X-There", ""),)),
    Request("/h", headers=(("X-Exact", "a"), ("x-exact", "b"))),
    Request("/h", headers=(("X-Exact", "b"), ("x-exact", "a"))),
    Request("/h", headers=(("X-Exact", "EXACT.test"),)),
    Request("/h", headers=(("X-Exact", "exact.test"), ("x-exact", "b.test"))),
    *(_h("/h", x_case=value) for value in ("val", "VAL", "vall")),
    *(_h("/h", x_prefix=value) for value in ("abc", "Ab", "xab")),
    *(_h("/h", x_suffix=value) for value in ("xyz", "yzx")),
    *(_h("/h", x_contains=value) for value in ("amidb", "mi-d")),
    *(_h("/h", x_regex=value) for value in ("abc", "xabc", "abcd")),
    *(_h("/h", x_range=value) for value in ("-2", "-3", "0", "4", "5", "+1", "1.5", "x", "", " 3")),
    *(
        Request("/h", headers=((name, one), (name, other)))
        for name, one, other in (("x-prefix", "zz", "ab"), ("x-inverted", "yes", "no"), ("x-inverted", "yes", ""))
    ),
    *(_h("/h", x_inverted=value) for value in ("no", "yes", "")),
    *(_h("/h/empty", x_empty=value) for value in ("no", "yes", "")),
    *map(
        Request,
        ("/q?there", "/q?there=1", "/q?other", "/q?exact=1", "/q?exact=2&exact=1", "/q?exact=%31", "/q?Exact=1"),
    ),
    *map(Request, ("/q?escaped=a%20b", "/q?escaped=a+b", "/q?regex=abab", "/q?regex=abc", "/q?x=1&regex=a&y")),
    *(_h("/grpc/x", content_type=value) for value in ("application/grpc", "application/grpc+proto")),
    *(_h("/grpc/x", content_type=value) for value in ("application/grpcx", "application/json", "application/grpc-web")),
    Request("/grpc/x"),
    *(Request(path) for path in ("/a%2Fb", "/a%5Cb", "/a/b;x", "/a/b;x?y=;z", "/sep;v=1/x", "/all;/x", "/a/b/;x")),
    *(
        Request("/x", host)
        for host in (
            *("exact.test", "EXACT.test", "exact.test:80", "with-port.test", "with-port.test:81", "exact.test."),
            *("a.test", "test", ".test", "a.b.test", "a.wild.test", "wild.test", "x-part.test", "-part.test"),
            *("front.x", "front.in.x", "front.", "front.in", "front.test", "nobody", "127.0.0.1", "[::1]:80"),
        )
    ),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_odd_requests(both: Both, request_: Request) -> None:
    """Every kind of match, at its edges, with paths as they come and with paths made normal."""
    for port in both.plain:
        assert both.explained(request_, port) == both.answered(request_, port)


_WORDS = st.sampled_from(
    [
        "%2F",
        "%5c",
        "a;p=1",
        ";x",
        "a",
        "b",
        "sep",
        "all",
        "..",
        ".",
        "%2e",
        "%2E%2e",
        "",
        "h",
        "q",
        "r",
        "12",
        "A-letter",
        "%41",
    ]
)
_PATHS = st.lists(_WORDS, max_size=5).map(lambda words: "/" + "/".join(words))
_QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["there", "exact", "escaped", "regex", "x"]), st.sampled_from(["1", "a", "ab", "a%20b", ""])
    ),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
_LABELS = st.sampled_from(["a", "exact", "wild", "front", "in", "x-part", "odd", "test"])
_HOSTS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)
_VALUES = st.sampled_from(["", "no", "ab", "abc", "xyz", "mid", "3", "-2", "5", "val"])
_NAMES = [str(match["headers"][0]["name"]) for match in odd_routes.MATCHES.values() if "headers" in match]
_HEADERS = st.lists(st.tuples(st.sampled_from([name for name in _NAMES if name.startswith("x-")]), _VALUES), max_size=3)


@st.composite
def _requests(draw: st.DrawFn) -> Request:
    query = draw(_QUERIES)
    host = draw(st.one_of(st.just("odd.test"), _HOSTS))
    path = draw(st.one_of(_PATHS, st.sampled_from(["/h", "/q"]))) + (f"?{query}" if query else "")
    return Request(path, host, draw(st.sampled_from(["GET", "PUT"])), tuple(draw(_HEADERS)))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(request_=_requests())
def test_any_request(both: Both, request_: Request) -> None:
    """Whatever is asked, the two agree."""
    for port in both.plain:
        assert both.explained(request_, port) == both.answered(request_, port)


@pytest.mark.parametrize("protocols", [["http/1.1"], ["h2", "http/1.1"]], ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "a.test",
        "A.test",
        "b.test",
        "h.test",
        "p.test",
        "x.w.test",
        "y.deep.w.test",
        "w.test",
        "test",
        "other.example",
        "",
    ],
)
def test_filter_chains(both: Both, name: str, protocols: list[str]) -> None:
    """The most specific server name has a connection, though its chain may not take it for something else."""
    question = ask(f"https://{name or '127.0.0.1'}:{both.tls}/", address="127.0.0.1", offered=tuple(protocols))
    (answer,) = explain(question, {"default/web": both.snapshot})
    chains = [step.name for step in answer.way if step.what == "filter chain"]
    assert (chains or [""]) == [both.server(name, protocols)]


def test_what_is_not_tls_has_a_chain_of_its_own(both: Both) -> None:
    """A request without TLS to a port that has both."""
    request = Request("/")
    assert both.explained(request, both.tls) == both.answered(request, both.tls) == "not tls"
