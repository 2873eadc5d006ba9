"""Listeners that the API lets through and nobody can serve: they cost themselves, and nobody else."""

from __future__ import annotations

import pytest

from tests.unit.model.texts import gateway, gateway_object, route
from tests.unit.model.worlds import conditions, listener_status, messages, parents, resolve, served, status

SELECTING = "- {name: a, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector%s}}}"


def _selecting(expression: str) -> str:
    return SELECTING % f", selector: {{matchExpressions: [{expression}]}}"


UNSERVABLE = {
    "no selector": (SELECTING % "", "allowedRoutes.namespaces.from: from: Selector needs a selector"),
    "no such operator": (
        _selecting("{key: a, operator: Is, values: [b]}"),
        "matchExpressions[0].operator: must be In, NotIn, Exists or DoesNotExist",
    ),
    "no values": (_selecting("{key: a, operator: In}"), "operator In needs at least one value"),
    "values": (_selecting("{key: a, operator: Exists, values: [b]}"), "operator Exists takes no values"),
    "no value of a label": (
        _selecting("{key: a, operator: NotIn, values: ['a b']}"),
        "matchExpressions[0].values[0]: is not the value of a label",
    ),
    "no key of a label": (
        SELECTING % ", selector: {matchLabels: {'a/b/c': d}}",
        "selector.matchLabels.a/b/c: is not the key of a label",
    ),
    "no tls": ("- {name: a, port: 443, protocol: HTTPS, hostname: a.test}", "protocol HTTPS needs tls"),
    "options in the place of certificates": (
        "- {name: a, port: 443, protocol: HTTPS, tls: {options: {a.test/b: c}}}",
        "tls.certificateRefs: mode Terminate needs at least one certificateRef",
    ),
}


@pytest.mark.parametrize(("bad", "message"), UNSERVABLE.values(), ids=UNSERVABLE)
def test_a_listener_that_cannot_be_served_leaves_the_others(bad: str, message: str) -> None:
    """It is not programmed, and says why; the Gateway is accepted for those that are."""
    listeners = f"{bad}\n- {{name: good, port: 80, protocol: HTTP}}"
    resolution = resolve(gateway(listeners=listeners))
    assert served(resolution).keys() == {"good"}
    said = conditions(listener_status(resolution, "a"))
    assert said["Programmed"] == "False/Invalid"
    assert message in str(listener_status(resolution, "a"))
    assert conditions(listener_status(resolution, "good"))["Programmed"] == "True/Programmed"
    found = conditions(status(resolution, "Gateway"))
    assert (found["Accepted"], found["Programmed"]) == ("True/ListenersNotValid", "True/Programmed")
    assert any("a.yaml:" in each and "error" in each and message in each for each in messages(resolution))


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        ("", False),
        (", selector: {matchExpressions: [{key: a, operator: NotIn}]}", False),
        (", selector: {matchLabels: {a: 'b c'}}", False),
        (", selector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}", True),
    ],
)
def test_no_route_attaches_by_a_selector_that_is_none(selector: str, taken: bool) -> None:
    """What it would select nobody knows; and so it selects nobody."""
    resolution = resolve(gateway(listeners=SELECTING % selector), route(spec="rules: [{}]"))
    expected = "True/Accepted" if taken else "False/NotAllowedByListeners"
    assert parents(resolution)[0]["Accepted"] == expected
    assert listener_status(resolution, "a")["attachedRoutes"] == int(taken)


def test_the_selector_is_nothing_to_a_listener_that_does_not_go_by_it() -> None:
    """It says from: All, and what stands beside it is not looked at."""
    listener = SELECTING.replace("Selector", "All") % ", selector: {matchExpressions: [{key: a, operator: Is}]}"
    assert served(resolve(gateway(listeners=listener))).keys() == {"a"}


def test_a_listener_set_with_such_a_listener_is_accepted_for_the_others() -> None:
    """Its listeners are judged as those of a Gateway are."""
    listeners = f"[{(SELECTING % '')[2:]}, {{name: good, port: 82, protocol: HTTP}}]"
    listener_set = gateway_object("ListenerSet", "more", f"parentRef: {{name: web}}\nlisteners: {listeners}")
    allowing = gateway(more="allowedListeners: {namespaces: {from: Same}}")
    resolution = resolve(allowing, listener_set)
    assert served(resolution).keys() == {"http", "default/more/good"}
    assert conditions(status(resolution, "ListenerSet", "default/more"))["Accepted"].startswith("True/")


@pytest.mark.parametrize("selector", ["", ", selector: {matchExpressions: [{key: a, operator: Is}]}"])
def test_a_gateway_that_selects_listener_sets_in_vain_takes_none(selector: str) -> None:
    """The Gateway and its own listeners go on; the ListenerSet is told, and the Gateway's line."""
    listener_set = gateway_object(
        "ListenerSet", "more", "parentRef: {name: web}\nlisteners: [{name: b, port: 82, protocol: HTTP}]"
    )
    allowing = gateway(more=f"allowedListeners: {{namespaces: {{from: Selector{selector}}}}}")
    resolution = resolve(allowing, listener_set)
    assert served(resolution).keys() == {"http"}
    assert conditions(status(resolution, "Gateway"))["Accepted"] == "True/Accepted"
    assert conditions(status(resolution, "ListenerSet", "default/more"))["Accepted"] == "False/NotAllowed"
    assert any("error: Gateway default/web: spec.allowedListeners.namespaces" in each for each in messages(resolution))
