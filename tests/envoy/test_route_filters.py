"""What HTTPRouteFilters do to the requests of a rule, on a real Envoy, and what becomes of them when one cannot."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.client import Answer, http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

HOST = "shop.test"


def filter_object(name: str, **spec: Any) -> str:
    """Return an HTTPRouteFilter."""
    head = f"---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: HTTPRouteFilter\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {json.dumps(spec)}\n"


def reference(name: str) -> dict[str, Any]:
    """Return the filter of a rule that names one."""
    return {
        "type": "ExtensionRef",
        "extensionRef": {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter", "name": name},
    }


def values(kind: str, name: str, **data: str) -> str:
    """Return a ConfigMap, or a Secret, with texts."""
    field = "data" if kind == "ConfigMap" else "stringData"
    return f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{field}: {json.dumps(data)}\n"


def rule(path: str, *filters: dict[str, Any], backend: str = "echo") -> dict[str, Any]:
    """Return a rule for the paths below one."""
    return {
        "matches": [{"path": {"value": path}}],
        "filters": list(filters),
        "backendRefs": [manifests.backend_ref(backend)],
    }


def regex(pattern: str, substitution: str) -> dict[str, Any]:
    """Return a urlRewrite of the path."""
    replaced = {"pattern": pattern, "substitution": substitution}
    return {"path": {"type": "ReplaceRegexMatch", "replaceRegexMatch": replaced}}


class Shop(Stack):
    """One host, whose rules are written by each test."""

    def rules(self, *rules: dict[str, Any]) -> None:
        """Have the host served by some rules, and by one for everything else."""
        everything = {"backendRefs": [manifests.backend_ref("echo")]}
        self.workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=[*rules, everything]))

    def ask(self, path: str, **headers: str) -> Answer:
        """Send a request."""
        return http_get(self.port, HOST, path, headers={name.replace("_", "-"): each for name, each in headers.items()})

    def wait(self, path: str, expected: Callable[[Answer], object], **headers: str) -> Answer:
        """Wait until what comes back is as expected, and return it."""

        def answers() -> Answer:
            found = self.ask(path, **headers)
            assert expected(found), found
            return found

        return wait_for(answers, f"the answer to {path}")


def path_is(path: str) -> Callable[[Answer], object]:
    """Return a check for the path that reached the backend."""
    return lambda answer: answer.status == 200 and answer.json["path"] == path


def header_is(name: str, value: str | None) -> Callable[[Answer], object]:
    """Return a check for a header that reached the backend."""
    return lambda answer: answer.status == 200 and answer.json["headers"].get(name) == value


def status_is(status: int) -> Callable[[Answer], object]:
    """Return a check for the status of an answer."""
    return lambda answer: answer.status == status


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """A host that an echo serves."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    fqdn = {"endpoints": [{"fqdn": {"hostname": "localhost", "port": backend.port}}]}
    workspace.write("named.yaml", manifests.backend_of("named", fqdn))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Shop(workspace, daemon, start_envoy(daemon), port)
    found.wait("/", status_is(200))
    return found


def test_a_path_is_rewritten_by_a_regular_expression(shop: Shop) -> None:
    r"""What groups fit comes back by `\1`, all that fits is replaced, and the query stays."""
    shop.workspace.write("swap.yaml", filter_object("swap", urlRewrite=regex("^/service/([^/]+)(/.*)$", r"\2/of/\1")))
    shop.workspace.write("each.yaml", filter_object("each", urlRewrite=regex("one", "two")))
    shop.rules(rule("/service", reference("swap")), rule("/xxx", reference("each")))
    shop.wait("/service/foo/v1/api?q=1", path_is("/v1/api/of/foo?q=1"))
    shop.wait("/xxx/one/yyy/one/zzz", path_is("/xxx/two/yyy/two/zzz"))
    shop.wait("/service/foo", path_is("/service/foo"))


def test_a_host_is_taken_from_a_header_the_backend_or_the_path(shop: Shop) -> None:
    """And a backend is told the one before, unless that is not wanted."""
    hosts = {
        "header": {"hostname": {"type": "Header", "header": "x-to"}},
        "quiet": {"hostname": {"type": "Header", "header": "x-to"}, "appendXForwardedHost": False},
        "backend": {"hostname": {"type": "Backend"}},
        "path": {
            "hostname": {
                "type": "PathRegex",
                "pathRegex": {"pattern": "^/path/([a-z0-9]+).*$", "substitution": r"node-\1.test"},
            }
        },
    }
    for name, rewrite in hosts.items():
        shop.workspace.write(f"{name}.yaml", filter_object(name, urlRewrite=rewrite))
    shop.rules(*(rule(f"/{name}", reference(name), backend="named") for name in hosts))
    shop.wait("/header", header_is("host", "to.test"), x_to="to.test")
    assert shop.ask("/header", x_to="to.test").json["headers"]["x-forwarded-host"] == HOST
    assert shop.ask("/header").json["headers"]["host"] == HOST
    assert "x-forwarded-host" not in shop.ask("/quiet", x_to="to.test").json["headers"]
    assert shop.ask("/backend").json["headers"]["host"] == "localhost"
    assert shop.ask("/path/7/x?q=1").json["headers"]["host"] == "node-7.test"


def test_an_answer_is_given_in_the_place_of_a_backend(shop: Shop) -> None:
    """With its status, body, type and headers; a percent sign that starts nothing stands for itself."""
    answers: dict[str, dict[str, Any]] = {
        "plain": {"body": {"type": "Inline", "inline": "closed"}, "statusCode": 503, "contentType": "text/plain"},
        "json": {
            "body": {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": "page"}},
            "contentType": "application/json",
            "header": {"set": [{"name": "x-by", "value": "gateway"}], "add": [{"name": "x-more", "value": "one"}]},
        },
        "operators": {"body": {"inline": "100% of %REQ(x-who)%"}},
        "long": {"body": {"inline": "x%y" * 20_000}},
        "empty": {"statusCode": 204},
    }
    for name, answer in answers.items():
        shop.workspace.write(f"{name}.yaml", filter_object(name, directResponse=answer))
    shop.workspace.write("page.yaml", values("ConfigMap", "page", **{"response.body": '{"open": false}', "a": "b"}))
    shop.rules(*(rule(f"/{name}", reference(name)) for name in answers))
    plain = shop.wait("/plain", status_is(503))
    assert (plain.text, plain.headers["content-type"]) == ("closed", "text/plain")
    of_map = shop.ask("/json")
    assert (of_map.status, of_map.json) == (200, {"open": False})
    assert of_map.headers["content-type"] == "application/json"
    assert (of_map.headers["x-by"], of_map.headers["x-more"]) == ("gateway", "one")
    assert shop.ask("/operators", x_who="ann").text == "100% of ann"
    assert shop.ask("/long").text == "x%y" * 20_000
    assert shop.ask("/empty").status == 204
    shop.workspace.write("page.yaml", values("ConfigMap", "page", only='{"open": true}'))
    shop.wait("/json", lambda answer: answer.text == '{"open": true}')
    shop.workspace.delete("page.yaml")
    shop.wait("/json", status_is(500))
    shop.workspace.write("page.yaml", values("ConfigMap", "page", only="back"))
    shop.wait("/json", lambda answer: answer.text == "back")


def test_a_credential_is_added_and_another_one_is_sent_without_a_reload(shop: Shop) -> None:
    """Where its Secret goes, nothing passes; it is back by itself, and nobody is shown it."""
    first, second = (f"Bearer {secrets.token_hex(16)}" for _ in range(2))
    injected = {"credential": {"valueRef": {"name": "token"}}}
    shop.workspace.write("token.yaml", values("Secret", "token", credential=first))
    shop.workspace.write("polite.yaml", filter_object("polite", credentialInjection=injected))
    other = {**injected, "header": "x-key", "overwrite": True}
    shop.workspace.write("over.yaml", filter_object("over", credentialInjection=other))
    shop.rules(rule("/polite", reference("polite")), rule("/over", reference("over")))
    shop.wait("/polite", header_is("authorization", first))
    shop.wait("/over", header_is("x-key", first), x_key="mine")
    shop.wait("/polite", header_is("authorization", "Basic mine"), authorization="Basic mine")
    assert "authorization" not in shop.ask("/").json["headers"]
    drained = shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"]
    routes = shop.envoy.stats("rds")
    shop.workspace.write("token.yaml", values("Secret", "token", credential=second))
    shop.wait("/polite", header_is("authorization", second))
    shop.wait("/over", header_is("x-key", second))
    assert shop.envoy.stats("rds") == routes
    assert shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"] == drained
    shop.workspace.delete("token.yaml")
    shop.wait("/polite", status_is(500))
    shop.wait("/over", status_is(500), x_key="mine")
    assert shop.ask("/").status == 200
    shop.workspace.write("token.yaml", values("Secret", "token", credential=first))
    shop.wait("/polite", header_is("authorization", first))
    for secret in (first, second):
        word = secret.removeprefix("Bearer ")
        assert word not in shop.envoy.admin("/config_dump?include_eds").text
        assert word not in shop.daemon.admin("/api/v1/config_dump").text
        assert word not in shop.daemon.log


def test_a_rule_may_ask_for_cookies_beside_its_own_matches(shop: Shop) -> None:
    """One list of the filter must be there in full; who has none of them goes to the rule behind."""
    lists = [
        {
            "cookies": [
                {"name": "canary", "value": "yes"},
                {"name": "version", "type": "RegularExpression", "value": "v[0-9]+"},
            ]
        },
        {"cookies": [{"name": "staff", "value": "a.b"}]},
    ]
    answer = {"statusCode": 202}
    shop.workspace.write("canary.yaml", filter_object("canary", matches=lists, directResponse=answer))
    shop.rules({"filters": [reference("canary")]})
    asked = {
        "canary=yes; version=v12": 202,
        "a=b; version=v1;canary=yes": 202,
        'x="y"; staff="a.b"': 202,
        "canary=yes": 200,
        "canary=yes; version=w": 200,
        "canary=yes; xversion=v1": 200,
        "staff=aXb": 200,
        "": 200,
    }
    shop.wait("/", status_is(202), cookie="staff=a.b")
    assert {cookie: shop.ask("/", cookie=cookie).status for cookie in asked} == asked


def test_a_backend_may_be_given_a_credential_of_its_own(shop: Shop) -> None:
    """The other backends of the rule are not; where its Secret is gone, its share answers 500."""
    token = f"Bearer {secrets.token_hex(16)}"
    shop.workspace.write("token.yaml", values("Secret", "token", credential=token))
    injected = {"credential": {"valueRef": {"name": "token"}}}
    shop.workspace.write("polite.yaml", filter_object("polite", credentialInjection=injected))
    given = {**manifests.backend_ref("echo"), "filters": [reference("polite")]}
    shop.rules({"backendRefs": [given, manifests.backend_ref("named")]})

    def seen() -> set[tuple[int, str | None]]:
        found = [shop.ask("/") for _ in range(40)]
        return {
            (each.status, each.json["headers"].get("authorization") if each.status == 200 else None) for each in found
        }

    wait_for(lambda: seen() == {(200, token), (200, None)}, "both backends")
    shop.workspace.delete("token.yaml")
    wait_for(lambda: seen() == {(500, None), (200, None)}, "the share of one to be refused")
