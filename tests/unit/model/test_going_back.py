"""What an object goes back to for a refusal, and that no door is opened by it."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec
from egxds.model.api.kinds import BUILT_IN
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.api.policies import PolicyBody
from egxds.model.api.served_policies import SERVED_POLICIES
from egxds.model.resolve.going_back import _WAYS, GoneBack, WayBack, gone_back
from egxds.model.store.rolled_back import Bar, WrittenObject
from tests.unit.model.test_security_policies import ALLOW, BASIC, GATEWAY, ROUTE, secure
from tests.unit.model.test_unserved_policies import EVERYTHING, closed
from tests.unit.model.test_unserved_policies import policy as other_policy
from tests.unit.model.texts import backend, gateway, grant, namespace, of, route, secret
from tests.unit.model.worlds import World, read
from tests.unit.translate.patched import HTTP, LISTENER, ROUTES, patch, policy

Item = ApiObject[ApiModel]
CORS: dict[str, Any] = {"cors": {"allowOrigins": ["http://a.test"]}}
FILTER = patch(LISTENER, HTTP, "add", "/default_filter_chain/filters/0", value={"name": "x"})
HEADER = patch(ROUTES, HTTP, "add", "/response_headers_to_add", value=[])
BUFFER = patch(LISTENER, HTTP, "add", "/per_connection_buffer_limit_bytes", value=1)


def only(text: str) -> Item:
    """Return the object that a text defines."""
    (item,) = read(text).objects()
    return item


def traffic(**spec: Any) -> str:
    """Write a BackendTrafficPolicy for the route."""
    return other_policy({"targetRefs": [ROUTE], **spec}, kind="BackendTrafficPolicy")


def back_to(text: str, former: str | None) -> str:
    """Say in a word what an object goes back to."""
    before = only(former) if former is not None else None
    found = gone_back(only(text), before)
    if found is None:
        return "it stays"
    if found.item is None:
        return "nothing"
    return "former" if found.item is before else "denied"


CASES = {
    "an edited route": (route(spec="hostnames: [b.test]"), route(), "former"),
    "a new route": (route(), None, "nothing"),
    "a new backend": (backend("[{unix: {path: /a}}]"), None, "nothing"),
    "a new Secret": (secret(), None, "nothing"),
    "an edited Gateway": (gateway(listeners="- {name: x, port: 90, protocol: HTTP}"), gateway(), "former"),
    "a new Gateway": (gateway(), None, "it stays"),
    "a grant": (grant("shop", "[{group: '', kind: a, namespace: b}]", "[{group: '', kind: Secret}]"), None, "it stays"),
    "a namespace": (namespace("shop", a="b"), namespace("shop"), "it stays"),
    "a policy that asks the same in other words": (
        secure(ROUTE, basicAuth={"users": {"name": "b"}}),
        secure(ROUTE),
        "former",
    ),
    "a policy that asks for more": (secure(ROUTE, **BASIC, **ALLOW), secure(ROUTE), "denied"),
    "a policy that asks for more that lets somebody in": (secure(ROUTE, **BASIC, **CORS), secure(ROUTE), "denied"),
    "a policy that asks for less": (secure(ROUTE), secure(ROUTE, **BASIC, **ALLOW), "former"),
    "a policy that is for something else": (secure(GATEWAY), secure(ROUTE), "denied"),
    "a new policy": (secure(ROUTE), None, "denied"),
    "a policy that had mistakes": (secure(ROUTE), secure(ROUTE, basicAuth={}), "denied"),
    "a policy that has mistakes": (secure(ROUTE, basicAuth={}), secure(ROUTE), "it stays"),
    "more of a policy that decides on nothing": (
        traffic(retry={"numRetries": 3}, timeout={"http": {"requestTimeout": "1s"}}),
        traffic(retry={"numRetries": 2}),
        "former",
    ),
    "patches with other values": (
        policy(patch(LISTENER, HTTP, "add", "/default_filter_chain/filters/0", value={"name": "y"})),
        policy(FILTER),
        "former",
    ),
    "one more patch": (policy(FILTER, HEADER), policy(FILTER), "denied"),
    "one more patch that lets nobody in": (policy(FILTER, BUFFER), policy(FILTER), "former"),
    "new patches": (policy(FILTER), None, "denied"),
}


@pytest.mark.parametrize(("text", "former", "expected"), CASES.values(), ids=CASES.keys())
def test_where_objects_go_back_to(text: str, former: str | None, expected: str) -> None:
    """What keeps somebody out goes back to nothing less than its edit asks for."""
    assert back_to(text, former) == expected


def test_every_kind_has_been_thought_of() -> None:
    """A kind without a row stays as it is; these are meant to."""
    kinds = {kind.id for kind in BUILT_IN} | {row.kind.id for row in SERVED_POLICIES}
    assert {kind for _, kind in kinds - _WAYS.keys()} == {"ReferenceGrant", "Namespace"}
    assert {_WAYS[row.kind.id] for row in SERVED_POLICIES} == {WayBack.DECIDING}


def _denying(text: str) -> Bar:
    item = only(text)
    found = gone_back(item, None)
    assert isinstance(found, GoneBack)
    return Bar(WrittenObject(item, of(text).documents[0]), None, found.item, "an Envoy refuses it")


def test_what_a_new_policy_decides_on_is_denied() -> None:
    """Rules of the route are closed, as for a policy with mistakes; without the policy nothing is."""
    world, text = World(), secure(ROUTE)
    assert closed(world.scan(*EVERYTHING)) == []
    bar = _denying(text)
    world.store.roll_back({bar.barred.item.key: bar})
    assert closed(world.scan(*EVERYTHING, text))


def test_new_patches_are_there_and_cannot_be_applied() -> None:
    """The last one is for a resource that is nowhere; the others say what is closed."""
    bar = _denying(policy(FILTER, HEADER))
    assert bar.instead is not None
    assert isinstance(bar.instead.content, PolicyBody)
    spec = bar.instead.content.asked
    assert isinstance(spec, EnvoyPatchPolicySpec)
    assert [each.is_harmless for each in spec.json_patches] == [False, False, True]
    was = bar.barred.item.content
    assert isinstance(was, PolicyBody)
    assert spec.target_ref == getattr(was.asked, "target_ref", None) is not None
