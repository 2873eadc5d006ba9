"""EnvoyPatchPolicies change what a Gateway comes to, as a whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from egxds import names
from egxds.object_key import ObjectKey
from egxds.settings.extension_apis import Patching
from egxds.translate.patches.operations import Budget
from tests.unit.model.told import problems, statuses
from tests.unit.model.worlds import conditions
from tests.unit.translate.patched import (
    CLUSTER,
    ENDPOINTS,
    HTTP,
    LISTENER,
    OBJECTS,
    ROUTES,
    RULE,
    SECRET,
    TCP,
    PatchedWorld,
    denied,
    faults,
    patch,
    policy,
    shown,
    translated,
)

HEADER = {"header": {"key": "x-patched", "value": "yes"}}
BUFFER = "/per_connection_buffer_limit_bytes"
KEY = ObjectKey("gateway.envoyproxy.io", "EnvoyPatchPolicy", "default", "patch")
HOSTS = "$.virtual_hosts[?(@.name=='{}')]"


def header_of(host: dict[str, Any]) -> str | None:
    """Return the value of the first header that a virtual host adds."""
    added = host.get("response_headers_to_add")
    return added[0]["header"]["value"] if added else None


def test_each_type_is_patched_and_says_by_whom() -> None:
    """Listener, routes, cluster and endpoints; who looks at one of them finds the policy among its sources."""
    found = translated(
        policy(
            patch(LISTENER, HTTP, "replace", BUFFER, value=1024),
            patch(ROUTES, HTTP, "add", "/response_headers_to_add", value=[HEADER]),
            patch(CLUSTER, RULE, "add", "/circuit_breakers/thresholds/0/max_connections", value=7),
            patch(ENDPOINTS, RULE, "add", "/policy/overprovisioning_factor", value=200),
        )
    )
    assert faults(found) == []
    assert shown(found, LISTENER, HTTP)["per_connection_buffer_limit_bytes"] == 1024
    assert shown(found, ROUTES, HTTP)["response_headers_to_add"][0]["header"] == HEADER["header"]
    assert shown(found, CLUSTER, RULE)["circuit_breakers"]["thresholds"][0]["max_connections"] == 7
    assert shown(found, ENDPOINTS, RULE)["policy"] == {"overprovisioning_factor": 200}
    of_all = (found.listeners[HTTP], found.route_configurations[HTTP], found.clusters[RULE], found.endpoints[RULE])
    assert all(KEY in each.sources for each in of_all)
    assert found.patch_faults == {KEY: ()}


@pytest.mark.parametrize("name", [HTTP, "http-80"], ids=["older scheme", "XDSNameSchemeV2"])
@pytest.mark.parametrize("host", [f"{HTTP}/shop_test", "shop_test"], ids=["older host", "newer host"])
def test_both_name_schemes_find_it(name: str, host: str) -> None:
    """The newer one names a virtual host after its hostname (envoyproxy/gateway issue 6534)."""
    found = translated(
        policy(
            patch(ROUTES, name, "add", "response_headers_to_add/0", json_path=HOSTS.format(host), value=HEADER),
            patch(LISTENER, "tcp-80", "replace", BUFFER, value=5),
        )
    )
    hosts = {each["name"]: header_of(each) for each in shown(found, ROUTES, HTTP)["virtual_hosts"]}
    assert hosts == {f"{HTTP}/free_test": None, f"{HTTP}/shop_test": "yes"}
    assert shown(found, LISTENER, HTTP)["per_connection_buffer_limit_bytes"] == 5


OPERATIONS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "add": ([patch(CLUSTER, RULE, "add", "/alt_stat_name", value="a")], "a"),
    "replace": (
        [
            patch(CLUSTER, RULE, "add", "/alt_stat_name", value="a"),
            patch(CLUSTER, RULE, "replace", "/alt_stat_name", value="b"),
        ],
        "b",
    ),
    "remove": (
        [patch(CLUSTER, RULE, "add", "/alt_stat_name", value="a"), patch(CLUSTER, RULE, "remove", "/alt_stat_name")],
        None,
    ),
    "copy": ([patch(CLUSTER, RULE, "copy", "/alt_stat_name", from_="/name")], RULE),
    "move": (
        [patch(CLUSTER, RULE, "move", "/alt_stat_name", from_="/eds_cluster_config/service_name")],
        RULE,
    ),
    "test": (
        [patch(CLUSTER, RULE, "test", "/name", value=RULE), patch(CLUSTER, RULE, "add", "/alt_stat_name", value="a")],
        "a",
    ),
}


@pytest.mark.parametrize(("patches", "expected"), OPERATIONS.values(), ids=OPERATIONS)
def test_the_operations_of_rfc_6902(patches: list[dict[str, Any]], expected: object) -> None:
    """All six."""
    found = translated(policy(*patches))
    assert faults(found) == []
    assert shown(found, CLUSTER, RULE).get("alt_stat_name") == expected


def test_policies_are_applied_by_priority() -> None:
    """The lowest first, so that the last word is the highest's; of equal ones the first by name is first."""
    texts = [
        policy(patch(CLUSTER, RULE, "add", "/alt_stat_name", value=name), name=name, priority=priority)
        for name, priority in (("c", 5), ("a", -1), ("b", 5))
    ]
    assert shown(translated(*texts), CLUSTER, RULE)["alt_stat_name"] == "c"


def test_several_are_removed_from_one_list() -> None:
    """What is taken out moves what stands behind it, so it goes from the end."""
    found = translated(policy(patch(ROUTES, HTTP, "remove", json_path="$..routes[*]")))
    assert faults(found) == []
    assert [host.routes for host in found.route_configurations[HTTP].virtual_hosts] == [(), ()]


def test_a_patch_without_a_name_is_for_all_of_the_type() -> None:
    """Those in which there is nothing at the place stay as they are."""
    found = translated(policy(patch(LISTENER, "", "replace", "/default_filter_chain/name", value="patched")))
    assert faults(found) == []
    assert shown(found, LISTENER, HTTP)["default_filter_chain"]["name"] == "patched"
    assert KEY not in found.listeners[TCP].sources


def test_a_resource_is_added() -> None:
    """A cluster, say, that a filter asks."""
    value = {"name": "asked", "connect_timeout": "1s"}
    found = translated(policy(patch(CLUSTER, "asked", "add", "", value=value)))
    assert shown(found, CLUSTER, "asked") == value
    assert found.clusters["asked"].sources == (KEY, ObjectKey("gateway.networking.k8s.io", "Gateway", "default", "web"))


NOT_DONE: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "a field that nobody knows": (patch(LISTENER, HTTP, "add", "/bogus", value=1), "bogus", [HTTP]),
    "a wrong type": (patch(LISTENER, HTTP, "add", "/name", value=[]), "is no listener after it", [HTTP]),
    "a value that Envoy refuses": (
        patch(ROUTES, HTTP, "add", "/virtual_hosts/0/domains", value=[]),
        "Envoy would refuse it",
        [HTTP],
    ),
    "a place that is not there": (patch(ROUTES, HTTP, "replace", "/nothing", value=1), "there is nothing", [HTTP]),
    "a jsonPath that leads nowhere": (
        patch(ROUTES, HTTP, "remove", json_path="$.virtual_hosts[?(@.name=='x')]"),
        "leads to nothing",
        [HTTP],
    ),
    "a name that nothing has": (
        patch(ROUTES, "default/web/gone", "add", "/vhds", value={}),
        "is none that its Gateway comes to",
        [HTTP, TCP],
    ),
    "a test that fails beside what may close": (
        patch(SECRET, "", "remove", "/name"),
        "there is no secret",
        [HTTP, TCP],
    ),
    "a cluster": (patch(CLUSTER, RULE, "add", "/transport_socket/x", value=1), "is no cluster after it", []),
    "connections": (patch(LISTENER, TCP, "add", "/bogus", value=1), "bogus", [TCP]),
    "another name": (patch(LISTENER, HTTP, "replace", "/name", value="other"), "cannot rename", [HTTP]),
    "a type of extensions that nobody knows": (
        patch(
            LISTENER,
            HTTP,
            "add",
            "/listener_filters/0",
            value={"name": "x", "typed_config": {"@type": "type.googleapis.com/gone.v3.Gone"}},
        ),
        "is no listener after it",
        [HTTP],
    ),
    "a jsonPath that could take for ever": (
        patch(ROUTES, HTTP, "remove", json_path="$..*[?(@..name)]"),
        "single values only",
        [HTTP],
    ),
    "a jsonPath that goes the same ways again and again": (
        patch(ROUTES, HTTP, "remove", json_path="$[*,*,*][*,*,*][*,*,*].x"),
        "choose among more than",
        [HTTP],
    ),
    "a regular expression": (
        patch(ROUTES, HTTP, "remove", json_path="$.virtual_hosts[?match(@.name, '(a*)*b')]"),
        "regular expressions are not taken",
        [HTTP],
    ),
}


@pytest.mark.parametrize(("wrong", "why", "closed"), NOT_DONE.values(), ids=NOT_DONE)
def test_what_cannot_be_applied_is_not_applied_by_half_and_closes(
    wrong: dict[str, Any], why: str, closed: list[str]
) -> None:
    """Nothing of its policy is in force; what it was to patch answers 500: it may have been what asks who comes."""
    fine = patch(ENDPOINTS, RULE, "add", "/policy/overprovisioning_factor", value=200)
    found = translated(policy(fine, wrong))
    (fault,) = found.patch_faults[KEY]
    assert fault.message.startswith("spec.jsonPatches[1]: ")
    assert why in fault.message
    assert fault.is_closing
    assert "policy" not in shown(found, ENDPOINTS, RULE)
    assert denied(found) == closed


def test_the_routes_to_a_cluster_are_closed_and_no_others() -> None:
    """Its own rule answers 500; the other rule has another cluster."""
    found = translated(policy(patch(CLUSTER, RULE, "add", "/transport_socket/x", value=1)))
    answers = {
        route.name: b"direct_response" not in route.body and RULE.encode() + b"\x12" in route.body
        for host in found.route_configurations[HTTP].virtual_hosts
        for route in host.routes
    }
    assert answers
    statuses = {
        each["name"]: each.get("direct_response", {}).get("status")
        for host in shown(found, ROUTES, HTTP)["virtual_hosts"]
        for each in host["routes"]
    }
    assert {status for name, status in statuses.items() if "/rule/0/" in name} == {500}
    assert {status for name, status in statuses.items() if "/rule/1/" in name} == {None}


@pytest.mark.parametrize(
    "harmless",
    [
        patch(LISTENER, HTTP, "replace", BUFFER, value="many"),
        patch(LISTENER, "envoy-gateway-gateway-1-http", "replace", BUFFER, value=1),
        patch(CLUSTER, RULE, "add", "/connect_timeout", value="soon"),
        patch(CLUSTER, RULE, "test", "/name", value="other"),
    ],
    ids=["a wrong value", "a name that nothing has", "a duration that is none", "a test"],
)
def test_what_decides_on_nobodys_access_closes_nothing(harmless: dict[str, Any]) -> None:
    """It is an error, and traffic goes on."""
    found = translated(policy(harmless))
    assert [fault.is_closing for fault in found.patch_faults[KEY]] == [False]
    assert denied(found) == []


def test_what_is_closed_is_opened_by_no_other_policy() -> None:
    """One that comes later and could be applied is applied, and changes nothing of it."""
    texts = (
        policy(patch(ROUTES, HTTP, "add", "/bogus", value=1), name="a"),
        policy(patch(ROUTES, HTTP, "add", "/response_headers_to_add/0", value=HEADER), name="b"),
    )
    assert denied(translated(*texts)) == [HTTP]


def test_a_policy_is_mended_and_goes() -> None:
    """The resources are what they were, and equal ones the same objects."""
    world = PatchedWorld()
    plain = world.scan(*OBJECTS)
    broken = world.scan(*OBJECTS, policy(patch(ROUTES, HTTP, "add", "/bogus", value=1)))
    assert denied(broken) == [HTTP]
    mended = world.scan(*OBJECTS, policy(patch(ROUTES, HTTP, "add", "/response_headers_to_add/0", value=HEADER)))
    assert denied(mended) == []
    assert mended.listeners[HTTP] is plain.listeners[HTTP]
    assert mended.listeners.changed_since(broken.listeners) <= {TCP, HTTP}
    gone = world.scan(*OBJECTS)
    assert gone.route_configurations[HTTP] == plain.route_configurations[HTTP]
    assert gone.patch_faults == {}


def test_an_edit_beside_it_leaves_what_is_patched() -> None:
    """The patched resource is the same object, and is not patched again."""
    world = PatchedWorld()
    text = policy(patch(LISTENER, HTTP, "replace", BUFFER, value=1))
    before = world.scan(*OBJECTS, text)
    after = world.scan(*(each.replace("/cart", "/basket") for each in OBJECTS), text)
    assert after.listeners[HTTP] is before.listeners[HTTP]
    assert after.route_configurations.changed_since(before.route_configurations) == {HTTP}
    assert "/basket" in str(shown(after, ROUTES, HTTP))


def test_what_answers_for_a_closed_listener_stays() -> None:
    """A patch does not take the place of a denial."""
    closing = (
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {name: closing}\n"
        "spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: web}], wasm: []}\n"
    )
    opening = patch(ROUTES, HTTP, "remove", "/virtual_hosts/0")
    found = PatchedWorld().scan(*OBJECTS, closing, policy(opening))
    assert "error_vhost" in faults(found)[0]
    assert HTTP in denied(found)


def test_hooks_are_asked_about_patched_routes_as_before() -> None:
    """What is known of a route for them is not in its bytes."""
    text = policy(patch(ROUTES, HTTP, "add", "response_headers_to_add/0", json_path="$..routes[0]", value=HEADER))
    plain, found = translated(), translated(text)
    for before, after in zip(
        plain.route_configurations[HTTP].virtual_hosts, found.route_configurations[HTTP].virtual_hosts, strict=True
    ):
        assert [each.belongs_to for each in after.routes] == [each.belongs_to for each in before.routes]
        assert [each.sources for each in after.routes] == [each.sources for each in before.routes]


HARMLESS, GRAVE = (
    patch(LISTENER, HTTP, "replace", BUFFER, value=1),
    patch(LISTENER, HTTP, "remove", "/listener_filters/0"),
)
SWITCHED: dict[str, tuple[Patching, dict[str, Any], list[str], str]] = {
    "nobody has asked for it": (Patching.UNSAID, GRAVE, [HTTP, TCP], "False/Disabled"),
    "nobody has asked for it, and it lets nobody in": (Patching.UNSAID, HARMLESS, [], "False/Disabled"),
    "somebody has turned it off": (Patching.DISABLED, GRAVE, [], "False/Disabled"),
    "it is asked for": (Patching.ENABLED, HARMLESS, [], "True/Accepted"),
}


@pytest.mark.parametrize(("patching", "asked", "closed", "accepted"), SWITCHED.values(), ids=SWITCHED)
def test_what_is_not_asked_for(patching: Patching, asked: dict[str, Any], closed: list[str], accepted: str) -> None:
    """Envoy Gateway passes it over; here what may decide on access is passed over only where somebody has said so."""
    world = PatchedWorld(patching)
    found = world.scan(*OBJECTS, policy(asked))
    assert world.resolution is not None
    status: Any = statuses(world.resolution)[KEY]
    assert conditions(status["ancestors"][0])["Accepted"] == accepted
    assert [name for name in denied(found) if name == HTTP] == [name for name in closed if name == HTTP]
    assert any("not enabled" in str(each) for each in problems(world.resolution)) == (accepted == "False/Disabled")


MISTAKES: dict[str, dict[str, Any]] = {
    "an operation that there is none of": patch(LISTENER, HTTP, "merge", "/name", value=1),
    "a type that is none of the five": patch(names.EXTENSION_CONFIG, "x", "remove", "/name"),
    "no value": patch(LISTENER, HTTP, "add", "/name"),
    "a value too many": patch(LISTENER, HTTP, "remove", "/name", value=1),
    "a pointer that is none": patch(LISTENER, HTTP, "remove", "name"),
    "no place": patch(LISTENER, HTTP, "remove"),
    "no source": patch(LISTENER, HTTP, "copy", "/name"),
    "a field that nobody knows": {**patch(LISTENER, HTTP, "remove", "/name"), "nmae": 1},
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_policy_with_a_mistake_closes_its_gateway(mistake: dict[str, Any]) -> None:
    """Nobody can tell what it was to patch."""
    world = PatchedWorld()
    assert HTTP in denied(world.scan(*OBJECTS, policy(mistake)))
    assert world.resolution is not None
    assert "cannot be applied as it is written" in str(problems(world.resolution))


def test_a_secret_is_quoted_by_no_message() -> None:
    """Not even where what is to be patched into it is no Secret."""
    value = {"name": "s", "generic_secret": {"secret": {"inline_string": ["hidden"]}}}
    found = translated(policy(patch(SECRET, "s", "add", "", value=value)))
    assert "hidden" not in str(faults(found))
    assert "is no secret after it" in faults(found)[0]


def test_copies_of_copies_end() -> None:
    """Each patch would double what is there."""
    first = patch(CLUSTER, RULE, "add", "/metadata", value={"grown": {}})
    growing = [patch(CLUSTER, RULE, "copy", f"/metadata/grown/x{at}", from_="/metadata") for at in range(40)]
    assert "too much work" in faults(translated(policy(first, *growing)))[0]


def test_copies_in_copies_end() -> None:
    """Each is put into the one before."""
    first = patch(CLUSTER, RULE, "add", "/metadata", value={"a": {"b": "c"}})
    deeper = [patch(CLUSTER, RULE, "add", "/metadata/a" + "/a" * at, value={"a": {}}) for at in range(250)]
    found = translated(policy(first, *deeper))
    assert found.patch_faults[KEY]
    assert found.patch_faults[KEY][0].is_closing


def test_a_resource_that_is_added_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is an error of its policy, and of nothing else."""
    monkeypatch.setattr(Budget.__init__, "__defaults__", (10,))
    found = translated(policy(patch(CLUSTER, "asked", "add", "", value={"name": "asked"})))
    assert "too much work" in faults(found)[0]
