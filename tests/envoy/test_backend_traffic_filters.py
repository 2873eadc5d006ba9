"""What BackendTrafficPolicies ask of requests and answers, on a real Envoy: limits, faults, sizes, other answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_access import on
from tests.envoy.traffic_backend import TrafficBackend
from tests.envoy.traffic_shop import ROUTE, TrafficShop, start_shop
from tests.envoy.workspace import Workspace

pytestmark = pytest.mark.envoy


@pytest.fixture
def backend() -> Iterator[TrafficBackend]:
    """The backend of the shop."""
    with TrafficBackend() as running:
        yield running


@pytest.fixture
def shop(
    workspace: Workspace, backend: TrafficBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> TrafficShop:
    """A shop without any policy."""
    return start_shop(workspace, backend.port, make_daemon, start_envoy)


def limit(requests: int, *selectors: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a rule of a rate limit."""
    found = {"limit": {"requests": requests, "unit": "Hour"}, **more}
    return {**found, "clientSelectors": list(selectors)} if selectors else found


def limit_by(shop: TrafficShop, *rules: dict[str, Any], target: dict[str, str] | None = None) -> None:
    """Have the shop limit its requests, and wait until it says how many are left, at the other route."""
    sentinel = limit(1_000_000, {"headers": [{"name": "x-wait", "type": "Distinct"}]})
    shop.policy(target, rateLimit={"local": {"rules": [*rules, sentinel]}})
    shop.until(lambda: "x-ratelimit-limit" in shop.ask("/apart", x_wait="yes").headers, "limits")


def header(name: str, **more: Any) -> dict[str, Any]:
    """Return a selector by a header."""
    return {"headers": [{"name": name, **more}]}


LIMITS: dict[str, tuple[dict[str, Any], tuple[str, dict[str, str]], tuple[str, dict[str, str]]]] = {
    "a header": (header("x-user", value="one"), ("/", {"x_user": "one"}), ("/", {"x_user": "two"})),
    "a pattern": (
        header("x-user", type="RegularExpression", value="o.*"),
        ("/", {"x_user": "one"}),
        ("/", {"x_user": "two"}),
    ),
    "another header": (
        header("x-user", value="one", invert=True),
        ("/", {"x_user": "two"}),
        ("/", {"x_user": "one"}),
    ),
    "each value": (header("x-user", type="Distinct"), ("/", {"x_user": "one"}), ("/", {"x_user": "two"})),
    "a path": ({"path": {"value": "/a"}}, ("/a/b?c", {}), ("/ab", {})),
    "one path": ({"path": {"type": "Exact", "value": "/a"}}, ("/a?b", {}), ("/a/b", {})),
    "a method": ({"methods": [{"value": "POST"}, {"value": "GET", "invert": True}]}, ("POST", {}), ("/", {})),
    "a parameter": (
        {"queryParams": [{"name": "q", "value": "a b"}]},
        ("/?x&q=a%20b", {}),
        ("/?q=ab", {}),
    ),
    "each parameter": ({"queryParams": [{"name": "q", "type": "Distinct"}]}, ("/?q=a", {}), ("/?q=b", {})),
    "an address": (
        {"sourceCIDR": {"value": "127.0.0.0/9"}, **header("x-user", value="one")},
        ("/", {"x_user": "one"}),
        ("/", {}),
    ),
}


@pytest.mark.parametrize("way", LIMITS)
def test_requests_are_limited_by(shop: TrafficShop, way: str) -> None:
    """The second that a rule is for is refused; those that it is not for go on, by the limit for the rest."""
    selector, (path, headers), (other, others) = LIMITS[way]
    limit_by(shop, limit(1, selector), limit(3))
    method, path = ("POST", "/") if path == "POST" else ("GET", path)
    assert [shop.send(method, path, **headers).status for _ in range(2)] == [200, 429]
    left = 1 if way.startswith("each") else 3
    assert shop.statuses(left + 1, other, **others) == [200] * left + [429]


def test_each_route_has_its_own_limit(shop: TrafficShop) -> None:
    """Also where the Gateway sets it; a request may count for several, and a rule in the shadow refuses nobody."""
    limit_by(shop, limit(2), limit(1, header("x-shadow", value="yes"), shadowMode=True))
    assert shop.statuses(3) == [200, 200, 429]
    assert shop.statuses(3, "/apart") == [200, 200, 429]
    assert shop.statuses(3, x_shadow="yes") == [200, 200, 200]
    cost = {"request": {"from": "Number", "number": 2}}
    limit_by(shop, limit(5, cost=cost), target=ROUTE)
    shop.until(lambda: shop.ask("/apart").status == 200, "the limit of the route")
    assert shop.statuses(3) == [200, 200, 429]


def test_a_limit_that_cannot_be_done_limits_nobody(shop: TrafficShop) -> None:
    """Limits of all Envoys together: an error, and the route goes on; what else the policy says is done."""
    abort = {"abort": {"httpStatus": 418}}
    shop.policy(rateLimit={"global": {"rules": [limit(1)]}}, faultInjection=abort)
    shop.until(lambda: shop.ask().status == 418, "418")
    (found,) = shop.daemon.api("objects", kind="BackendTrafficPolicy")["items"]
    assert "global limits are not served here yet" in json.dumps(found)


def test_faults_are_injected_where_they_are_asked_for(shop: TrafficShop) -> None:
    """A policy of a route replaces that of the Gateway; a rule's the route's."""
    shop.policy(faultInjection={"abort": {"httpStatus": 418}, "delay": {"fixedDelay": "1ms"}})
    shop.until(lambda: shop.ask().status == 418, "418")
    shop.policy(ROUTE, faultInjection={"abort": {"httpStatus": 503, "percentage": 0}})
    shop.until(lambda: shop.ask().status == 200, "200")
    shop.policy(on("HTTPRoute", "shop", "apart"), faultInjection={"abort": {"httpStatus": 504}})
    shop.until(lambda: shop.ask("/apart").status == 504, "504")
    assert shop.ask().status == 200


def test_large_requests_are_refused(shop: TrafficShop, backend: TrafficBackend) -> None:
    """And are not seen by the backend; smaller ones are."""
    shop.policy(requestBuffer={"limit": "1Ki"})
    shop.until(lambda: shop.send("POST", "/up", b"x" * 1025).status == 413, "413")
    backend.seen.clear()
    assert shop.send("POST", "/up", b"x" * 1025).status == 413
    assert shop.send("POST", "/down", b"x" * 1024).status == 200
    assert backend.seen == ["/down"]


@pytest.mark.parametrize("field", ["compression", "compressor"])
def test_answers_are_compressed(shop: TrafficShop, field: str) -> None:
    """As the client likes it, the first where it likes several; from the length on that is given."""
    kinds = (
        {"type": "Gzip", "gzip": {}, "minContentLength": 100},
        {"type": "Brotli", "brotli": {}},
        {"type": "Zstd", "zstd": {}},
    )
    shop.policy(None, **{field: list(kinds)})
    answer = shop.ask

    def encoding(size: int, accepted: str) -> str | None:
        return answer(f"/size/{size}", accept_encoding=accepted).headers.get("content-encoding")

    shop.until(lambda: encoding(2000, "br, gzip") == "gzip", "gzip")
    assert gzip.decompress(answer("/size/2000", accept_encoding="gzip").text.encode("latin-1")) == b"x" * 2000
    assert [encoding(2000, each) for each in ("br", "zstd", "", "gzip;q=0.1, br")] == ["br", "zstd", None, "br"]
    assert [encoding(size, "gzip") for size in (99, 100)] == [None, "gzip"]


_BODIES = (
    "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bodies}\ndata: {response.body: 'sorry, %RESPONSE_CODE%'}\n"
)


def _override(value: int, **response: Any) -> dict[str, Any]:
    return {"match": {"statusCodes": [{"value": value}]}, "response": response}


def test_answers_are_overridden(shop: TrafficShop) -> None:
    """Those of backends, and those of Envoy; with a body of its own or of a ConfigMap, by status and by header."""
    inline = {"type": "Inline", "inline": "nothing here"}
    headers = {"set": [{"name": "x-set", "value": "100%"}], "add": [{"name": "x-add", "value": "1"}]}
    ranged = {
        "match": {
            "statusCodes": [{"type": "Range", "range": {"start": 501, "end": 511}}],
            "responseHeaders": [{"name": "x-kind", "value": {"value": "own"}}],
        }
    }
    reference = {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": "bodies"}}
    shop.workspace.write("bodies.yaml", _BODIES)
    shop.policy(
        responseOverride=[
            _override(404, statusCode=200, contentType="text/html", body=inline, header=headers),
            {**ranged, "response": {"body": reference}},
            _override(429, statusCode=430),
        ],
        rateLimit={"local": {"rules": [limit(1, header("x-user", value="one"))]}},
    )
    shop.until(lambda: shop.ask("/status/404").status == 200, "200")
    found = shop.ask("/status/404")
    assert (found.text, found.headers["content-type"], found.headers["x-set"]) == ("nothing here", "text/html", "100%")
    assert [(each.status, each.text) for each in map(shop.ask, ("/status/500", "/status/503", "/status/511"))] == [
        (500, "status 500"),
        (503, "sorry, 503"),
        (511, "sorry, 511"),
    ]
    assert shop.statuses(2, x_user="one") == [200, 430]


def test_an_answer_is_taken_from_elsewhere(shop: TrafficShop, backend: TrafficBackend) -> None:
    """A redirect: Envoy itself asks for what stands in for it, and the client sees no more than that."""
    match = {"statusCodes": [{"value": 503}]}
    redirect = {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/apart/sorry"}, "statusCode": 302}
    shop.policy(responseOverride=[{"match": match, "redirect": redirect}])
    shop.until(lambda: shop.ask("/status/503").status == 302, "302")
    assert shop.ask("/status/503").text == "/apart/sorry"


def test_a_body_that_is_not_there_is_an_error_until_it_comes(shop: TrafficShop) -> None:
    """The route goes on without any override, and with them when the ConfigMap is there."""
    reference = {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": "bodies"}}
    shop.policy(responseOverride=[_override(404, body=reference)], faultInjection={"abort": {"httpStatus": 404}})
    shop.until(lambda: shop.ask().status == 404, "404")
    assert shop.ask().text == "fault filter abort"
    shop.workspace.write("bodies.yaml", _BODIES)
    shop.until(lambda: shop.ask().text == "sorry, 404", "the body")


def test_bodies_go_no_faster_than_is_asked(shop: TrafficShop) -> None:
    """The limit of a Gateway is one of each route; Envoy says what it held."""
    limit_of = {"limit": {"value": "1Ki", "unit": "Second"}}
    shop.policy(bandwidthLimit={"request": limit_of, "response": limit_of})

    def held(direction: str) -> int:
        assert shop.send("POST", "/size/1200", b"y" * 1200).text == "x" * 1200
        found = shop.envoy.stats(f"bandwidth_limit_{direction}")
        return sum(value for name, value in found.items() if name.endswith(f"{direction}_enforced"))

    shop.until(lambda: held("request") > 0, "requests that are held")
    assert held("response") > 0
