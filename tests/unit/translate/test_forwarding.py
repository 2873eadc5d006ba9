"""What happens to a request on its way to the backends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.translate.builders import backend, match, rule, serve
from tests.unit.translate.reading import only_route

RULE = "httproute/default/app/rule/0"
STRIP = {"regex_rewrite": {"pattern": {"regex": "^(?:/[^/]+){1}/*"}, "substitution": "/"}}


def _action(**content: Any) -> dict[str, Any]:
    action: dict[str, Any] = only_route(serve(rule(backend("10.0.0.1"), **content)))["route"]
    return action


def test_plain_rule_forwards_and_lets_websockets_through() -> None:
    """A rule without filters names its cluster, allows WebSockets, and leaves the rest to Envoy."""
    assert _action() == {"cluster": RULE, "upgrade_configs": [{"upgrade_type": "websocket"}]}


@pytest.mark.parametrize(
    ("timeouts", "timeout", "idle"),
    [
        ({}, None, None),
        ({"request": "10s"}, "10s", "3600s"),
        ({"request": "500ms"}, "0.500s", "3600s"),
        ({"backendRequest": "2s"}, "2s", "3600s"),
        ({"request": "10s", "backendRequest": "2s"}, "2s", "3600s"),
        ({"request": "0s"}, "0s", "0s"),
        ({"request": "0s", "backendRequest": "2s"}, "2s", "3600s"),
        ({"request": "10s", "backendRequest": "0s"}, "10s", "3600s"),
        ({"request": "2h"}, "7200s", "7200s"),
    ],
)
def test_timeouts(timeouts: dict[str, str], timeout: str | None, idle: str | None) -> None:
    """The smaller one counts, 0 is none, and silence does not end a stream before its timeout does."""
    action = _action(timeouts=timeouts)
    assert (action.get("timeout"), action.get("idle_timeout")) == (timeout, idle)


@pytest.mark.parametrize(
    ("matched", "replacement", "expected"),
    [
        ("/foo", "/xyz", {"prefix_rewrite": "/xyz"}),
        ("/foo/", "/xyz/", {"prefix_rewrite": "/xyz"}),
        ("/foo", "xyz", {"prefix_rewrite": "/xyz"}),
        ("/", "/xyz", {"prefix_rewrite": "/xyz/"}),
        ("/foo", "/", STRIP),
        ("/foo/", "", STRIP),
        ("/", "/", {}),
        ("/", "", {}),
    ],
)
def test_prefix_rewrite(matched: str, replacement: str, expected: dict[str, Any]) -> None:
    """The table of Gateway API's replacePrefixMatch: never a doubled slash, never a missing one."""
    change = {"type": "ReplacePrefixMatch", "replacePrefixMatch": replacement}
    action = _action(matches=[match(matched)], filters=[{"type": "URLRewrite", "urlRewrite": {"path": change}}])
    assert {key: action[key] for key in ("prefix_rewrite", "regex_rewrite") if key in action} == expected


@pytest.mark.parametrize(("path", "substitution"), [("/new", "/new"), ("", "/"), (r"/a\1", r"/a\\1")])
def test_full_path_rewrite(path: str, substitution: str) -> None:
    """The whole path is replaced, literally."""
    change = {"type": "ReplaceFullPath", "replaceFullPath": path}
    action = _action(filters=[{"type": "URLRewrite", "urlRewrite": {"path": change}}])
    assert action["regex_rewrite"] == {"pattern": {"regex": "^/.*$"}, "substitution": substitution}


def test_hostname_rewrite() -> None:
    """The backend sees the new host, and the old one beside it."""
    action = _action(filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "new.example"}}])
    assert (action["host_rewrite_literal"], action["append_x_forwarded_host"]) == ("new.example", True)
