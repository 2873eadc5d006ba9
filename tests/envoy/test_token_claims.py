"""What tokens say, and who gets in by it, on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_security_policy import GATEWAY, HOST, OTHER, SHOP, Shop, security_policy
from tests.envoy.token_issuer import KeyServer, bearer, key_set
from tests.envoy.tokens import open_shop, provider, tokens, written
from tests.envoy.workspace import Workspace

pytestmark = pytest.mark.envoy


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """A server with the key of `first`."""
    with KeyServer() as running:
        yield running


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """Two hosts that everybody may enter."""
    return open_shop(workspace, backend, make_daemon, start_envoy)


CLAIMS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "a text": ({"claims": [{"name": "sub", "values": ["bob", "ann"]}]}, {}, 200),
    "another text": ({"claims": [{"name": "sub", "values": ["bob"]}]}, {}, 403),
    "one within another": ({"claims": [{"name": "plan.group", "values": ["gold"]}]}, {"plan": {"group": "gold"}}, 200),
    "one entry of a list": (
        {"claims": [{"name": "roles", "valueType": "StringArray", "values": ["admin", "root"]}]},
        {"roles": ["user", "root"]},
        200,
    ),
    "no entry of a list": (
        {"claims": [{"name": "roles", "valueType": "StringArray", "values": ["admin"]}]},
        {"roles": ["user"]},
        403,
    ),
    "a text where a list is asked for": (
        {"claims": [{"name": "roles", "valueType": "StringArray", "values": ["admin"]}]},
        {"roles": "admin"},
        403,
    ),
    "all scopes": ({"scopes": ["read", "write"]}, {"scope": "write list read"}, 200),
    "all scopes in a list": ({"scopes": ["read", "write"]}, {"scp": ["read", "write"]}, 200),
    "not all scopes": ({"scopes": ["read", "write"]}, {"scope": "read"}, 403),
    "a part of a scope": ({"scopes": ["read"]}, {"scope": "readall"}, 403),
    "not all of both": (
        {"scopes": ["read"], "claims": [{"name": "sub", "values": ["bob"]}]},
        {"scope": "read"},
        403,
    ),
}


def test_what_a_token_says_decides(shop: Shop, keys: KeyServer) -> None:
    """By the first rule that holds; a token of another provider says nothing."""
    second = {**written(key_set("second"), "second"), "issuer": "https://second.test"}
    for name, (said, claims, status) in CLAIMS.items():
        for action, default in ("Allow", "Deny"), ("Deny", "Allow"):
            rule = {"name": name, "action": action, "principal": {"jwt": {"provider": "issuer", **said}}}
            authorization = {"rules": [rule], "defaultAction": default}
            shop.workspace.write(
                "policy.yaml",
                security_policy(
                    "guard", SHOP, jwt={"providers": [provider(keys), second]}, authorization=authorization
                ),
            )
            shop.wait({f"{HOST}/": status if action == "Allow" else 603 - status}, bearer(**claims))
            other = bearer(issuer="https://second.test", key="second", **claims)
            shop.wait({f"{HOST}/": 403 if action == "Allow" else 200}, other)
            shop.wait({f"{HOST}/": 401})


def test_rules_about_tokens_are_merged_over_the_policy_that_asks_for_them(shop: Shop, keys: KeyServer) -> None:
    """The Gateway's says whose tokens count, and a route's what they are to say."""
    shop.workspace.write("policy.yaml", tokens("guard", GATEWAY, provider(keys)))
    rule = {"action": "Allow", "principal": {"jwt": {"provider": "issuer", "scopes": ["read"]}}}
    inner = security_policy("inner", SHOP, mergeType="StrategicMerge", authorization={"rules": [rule]})
    shop.workspace.write("inner.yaml", inner)
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 401})
    shop.wait({f"{HOST}/": 403, f"{OTHER}/": 200}, bearer())
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200}, bearer(scope="read"))
    shop.workspace.delete("policy.yaml")
    shop.wait({f"{HOST}/": 403, f"{OTHER}/": 200}, bearer(scope="read"))
