"""One page about everything: what is wrong stands first, and makes the command exit with 1."""

from __future__ import annotations

from typing import Any

from egxds.inspect.backend_reach import reach
from egxds.inspect.conditions import conditions, is_trouble
from egxds.inspect.kind_names import find_kind, unknown_kind
from egxds.inspect.objects import ObjectsPage
from egxds.inspect.overview import AboutStore, listed, overview

KINDS = ("Gateway", "GatewayClass", "HTTPRoute", "BackendTLSPolicy", "Service")
HERE = {"file": "routes/shop.yaml", "line": 3}


def condition(name: str, status: str, message: str = "as it should be") -> dict[str, Any]:
    """Return a condition."""
    return {"type": name, "status": status, "reason": "Reason", "message": message}


def item(kind: str, name: str, *found: dict[str, Any], problems: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Return an object with conditions, as the admin API shows it."""
    metadata = {"namespace": "default", "name": name, "generation": 1}
    parent = {"parentRef": {"name": "web", "sectionName": "http"}, "conditions": list(found)}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "source": HERE,
        "status": {"parents": [parent]},
        "problems": list(problems),
    }


GOOD = item("HTTPRoute", "good", condition("Accepted", "True"), condition("Conflicted", "False"))
BAD = item("HTTPRoute", "bad", condition("Accepted", "True"), condition("ResolvedRefs", "False", "no Service"))
DOUBTED = item("HTTPRoute", "doubted", problems=({"severity": "warning", "message": "hm", "source": HERE},))
TWICE = item(
    "HTTPRoute",
    "twice",
    condition("ResolvedRefs", "False", "no Service x"),
    problems=({"severity": "error", "message": "no Service x", "source": HERE},),
)
UNASKED = reach((), {}, lambda _: None)
HOOK: dict[str, Any] = {
    "manager": "authz",
    "hook": "Route",
    "state": "healthy",
    "onFailure": "deny",
    "failedCount": 0,
    "loadError": "",
    "lastError": "a week ago",
    "failed": [],
}
ENVOY: dict[str, Any] = {
    "id": "envoy-1",
    "peer": "127.0.0.1:5",
    "gateways": ["default/web"],
    "canary": False,
    "connectedSince": "2026-01-01T00:00:00+00:00",
    "types": [{"type": "listener", "state": "SYNCED", "refused": [], "lastError": ""}],
}


def test_nothing_is_wrong() -> None:
    """Warnings are shown, and are not wrong; nor is an error that a hook had a week ago."""
    found: Any = overview(ObjectsPage((GOOD, DOUBTED)), [HOOK], [ENVOY], UNASKED)
    assert found["ok"]
    assert [each["severity"] for each in found["troubles"]] == ["warning"]
    assert found["kinds"] == [{"kind": "HTTPRoute", "count": 2, "wrong": 0, "warnings": 1}]


def test_what_is_known_of_a_store_is_handed_on() -> None:
    """As it is."""
    store = AboutStore({"kind": "etcd"}, {"self": "a"}, {"generation": 3})
    found: Any = overview(ObjectsPage(()), [], [], UNASKED, store)
    assert (found["source"], found["fleet"], found["canary"]) == (store.source, store.fleet, store.canary)


def test_what_is_wrong_stands_first() -> None:
    """Objects, documents, hooks and Envoys, each with its place; and warnings behind."""
    refused = {"name": "default/web/http", "error": "cannot bind", "sources": [HERE]}
    types = [{"type": "listener", "state": "NACKED", "refused": [refused], "lastError": "cannot bind"}]
    problem: dict[str, object] = {
        "severity": "error",
        "message": "is no YAML",
        "source": {"file": "broken.yaml", "line": 7},
    }
    page = ObjectsPage((DOUBTED, BAD, GOOD), (problem,))
    found: Any = overview(
        page, [{**HOOK, "state": "failing", "lastError": "no connection"}], [{**ENVOY, "types": types}], UNASKED
    )
    assert not found["ok"]
    told = [(each["severity"], each["about"], each["text"], each["source"]) for each in found["troubles"]]
    assert told == [
        ("error", "", "is no YAML", {"file": "broken.yaml", "line": 7}),
        ("error", "HTTPRoute default/bad", "ResolvedRefs of Gateway web/http is False (Reason): no Service", HERE),
        ("error", "Route hook of extension authz", "no connection", None),
        ("error", "Envoy envoy-1", "refuses default/web/http: cannot bind", HERE),
        ("warning", "HTTPRoute default/doubted", "hm", HERE),
    ]


def test_what_a_problem_says_no_condition_says_again() -> None:
    """Once is enough, and the problem has the line."""
    found: Any = listed(ObjectsPage((GOOD, TWICE)), UNASKED)
    assert [(each["name"], each["state"], len(each["troubles"])) for each in found["objects"]] == [
        ("twice", "wrong", 1),
        ("good", "ok", 0),
    ]


def test_long_lists_are_cut() -> None:
    """A page is a page."""
    found: Any = overview(ObjectsPage((BAD,) * 500), [], [], UNASKED)
    assert (len(found["troubles"]), found["troubleCount"]) == (50, 500)


def test_some_conditions_are_bad_when_they_hold() -> None:
    """Gateway API has both kinds."""
    assert [
        is_trouble(condition(name, status)) for name in ("Accepted", "Conflicted") for status in ("True", "False")
    ] == [
        False,
        True,
        True,
        False,
    ]
    assert [where for where, _ in conditions(BAD["status"])] == ["Gateway web/http", "Gateway web/http"]


def test_kinds_as_people_type_them() -> None:
    """In any case, and in the plural."""
    typed = ("gateway", "GATEWAYS", "HTTPRoute", "httproutes", "gatewayclasses", "backendtlspolicies", "services")
    assert [find_kind(each, KINDS) for each in typed] == [
        *("Gateway", "Gateway", "HTTPRoute", "HTTPRoute", "GatewayClass", "BackendTLSPolicy", "Service"),
    ]
    assert find_kind("httpruote", KINDS) is None
    assert "did you mean HTTPRoute?" in unknown_kind("httpruote", KINDS)
    assert "there are: BackendTLSPolicy, Gateway" in unknown_kind("x", KINDS)
