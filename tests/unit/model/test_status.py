"""The shape of what is said about objects."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.unit.model.texts import endpoint_slice, gateway, gateway_class, route, secret, service
from tests.unit.model.told import problems, statuses
from tests.unit.model.worlds import World, messages, resolve

BROKEN = (
    gateway_class(),
    gateway("odd", listeners="- {name: odd, port: 1, protocol: INVALID}"),
    gateway("tls", listeners="- {name: s, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}"),
    gateway(),
    route("a", "rules: [{backendRefs: [{name: app, port: 80}, {name: gone, port: 80}]}]"),
    route("b", parents="[{name: web, sectionName: gone}, {name: tls}]"),
    service(),
    secret("other"),
    endpoint_slice(),
)


def described(value: object) -> Iterator[dict[str, object]]:
    """Find all conditions in a status."""
    if isinstance(value, dict):
        yield from value.get("conditions", ())
        for inner in value.values():
            yield from described(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from described(inner)


def test_every_condition_has_the_fields_of_the_api() -> None:
    """All but the time, which is added by whoever has a clock; status is plain JSON."""
    resolution = resolve(*BROKEN)
    for value in statuses(resolution).values():
        assert json.loads(json.dumps(value)) == value
        for condition in described(value):
            assert sorted(condition) == ["message", "observedGeneration", "reason", "status", "type"]
            assert condition["status"] in ("True", "False")
            assert condition["message"]


def test_every_condition_is_of_the_generation_it_was_observed_at() -> None:
    """A change of content shows in all conditions of its object at once."""
    world = World()
    world.scan(*BROKEN)
    changed = [text.replace("name: web", "name: web, port: 80").replace("port: 443", "port: 444") for text in BROKEN]
    resolution = world.scan(*changed)
    generations = {
        str(key): {condition["observedGeneration"] for condition in described(value)}
        for key, value in statuses(resolution).items()
    }
    assert generations == {
        "GatewayClass edge": {1},
        "Gateway default/odd": {1},
        "Gateway default/tls": {2},
        "Gateway default/web": {1},
        "HTTPRoute default/a": {2},
        "HTTPRoute default/b": {2},
    }


def test_every_negative_decision_is_one_problem_at_its_cause() -> None:
    """Conditions that only follow from another one are not said twice."""
    said = [message.split(": ", 3) for message in messages(resolve(*BROKEN))]
    assert [(place, severity, subject) for place, severity, subject, _ in said] == [
        ("a.yaml:7", "error", "Gateway default/odd"),
        ("a.yaml:13", "error", "Gateway default/odd"),
        ("a.yaml:15", "error", "Gateway default/tls"),
        ("a.yaml:21", "error", "Gateway default/tls"),
        ("a.yaml:36", "error", "HTTPRoute default/a"),
        ("a.yaml:42", "error", "HTTPRoute default/b"),
    ]


def test_files_without_objects_resolve_to_nothing() -> None:
    """An empty directory is a good one."""
    resolution = resolve()
    assert not resolution.gateways
    assert problems(resolution) == ()
    assert not statuses(resolution)
