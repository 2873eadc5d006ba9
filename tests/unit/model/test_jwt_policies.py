"""jwt of SecurityPolicies: what it comes to, what cannot be done, and what nobody is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from egxds.model.api.object import ENVOY_GATEWAY_GROUP
from egxds.model.resolve.features.authorization import NamedRules
from egxds.model.resolve.features.fetched_keys import FetchedKeys
from egxds.model.resolve.features.jwt import TokenRequirement, WrittenKeys
from egxds.model.resolve.features.policy_servers import Retries
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolve.upstreams import SocketAddress, SystemAuthorities
from tests.unit.model.test_security_policies import CART, GATEWAY, ROUTE, at_rules, secure
from tests.unit.model.test_unserved_policies import EVERYTHING, closed
from tests.unit.model.texts import backend, endpoint_slice, of, service
from tests.unit.model.told import problems
from tests.unit.model.worlds import World, resolve

SYMMETRIC = {"kty": "oct", "k": "c2Vla3JpdA"}
SECRET = SYMMETRIC["k"]
IP = "[{ip: {address: 10.0.0.1, port: 8080}}]"
URI = "https://issuer.example.com/keys"


def provider(name: str = "a", **more: Any) -> dict[str, Any]:
    """Return a provider, with keys of a server unless it says others."""
    return {"name": name, "remoteJWKS": {"uri": URI}, **more} if "localJWKS" not in more else {"name": name, **more}


def asked(resolution: Resolution) -> list[TokenRequirement | None]:
    """Return what is asked of tokens at the rules of the route."""
    found = [each.settings.get("jwt") if each is not None else None for each in at_rules(resolution)]
    return [each if isinstance(each, TokenRequirement) else None for each in found]


def only(**jwt: Any) -> TokenRequirement:
    """Return what a policy of the Gateway asks."""
    (first, _) = asked(resolve(*EVERYTHING, secure(GATEWAY, jwt=jwt)))
    assert first is not None
    return first


FETCHED: dict[str, tuple[str, str, SocketAddress, str | None]] = {
    "https": (URI, "issuer_example_com_443", SocketAddress("issuer.example.com", 443, is_hostname=True), "issuer"),
    "a port": ("https://a.b:8443/", "a_b_8443", SocketAddress("a.b", 8443, is_hostname=True), "a.b"),
    "http": ("http://a.b/keys", "a_b_80/http", SocketAddress("a.b", 80, is_hostname=True), None),
    "an address": ("http://127.0.0.1:8080/", "127_0_0_1_8080/http", SocketAddress("127.0.0.1", 8080), None),
    "an address of six": ("http://[::1]:8080/", "::1_8080/http", SocketAddress("::1", 8080), None),
}


@pytest.mark.parametrize(("uri", "cluster", "address", "tls"), FETCHED.values(), ids=FETCHED)
def test_the_server_of_keys_is_that_of_the_uri(uri: str, cluster: str, address: SocketAddress, tls: str | None) -> None:
    """Its cluster has Envoy Gateway's name; the certificate is to have the name in the URI."""
    (found,) = only(providers=[provider(remoteJWKS={"uri": uri})]).providers
    assert isinstance(found.keys, FetchedKeys)
    server = found.keys.server
    assert (server.cluster, server.addresses) == (cluster, (address,))
    assert (server.tls is None) == (tls is None)
    assert server.tls is None or server.tls.server_name.startswith(str(tls))


def test_how_often_keys_are_asked_for_is_as_the_policy_says() -> None:
    """Otherwise as Envoy Gateway has it."""
    (found,) = only(providers=[provider()]).providers
    assert isinstance(found.keys, FetchedKeys)
    assert (found.keys.cache_s, found.keys.timeout_s, found.keys.refetch_s, found.keys.retries) == (300, 10, 1, None)
    attempts = {"numRetries": 3, "perRetry": {"backOff": {"baseInterval": "1s", "maxInterval": "5s"}}}
    settings = {"retry": attempts, "timeout": {"http": {"requestTimeout": "5s"}}}
    remote = {"uri": URI, "cacheDuration": "1m", "failedRefetchDuration": "30s", "backendSettings": settings}
    (found,) = only(providers=[provider(remoteJWKS=remote)]).providers
    assert isinstance(found.keys, FetchedKeys)
    assert (found.keys.cache_s, found.keys.timeout_s, found.keys.refetch_s) == (60, 5, 30)
    assert found.keys.retries == Retries(3, 1.0, 5.0)
    never = {"retry": {"numRetries": 0, "perRetry": {"backOff": {"baseInterval": "0s", "maxInterval": "0s"}}}}
    remote = {"uri": URI, "cacheDuration": "0s", "backendSettings": never}
    (found,) = only(providers=[provider(remoteJWKS=remote)]).providers
    assert isinstance(found.keys, FetchedKeys)
    assert (found.keys.cache_s, found.keys.retries) == (300, Retries(0, 0.025, 0.25))


def test_a_requirement_is_named_after_its_policies() -> None:
    """What is merged is another one where it brings something of its own, and that of the one above where not."""
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", jwt={"optional": True})
    found = asked(resolve(*EVERYTHING, secure(GATEWAY, jwt={"providers": [provider()]}), inner))
    assert found == [None, None]  # By itself it has no providers, and has a mistake.
    inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", jwt={"providers": [provider("b")]})
    rule = secure(CART, name="rule", mergeType="JSONMerge", authorization={"defaultAction": "Allow"})
    outer = secure(GATEWAY, jwt={"providers": [provider()], "optional": True})
    first, second = asked(resolve(*EVERYTHING, outer, inner, rule))
    assert first is not None
    assert second is not None
    assert first.name == "securitypolicy/default/guard"
    assert second.name == "securitypolicy/default/inner+securitypolicy/default/guard"
    assert ([each.name for each in second.providers], second.allows_none) == (["b"], True)


def fetched(*texts: str, uri: str = URI, **ref: Any) -> FetchedKeys:
    """Return the keys that are fetched from a backend."""
    refs = [{"name": "keys", **ref}]
    policy = secure(GATEWAY, jwt={"providers": [provider(remoteJWKS={"uri": uri, "backendRefs": refs})]})
    (first, _) = asked(resolve(*EVERYTHING, *texts, policy))
    assert first is not None
    (found,) = first.providers
    assert isinstance(found.keys, FetchedKeys)
    return found.keys


def test_the_server_of_keys_may_be_a_backend() -> None:
    """Its cluster has Envoy Gateway's name; with https it is spoken to by TLS in any case."""
    server = fetched(backend(IP, "keys"), uri="http://any/", group=ENVOY_GATEWAY_GROUP, kind="Backend").server
    assert (server.cluster, server.tls) == ("securitypolicy/default/guard/jwt/0", None)
    assert server.addresses == (SocketAddress("10.0.0.1", 8080),)
    server = fetched(backend(IP, "keys"), group=ENVOY_GATEWAY_GROUP, kind="Backend").server
    assert server.tls is not None
    assert (server.tls.server_name, server.tls.authorities) == ("issuer.example.com", SystemAuthorities.TRUSTED)


def test_a_policy_follows_the_endpoints_of_its_server() -> None:
    """Those of a Service are in its EndpointSlices; while there are none nobody is asked, and nobody let in."""
    world = World()
    remote = {"uri": "http://any/", "backendRefs": [{"name": "keys", "port": 80}]}
    policy = secure(GATEWAY, jwt={"providers": [provider(remoteJWKS=remote)]})
    there = endpoint_slice("keys-1", "[{addresses: [10.0.0.7]}]", service_name="keys")
    for slices, expected in ((), []), ([there], ["10.0.0.7"]), ((), []):
        (first, _) = asked(world.scan(*EVERYTHING, service("keys"), *slices, policy))
        assert first is not None
        (found,) = first.providers
        assert isinstance(found.keys, FetchedKeys)
        assert [each.address for each in found.keys.server.addresses if isinstance(each, SocketAddress)] == expected
    assert closed(world.scan(*EVERYTHING, policy)) == ["http", "other"]


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no provider": {"providers": []},
    "five providers": {"providers": [provider(name) for name in "abcde"]},
    "no keys": {"providers": [{"name": "a"}]},
    "keys from two places": {"providers": [{**provider(), "localJWKS": {"inline": "{}"}}]},
    "a name twice": {"providers": [provider(), provider()]},
    "an unknown field": {"providers": [provider(audience=["a"])]},
    "an unknown field of keys": {"providers": [provider(remoteJWKS={"uri": URI, "url": URI})]},
    "the older way to a backend": {"providers": [provider(remoteJWKS={"uri": URI, "backendRef": {"name": "a"}})]},
    "a backend that is not there": {
        "providers": [provider(remoteJWKS={"uri": URI, "backendRefs": [{"name": "gone", "port": 80}]})]
    },
    "a backend that is none": {
        "providers": [provider(remoteJWKS={"uri": URI, "backendRefs": [{"kind": "Secret", "name": "a"}]})]
    },
    "what traffic must not reach": {"providers": [provider(remoteJWKS={"uri": "http://127.0.0.1:19080/"})]},
    "a route chosen again for nothing": {"providers": [provider(recomputeRoute=True)]},
    "a prefix that no header has": {
        "providers": [provider(extractFrom={"headers": [{"name": "a", "valuePrefix": "a\n"}]})]
    },
    "a type that says nothing": {"providers": [provider(localJWKS={"type": "ValueRef", "inline": "{}"})]},
    "no set": {"providers": [provider(localJWKS={"inline": "x"})]},
    "a set without keys": {"providers": [provider(localJWKS={"inline": '{"keys": []}'})]},
    "a ConfigMap that is not there": {
        "providers": [provider(localJWKS={"type": "ValueRef", "valueRef": {"name": "keys"}})]
    },
    "a Secret": {"providers": [provider(localJWKS={"type": "ValueRef", "valueRef": {"kind": "Secret", "name": "a"}})]},
    **{
        f"a URI: {uri}": {"providers": [provider(remoteJWKS={"uri": uri})]}
        for uri in (
            "issuer.test/keys",
            "ftp://issuer.test/",
            "https://",
            "https://me:secret@issuer.test/",
            "https://issuer.test:0/",
            "https://issuer.test:99999/",
            "https://10.0.0.1/keys",
            "https://a b/",
        )
    },
}


@pytest.mark.parametrize("jwt", WRONG.values(), ids=WRONG)
def test_what_cannot_be_done_denies(jwt: dict[str, Any]) -> None:
    """Exactly what it covers."""
    assert closed(resolve(*EVERYTHING, secure(ROUTE, jwt=jwt))) == ["rule 0", "rule 1"]
    assert closed(resolve(*EVERYTHING, secure(CART, jwt=jwt))) == ["rule 0"]


def config_map(**data: str) -> str:
    """Write a ConfigMap."""
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "keys"}, "data": data})


IN_MAP = {"providers": [provider(localJWKS={"type": "ValueRef", "valueRef": {"name": "keys"}})]}
GOOD = json.dumps({"keys": [SYMMETRIC]})
MAPS: dict[str, tuple[dict[str, str], list[str]]] = {
    "under jwks": ({"jwks": GOOD, "other": "x"}, []),
    "alone under any name": ({"any": GOOD}, []),
    "beside something else under any name": ({"any": GOOD, "other": "x"}, ["rule 0", "rule 1"]),
    "no set": ({"jwks": "x"}, ["rule 0", "rule 1"]),
    "no key": ({"jwks": '{"keys": [{}]}'}, ["rule 0", "rule 1"]),
}


@pytest.mark.parametrize(("data", "expected"), MAPS.values(), ids=MAPS)
def test_keys_are_read_from_a_config_map(data: dict[str, str], expected: list[str]) -> None:
    """From its entry jwks, or the only one (Envoy Gateway, LocalJWKS); one that comes opens, one that goes closes."""
    world = World()
    policy = secure(ROUTE, jwt=IN_MAP)
    assert closed(world.scan(*EVERYTHING, policy)) == ["rule 0", "rule 1"]
    assert closed(world.scan(*EVERYTHING, policy, config_map(**data))) == expected
    assert closed(world.scan(*EVERYTHING, policy)) == ["rule 0", "rule 1"]


def test_nobody_is_shown_a_key() -> None:
    """Whoever knows one that is symmetric makes tokens: it is in no message, and in nothing that a log may hold."""
    found = only(providers=[provider(localJWKS={"inline": GOOD})])
    (first,) = found.providers
    assert isinstance(first.keys, WrittenKeys)
    assert SECRET in first.keys.text
    assert SECRET not in repr(found)
    for broken in (GOOD[:-1], json.dumps({"keys": [{**SYMMETRIC, "kty": "seekrit"}]})):
        for policy in (
            secure(ROUTE, jwt={"providers": [provider(localJWKS={"inline": broken})]}),
            secure(ROUTE, jwt={"providers": [provider(localJWKS={"inline": broken, "inlin": broken})]}),
        ):
            state = World().store.update(of(*EVERYTHING, policy))
            said = " ".join(str(each) for report in state.reports.values() for each in report.problems)
            said += " ".join(map(str, problems(resolve(*EVERYTHING, policy))))
            assert said
            assert SECRET not in said
            assert "seekrit" not in said


def by_token(action: str = "Allow", provider: str = "a", **said: Any) -> dict[str, Any]:
    """Return an authorization with one rule about tokens."""
    jwt = {"provider": provider, **(said or {"scopes": ["read"]})}
    default = "Deny" if action == "Allow" else "Allow"
    return {"defaultAction": default, "rules": [{"action": action, "principal": {"jwt": jwt}}]}


RULES: dict[str, tuple[dict[str, Any], bool]] = {
    "scopes": (by_token(), True),
    "claims": (by_token(claims=[{"name": "a.b", "valueType": "StringArray", "values": ["c"]}]), True),
    "nothing": ({"rules": [{"action": "Allow", "principal": {"jwt": {"provider": "a"}}}]}, False),
    "a claim without values": (by_token(claims=[{"name": "a", "values": []}]), False),
    "a type that is none": (by_token(claims=[{"name": "a", "valueType": "Number", "values": ["1"]}]), False),
    "a claim in nothing": (by_token(claims=[{"name": "a..b", "values": ["c"]}]), False),
    "an unknown field": (by_token(scopes=["a"], audience=["b"]), False),
    "a provider that is none": (by_token(provider="b"), False),
    "one that is none and keeps somebody out": (by_token("Deny", provider="b"), False),
}


@pytest.mark.parametrize(("authorization", "is_served"), RULES.values(), ids=RULES)
def test_rules_may_be_about_tokens(authorization: dict[str, Any], is_served: bool) -> None:
    """Of a provider of the same policy: nobody has a token of another, whom the rule was to keep out."""
    found = resolve(*EVERYTHING, secure(ROUTE, jwt={"providers": [provider()]}, authorization=authorization))
    assert closed(found) == ([] if is_served else ["rule 0", "rule 1"])


def test_rules_about_tokens_may_be_merged_over_the_policy_that_asks_for_them() -> None:
    """Where there is none above they let nobody in, and keep everybody out."""
    outer = secure(GATEWAY, jwt={"providers": [provider()]})
    for action, left in ("Allow", "Deny"), ("Deny", "Deny"):
        inner = secure(ROUTE, name="inner", mergeType="StrategicMerge", authorization=by_token(action))
        merged, _ = at_rules(resolve(*EVERYTHING, outer, inner))
        assert merged is not None
        rules = merged.settings["authorization"]
        assert isinstance(rules, NamedRules)
        assert [rule.action for _, rule in rules.rules] == [action]
        alone, _ = at_rules(resolve(*EVERYTHING, inner))
        assert alone is not None
        assert alone.settings["authorization"] == NamedRules((), left)
    wrong = secure(ROUTE, name="inner", mergeType="StrategicMerge", authorization=by_token("Deny", "b"))
    assert [bool(each and each.faults) for each in at_rules(resolve(*EVERYTHING, outer, wrong))] == [True, True]
