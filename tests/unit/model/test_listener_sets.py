"""What ListenerSets add to a Gateway, who wins, and what their status says (Gateway API v1.6, GEP-1713)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import Resolution
from tests.unit.model.texts import gateway, gateway_class, gateway_object, grant, namespace, route, secret
from tests.unit.model.told import problems
from tests.unit.model.worlds import (
    World,
    conditions,
    listener_status,
    messages,
    parents,
    resolve,
    served,
    status,
    the_gateway,
)

TAKES = "allowedListeners: {namespaces: {from: %s}}"
ALL = TAKES % "All"
AT_SET = "[{kind: ListenerSet, name: extra}]"
FINE = {"Accepted": "True/Accepted", "Programmed": "True/Programmed"}
FINE_LISTENER = FINE | {"ResolvedRefs": "True/ResolvedRefs", "Conflicted": "False/NoConflicts"}
NOT_ALLOWED = {"Accepted": "False/NotAllowed", "Programmed": "False/NotAllowed"}
NONE_VALID = {"Accepted": "False/ListenersNotValid", "Programmed": "False/ListenersNotValid"}
SOME_REFUSED = {"Accepted": "True/ListenersNotValid", "Programmed": "True/Programmed"}


def listener_set(
    name: str = "extra",
    listeners: str = "[{name: more, port: 8080, protocol: HTTP}]",
    namespace: str = "default",
    parent: str = "{name: web, namespace: default}",
    **metadata: object,
) -> str:
    """Write a ListenerSet for the Gateway `web`."""
    return gateway_object("ListenerSet", name, f"parentRef: {parent}\nlisteners: {listeners}", namespace, **metadata)


def of_set(resolution: Resolution, name: str = "default/extra") -> dict[str, str]:
    """Return the conditions of a ListenerSet as a whole."""
    return conditions(status(resolution, "ListenerSet", name))


def entry(resolution: Resolution, listener: str, name: str = "default/extra") -> dict[str, Any]:
    """Return the status of a listener of a ListenerSet."""
    listeners = status(resolution, "ListenerSet", name)["listeners"]
    return cast("dict[str, Any]", next(each for each in listeners if each["name"] == listener))


def attached_sets(resolution: Resolution) -> int:
    """Return how many ListenerSets the Gateway counts."""
    return int(status(resolution, "Gateway").get("attachedListenerSets", 0))


def test_its_listeners_join_those_of_the_gateway() -> None:
    """Behind the Gateway's own, under a name that no listener of the Gateway can have (Envoy Gateway's scheme)."""
    found = resolve(gateway(more=ALL), listener_set(), route(parents=AT_SET))
    assert list(served(found)) == ["http", "default/extra/more"]
    assert of_set(found) == FINE
    more = entry(found, "more")
    assert conditions(more) == FINE_LISTENER
    assert more["attachedRoutes"] == 1
    assert [kind["kind"] for kind in more["supportedKinds"]] == ["HTTPRoute", "GRPCRoute"]
    assert attached_sets(found) == 1
    assert [each["name"] for each in status(found, "Gateway")["listeners"]] == ["http"]
    assert not messages(found)


@pytest.mark.parametrize(
    ("takes", "where", "is_taken"),
    [
        ("", "default", False),
        (TAKES % "None", "default", False),
        (TAKES % "Same", "default", True),
        (TAKES % "Same", "team", False),
        (TAKES % "All", "team", True),
        (TAKES % "Selector, selector: {matchLabels: {sets: 'yes'}}", "team", True),
        (TAKES % "Selector, selector: {matchLabels: {sets: 'yes'}}", "default", False),
    ],
)
def test_a_gateway_takes_those_that_it_says(takes: str, where: str, is_taken: bool) -> None:
    """None where it does not say; what it does not take has no listeners, and routes find nothing there."""
    found = resolve(
        gateway(more=takes),
        namespace("team", sets="yes"),
        listener_set(namespace=where),
        route(parents=AT_SET, namespace=where),
    )
    assert of_set(found, f"{where}/extra") == (FINE if is_taken else NOT_ALLOWED)
    assert attached_sets(found) == is_taken
    assert list(served(found)) == ["http", *([f"{where}/extra/more"] if is_taken else [])]
    (at_set,) = parents(found, f"{where}/shop")
    assert at_set["Accepted"] == ("True/Accepted" if is_taken else "False/NoMatchingParent")
    if not is_taken:
        assert status(found, "ListenerSet", f"{where}/extra")["listeners"] == []
        assert any("takes no ListenerSets from namespace" in said for said in messages(found))


def test_a_namespace_that_gets_a_label_lets_its_sets_in() -> None:
    """And one that loses it puts them out; nobody touches the set."""
    world = World()
    texts = (gateway(more=TAKES % "Selector, selector: {matchLabels: {sets: 'yes'}}"), listener_set(namespace="team"))
    assert of_set(world.scan(*texts, namespace("team")), "team/extra") == NOT_ALLOWED
    assert of_set(world.scan(*texts, namespace("team", sets="yes")), "team/extra") == FINE
    assert of_set(world.scan(*texts), "team/extra") == NOT_ALLOWED


ROUTES = {
    "[{name: web}]": {"http": 1, "more": 0, "side": 0},
    "[{kind: ListenerSet, name: extra}]": {"http": 0, "more": 1, "side": 1},
    "[{kind: ListenerSet, name: extra, sectionName: side}]": {"http": 0, "more": 0, "side": 1},
    "[{kind: ListenerSet, name: extra, port: 8080}]": {"http": 0, "more": 1, "side": 0},
    "[{name: web}, {kind: ListenerSet, name: extra, sectionName: more}]": {"http": 1, "more": 1, "side": 0},
}


@pytest.mark.parametrize("parent_refs", ROUTES)
def test_a_route_is_taken_by_the_listeners_of_the_parent_that_it_names(parent_refs: str) -> None:
    """A route of the Gateway is none of its sets', and the other way round."""
    listeners = "[{name: more, port: 8080, protocol: HTTP}, {name: side, port: 8081, protocol: HTTP}]"
    found = resolve(gateway(more=ALL), listener_set(listeners=listeners), route(parents=parent_refs))
    names = {"http": "http", "more": "default/extra/more", "side": "default/extra/side"}
    assert {short: len(served(found)[name].routes) for short, name in names.items()} == ROUTES[parent_refs]
    assert listener_status(found, "http")["attachedRoutes"] == ROUTES[parent_refs]["http"]
    assert entry(found, "more")["attachedRoutes"] == ROUTES[parent_refs]["more"]


def test_each_parent_is_judged_by_itself() -> None:
    """A section of the set is none of the Gateway's: that parentRef fails, and the other holds."""
    both = "[{name: web, sectionName: more}, {kind: ListenerSet, name: extra, sectionName: more}]"
    found = resolve(gateway(more=ALL), listener_set(), route(parents=both))
    assert [each["Accepted"] for each in parents(found)] == ["False/NoMatchingParent", "True/Accepted"]
    refs = [parent["parentRef"] for parent in status(found, "HTTPRoute", "default/shop")["parents"]]
    assert [ref["kind"] for ref in refs] == ["Gateway", "ListenerSet"]


@pytest.mark.parametrize(("where", "accepted"), [("team", "True/Accepted"), ("default", "False/NotAllowedByListeners")])
def test_same_means_the_namespace_of_the_set(where: str, accepted: str) -> None:
    """`allowedRoutes` of its listeners is about where the set is, wherever its Gateway is."""
    at_set = "[{kind: ListenerSet, name: extra, namespace: team}]"
    found = resolve(gateway(more=ALL), listener_set(namespace="team"), route(parents=at_set, namespace=where))
    assert parents(found, f"{where}/shop")[0]["Accepted"] == accepted


LISTENER = "[{name: more, port: 80, protocol: HTTP, hostname: a.test}]"
OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"name": "z", "creationTimestamp": OLD}, {"name": "a", "creationTimestamp": NEW}, id="age"),
        pytest.param({"name": "z", "creationTimestamp": NEW}, {"name": "a"}, id="no age"),
        pytest.param({"name": "a"}, {"name": "z"}, id="name"),
        pytest.param({"name": "z", "namespace": "a"}, {"name": "a", "namespace": "z"}, id="namespace"),
    ],
)
def test_of_two_sets_the_older_one_wins_and_the_other_alone_is_conflicted(
    first: dict[str, str], second: dict[str, str]
) -> None:
    """By age, then by namespace and name; the order of the file never matters."""
    for texts in ([first, second], [second, first]):
        sets = [listener_set(listeners=LISTENER, **cast("dict[str, Any]", each)) for each in texts]
        found = resolve(gateway(more=ALL), *sets)
        winner, loser = (f"{each.get('namespace', 'default')}/{each['name']}" for each in (first, second))
        assert of_set(found, winner) == FINE
        assert conditions(entry(found, "more", winner)) == FINE_LISTENER
        assert of_set(found, loser) == NONE_VALID
        assert conditions(entry(found, "more", loser)) == {
            "Accepted": "False/HostnameConflict",
            "Programmed": "False/HostnameConflict",
            "ResolvedRefs": "True/ResolvedRefs",
            "Conflicted": "True/HostnameConflict",
        }
        assert list(served(found)) == ["http", f"{winner}/more"]
        assert attached_sets(found) == 1


CLASHES = {
    "the hostname of the Gateway": ("{name: more, port: 80, protocol: HTTP}", "HostnameConflict"),
    "another protocol": ("{name: more, port: 80, protocol: TCP}", "ProtocolConflict"),
    "TLS beside plain HTTP": (
        "{name: more, port: 80, protocol: TLS, hostname: a.test, tls: {mode: Passthrough}}",
        "ProtocolConflict",
    ),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_the_gateway_comes_before_its_sets(clash: str) -> None:
    """Its listener stays as it was, however old the set is; the set's other listeners are served."""
    text, reason = CLASHES[clash]
    old = listener_set(listeners=f"[{text}, {{name: fine, port: 81, protocol: HTTP}}]", creationTimestamp=OLD)
    found = resolve(gateway(more=ALL), old)
    assert conditions(listener_status(found, "http")) == FINE_LISTENER
    assert of_set(found) == SOME_REFUSED
    assert conditions(entry(found, "more"))["Conflicted"] == f"True/{reason}"
    assert list(served(found)) == ["http", "default/extra/fine"]


def test_what_lost_its_port_takes_no_hostname_from_anybody() -> None:
    """A set that speaks another protocol loses to the Gateway; the next one is compared with the Gateway alone."""
    plain = gateway(more=ALL, listeners="- {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}")
    http = listener_set("a", "[{name: more, port: 443, protocol: HTTP, hostname: a.test}]")
    tls = listener_set("b", "[{name: more, port: 443, protocol: TLS, hostname: a.test, tls: {mode: Passthrough}}]")
    found = resolve(plain, http, tls)
    assert (of_set(found, "default/a"), of_set(found, "default/b")) == (NONE_VALID, FINE)


def test_what_one_set_contests_with_itself_goes_to_nobody() -> None:
    """Neither of its listeners is older, and a younger set does not get the port by their mistake."""
    contested = listener_set("a", "[{name: x, port: 90, protocol: HTTP}, {name: y, port: 90, protocol: TCP}]")
    found = resolve(gateway(more=ALL), contested, listener_set("b", "[{name: x, port: 90, protocol: HTTP}]"))
    assert (of_set(found, "default/a"), of_set(found, "default/b")) == (NONE_VALID, NONE_VALID)
    assert list(served(found)) == ["http"]


def test_a_protocol_that_is_not_served_blocks_nobody() -> None:
    """Its set is refused, and the port is free for others."""
    found = resolve(gateway(more=ALL), listener_set("a", "[{name: x, port: 90, protocol: ODD}]"), listener_set("b"))
    assert (of_set(found, "default/a"), of_set(found, "default/b")) == (NONE_VALID, FINE)


HTTPS = "[{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert%s}]}}]"
GRANTED = ("[{group: gateway.networking.k8s.io, kind: %s, namespace: team}]", "[{group: '', kind: Secret}]")


@pytest.mark.parametrize(
    ("ref", "more", "resolved"),
    [
        ("", secret(namespace="team"), "True/ResolvedRefs"),
        ("", secret(), "False/InvalidCertificateRef"),
        (", namespace: default", secret(), "False/RefNotPermitted"),
        (", namespace: default", secret() + "---\n" + grant("default", GRANTED[0] % "Gateway", GRANTED[1]), None),
        (
            ", namespace: default",
            secret() + "---\n" + grant("default", GRANTED[0] % "ListenerSet", GRANTED[1]),
            "True/ResolvedRefs",
        ),
    ],
)
def test_certificates_are_those_of_the_set(ref: str, more: str, resolved: str | None) -> None:
    """Looked for in its namespace; elsewhere a grant must name ListenerSets, and one for Gateways is not inherited."""
    texts = more.split("---\n")
    found = resolve(gateway(more=ALL), *texts, listener_set(namespace="team", listeners=HTTPS % ref))
    tls = conditions(entry(found, "tls", "team/extra"))
    assert tls["ResolvedRefs"] == (resolved or "False/RefNotPermitted")
    is_fine = resolved == "True/ResolvedRefs"
    assert of_set(found, "team/extra") == (FINE if is_fine else NONE_VALID)
    assert ("team/extra/tls" in served(found)) == is_fine


def test_a_certificate_that_comes_is_noticed() -> None:
    """Whoever waits for it is judged again, though nothing of the set changed."""
    world = World()
    texts = (gateway(more=ALL), listener_set(listeners=HTTPS % ""))
    assert of_set(world.scan(*texts)) == NONE_VALID
    assert of_set(world.scan(*texts, secret())) == FINE


def test_a_listener_of_a_set_that_is_not_served_leaves_its_connections_to_nobody() -> None:
    """A wider listener of the Gateway would have them, past what this one may ask of its clients."""
    wide = "- {name: wide, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"
    narrow = HTTPS.replace("name: tls,", "name: tls, hostname: a.test,") % "-missing"
    found = resolve(gateway(more=ALL, listeners=wide), secret(), listener_set(listeners=narrow))
    assert [(each.listener, each.hostname) for each in the_gateway(found).closed] == [("default/extra/tls", "a.test")]


def test_a_gateway_says_what_its_own_listeners_are() -> None:
    """A set that is refused is no fault of the Gateway, and one that is fine mends none (GEP-1713)."""
    found = resolve(gateway(more=ALL), listener_set(listeners="[{name: x, port: 1, protocol: ODD}]"))
    assert conditions(status(found, "Gateway")) == FINE
    odd = "- {name: odd, port: 1, protocol: ODD}"
    found = resolve(gateway(more=ALL, listeners=odd), listener_set())
    assert conditions(status(found, "Gateway"))["Accepted"] == "False/ListenersNotValid"
    assert of_set(found) == FINE
    assert list(served(found)) == ["default/extra/more"]


def test_with_a_gateway_that_is_refused_the_set_is_too() -> None:
    """Nothing of it is bound."""
    found = resolve(gateway(more=f"{ALL}\naddresses: [{{type: Odd, value: x}}]"), listener_set())
    assert of_set(found) == {"Accepted": "False/ParentNotAccepted", "Programmed": "False/ParentNotProgrammed"}
    assert attached_sets(found) == 0
    assert not served(found)


def test_a_set_without_its_gateway_is_a_warning() -> None:
    """It has no status until the Gateway comes, as a route has none."""
    world = World()
    found = world.scan(listener_set(), route(parents=AT_SET))
    (said,) = messages(found)
    assert "no accepted document defines Gateway default/web" in said
    assert (
        parents(world.scan(listener_set(), gateway(more=ALL), route(parents=AT_SET)))[0]["Accepted"] == "True/Accepted"
    )
    assert messages(world.scan(listener_set(), route(parents=AT_SET))) == [said]


@pytest.mark.parametrize("parent", ["{kind: Service, group: '', name: web}", "{kind: ListenerSet, name: web}"])
def test_the_parent_of_a_set_is_a_gateway(parent: str) -> None:
    """Another kind of parent takes none."""
    found = resolve(gateway(more=ALL), listener_set(parent=parent))
    assert "the parent of a ListenerSet is a Gateway" in messages(found)[0]
    assert list(served(found)) == ["http"]


def test_a_set_of_a_foreign_gateway_is_none_of_ours() -> None:
    """Neither it nor its routes get a status from here."""
    found = resolve(gateway_class(controller="theirs"), gateway(more=ALL), listener_set(), route(parents=AT_SET))
    with pytest.raises(IndexError):
        of_set(found)
    assert not problems(found)


def test_a_route_at_a_set_that_is_not_there_is_warned_of() -> None:
    """As one at a Gateway that is not there."""
    (said,) = messages(resolve(gateway(more=ALL), route(parents=AT_SET)))
    assert "no accepted document defines ListenerSet default/extra" in said


def test_a_set_goes_and_comes_and_changes_its_gateway() -> None:
    """Each time both Gateways, and the routes of the set, say what a first look would say."""
    world = World()
    fixed = (gateway(more=ALL), gateway("other", more=ALL), route(parents=AT_SET))
    for each in ((), (listener_set(),), (listener_set(parent="{name: other}"),), (listener_set(),), ()):
        seen, fresh = world.scan(*fixed, *each), resolve(*fixed, *each)
        for name in ("default/web", "default/other"):
            assert list(served(seen, name)) == list(served(fresh, name))
            assert status(seen, "Gateway", name) == status(fresh, "Gateway", name)
        assert status(seen, "HTTPRoute", "default/shop") == status(fresh, "HTTPRoute", "default/shop")
        assert messages(seen) == messages(fresh)


def test_a_change_of_one_set_concerns_its_gateway_and_nobody_else() -> None:
    """All other Gateways, sets and routes are the very objects of before, a sibling and the routes of the set too."""
    world = World()
    fixed = (
        gateway(more=ALL),
        gateway("other", more=ALL),
        listener_set("sibling", "[{name: x, port: 99, protocol: HTTP}]"),
        listener_set("far", parent="{name: other}"),
        route(parents=AT_SET),
        route("near", parents="[{name: web}, {kind: ListenerSet, name: sibling}]"),
        route("away", parents="[{kind: ListenerSet, name: far}]"),
    )
    before = world.scan(*fixed, listener_set()).report.judged
    after = world.scan(*fixed, listener_set(listeners="[{name: more, port: 8081, protocol: HTTP}]")).report.judged
    changed = _others(before, after)
    assert changed == {"Gateway web", "ListenerSet extra"}


def _others(before: Revision[Any, object], after: Revision[Any, object]) -> set[str]:
    return {f"{key.kind} {key.name}" for key in after if before.get(key) is not after[key]}
