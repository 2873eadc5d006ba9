"""The replay's comparisons: what the suite takes is taken, and each way of being otherwise is noticed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance import conditions, round_trip
from tests.conformance.clients.answers import Answer
from tests.conformance.distribution import share_fault
from tests.conformance.steps import unknown

Json = Mapping[str, Any]

URL = "http://127.0.0.9/p"
REQUEST: Json = {"method": "GET", "path": "/p", "host": "a.com", "scheme": "http", "protocol": "HTTP"}
ECHO: Json = {
    "path": "/p",
    "method": "GET",
    "host": "a.com",
    "namespace": "shop",
    "pod": "web-0123456789-abcde",
    "headers": {"X-One": ["1", "2"]},
    "tls": {"serverName": "b.com", "peerCertificates": ["PEM\n"]},
}
EXPECT: Json = {"status_codes": [200], "backend": "web", "namespace": "shop"}


def answer(status: int = 200, echo: Json | None = ECHO, **headers: str) -> Answer:
    """An answer, with what the backend says."""
    kind = {"content-type": "application/json"} if echo is not None else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {**kind, **named}, json.dumps(echo).encode() if echo is not None else b"", {})


def asked(**backend_request: Any) -> Json:
    """An expectation of what reaches the backend."""
    return {**EXPECT, "backend_request": {"method": "GET", "path": "/p", **backend_request}}


def redirected(**redirect: str) -> Json:
    """An expectation of a redirect."""
    return {"status_codes": [302], "redirect": redirect}


TAKEN: list[tuple[Json, Answer]] = [
    (EXPECT, answer()),
    ({**EXPECT, "status_codes": [504]}, answer(408, None)),
    (asked(headers={"x-one": "1,2"}, absent_headers=["x-two"]), answer()),
    (asked(sni="b.com"), answer()),
    ({"status_codes": [200], "namespace": "", "backend_request": {"method": "GET", "path": ""}}, answer(200, None)),
    ({**EXPECT, "response_headers": {"X-Two": "2"}}, answer(x_two="2")),
    (
        {**EXPECT, "response_valid_header_values": {"x-two": ["1, 2"]}, "response_ignore_whitespace": True},
        answer(x_two="1,2"),
    ),
    (redirected(path="/q", host="b.com"), answer(302, None, location="http://b.com:80/q")),
    (redirected(scheme="https"), answer(302, None, location="https://b.com/p")),
    (redirected(port="8080"), answer(302, None, location="http://127.0.0.9:8080/p")),
    (redirected(), answer(302, None, location="/p")),
]

REFUSED: list[tuple[str, Json, Answer]] = [
    ("status", EXPECT, answer(404)),
    ("path", EXPECT, answer(echo={**ECHO, "path": "/q"})),
    ("path", {**EXPECT, "backend_request": {"method": "GET", "path": ""}}, answer()),
    ("path", EXPECT, answer(200, None)),
    ("method", EXPECT, answer(echo={**ECHO, "method": "PUT"})),
    ("host", EXPECT, answer(echo={**ECHO, "host": "b.com"})),
    ("namespace", EXPECT, answer(echo={**ECHO, "namespace": "other"})),
    ("backend", EXPECT, answer(echo={**ECHO, "pod": "other-0-0"})),
    ("header", asked(headers={"X-One": "1"}), answer()),
    ("header", asked(headers={"X-Two": "2"}), answer()),
    ("header", asked(absent_headers=["X-One"]), answer()),
    ("SNI", asked(sni="a.com"), answer()),
    ("header", {**EXPECT, "response_headers": {"X-Two": "2"}}, answer()),
    ("header", {**EXPECT, "response_valid_header_values": {"x-two": ["1"]}}, answer(x_two="2")),
    ("header", {**EXPECT, "response_absent_headers": ["X-Two"]}, answer(x_two="2")),
    ("path", redirected(path="/q"), answer(302, None, location="/p")),
    ("host", redirected(host="b.com"), answer(302, None, location="/p")),
    ("port", redirected(), answer(302, None, location="http://127.0.0.9:8080/p")),
    ("port", redirected(port="8080"), answer(302, None, location="/p")),
    ("scheme", redirected(), answer(302, None, location="https://127.0.0.9/p")),
]


@pytest.mark.parametrize(("expect", "came"), TAKEN)
def test_what_the_suite_takes_is_taken(expect: Json, came: Answer) -> None:
    """No fault is found."""
    round_trip.compare(URL, REQUEST, expect, came, None)


@pytest.mark.parametrize(("fault", "expect", "came"), REFUSED)
def test_each_difference_is_named(fault: str, expect: Json, came: Answer) -> None:
    """The message says what differs."""
    with pytest.raises(AssertionError, match=fault):
        round_trip.compare(URL, REQUEST, expect, came, None)


def test_the_certificate_that_the_backend_saw_is_compared() -> None:
    """The one that was wanted, and no other."""
    round_trip.compare(URL, REQUEST, EXPECT, answer(), "PEM")
    with pytest.raises(AssertionError, match="certificates"):
        round_trip.compare(URL, REQUEST, EXPECT, answer(), "OTHER")


ACCEPTED: Json = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": 2}
KIND: Json = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}
LISTENER: Json = {"name": "http", "supportedKinds": [KIND], "attachedRoutes": 1, "conditions": [ACCEPTED]}
WANTED_LISTENER: Json = {"name": "http", "supported_kinds": [KIND], "attached_routes": 1, "conditions": [ACCEPTED]}
REF: Json = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web", "namespace": "shop"}
PARENT: Json = {"parentRef": REF, "controllerName": "c", "conditions": [ACCEPTED]}
WANTED_PARENT: Json = {"parent_ref": REF, "controller_name": "c", "conditions": [ACCEPTED]}


def without(value: Json, key: str) -> Json:
    """A mapping without one of its keys."""
    return {name: each for name, each in value.items() if name != key}


@pytest.mark.parametrize(
    "wanted", [ACCEPTED, {**ACCEPTED, "reason": ""}, {"type": "Accepted", "status": "True"}], ids=repr
)
def test_a_condition_holds(wanted: Json) -> None:
    """Any reason will do where none is wanted."""
    conditions.hold(wanted, [ACCEPTED])


@pytest.mark.parametrize("change", [{"type": "Programmed"}, {"status": "False"}, {"reason": "Other"}], ids=repr)
def test_another_condition_does_not_hold(change: Json) -> None:
    """Type, status and reason count."""
    with pytest.raises(AssertionError, match="wanted"):
        conditions.hold({**ACCEPTED, **change}, [ACCEPTED])


@pytest.mark.parametrize("generation", [1, 3])
def test_conditions_of_another_generation_are_stale(generation: int) -> None:
    """One that is ahead is wrong as well."""
    conditions.are_latest([ACCEPTED], 2)
    with pytest.raises(AssertionError, match="observedGeneration"):
        conditions.are_latest([ACCEPTED], generation)


@pytest.mark.parametrize(
    "listeners",
    [
        [],
        [LISTENER, {**LISTENER, "name": "other"}],
        [{**LISTENER, "name": "other"}],
        [{**LISTENER, "supportedKinds": []}],
        [{**LISTENER, "attachedRoutes": 0}],
        [{**LISTENER, "conditions": []}],
    ],
    ids=["none", "one-more", "name", "kinds", "routes", "conditions"],
)
def test_listeners_that_differ_are_refused(listeners: list[Json]) -> None:
    """Number, names, kinds, routes and conditions count."""
    conditions.listeners_match([WANTED_LISTENER], [LISTENER])
    with pytest.raises(AssertionError):
        conditions.listeners_match([WANTED_LISTENER], listeners)


def test_kinds_may_be_more_but_none_where_none_are_wanted() -> None:
    """An implementation may know more kinds than a test."""
    more = {**LISTENER, "supportedKinds": [KIND, {**KIND, "kind": "GRPCRoute"}]}
    conditions.listeners_match([WANTED_LISTENER], [more])
    for none in ({**WANTED_LISTENER, "supported_kinds": []}, without(WANTED_LISTENER, "supported_kinds")):
        with pytest.raises(AssertionError, match="supportedKinds"):
            conditions.listeners_match([none], [LISTENER])


@pytest.mark.parametrize(
    "parent",
    [
        {**PARENT, "controllerName": "other"},
        *({**PARENT, "parentRef": without(REF, name)} for name in ("group", "kind", "namespace")),
        {**PARENT, "parentRef": {**REF, "name": "other"}},
        {**PARENT, "conditions": []},
    ],
    ids=["controller", "group", "kind", "namespace", "name", "conditions"],
)
def test_parents_that_differ_are_refused(parent: Json) -> None:
    """Group and kind are written out; others may be there beside the one that is wanted."""
    conditions.parents_match([WANTED_PARENT], [parent, PARENT], namespace_required=True)
    with pytest.raises(AssertionError):
        conditions.parents_match([WANTED_PARENT], [parent], namespace_required=True)


def test_the_namespace_of_a_parent_may_be_left_out_in_its_own() -> None:
    """But another one is never right."""
    here = {**PARENT, "parentRef": without(REF, "namespace")}
    conditions.parents_match([WANTED_PARENT], [here], namespace_required=False)
    elsewhere = {**PARENT, "parentRef": {**REF, "namespace": "other"}}
    with pytest.raises(AssertionError):
        conditions.parents_match([WANTED_PARENT], [elsewhere], namespace_required=False)


WEIGHTS: Json = {"weights": {"v1": 0.7, "v2": 0.3, "v3": 0.0}, "requests": 100, "tolerance": 0.05}


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ({"v1": 70, "v2": 30}, ""),
        ({"v1": 74, "v2": 26}, ""),
        ({"v1": 76, "v2": 24}, "v1 has 0.760"),
        ({"v1": 69, "v2": 30, "v3": 1}, "v3 has 0.010"),
        ({"v1": 69, "v2": 30, "v4": 1}, "answers of"),
    ],
)
def test_shares_are_compared(seen: dict[str, int], fault: str) -> None:
    """Within the tolerance; a backend without weight gets nothing."""
    assert fault in share_fault(WEIGHTS, Counter(seen))
    assert bool(fault) == bool(share_fault(WEIGHTS, Counter(seen)))


@pytest.mark.parametrize(
    "step", [{"op": "other"}, *({"op": op, "check": "other"} for op in ("status", "assert", "custom"))]
)
def test_a_step_without_a_row_is_unknown(step: Json) -> None:
    """By its name, or by what it checks."""
    assert "other" in unknown(step)
    assert unknown({"op": "status", "check": "GatewayMustHaveCondition"}) == ""
