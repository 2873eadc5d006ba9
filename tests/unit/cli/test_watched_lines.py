"""Events as lines for people."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.cli.watched_lines import lines_of

PLACE = {"file": "routes/shop.yaml", "line": 4}
NONE = {"added": 0, "changed": 0, "removed": 0, "items": [], "omitted": 0}
ROUTE = {"change": "changed", "kind": "HTTPRoute", "namespace": "shop", "name": "cart", "source": PLACE}
RESOURCE = {"change": "changed", "type": "route", "name": "shop/web/http", "version": "v"}
FAILURE = {"manager": "authz", "hook": "Route", "subject": "x", "reason": "deadline", "onFailure": "deny"}
PROBLEM = {"severity": "error", "object": "HTTPRoute shop/cart", "message": "no", "source": PLACE}
CHANGE = {
    "event": "change",
    "gateway": "shop/web",
    "generation": 7,
    "outcome": "accepted",
    "files": ["routes/shop.yaml"],
    "objects": {**NONE, "changed": 1, "items": [ROUTE]},
    "resources": {**NONE, "changed": 1, "items": [RESOURCE]},
    "readMs": 3.0,
    "publishedMs": 5.5,
}
EDIT = "routes/shop.yaml → HTTPRoute shop/cart changed (routes/shop.yaml:4)"

CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an edit": (
        CHANGE,
        [f"generation 7 of shop/web after 5.5 ms: {EDIT} → route shop/web/http changed"],
    ),
    "hooks alone": (
        {**CHANGE, "outcome": "denied", "files": [], "objects": NONE, "publishedMs": None},
        ["generation 7 of shop/web, denied: route shop/web/http changed"],
    ),
    "nothing is served otherwise": (
        {**CHANGE, "generation": None, "gateway": "", "resources": NONE},
        [f"{EDIT} (nothing that Envoys are served changes)"],
    ),
    "many objects": (
        {**CHANGE, "files": [], "resources": NONE, "objects": {**NONE, "changed": 99, "items": [ROUTE] * 20}},
        [
            "generation 7 of shop/web after 5.5 ms: "
            + ", ".join(["HTTPRoute shop/cart changed (routes/shop.yaml:4)"] * 3)
            + " and 96 more"
        ],
    ),
    "a name of a stranger": (
        {"event": "envoys", "connected": ["a\x1b]0;b\n"], "connectedCount": 1, "left": [], "leftCount": 0, "total": 2},
        ["connected: a\x1b]0;b\n (2 are connected)"],
    ),
    "taken": (
        {
            "event": "taken",
            "gateway": "shop/web",
            "generation": 7,
            "slowestMs": 12.5,
            "count": 2,
            "items": [{"node": "one", "ms": 10.0}, {"node": "two", "ms": 12.5}],
            "omitted": 0,
        },
        ["  taken by one after 10 ms, two after 12.5 ms: generation 7 of shop/web"],
    ),
    "refused": (
        {
            "event": "refused",
            "begun": [{"node": "one", "type": "listener", "name": "l", "error": "cannot bind", "sources": [PLACE]}],
            "begunCount": 3,
            "over": [{"node": "two", "type": "route", "name": "r", "error": "was bad"}],
            "overCount": 1,
        },
        [
            "  one refuses listener l (routes/shop.yaml:4): cannot bind",
            "  and 2 more refused",
            "  two refuses route r no more",
        ],
    ),
    "a hook that fails": (
        {
            "event": "hooks",
            "gateway": "shop/web",
            "before": "accepted",
            "outcome": "denied",
            "begun": [{**FAILURE, "error": "late", "sources": [PLACE]}],
            "begunCount": 1,
            "over": [],
            "overCount": 0,
            "failing": 1,
        },
        [
            "hooks of shop/web: denied, before: accepted",
            "  Route hook of authz on x fails (deny) (routes/shop.yaml:4): late",
        ],
    ),
    "problems": (
        {"event": "problems", "appeared": [PROBLEM], "appearedCount": 1, "solved": [PROBLEM], "solvedCount": 1},
        [
            "error routes/shop.yaml:4: HTTPRoute shop/cart: no",
            "solved routes/shop.yaml:4: HTTPRoute shop/cart: no",
        ],
    ),
    "what a newer daemon says": ({"event": "of tomorrow"}, []),
    "the first of all": ({"event": "hello", "version": "1"}, []),
}


@pytest.mark.parametrize(("event", "expected"), CASES.values(), ids=CASES)
def test_lines(event: dict[str, Any], expected: list[str]) -> None:
    """Each says who, what, where; the time stands before it."""
    lines = list(lines_of({**event, "time": "2026-01-01T00:00:00.500+00:00"}))
    assert [line[14:] for line in lines] == expected
    assert all(line[:14].endswith(".500  ") for line in lines)
