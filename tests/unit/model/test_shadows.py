"""Rules that get no request, since another one takes what they want: who is told what, and when that ends."""

from __future__ import annotations

import pytest

from tests.unit.model.test_backend_traffic_policies import traffic
from tests.unit.model.test_policies import on
from tests.unit.model.test_stream_routes import OLD, stream
from tests.unit.model.texts import endpoint_slice, gateway, gateway_object, route, service, tree
from tests.unit.model.worlds import World, conditions, messages, parents, resolve, status

BACKEND = (service(), endpoint_slice())
WORLD = (gateway(), *BACKEND)
SHADOWED = "egxds.io/Shadowed"
APP = "backendRefs: [{name: app, port: 80}]"


def rules(*matches: str) -> str:
    """Write rules, each of its matches."""
    return "rules:\n" + "\n".join(f"- {{matches: [{each}], {APP}}}" for each in matches)


def grpc(name: str, *matches: str, **metadata: str) -> str:
    """Write a GRPCRoute, each rule of its matches."""
    return gateway_object("GRPCRoute", name, f"parentRefs: [{{name: web}}]\n{rules(*matches)}", **metadata)


def path(value: str, type_: str = "PathPrefix", more: str = "") -> str:
    """Write a match."""
    return f"{{path: {{type: {type_}, value: '{value}'}}{more}}}"


A = path("/a")


def condition(world: tuple[str, ...], name: str = "young", kind: str = "HTTPRoute") -> dict[str, object] | None:
    """Return the condition of a route at its first parent, None where it has none."""
    (parent,) = status(resolve(*WORLD, *world), kind, f"default/{name}")["parents"]
    return next((each for each in parent["conditions"] if each["type"] == SHADOWED), None)


def shadowed(resolution: object, name: str = "young", kind: str = "HTTPRoute") -> list[str | None]:
    """Return what the condition of a route is at each of its parents."""
    return [each.get(SHADOWED) for each in parents(resolution, f"default/{name}", kind)]  # type: ignore[arg-type]


def test_the_younger_rule_is_told_who_takes_its_requests_and_where_that_stands() -> None:
    """In its status and in a problem; the one that serves is told nothing."""
    old, young = route("old", rules(path("/other"), A), **OLD), route("young", rules(A))
    resolution = resolve(*WORLD, old, young)
    (parent,) = status(resolution, "HTTPRoute", "default/young")["parents"]
    found = parent["conditions"][-1]
    assert conditions(parent) == {
        "Accepted": "True/Accepted",
        "ResolvedRefs": "True/ResolvedRefs",
        SHADOWED: "True/Shadowed",
    }
    assert found["message"] == (
        "rule 0 is shadowed and gets no request: PathPrefix /a on every host at listener http of Gateway default/web "
        "goes to rule 1 of HTTPRoute default/old (a.yaml:29), which is older"
    )
    assert messages(resolution) == [f"a.yaml:37: warning: HTTPRoute default/young: {found['message']}"]
    assert shadowed(resolution, "old") == [None]


SAME = {
    "slash at the end": (A, path("/a/")),
    "no path is every path": (path("/"), "{}"),
    "header names have no case": (
        path("/", more=", headers: [{name: A, value: x}]"),
        "{headers: [{name: a, value: x}]}",
    ),
    "order of headers": (
        "{headers: [{name: a, value: x}, {name: b, value: y}]}",
        "{headers: [{name: b, value: y}, {name: a, value: x}]}",
    ),
    "the second of one name does not count": (
        "{headers: [{name: a, value: x}]}",
        "{headers: [{name: a, value: x}, {name: A, value: z}]}",
    ),
    "a pattern that means itself": (
        "{queryParams: [{name: q, value: x}]}",
        "{queryParams: [{name: q, type: RegularExpression, value: x}]}",
    ),
    "methods": ("{method: GET}", path("/", more=", method: GET")),
    "exact before an expression that means itself": (path("/a.b", "Exact"), path(r"/a\.b", "RegularExpression")),
}
OPEN = {
    "everything": (path("/.*", "RegularExpression"), A),
    "all below": (path("/api/.*", "RegularExpression"), path("/api/v1")),
    "up to the path itself": (path("/a.*", "RegularExpression"), A),
    "with its ends marked": (path("^/a.*$", "RegularExpression"), A),
    "of every method": (
        path("/.*", "RegularExpression"),
        path("/a", more=", method: GET, headers: [{name: x, value: y}]"),
    ),
    "of one method": (path("/.*", "RegularExpression", ", method: GET"), path("/a", more=", method: GET")),
    "a shorter expression": (path("/a.*", "RegularExpression"), path("/ab", "RegularExpression")),
}
NOT_OPEN = {
    "the path itself is not below": (path("/a/.*", "RegularExpression"), A),
    "an exact path goes before": (path("/.*", "RegularExpression"), path("/a", "Exact")),
    "of another method": (path("/.*", "RegularExpression", ", method: GET"), A),
    "with a start that is a pattern": (path("/[ab].*", "RegularExpression"), A),
    "a point that is meant": (path(r"/a\.*", "RegularExpression"), A),
    "a longer expression goes before": (path("/.*", "RegularExpression"), path("/api", "RegularExpression")),
}
DIFFERENT = {
    "a prefix and a path": (A, path("/a", "Exact")),
    "an expression with a meaning": (path("/a.b", "Exact"), path("/a.b", "RegularExpression")),
    "values have a case": ("{headers: [{name: a, value: x}]}", "{headers: [{name: a, value: X}]}"),
    "parameters have a case": ("{queryParams: [{name: q, value: x}]}", "{queryParams: [{name: Q, value: x}]}"),
    "methods": ("{method: GET}", "{method: POST}"),
    "a method and all": ("{method: GET}", "{}"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_matches_that_want_the_same_in_other_words(one: str, other: str) -> None:
    """Whichever of the two is older."""
    assert condition((route("old", rules(one), **OLD), route("young", rules(other)))) is not None


@pytest.mark.parametrize(("wide", "narrow"), OPEN.values(), ids=OPEN)
def test_an_expression_with_an_open_end_takes_all_below(wide: str, narrow: str) -> None:
    """Though it is younger: it is tried before every prefix."""
    found = condition((route("young", rules(wide)), route("old", rules(narrow), **OLD)), "old")
    assert found is not None
    assert "rule 0 of HTTPRoute default/young (" in str(found["message"])


@pytest.mark.parametrize(("wide", "narrow"), NOT_OPEN.values(), ids=NOT_OPEN)
def test_what_an_expression_with_an_open_end_does_not_take(wide: str, narrow: str) -> None:
    """Neither route is told anything."""
    world = (route("young", rules(wide)), route("old", rules(narrow), **OLD))
    assert [condition(world, name) for name in ("young", "old")] == [None, None]


def test_an_open_end_comes_changes_and_goes() -> None:
    """Whoever is below is told, of HTTPRoutes and GRPCRoutes, and nobody else."""
    world = World()
    below = (route("below", rules(path("/a/b")), **OLD), grpc("calls", "{}", **OLD), route("beside", rules(path("/b"))))
    for wide, told in (("/.*", "below calls beside"), ("/a.*", "below"), ("/c.*", ""), ("/a/.*", "below")):
        resolution = world.scan(*WORLD, *below, route("wide", rules(path(wide, "RegularExpression"))))
        assert {name for name in ("below", "beside") if shadowed(resolution, name) != [None]} == {*told.split()} - {
            "calls"
        }
        assert (shadowed(resolution, "calls", "GRPCRoute") != [None]) == ("calls" in told)
    assert not messages(world.scan(*WORLD, *below))


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_matches_that_do_not_want_the_same(one: str, other: str) -> None:
    """Neither route is told anything."""
    world = (route("old", rules(one), **OLD), route("young", rules(other)))
    assert condition(world) is None
    assert condition(world, "old") is None


def test_an_exact_path_goes_before_an_older_expression_for_it() -> None:
    """Precedence is that of the matches first, then of the routes."""
    world = (route("old", rules(path("/a", "RegularExpression")), **OLD), route("young", rules(path("/a", "Exact"))))
    assert condition(world) is None
    found = condition(world, "old")
    assert found is not None
    assert "whose match takes precedence" in str(found["message"])


def test_rules_of_one_route() -> None:
    """The first of them takes the requests; a match that a rule has twice is nobody's loss."""
    found = condition((route("young", rules(f"{A}, {path('/a/')}", f"{path('/b')}, {A}", A)),))
    assert found is not None
    assert found["reason"] == "Shadowed"
    first, second = str(found["message"]).split("; ")
    assert first.startswith("rule 1 is shadowed in part and gets only its other requests: PathPrefix /a")
    assert second.startswith("rule 2 is shadowed and gets no request: PathPrefix /a")
    assert second.endswith("goes to rule 0 of this route (a.yaml:28), which stands before it")


def test_a_route_that_has_a_hostname_of_its_own_is_shadowed_in_part() -> None:
    """The hostname that both have is named."""
    hosts = "hostnames: [a.test, b.test]\n"
    found = condition((route("old", f"hostnames: [a.test]\n{rules(A)}", **OLD), route("young", hosts + rules(A))))
    assert found is not None
    assert found["reason"] == "PartiallyShadowed"
    assert "gets only its other requests: PathPrefix /a on a.test at listener http" in str(found["message"])


def test_hostnames_that_cover_each_other_are_no_contest() -> None:
    """Envoy looks under the narrower one alone."""
    old = route("old", f"hostnames: ['*.test']\n{rules(A)}", **OLD)
    assert condition((old, route("young", f"hostnames: [a.test]\n{rules(A)}"))) is None


def test_each_parent_is_told_of_its_own_listeners() -> None:
    """A route that loses at one Gateway serves at the other."""
    both = "[{name: web}, {name: more}]"
    resolution = resolve(*WORLD, gateway("more"), route("old", rules(A), **OLD), route("young", rules(A), both))
    assert shadowed(resolution) == ["True/Shadowed", None]
    assert "is shadowed in part" in messages(resolution)[-1]


def test_listeners_of_a_listener_set() -> None:
    """A route that comes through a ListenerSet meets there who comes through it, too."""
    listener_set = gateway_object(
        "ListenerSet", "set", "parentRef: {name: web}\nlisteners: [{name: more, port: 81, protocol: HTTP}]"
    )
    open_ = gateway(more="allowedListeners: {namespaces: {from: Same}}")
    through = "[{kind: ListenerSet, group: gateway.networking.k8s.io, name: set}]"
    routes = (route("old", rules(A), through, **OLD), route("young", rules(A), through), route("else", rules(A)))
    resolution = resolve(open_, *BACKEND, listener_set, *routes)
    assert shadowed(resolution) == ["True/Shadowed"]
    assert shadowed(resolution, "else") == [None]
    assert "at listener default/set/more of Gateway default/web" in messages(resolution)[0]


def test_grpc_routes() -> None:
    """Among themselves; requests that are not gRPC stay with the HTTPRoute."""
    service_ = "{method: {service: shop.Cart, method: Add}}"
    world = (
        grpc("old", service_, **OLD),
        grpc("young", service_),
        route("web", rules(path("/shop.Cart/Add", "Exact"))),
    )
    found = condition(world, kind="GRPCRoute")
    assert found is not None
    assert "Exact service shop.Cart method Add on every host" in str(found["message"])
    assert condition(world, "web") is None
    everything = gateway_object("GRPCRoute", "young", f"parentRefs: [{{name: web}}]\nrules: [{{{APP}}}]")
    found = condition((grpc("old", "{}", **OLD), everything), kind="GRPCRoute")
    assert found is not None
    assert "every gRPC request on every host" in str(found["message"])


def test_values_are_not_said() -> None:
    """A header may be matched on a secret."""
    match = "{headers: [{name: x-api-key, value: s3cret}], queryParams: [{name: token, value: s3cret}]}"
    found = condition((route("old", rules(match), **OLD), route("young", rules(match))))
    assert found is not None
    assert "PathPrefix /, header x-api-key, query parameter token on" in str(found["message"])
    assert "s3cret" not in str(found["message"])


def test_named_rules_are_called_by_their_names() -> None:
    """Both the loser and the winner."""
    named = [rules(A).replace("{matches", f"{{name: {name}, matches", 1) for name in ("main", "canary")]
    found = condition((route("old", named[0], **OLD), route("young", named[1])))
    assert found is not None
    assert str(found["message"]).startswith("rule 0 (canary) is shadowed")
    assert "goes to rule 0 (main) of HTTPRoute default/old" in str(found["message"])


def test_what_is_said_is_short_however_much_is_shadowed() -> None:
    """Of 128 matches at 16 hostnames some are named, and the others counted."""
    hosts = f"hostnames: [{', '.join(f'h{number}.test' for number in range(16))}]\n"
    many = hosts + rules(*(", ".join(path(f"/{rule}/{each}") for each in range(32)) for rule in range(4)))
    resolution = resolve(*WORLD, route("old", many, **OLD), route("young", many))
    (parent,) = status(resolution, "HTTPRoute", "default/young")["parents"]
    message = parent["conditions"][-1]["message"]
    assert len(message) < 3_000
    assert "PathPrefix /0/0 on h0.test, h1.test, h10.test, and 13 more at listener http" in message
    assert "; and 29 more; rule 1 is" in message
    assert message.endswith("; and 1 more")
    assert len(messages(resolution)) == 4


def test_streams_say_it_in_the_same_form() -> None:
    """Connections go to one route as a whole, so all of a hostname is lost."""
    world = (gateway(listeners="- {name: tcp, port: 53, protocol: TCP}"), *BACKEND)
    resolution = resolve(*world, stream("TCPRoute", "old", **OLD), stream("TCPRoute", "young"))
    assert shadowed(resolution, "young", "TCPRoute") == ["True/Shadowed"]
    assert "goes to TCPRoute default/old (a.yaml:22), which is older, or first by name" in messages(resolution)[0]


def test_it_ends_when_the_other_one_goes_or_wants_something_else() -> None:
    """Nobody touches the file of the loser."""
    old, young = route("old", rules(A), **OLD), route("young", rules(A))
    world = World()

    def seen(*texts: str) -> list[str | None]:
        return shadowed(world.see(tree({"a.yaml": WORLD, "old.yaml": texts, "young.yaml": (young,)})))

    assert seen(old) == ["True/Shadowed"]
    assert seen(route("old", rules(path("/b")), **OLD)) == [None]
    assert seen(old) == ["True/Shadowed"]
    assert seen(route("old", rules(A))) == ["True/Shadowed"]
    assert seen(route("zoo", rules(A))) == [None]
    assert seen(route("old", rules(A), "[{name: gone}]", **OLD)) == [None]
    assert seen(old) == ["True/Shadowed"]
    assert seen() == [None]


def test_who_takes_it_is_another_one() -> None:
    """The loser is told of the new winner, though it loses as before."""
    world = World()
    texts = [route("older", rules(A), creationTimestamp="2025-01-01T00:00:00Z"), route("old", rules(A), **OLD)]
    young = route("young", rules(A))
    for there, winner in ((texts[1:], "old"), (texts, "older"), (texts[:1], "older")):
        resolution = world.scan(*WORLD, *there, young)
        assert f"of HTTPRoute default/{winner} (" in messages(resolution)[-1]


def test_a_winner_that_changes_in_nothing_that_matters_here_leaves_the_loser_as_judged() -> None:
    """The judgement of before is handed on."""
    world = World()
    young = route("young", rules(A))
    before = world.scan(*WORLD, route("old", rules(A), **OLD), young).report.judged
    other = rules(A).replace("port: 80", "port: 81")
    now = world.scan(*WORLD, route("old", other, **OLD), young).report.judged
    assert {key.name for key in now.changed_since(before) if now[key] is not before[key]} == {"old"}


def test_a_rule_for_tunnels_takes_no_requests_of_others() -> None:
    """Such requests have no path, so whoever wants a path gets its own."""
    old = route("old", rules(A), **OLD)
    tunnels = traffic(on("HTTPRoute", "old"), httpUpgrade=[{"type": "CONNECT"}])
    assert condition((old, route("young", rules(A)), tunnels)) is None
