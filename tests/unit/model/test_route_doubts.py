"""What of a route has no effect: it is said, with its line, and the route is served."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest

from egxds.model.resolver import Resolver, ResolverOptions
from egxds.problems import Severity
from egxds.settings.client_traffic import ClientTrafficSettings
from tests.unit.model.texts import gateway, route
from tests.unit.model.told import problems
from tests.unit.model.worlds import CONTROLLER, World, resolve

REQUEST, RESPONSE = "filters[0].requestHeaderModifier", "filters[0].responseHeaderModifier"


def _match(said: str) -> str:
    return f"matches:\n- {said}"


def _changes(field: str, said: str) -> str:
    type_ = field.partition(".")[2]
    return f"filters:\n- type: {type_[0].upper()}{type_[1:]}\n  {type_}: {said}"


LINKS = "add: [{name: Link, value: a}, {name: link, value: b}]"

DOUBTS = [
    pytest.param(
        _changes(RESPONSE, f"{{{LINKS}}}"),
        f"spec.rules[0].{RESPONSE}.add[1]: add names header link before, and that one counts; this one has no effect",
        id="kubernetes-sigs/gateway-api issues 4480, 3407: a header added twice",
    ),
    pytest.param(
        _changes(REQUEST, "{set: [{name: A, value: a}, {name: b, value: b}, {name: a, value: b}]}"),
        f"spec.rules[0].{REQUEST}.set[2]: set names header a before, and that one counts",
        id="a header set twice, with another case",
    ),
    pytest.param(
        _changes(REQUEST, "{remove: [A, b, a]}"),
        f"spec.rules[0].{REQUEST}.remove[2]: header a is removed already",
        id="a header removed twice",
    ),
    pytest.param(
        _match("headers: [{name: A, value: a}, {name: a, value: b}]"),
        "spec.rules[0].matches[0].headers[1]: header a is matched before, and that one counts",
        id="a header matched twice",
    ),
    pytest.param(
        _match("queryParams: [{name: a, value: a}, {name: A, value: a}, {name: a, value: b}]"),
        "spec.rules[0].matches[0].queryParams[2]: query parameter a is matched before, and that one counts",
        id="a query parameter matched twice, and one with another case, which is another one",
    ),
    pytest.param(
        _match("headers: [{name: device_id, value: a}]"),
        "spec.rules[0].matches[0].headers[0].name: no request matches this: header device_id has an underscore, "
        "and Envoy answers requests that have one with 400; rename it, with '-', or clientTraffic.headers",
        id="envoyproxy/gateway issues 3047, 8351: a match on a header with an underscore",
    ),
    pytest.param(
        _match("headers: [{name: Keep-Alive, value: a}]"),
        "no request matches this: header Keep-Alive belongs to the connection",
        id="a match on a header of the connection",
    ),
    pytest.param(
        _match("headers: [{name: X-Envoy-Internal, value: 'true'}]"),
        "no request matches this: header X-Envoy-Internal is one that Envoys alone send each other",
        id="a match on a header that is taken out of what clients send",
    ),
    pytest.param(
        _changes(REQUEST, "{set: [{name: Connection, value: close}]}"),
        f"{REQUEST}.set[0].name: header Connection belongs to a connection, and Envoy's connections are its own",
        id="a header of the connection set",
    ),
]


def _rule(said: str) -> str:
    return f"rules:\n- {indent(said, '  ').strip()}"


@pytest.mark.parametrize(("rule", "message"), DOUBTS)
def test_what_has_no_effect_is_said(rule: str, message: str) -> None:
    """It is one warning; nothing of the route is refused."""
    (found,) = problems(resolve(gateway(), route(spec=_rule(rule))))
    assert (found.severity, found.subject) == (Severity.WARNING, "HTTPRoute default/shop")
    assert message in found.message


def test_the_line_is_that_of_the_entry() -> None:
    """The second entry of a name is pointed to, wherever it stands."""
    spec = """
        rules:
        - filters:
          - type: ResponseHeaderModifier
            responseHeaderModifier:
              add:
              - {name: Link, value: a}
              - {name: Link, value: b}
    """
    text = route(spec=spec)
    line = 1 + text.splitlines().index("        - {name: Link, value: b}")
    (found,) = problems(resolve(text, gateway()))
    assert found.location.line == line


@pytest.mark.parametrize(
    ("action", "expected"),
    [("RejectRequest", ["answers requests that have one with 400"]), ("DropHeader", ["takes them out"]), ("Allow", [])],
)
def test_an_underscore_is_doubted_where_envoy_does_not_let_it_in(action: str, expected: list[str]) -> None:
    """The settings decide what Envoy does with such headers, and what is said of a match on one."""
    traffic = ClientTrafficSettings.model_validate({"headers": {"withUnderscoresAction": action}})
    world = World(resolver=Resolver(ResolverOptions(CONTROLLER, traffic=traffic)))
    rule = _rule(_match("headers: [{name: device_id, value: a}]"))
    found = [each.message for each in problems(world.scan(gateway(), route(spec=rule)))]
    assert len(found) == len(expected)
    assert all(words in message for words, message in zip(expected, found, strict=True))


FINE: list[Any] = [
    _match("headers: [{name: X-Tenant, value: a}, {name: X-Tenant-2, value: a}]"),
    _match("headers: [{name: Upgrade, value: websocket}]"),
    _changes(REQUEST, "{set: [{name: A, value: a}], add: [{name: A, value: b}], remove: [A]}"),
    _changes(REQUEST, "{set: [{name: tenant_id, value: a}]}"),
]


@pytest.mark.parametrize("rule", FINE)
def test_what_has_its_effect_is_not_doubted(rule: str) -> None:
    """One header may be set, added to and removed by one filter, and have an underscore on the way to a backend."""
    assert problems(resolve(gateway(), route(spec=_rule(rule)))) == ()
