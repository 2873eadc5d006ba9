"""Redirects."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.resolve.resolved import ResolvedGateway
from tests.unit.translate.builders import at, gateway, listener, match, route, rule, secret
from tests.unit.translate.reading import only_route, translate


def _at(port: int, protocol: str, matched: str = "/old", /, **redirect: Any) -> ResolvedGateway:
    certificates = [secret("cert")] if protocol == "https" else []
    filters = [{"type": "RequestRedirect", "requestRedirect": redirect}]
    app = route("app", rule(matches=[match(matched)], filters=filters))
    return gateway(listener("web", at(app), port=port, certificates=certificates))


@pytest.mark.parametrize(
    ("port", "scheme", "redirect", "expected"),
    [
        (80, "http", {}, None),
        (8080, "http", {}, 8080),
        (443, "https", {}, None),
        (8443, "https", {}, 8443),
        (80, "http", {"scheme": "https"}, None),
        (8080, "http", {"scheme": "https"}, None),
        (8080, "http", {"scheme": "http"}, None),
        (443, "https", {"scheme": "http"}, None),
        (8443, "https", {"scheme": "http"}, None),
        (8443, "https", {"scheme": "https"}, None),
        (8080, "http", {"scheme": "https", "hostname": "new.example"}, None),
        (8080, "http", {"hostname": "new.example"}, 8080),
        (80, "http", {"port": 80}, None),
        (80, "http", {"port": 443}, 443),
        (80, "http", {"port": 8083}, 8083),
        (8080, "http", {"port": 80}, None),
        (443, "https", {"port": 80}, 80),
        (80, "http", {"port": 443, "scheme": "https"}, None),
        (443, "https", {"port": 443, "scheme": "http"}, 443),
        (8443, "https", {"port": 443}, None),
    ],
)
def test_port_of_the_location(port: int, scheme: str, redirect: dict[str, Any], expected: int | None) -> None:
    """It is the one given, else the scheme's, else the listener's, left out where it goes without saying."""
    assert only_route(_at(port, scheme, **redirect))["redirect"].get("port_redirect") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [(301, None), (302, "FOUND"), (303, "SEE_OTHER"), (307, "TEMPORARY_REDIRECT"), (308, "PERMANENT_REDIRECT")],
)
def test_status_code(code: int, expected: str | None) -> None:
    """Every code of the API is written; 301 is what Envoy takes an absent one for."""
    assert only_route(_at(80, "http", statusCode=code))["redirect"].get("response_code") == expected


def test_status_code_is_302_by_default() -> None:
    """The API's default is not Envoy's."""
    assert only_route(_at(80, "http", hostname="a.example"))["redirect"] == {
        "host_redirect": "a.example",
        "response_code": "FOUND",
    }


@pytest.mark.parametrize(
    ("matched", "kind", "value", "expected"),
    [
        ("/old", "replaceFullPath", "/new", {"path_redirect": "/new"}),
        ("/old", "replaceFullPath", "", {"path_redirect": "/"}),
        ("/old", "replacePrefixMatch", "/new", {"prefix_rewrite": "/new"}),
        ("/old", "replacePrefixMatch", "/new/", {"prefix_rewrite": "/new"}),
        ("/", "replacePrefixMatch", "/new", {"prefix_rewrite": "/new/"}),
        ("/", "replacePrefixMatch", "/", {}),
        (
            "/old/est/",
            "replacePrefixMatch",
            "/",
            {"regex_rewrite": {"pattern": {"regex": "^(?:/[^/]+){2}/*"}, "substitution": "/"}},
        ),
    ],
)
def test_path_of_the_location(matched: str, kind: str, value: str, expected: dict[str, Any]) -> None:
    """A prefix is replaced without a doubled or missing slash."""
    type_ = "ReplaceFullPath" if kind == "replaceFullPath" else "ReplacePrefixMatch"
    found = only_route(_at(80, "http", matched, path={"type": type_, kind: value}))["redirect"]
    assert {key: value for key, value in found.items() if key != "response_code"} == expected


def test_redirect_needs_no_cluster() -> None:
    """A rule that only redirects has no cluster and no endpoints."""
    translation = translate(_at(80, "http", hostname="a.example"))
    assert (len(translation.clusters), len(translation.endpoints)) == (0, 0)


def test_refused_rule_does_not_redirect() -> None:
    """Where an ExtensionRef names nothing, the rule answers 500, whatever else it says."""
    filters = [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]
    app = route("app", rule(refusal="no such Auth", filters=filters))
    found = only_route(gateway(listener("web", at(app))))
    assert found["direct_response"] == {"status": 500}
    assert "redirect" not in found
