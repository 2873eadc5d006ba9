"""What the admin API says of each object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from egxds.app.pipeline import Build
from egxds.errors import FailureReason
from egxds.hooks.calls import HookCall
from egxds.hooks.policy.outcome import Accepted, HookedGateway, HookProblem, Outcome
from egxds.incremental.revision import Revision
from egxds.inspect.hooked_status import HOOKS_CONDITION
from egxds.inspect.objects import (
    EVERYTHING,
    FROM_THE_START,
    HookedGateways,
    ObjectFilter,
    ObjectsPage,
    ObjectView,
    Window,
)
from egxds.settings.extensions import Hook
from tests.unit.app.files import GATEWAY, Files

FIRST, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC)
FIRST_TEXT, LATER_TEXT = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"
NO_HOOKS: HookedGateways = Revision()

OTHER_CLASS = f"""\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: others}}
spec: {{controllerName: example.com/others}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: egxds}}
spec: {{controllerName: gateway.envoyproxy.io/gatewayclass-controller}}
---
{GATEWAY.format(name="other", port=8083).replace("gatewayClassName: egxds", "gatewayClassName: others")}"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A directory with one Gateway."""
    files = Files(tmp_path)
    files.write_gateway("one", 8081)
    return files


def show(
    view: ObjectView,
    build: Build,
    now: datetime,
    wanted: ObjectFilter = EVERYTHING,
    window: Window = FROM_THE_START,
    hooked: HookedGateways = NO_HOOKS,
) -> ObjectsPage:
    """Return what is shown of a build."""
    view.note(build.judged(), hooked, now)
    return view.render(wanted, window)


def only(page: ObjectsPage) -> dict[str, Any]:
    """Return the one object."""
    (item,) = page.items
    return item


def conditions(page: ObjectsPage) -> dict[str, dict[str, Any]]:
    """Return the conditions of the one object by type."""
    return {condition["type"]: condition for condition in only(page)["status"]["conditions"]}


def hooked(outcome: Outcome, *failures: HookProblem) -> HookedGateways:
    """Say what the hooks made of the Gateway."""
    gateway = HookedGateway("default/one", "egxds", {}, failures, outcome, Accepted(), was_hooked=True)
    return Revision({"default/one": gateway})


def test_an_object_says_what_it_is_and_where_it_stands(files: Files) -> None:
    """Identity, generation and source of what was read."""
    item = only(show(ObjectView(), files.build(), FIRST))
    assert item["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert item["kind"] == "Gateway"
    assert item["metadata"] == {"namespace": "default", "name": "one", "generation": 1}
    assert item["source"] == {"file": "one.yaml", "line": 1}
    assert "problems" not in item


def test_a_condition_keeps_its_time_until_its_status_changes(files: Files) -> None:
    """LastTransitionTime moves with the status and with nothing else."""
    view = ObjectView()
    show(view, files.build(), FIRST)
    files.write_gateway("one", 8082)
    unchanged = conditions(show(view, files.build(), LATER))
    assert unchanged["Accepted"]["lastTransitionTime"] == FIRST_TEXT
    assert unchanged["Accepted"]["observedGeneration"] == 2
    files.write("one.yaml", GATEWAY.format(name="one", port=8082).replace("HTTP}", "SCTP}"))
    assert conditions(show(view, files.build(), LATER))["Accepted"]["lastTransitionTime"] == LATER_TEXT


def test_a_condition_dates_from_when_it_was_noted(files: Files) -> None:
    """Nobody has to look for time to pass; what is looked at later has the time of the change."""
    view, build = ObjectView(), files.build()
    view.note(build.judged(), NO_HOOKS, FIRST)
    assert conditions(show(view, build, LATER))["Accepted"]["lastTransitionTime"] == FIRST_TEXT


def test_an_object_that_comes_back_has_new_times(files: Files) -> None:
    """What is gone is forgotten."""
    view, build = ObjectView(), files.build()
    view.note(build.judged(), NO_HOOKS, FIRST)
    files.write("one.yaml", "# nothing")
    view.note(files.build().judged(), NO_HOOKS, FIRST)
    files.write_gateway("one", 8081)
    assert conditions(show(view, files.build(), LATER))["Accepted"]["lastTransitionTime"] == LATER_TEXT


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (ObjectFilter(), ["one", "two"]),
        (ObjectFilter(name="two"), ["two"]),
        (ObjectFilter(kind="Gateway", namespace="default", name="one"), ["one"]),
        (ObjectFilter(namespace="shop"), []),
        (ObjectFilter(kind="HTTPRoute"), []),
    ],
)
def test_only_what_is_wanted_is_shown(files: Files, wanted: ObjectFilter, shown: list[str]) -> None:
    """All that is given must hold; problems without an object and the kinds there are come along."""
    files.write_gateway("two", 8082)
    files.write("broken.yaml", "kind: [")
    page = show(ObjectView(), files.build(), FIRST, wanted)
    assert [item["metadata"]["name"] for item in page.items] == shown  # type: ignore[index]
    assert len(page.problems) == 1
    assert page.kinds == {"Gateway"}


def test_a_refused_object_says_why(files: Files) -> None:
    """Never accepted: the condition and the problem name file and line."""
    files.write("one.yaml", GATEWAY.format(name="one", port=808080))
    page = show(ObjectView(), files.build(), FIRST)
    accepted = conditions(page)["Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("False", "Invalid")
    assert "one.yaml:6" in accepted["message"]
    assert only(page)["problems"][0]["source"] == {"file": "one.yaml", "line": 6}


def test_an_object_whose_new_version_is_refused_keeps_its_status_and_shows_the_problem(files: Files) -> None:
    """The version accepted before stays in force."""
    files.build()
    files.write("one.yaml", GATEWAY.format(name="one", port=808080))
    page = show(ObjectView(), files.build(), FIRST)
    assert conditions(page)["Accepted"]["status"] == "True"
    assert "stays in force" in str(only(page)["problems"])


ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop, generation: {generation}}}
spec:
  parentRefs: [{parents}]
  rules: [{{matches: [{{path: {{value: {path}}}}}]}}]
"""
ACCEPTED, REFUSED = "/shop", "shop"


def parents_of(page: ObjectsPage) -> dict[str, dict[str, Any]]:
    """Return the parents of the one route by name; of each its conditions by type, beside what else it says."""
    (item,) = (item for item in page.items if item["kind"] == "HTTPRoute")
    found: list[dict[str, Any]] = item["status"]["parents"]  # type: ignore[index]
    by_type = {each["parentRef"]["name"]: {one["type"]: one for one in each["conditions"]} for each in found}
    return {each["parentRef"]["name"]: {**each, "conditions": by_type[each["parentRef"]["name"]]} for each in found}


def test_a_refused_route_says_so_below_its_parents(files: Files) -> None:
    """Never accepted: group and kind are written out; a parent that cannot be read is left out, others' are, too."""
    files.write("other-class.yaml", OTHER_CLASS)
    parents = "{name: one, sectionName: http}, {name: gone}, {nam: bad}, {name: other}, {kind: Service, name: a}"
    files.write("shop.yaml", ROUTE.format(generation=7, parents=parents, path=REFUSED))
    page = show(ObjectView(), files.build(), FIRST, ObjectFilter(kind="HTTPRoute"))
    assert only(page)["metadata"]["generation"] == 7
    found = parents_of(page)
    assert found.keys() == {"one", "gone"}
    assert found["one"]["parentRef"] == {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "one",
        "sectionName": "http",
    }
    assert found["one"]["controllerName"] == "gateway.envoyproxy.io/gatewayclass-controller"
    accepted = found["one"]["conditions"]["Accepted"]
    assert (accepted["status"], accepted["observedGeneration"]) == ("False", 7)
    assert "shop.yaml:6: spec.rules[0].matches[0].path.value" in accepted["message"]
    assert accepted["lastTransitionTime"] == FIRST_TEXT


def test_a_route_whose_new_version_is_refused_says_so_below_the_parents_that_it_has(files: Files) -> None:
    """The version accepted before stays in force, and what is known of it is still told."""
    view = ObjectView()
    files.write("shop.yaml", ROUTE.format(generation=1, parents="{name: one}", path=ACCEPTED))
    show(view, files.build(), FIRST)
    files.write("shop.yaml", ROUTE.format(generation=2, parents="{name: two}", path=REFUSED))
    found = parents_of(show(view, files.build(), LATER))
    accepted = found["one"]["conditions"]["Accepted"]
    assert (accepted["status"], accepted["observedGeneration"], accepted["lastTransitionTime"]) == (
        "False",
        1,
        LATER_TEXT,
    )
    assert "stays in force" in accepted["message"]
    assert found["one"]["conditions"]["ResolvedRefs"]["status"] == "True"
    files.write("shop.yaml", ROUTE.format(generation=3, parents="{name: one}", path=ACCEPTED))
    found = parents_of(show(view, files.build(), LATER))
    assert found["one"]["conditions"]["Accepted"]["status"] == "True"


@pytest.mark.parametrize("parents", ["", "7", "{name: 7}"])
def test_a_refused_route_whose_parents_cannot_be_read_has_none(files: Files, parents: str) -> None:
    """What can be told of it stands among its problems."""
    files.write("shop.yaml", ROUTE.format(generation=1, parents=parents, path=REFUSED))
    assert parents_of(show(ObjectView(), files.build(), FIRST)) == {}


def test_a_document_that_does_not_parse_belongs_to_no_object(files: Files) -> None:
    """It is reported beside the objects."""
    files.write("broken.yaml", "kind: [")
    page = show(ObjectView(), files.build(), FIRST)
    assert [problem["source"]["file"] for problem in page.problems] == ["broken.yaml"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome.ACCEPTED, "True", "Accepted"),
        (Outcome.DENIED, "False", "Denied"),
        (Outcome.HELD, "False", "Held"),
        (Outcome.BYPASSED, "False", "Bypassed"),
    ],
)
def test_a_gateway_says_what_its_hooks_made_of_it(files: Files, outcome: Outcome, status: str, reason: str) -> None:
    """One condition for all hooks."""
    condition = conditions(show(ObjectView(), files.build(), FIRST, hooked=hooked(outcome)))[HOOKS_CONDITION]
    assert (condition["status"], condition["reason"]) == (status, reason)


def test_a_failed_hook_is_named_in_the_condition(files: Files) -> None:
    """Which hook of which extension, on what, and why."""
    call = HookCall("authz", Hook.ROUTE, "route-1", b"")
    failure = HookProblem(call, FailureReason.DEADLINE, "no reply within 2 s", "deny")
    condition = conditions(show(ObjectView(), files.build(), FIRST, hooked=hooked(Outcome.DENIED, failure)))[
        HOOKS_CONDITION
    ]
    assert "Route hook of extension authz on route-1: no reply within 2 s" in condition["message"]


def test_what_could_not_be_asked_again_is_told_in_the_condition(files: Files) -> None:
    """It is as the hooks accepted it, so that the condition stays true."""
    call = HookCall("authz", Hook.ROUTE, "route-1", b"")
    problem = HookProblem(call, FailureReason.CONNECT, "nobody is there", "keep")
    (gateway,) = hooked(Outcome.ACCEPTED).values()
    late = Revision({"default/one": replace(gateway, accepted=Accepted(late=(problem,)))})
    condition = conditions(show(ObjectView(), files.build(), FIRST, hooked=late))[HOOKS_CONDITION]
    assert (condition["status"], condition["reason"]) == ("True", "Accepted")
    told = "what could not be asked again stays as it was accepted (1: Route hook of extension authz on route-1: nobody"
    assert told in condition["message"]


def test_a_long_list_comes_in_parts(files: Files) -> None:
    """Each part says how to go on; what comes or goes in between moves nothing that is still to come."""
    for number in range(2, 6):
        files.write_gateway(f"g{number}", 8080 + number)
    view = ObjectView()
    first = show(view, files.build(), FIRST, window=Window(limit=2))
    files.delete("g2.yaml")
    second = show(view, files.build(), FIRST, window=Window(limit=2, after=first.last))
    third = show(view, files.build(), FIRST, window=Window(limit=2, after=second.last))
    shown = [item["metadata"]["name"] for page in (first, second, third) for item in page.items]  # type: ignore[index]
    assert shown == ["g2", "g3", "g4", "g5", "one"]
    assert third.last is None


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("shop", ["HTTPRoute shop/cart"]),
        ("CART", ["HTTPRoute shop/cart"]),
        ("gateway default", ["Gateway default/one"]),
        ("Wild.test", ["HTTPRoute shop/cart"]),
        ("one.yaml", ["Gateway default/one"]),
        ("hidden", []),
        ("", ["Gateway default/one", "HTTPRoute shop/cart", "Secret default/cert"]),
    ],
)
def test_searching(files: Files, search: str, found: list[str]) -> None:
    """By name, hostname and file; and by nothing else, or a search would tell a secret letter by letter."""
    route = "spec: {hostnames: ['*.wild.test'], rules: [{filters: []}]}"
    meta = "{namespace: shop, name: cart, annotations: {a: hidden}}"
    files.write("r.yaml", f"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {meta}\n{route}\n")
    files.write("s.yaml", "{apiVersion: v1, kind: Secret, metadata: {name: cert}, stringData: {a: hidden}}")
    page = show(ObjectView(), files.build(), FIRST, ObjectFilter(search=search))
    named: list[tuple[Any, Any]] = [(item["kind"], item["metadata"]) for item in page.items]
    assert [f"{kind} {meta['namespace']}/{meta['name']}" for kind, meta in named] == found


def test_all_problems(files: Files) -> None:
    """Errors first, as many as are wanted, and how many there are."""
    files.write("a.yaml", "{apiVersion: odd/v1, kind: Odd, metadata: {name: a}}")
    files.write("b.yaml", "{apiVersion: v1, kind: Service, metadata: {name: b}, spec: 1}")
    view = ObjectView()
    assert view.problems("", 9) == ((), 0)
    show(view, files.build(), FIRST)
    found, count = view.problems("", 9)
    assert [(one.severity.value, one.location.file) for one in found] == [("error", "b.yaml"), ("warning", "a.yaml")]
    assert count == 2
    assert view.problems("", 1) == (found[:1], 2)
    assert view.problems("ODD", 9) == (found[1:], 1)
