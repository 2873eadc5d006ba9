"""What a real Envoy does with a translation, request by request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import create_server

import pytest

from egxds.model.resolve.resolved import ResolvedGateway, ResolvedRoute
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.translate import format_strings
from tests.envoy.backend import EchoBackend
from tests.envoy.client import http_get
from tests.envoy.envoy_process import EnvoyProcess, check_config
from tests.ports import free_port
from tests.unit.translate import envoy_cases
from tests.unit.translate.asking import Case, ask, check
from tests.unit.translate.builders import address, at, authority, backend, gateway, listener, match, route, rule, secret
from tests.unit.translate.reading import translate
from tests.unit.translate.static_envoy import bootstrap

pytestmark = pytest.mark.envoy

SAMPLES = 120
HERE = ("127.0.0.1",)


class Served:
    """An Envoy that serves a Gateway, its listeners at free ports."""

    def __init__(self, binary: Path, gateway: ResolvedGateway, directory: Path, traffic: ClientTrafficSettings) -> None:
        self.ports = {each.port: free_port() for each in gateway.listeners}
        self.process = EnvoyProcess(binary, bootstrap(translate(gateway, traffic), self.ports), directory)


Start = Callable[..., Served]


@pytest.fixture(scope="module")
def start(envoy_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts Envoys; ends them."""
    started: list[Served] = []

    def run(served: ResolvedGateway, traffic: ClientTrafficSettings = AS_BY_DEFAULT) -> Served:
        started.append(Served(envoy_binary, served, tmp_path_factory.mktemp("envoy"), traffic))
        started[-1].process.start()
        started[-1].process.wait_ready()
        return started[-1]

    yield run
    for each in started:
        each.process.discard()


@pytest.fixture(scope="module")
def backends() -> Iterator[envoy_cases.Backends]:
    """Backends called `one` and `two`."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(EchoBackend(name)).port for name in ("one", "two")}


@pytest.fixture(scope="module")
def behaviour(start: Start, backends: envoy_cases.Backends) -> Served:
    """The Gateway of the cases."""
    return start(envoy_cases.behaviour(backends))


@pytest.mark.parametrize("case", envoy_cases.CASES, ids=lambda case: f"{case.rule}: {case.path}")
def test_request_is_answered_as_the_route_says(behaviour: Served, case: Case) -> None:
    """Gateway API's rules of matching, changing, redirecting, failing and isolation hold in Envoy."""
    check(case, ask(case, behaviour.ports[case.port]))


@pytest.mark.parametrize(
    ("path", "shares"),
    [
        ("/half-refused", {"one": 0.5, "500": 0.5}),
        ("/half-empty", {"one": 0.5, "503": 0.5}),
        ("/weighted", {"one": 0.75, "two": 0.25}),
    ],
)
def test_traffic_is_shared_by_weight(behaviour: Served, path: str, shares: dict[str, float]) -> None:
    """A backend gets its share, and no more where another is refused or has no endpoints."""
    case = Case("", path)
    answers = [ask(case, behaviour.ports[80]) for _ in range(SAMPLES)]
    counts = Counter(answer.backend or str(answer.status) for answer in answers)
    assert set(counts) == set(shares)
    for name, share in shares.items():
        assert counts[name] / SAMPLES == pytest.approx(share, abs=0.25)


@pytest.mark.parametrize("timeouts", [{"request": "50ms"}, {"backendRequest": "50ms"}])
def test_timeout_answers_504(start: Start, timeouts: dict[str, str]) -> None:
    """A backend that says nothing is given up."""
    with create_server(("127.0.0.1", 0)) as silent:
        to_silent = backend(address("127.0.0.1", silent.getsockname()[1]))
        served = start(gateway(listener("http", at(route("app", rule(to_silent, timeouts=timeouts)))), addresses=HERE))
        assert ask(Case("", "/"), served.ports[80]).status == 504


@pytest.mark.parametrize(
    ("path", "escaped", "location"),
    [
        ({}, (307, "", None), "/private/x"),
        ({"escapedSlashesAction": "UnescapeAndForward"}, (200, "two", "/private/x"), None),
        ({"escapedSlashesAction": "RejectRequest"}, (400, "", None), None),
        ({"escapedSlashesAction": "KeepUnchanged"}, (200, "one", "/private%2Fx"), None),
    ],
)
def test_escaped_slash_is_taken_as_the_settings_say(
    start: Start,
    backends: envoy_cases.Backends,
    path: dict[str, str],
    escaped: tuple[int, str, str | None],
    location: str | None,
) -> None:
    """By itself it leads nowhere but to where the slash does (envoyproxy/gateway issues 4713, 4848)."""
    traffic = ClientTrafficSettings.model_validate({"path": path})
    served = start(gateway(listener("http", at(_private_and_open(backends))), addresses=HERE), traffic)
    answer = ask(Case("", "/private%2Fx"), served.ports[80])
    assert (answer.status, answer.backend, answer.seen.get("path")) == escaped
    assert answer.headers.get("location") == location


@pytest.mark.parametrize(("path", "backend_name"), [({}, "two"), ({"disableMergeSlashes": True}, "one")])
def test_doubled_slash_is_taken_as_the_settings_say(
    start: Start, backends: envoy_cases.Backends, path: dict[str, bool], backend_name: str
) -> None:
    """By itself it is one."""
    traffic = ClientTrafficSettings.model_validate({"path": path})
    served = start(gateway(listener("http", at(_private_and_open(backends))), addresses=HERE), traffic)
    assert ask(Case("", "//private/x"), served.ports[80]).backend == backend_name


def _private_and_open(backends: envoy_cases.Backends) -> ResolvedRoute:
    """Return a route of which one backend is below `/private` and the other everywhere else."""
    everywhere, private = (backend(address("127.0.0.1", backends[name])) for name in ("one", "two"))
    return route("app", rule(everywhere, matches=[match("/")]), rule(private, matches=[match("/private")]))


@pytest.mark.parametrize(
    ("action", "expected"), [("RejectRequest", (400, "")), ("DropHeader", (200, "one")), ("Allow", (200, "two"))]
)
def test_header_with_an_underscore_is_taken_as_the_settings_say(
    start: Start, backends: envoy_cases.Backends, action: str, expected: tuple[int, str]
) -> None:
    """A match on one can hold where Envoy lets it in (envoyproxy/gateway issues 3047, 5851)."""
    to_one, to_two = (backend(address("127.0.0.1", backends[name])) for name in ("one", "two"))
    device = match("/", headers=[{"name": "device_id", "value": "7"}])
    app = route("app", rule(to_one, matches=[match("/")]), rule(to_two, matches=[device]))
    traffic = ClientTrafficSettings.model_validate({"headers": {"withUnderscoresAction": action}})
    served = start(gateway(listener("http", at(app)), addresses=HERE), traffic)
    answer = ask(Case("", "/", headers={"device_id": "7"}), served.ports[80])
    assert (answer.status, answer.backend) == expected


def test_gateway_answers_at_all_its_addresses(start: Start, backends: envoy_cases.Backends) -> None:
    """The further addresses of a Gateway are additional addresses of its listener."""
    app = at(route("app", rule(backend(address("127.0.0.1", backends["one"])))))
    served = start(gateway(listener("http", app), addresses=(*HERE, "127.0.0.2")))
    for here in (*HERE, "127.0.0.2"):
        assert ask(Case("", "/"), served.ports[80], here).backend == "one"


def test_listener_without_routes_answers_404(start: Start) -> None:
    """A listener exists before it has a route."""
    served = start(gateway(listener("http"), addresses=HERE))
    assert ask(Case("", "/"), served.ports[80]).status == 404


def test_server_name_selects_listener_and_certificate(start: Start, backends: envoy_cases.Backends) -> None:
    """An HTTPS listener serves its hostname with its certificates, the open one all that is left."""
    hosts = ("a.example", "b.wild.example", "c.example", "d.example")
    secrets = {host: secret(host, host) for host in hosts}
    to = {name: rule(backend(address("127.0.0.1", port))) for name, port in backends.items()}
    first, second = route("first", to["one"]), at(route("second", to["two"]))
    served = start(
        gateway(
            listener("a", at(first, "a.example"), port=443, hostname="a.example", certificates=[secrets["a.example"]]),
            listener(
                "b",
                at(first, "*.wild.example"),
                port=443,
                hostname="*.wild.example",
                certificates=[secrets["b.wild.example"]],
            ),
            listener("open", second, port=443, certificates=[secrets["c.example"], secrets["d.example"]]),
            addresses=HERE,
        )
    )
    answers = [http_get(served.ports[443], host, ca=authority().cert) for host in hosts]
    assert [answer.json["backend"] for answer in answers] == ["one", "one", "two", "two"]


def validate(binary: Path, served: ResolvedGateway, directory: Path) -> str:
    """Let Envoy check a translation; return what it says."""
    done = check_config(binary, bootstrap(translate(served)), directory)
    return done.stdout + done.stderr


_IN_PROGRESS = "api_key_auth.proto' marked as work-in-progress"
"""What Envoy says of its filter for API keys, which every connection manager has."""


def test_envoy_accepts_every_kind_of_backend(envoy_binary: Path, tmp_path: Path) -> None:
    """IPv6, Unix sockets, names and mixtures are valid, and nothing in them is deprecated."""
    backends = [
        backend("fd00::1", "10.0.0.1", "/run/app.sock"),
        backend("app.example", "10.0.0.1"),
        backend("app.example"),
        backend(),
    ]
    rules = [rule(each) for each in backends] + [rule(*backends)]
    served = gateway(listener("http", at(route("app", *rules))), addresses=("::1", "127.0.0.1"))
    said = [line for line in validate(envoy_binary, served, tmp_path).splitlines() if _IN_PROGRESS not in line]
    assert said == [f"configuration '{tmp_path / 'bootstrap.json'}' OK"]


def test_envoy_knows_every_command_operator(envoy_binary: Path, tmp_path: Path) -> None:
    """A header value that is passed on as a format string is one that Envoy takes."""
    operators = [f"%{name}%" for name in format_strings.OPERATORS]
    operators += ["%REQ(:authority)%", "%REQ(x-a?x-b):10%", "%RESP(x-a)%"]
    rules = [
        rule(
            filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x", "value": v}]}}]
        )
        for v in operators
    ]
    routes = [at(route(f"r{n}", each), f"r{n}.example") for n, each in enumerate(rules)]
    said = validate(envoy_binary, gateway(listener("http", *routes)), tmp_path)
    assert " OK" in said, said


def test_stripping_a_deep_prefix_stays_below_the_limit_of_expressions(envoy_binary: Path, tmp_path: Path) -> None:
    """Envoy takes no expression whose program is larger than 100; a prefix can have 1,024 characters."""
    path = "/" + "/".join(f"element-number-{number}" for number in range(10))
    strip = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    app = route("app", rule(backend("10.0.0.1"), matches=[match(path)], filters=[strip]))
    said = validate(envoy_binary, gateway(listener("http", at(app))), tmp_path)
    assert " OK" in said, said
