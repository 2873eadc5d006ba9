"""Whose tokens let in, on a real Envoy: keys of a server and keys that are written down, and what becomes without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import http_get
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_access import on
from tests.envoy.test_backend_tls import authorities
from tests.envoy.test_security_policy import GATEWAY, HOST, OTHER, SHOP, KeptConnection, Shop, security_policy
from tests.envoy.token_issuer import KeyServer, bearer, key_set, text_of, token
from tests.envoy.tokens import FREE, ISSUER, open_shop, provider, tokens, written
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port

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


def test_a_token_is_asked_for_at_once_also_over_open_connections(shop: Shop, keys: KeyServer) -> None:
    """Nothing is drained for a policy that comes, is another, and goes; other routes are open all the time."""
    kept = KeptConnection(shop.port)
    assert kept.status(HOST) == 200
    drained = shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"]
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys, audiences=["shop"])))
    shop.wait({f"{HOST}/": 401, f"{OTHER}/": 200})
    assert kept.status(HOST) == 401
    shop.wait({f"{HOST}/": 200}, bearer(aud="shop"))
    assert kept.status(HOST, **bearer(aud=["other", "shop"])) == 200
    for refused in (
        bearer(aud="shop", valid_s=-600),
        bearer(aud="other"),
        bearer(),
        bearer(aud="shop", issuer="https://evil.test"),
        bearer(aud="shop", key="unknown"),
        {"authorization": "Bearer no.token.atall"},
    ):
        assert kept.status(HOST, **refused) in (401, 403)
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys, audiences=["new"])))
    shop.wait({f"{HOST}/": 200}, bearer(aud="new"))
    assert kept.status(HOST, **bearer(aud="shop")) == 403
    shop.workspace.delete("policy.yaml")
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    assert kept.status(HOST) == 200
    assert shop.envoy.stats("listener_manager")["listener_manager.lds.update_success"] == drained
    kept.close()


def wait_for_keys(shop: Shop, keys: KeyServer) -> None:
    """Wait until a policy is in force, and Envoy has its keys: it asks for them by itself."""
    shop.wait({f"{HOST}/": 401})

    def are_there() -> bool:
        assert keys.asked
        return any(count for name, count in shop.envoy.stats("jwks_fetch_success").items() if "jwt_authn" in name)

    wait_for(are_there, "keys")


def test_a_change_of_routes_fetches_no_keys_again(shop: Shop, keys: KeyServer) -> None:
    """Nor does one of a policy that asks for no tokens."""
    shop.workspace.write("policy.yaml", tokens("guard", GATEWAY, provider(keys)))
    wait_for_keys(shop, keys)
    shop.wait({f"{HOST}/": 200, f"{OTHER}/": 200}, bearer())
    asked = keys.asked
    shop.workspace.write("free.yaml", manifests.http_route("free", "new.test", "echo"))
    shop.wait({f"{HOST}/": 200, "new.test/": 200, f"{OTHER}/": 404}, bearer())
    shop.workspace.write("free-policy.yaml", security_policy("free", FREE, authorization={"defaultAction": "Deny"}))
    shop.wait({f"{HOST}/": 200, "new.test/": 403}, bearer())
    assert keys.asked == asked


def test_nobody_is_let_in_while_there_are_no_keys_and_everybody_is_when_they_are_back(shop: Shop) -> None:
    """The server of keys is down when the policy comes; other routes are served as ever."""
    port = free_port()
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(port)))

    def is_closed() -> bool:
        assert shop.status(headers=bearer()) in (401, 503)
        return True

    wait_for(is_closed, "the policy")
    assert shop.status() == 401
    assert shop.status(host=OTHER) == 200
    with KeyServer(port) as keys:
        shop.wait({f"{HOST}/": 200}, bearer())
        assert shop.status() == 401
        assert keys.asked


def test_keys_that_were_fetched_are_used_while_their_server_is_down(shop: Shop) -> None:
    """Until their time is over; also over an edit of routes."""
    with KeyServer() as keys:
        shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys)))
        wait_for_keys(shop, keys)
    assert shop.status(headers=bearer()) == 200
    shop.workspace.write("free.yaml", manifests.http_route("free", "new.test", "echo"))
    shop.wait({"new.test/": 200, f"{OTHER}/": 404})
    assert (shop.status(), shop.status(headers=bearer())) == (401, 200)


def test_keys_are_asked_for_again_when_their_time_is_over(shop: Shop, keys: KeyServer) -> None:
    """A key that the server has no more signs nothing that lets in."""
    found = provider(keys)
    found["remoteJWKS"] |= {"cacheDuration": "1s", "backendSettings": {"retry": {"numRetries": 3}}}
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, found))
    wait_for_keys(shop, keys)
    shop.wait({f"{HOST}/": 200}, bearer())
    keys.use("second")
    shop.wait({f"{HOST}/": 200}, bearer(key="second"))
    shop.wait({f"{HOST}/": 401}, bearer(key="first"))


def test_a_server_may_be_a_backend_that_is_trusted_as_a_policy_says(shop: Shop, tmp_path: Path) -> None:
    """By BackendTLSPolicy; nobody is let in by keys of somebody else, nor without what it names."""
    authority, other = Authority(), Authority("Others")
    with KeyServer(directory=tmp_path, pair=authority.issue("keys.test")) as keys:
        asked = provider(keys)
        asked["remoteJWKS"] = {"uri": "https://keys.test/keys", "backendRefs": [manifests.backend_ref("keys")]}
        shop.workspace.write("keys.yaml", manifests.backend("keys", keys.port))
        shop.workspace.write("ca.yaml", authorities(other.cert))
        shop.workspace.write("trust.yaml", _trusted("keys", "keys.test"))
        shop.workspace.write("policy.yaml", tokens("guard", SHOP, asked))
        shop.wait({f"{HOST}/": 401})
        for _ in range(3):
            assert shop.status(headers=bearer()) in (401, 503)
        shop.workspace.write("ca.yaml", authorities(authority.cert))
        shop.wait({f"{HOST}/": 200}, bearer())
        assert keys.asked
        shop.workspace.delete("ca.yaml")
        shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer())
        shop.workspace.write("ca.yaml", authorities(authority.cert))
        shop.wait({f"{HOST}/": 200}, bearer())
        shop.workspace.delete("keys.yaml")
        shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer())


def _trusted(backend: str, hostname: str) -> str:
    validation = {"hostname": hostname, "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}
    spec = {"targetRefs": [manifests.backend_ref(backend)], "validation": validation}
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": {"name": "trust"}}
    return json.dumps({**head, "spec": spec})


def test_keys_of_whom_the_machine_does_not_trust_let_nobody_in(shop: Shop, tmp_path: Path) -> None:
    """A URI of https alone is spoken to by TLS, with the authorities of the machine."""
    with KeyServer(directory=tmp_path, pair=Authority().issue("localhost")) as keys:
        asked = {"name": "issuer", "issuer": ISSUER, "remoteJWKS": {"uri": f"https://localhost:{keys.port}/"}}
        shop.workspace.write("policy.yaml", tokens("guard", SHOP, asked))
        shop.wait({f"{HOST}/": 401})
        for _ in range(3):
            assert shop.status(headers=bearer()) in (401, 503)
        assert not keys.asked


def test_it_is_there_after_egxds_and_envoy_start_again(shop: Shop, keys: KeyServer) -> None:
    """Neither start lets anybody in without a token."""
    shop.workspace.write("policy.yaml", tokens("guard", GATEWAY, provider(keys)))
    wait_for_keys(shop, keys)
    shop.daemon.stop()
    assert (shop.status(), shop.status(headers=bearer())) == (401, 200)
    asked = keys.asked
    shop.daemon.start()
    shop.workspace.write("free.yaml", manifests.http_route("free", "new.test", "echo"))
    shop.wait({"new.test/": 200}, bearer())
    # What is sent again is what Envoy has: it fetches nothing for it.
    assert keys.asked == asked
    shop.workspace.write("policy.yaml", tokens("guard", GATEWAY, provider(keys, audiences=["new"])))
    shop.wait({f"{HOST}/": 403}, bearer())
    shop.wait({f"{HOST}/": 200}, bearer(aud="new"))
    shop.envoy.stop()
    shop.envoy.start()
    shop.envoy.wait_ready()
    seen: list[int] = []

    def answers() -> bool:
        seen.append(shop.status())
        return True

    wait_for(answers, "the listener")
    assert seen[-1] == 401
    shop.wait({f"{HOST}/": 200}, bearer(aud="new"))


def test_claims_are_told_to_backends_and_choose_routes(shop: Shop, keys: KeyServer) -> None:
    """By headers that no client is believed, whoever it is."""
    named = [{"header": "x-user", "claim": "sub"}, {"header": "x-group", "claim": "plan.group"}]
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys, claimToHeaders=named), optional=True))
    shop.wait({f"{HOST}/": 401}, bearer(valid_s=-600))
    assert _seen(shop, bearer(plan={"group": "gold"})) == ("ann", "gold", None)
    assert _seen(shop, {"x-user": "root"}) == (None, None, None)
    assert _seen(shop, bearer(plan=1) | {"x-group": "root"}) == ("ann", None, None)
    again = provider(keys, claimToHeaders=named, recomputeRoute=True)
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, again, optional=True))

    def is_chosen_again() -> bool:
        assert _seen(shop, bearer(plan={"group": "gold"})) == ("ann", "gold", "gold")
        return True

    wait_for(is_chosen_again, "the route for gold")
    assert _seen(shop, bearer(plan={"group": "tin"})) == ("ann", "tin", None)
    assert _seen(shop, bearer(plan={"group": "tin"}) | {"x-group": "gold"}) == ("ann", "tin", None)
    assert _seen(shop, bearer() | {"x-group": "gold"}) == ("ann", None, None)


def _seen(shop: Shop, headers: dict[str, str]) -> tuple[str | None, str | None, str | None]:
    answer = http_get(shop.port, HOST, headers=headers)
    assert answer.status == 200
    headers = answer.json["headers"]
    return headers.get("x-user"), headers.get("x-group"), headers.get("x-plan")


def test_tokens_are_taken_where_the_policy_says(shop: Shop, keys: KeyServer) -> None:
    """From headers, cookies and parameters, and from nowhere else."""
    sources = {"headers": [{"name": "x-token", "valuePrefix": "JWT "}], "cookies": ["session"], "params": ["ticket"]}
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys, extractFrom=sources)))
    shop.wait({f"{HOST}/": 401})
    shop.wait({f"{HOST}/": 200}, {"x-token": f"JWT {token()}"})
    assert shop.status(headers={"cookie": f"a=b; session={token()}"}) == 200
    assert shop.status(f"/?ticket={token()}") == 200
    assert shop.status(headers=bearer()) == 401


def test_of_several_providers_one_is_enough_and_a_token_may_be_optional(shop: Shop, keys: KeyServer) -> None:
    """One that is bad is refused all the same; and with failOpen nobody is."""
    second = {**written(key_set("second"), "second"), "issuer": "https://second.test"}
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys), second))
    shop.wait({f"{HOST}/": 401})
    shop.wait({f"{HOST}/": 200}, bearer())
    other = bearer(issuer="https://second.test", key="second")
    assert shop.status(headers=other) == 200
    assert shop.status(headers=bearer(issuer="https://second.test")) == 401
    assert shop.status() == 401
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys), second, optional=True))
    shop.wait({f"{HOST}/": 200})
    assert shop.status(headers=other) == 200
    assert shop.status(headers=bearer(valid_s=-600)) == 401
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys), second, failOpen=True))
    shop.wait({f"{HOST}/": 200}, bearer(valid_s=-600))


def test_keys_that_are_written_down_count_at_once_and_what_is_none_closes(shop: Shop) -> None:
    """In the policy or in a ConfigMap; what cannot be used answers 500 where it is in force, and nowhere else."""
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, written(key_set("first"))))
    shop.wait({f"{HOST}/": 401})
    shop.wait({f"{HOST}/": 200}, bearer())
    ref = {"group": "", "kind": "ConfigMap", "name": "keys"}
    in_map = {"name": "issuer", "localJWKS": {"type": "ValueRef", "valueRef": ref}}
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, in_map))
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer())
    shop.workspace.write("keys.yaml", _config_map({"any": json.dumps(key_set("second"))}))
    shop.wait({f"{HOST}/": 200}, bearer(key="second"))
    assert shop.status(headers=bearer()) == 401
    shop.workspace.write("keys.yaml", _config_map({"jwks": json.dumps(key_set("first")), "other": "x"}))
    shop.wait({f"{HOST}/": 200}, bearer())
    shop.workspace.write("keys.yaml", _config_map({"jwks": '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}'}))
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer())
    shop.workspace.write("free-policy.yaml", tokens("free", FREE, written(key_set("second"))))
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer(key="second"))
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, {"name": "issuer", "issuer": ISSUER}))
    shop.workspace.delete("keys.yaml")
    shop.wait({f"{HOST}/": 500, f"{OTHER}/": 200}, bearer(key="second"))


def _config_map(data: dict[str, str]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "keys"}, "data": data})


def test_nobody_is_shown_a_key_that_is_a_secret(shop: Shop) -> None:
    """Whoever knows a symmetric key makes tokens: it is in no dump, no event, no status and no log."""
    secret = text_of(b"a secret of thirty-two bytes, yes")
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, written({"keys": [{"kty": "oct", "k": secret}]})))
    shop.wait({f"{HOST}/": 401})
    dump = shop.daemon.admin("/api/v1/config_dump").text
    assert "JwtAuthentication" in dump
    for text in (dump, shop.daemon.admin("/api/v1/objects").text, shop.daemon.log):
        assert secret not in text


def test_an_edit_of_a_neighbours_policy_refuses_nobody(shop: Shop, keys: KeyServer) -> None:
    """Envoy fetches all keys again then; requests wait for that."""
    shop.workspace.write("policy.yaml", tokens("guard", SHOP, provider(keys)))
    wait_for_keys(shop, keys)
    kept, mine = KeptConnection(shop.port), bearer()
    for number in range(5):
        found = provider(keys, audiences=[f"audience-{number}"])
        shop.workspace.write("free-policy.yaml", tokens("free", FREE, found))
        wanted = bearer(aud=f"audience-{number}")

        def is_new(wanted: dict[str, str] = wanted) -> bool:
            assert kept.status(HOST, **mine) == 200
            return shop.status(host=OTHER, headers=wanted) == 200

        wait_for(is_new, "the neighbour's policy")
    kept.close()


def test_an_envoy_takes_every_value_that_is_accepted(shop: Shop) -> None:
    """One that it refused would hold up what is asked of everybody's tokens."""
    retry = {"numRetries": 0, "perRetry": {"backOff": {"baseInterval": "0s"}}}
    never = {"timeout": {"http": {"requestTimeout": "99999h"}}, "retry": retry}
    remote = {"uri": "https://a.test:8443/a?b=c#d", "cacheDuration": "1ms", "failedRefetchDuration": "1h"}
    odd = {
        "name": "a/ü b",
        "issuer": "ü",
        "audiences": ["ü"],
        "remoteJWKS": {**remote, "backendSettings": never},
        "claimToHeaders": [{"header": "X", "claim": "https://a.test/b.c"}],
        "recomputeRoute": True,
        "extractFrom": {"headers": [{"name": "x", "valuePrefix": "é "}], "cookies": ["c"], "params": ["p q"]},
    }
    long = {"name": "b", "remoteJWKS": {"uri": "http://[::1]:80/", "cacheDuration": "99999h99999h"}}
    claims = [{"name": "a.https://b", "values": ["", "ü"]}]
    rules = [{"action": "Deny", "principal": {"jwt": {"provider": "b", "scopes": ["x"], "claims": claims}}}]
    asked = {"providers": [odd, long], "optional": True, "failOpen": True}
    shop.workspace.write("policy.yaml", security_policy("guard", SHOP, jwt=asked, authorization={"rules": rules}))
    shop.wait({f"{HOST}/": 403, f"{OTHER}/": 200})
    assert shop.daemon.events("session.nack") == []


def test_an_envoy_that_serves_two_gateways_asks_each_what_is_its_own(
    workspace: Workspace, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy, backend: EchoBackend
) -> None:
    """Each has a filter of its own, by its own name; one of them ends TLS."""
    authority = Authority()
    first, second = free_port(), free_port()
    workspace.write("cert.yaml", authority.issue(OTHER).secret("cert"))
    workspace.write("web.yaml", manifests.gateway("web", manifests.http(first)))
    workspace.write("other.yaml", manifests.gateway("other", manifests.https(second, OTHER, "cert")))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo", gateway="other"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("a.yaml", tokens("a", GATEWAY, written(key_set("first"))))
    workspace.write("b.yaml", tokens("b", on("Gateway", "other"), written(key_set("second"))))
    daemon = make_daemon()
    daemon.start()
    start_envoy(daemon, "egxds")

    def answers() -> bool:
        for key, expected in ("first", (200, 401)), ("second", (401, 200)):
            asked = bearer(key=key)
            plain = http_get(first, HOST, headers=asked).status
            secure = http_get(second, OTHER, headers=asked, ca=authority.cert, server_name=OTHER).status
            assert (plain, secure) == expected
        return True

    wait_for(answers, "both")
