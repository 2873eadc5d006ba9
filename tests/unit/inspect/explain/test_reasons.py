"""Which reason is told first."""

from __future__ import annotations

from typing import Any

from egxds.inspect.explain.answers import Answer, Outcome, Step, Taking
from egxds.inspect.explain.origins import gateway_of, origin_of
from egxds.inspect.explain.reasons import keys_on_the_way, reasons
from egxds.inspect.objects import ObjectsPage

ROUTE = origin_of("httproute/default/shop/rule/0/match/0/shop_test")
WAY = (Step("listener", "default/web/http", "", gateway_of("default/web")), Step("virtual host", "error_vhost"))
DENIED = Answer("default/web", (Taking(Outcome.DENIED, "denied", 500, origin=ROUTE),), WAY)
FINE = Answer("default/web", (Taking(Outcome.FORWARDED, "sent", origin=ROUTE),), WAY)
LOST = Answer("default/web", (Taking(Outcome.NOT_FOUND, "nobody", 404),), WAY)


def failing(subject: str, gateway: str = "default/web") -> dict[str, Any]:
    """Return a hook that fails on something."""
    failure = {"gateway": gateway, "subject": subject, "since": "now", "onFailure": "deny", "error": f"of {subject}"}
    return {"manager": "authz", "hook": "VirtualHost", "failed": [failure]}


def page(name: str, *messages: str, unread: str = "") -> ObjectsPage:
    """Return what is said of one object."""
    source = {"file": f"{name}.yaml", "line": 1}
    problems = [{"severity": "error", "message": message, "source": source} for message in messages]
    item: dict[str, object] = {
        "kind": "HTTPRoute",
        "metadata": {"namespace": "default", "name": name},
        "source": source,
        "problems": problems,
        "status": {},
    }
    unknown: dict[str, object] = {"severity": "error", "message": unread, "source": source}
    return ObjectsPage((item,), (unknown,) if unread else ())


def test_what_is_served_needs_no_reason() -> None:
    """Nobody is asked for any."""
    assert keys_on_the_way(FINE) == []
    assert reasons(FINE, "shop.test", [failing("default/web/http/shop_test")], ()) == []


def test_the_hook_of_the_host_comes_first() -> None:
    """A denied virtual host is not there under its own name; hooks of other hosts and Gateways are not meant."""
    hooks = [
        failing("default/web/http/other_test"),
        failing("default/web/http/shop_test", "default/other"),
        failing("default/web/http/shop_test"),
    ]
    (told,) = reasons(DENIED, "shop.test", hooks, [page("shop", "bad")])
    assert told.endswith("of default/web/http/shop_test")


def test_the_route_comes_before_its_gateway() -> None:
    """And both before hooks that fail on something else."""
    assert [key.kind for key in keys_on_the_way(DENIED)] == ["HTTPRoute", "Gateway"]
    other = failing("default/web/http/other_test")
    pages = [page("shop", "no such Service"), page("web", "no such Secret")]
    assert reasons(DENIED, "shop.test", [other], pages) == ["error at shop.yaml:1: no such Service"]
    assert reasons(DENIED, "shop.test", [other], [page("shop"), pages[1]]) == ["error at web.yaml:1: no such Secret"]
    (told,) = reasons(DENIED, "shop.test", [other], [page("shop"), page("web")])
    assert told.endswith("of default/web/http/other_test")


def test_what_nobody_takes_may_stand_in_a_document_that_is_not_read() -> None:
    """So those are told of."""
    assert reasons(LOST, "shop.test", [], [page("web", unread="is no YAML")]) == ["error at web.yaml:1: is no YAML"]
