"""What of extensions' own objects is handed on to hooks, and the clusters of custom backends."""

from __future__ import annotations

from dataclasses import replace

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from egxds.model.api.object import ApiObject
from egxds.model.api.policies import PolicyBody, PolicyTargets
from egxds.model.resolve.resolved import ResolvedBackend, ResolvedGateway, ResolvedRoute
from egxds.resources.resource import ExtensionResource, Resource
from egxds.resources.translation import GatewayTranslation
from egxds.translate.translator import Translator
from tests.unit.translate import builders, reading

RULE = "httproute/default/app/rule/0"


def custom(name: str, weight: int = 1) -> ResolvedBackend:
    """Return a backend that only an extension understands."""
    return ResolvedBackend(0, weight, custom=builders.extension(name, "Pool"))


def policy(name: str) -> ApiObject[PolicyBody]:
    """Return an extension's policy."""
    item = builders.extension(name, "Limit")
    content = PolicyBody(document=item.content.document, targets=PolicyTargets())
    return ApiObject(item.key, item.api_version, item.meta, content)


def resource(name: str, kind: str) -> ExtensionResource:
    """Return what a hook gets of an object."""
    return ExtensionResource("example.io", kind, builders.extension(name, kind).content.document)


def with_customs(attached: ResolvedRoute, *backends: ResolvedBackend) -> ResolvedRoute:
    """Give the first rule of a route its backends."""
    numbered = tuple(replace(backend, index=at) for at, backend in enumerate(backends))
    first, *rest = attached.rules
    return replace(attached, rules=(replace(first, backends=numbered), *rest))


def translate(*backends: ResolvedBackend, filters: tuple[str, ...] = ()) -> GatewayTranslation:
    """Translate a Gateway with one route to some backends."""
    extensions = tuple(builders.extension(name) for name in filters)
    attached = with_customs(builders.route("app", builders.rule(extensions=extensions)), *backends)
    return reading.translate(builders.gateway(builders.listener("http", builders.at(attached))))


def test_the_cluster_of_a_custom_backend_is_there_without_endpoints() -> None:
    """It asks for endpoints, and there are none, so that it answers 503 at once if no extension fills it.

    The one locality is there all the same, as Envoy Gateway sends it (envoyproxy/gateway issue 8150).
    """
    translation = translate(custom("pool", weight=5))
    (cluster,) = translation.clusters.values()
    assert (cluster.name, Cluster.FromString(cluster.body).type) == (RULE, Cluster.EDS)
    (assignment,) = translation.endpoints.values()
    assert localities(assignment) == [(f"{RULE}/backend/0", 5, 0)]
    assert dict(translation.context.clusters) == {RULE: (resource("pool", "Pool"),)}
    assert builders.source("Pool", "pool") in cluster.sources


def localities(assignment: Resource) -> list[tuple[str, int, int]]:
    """Return region, weight and number of endpoints of each locality."""
    found = ClusterLoadAssignment.FromString(assignment.body).endpoints
    return [(each.locality.region, each.load_balancing_weight.value, len(each.lb_endpoints)) for each in found]


def test_custom_backends_of_one_rule_have_one_cluster() -> None:
    """Its hooks are given all of the objects, and endpoints with a locality for each (Envoy Gateway, Translate)."""
    translation = translate(custom("a"), custom("none", weight=0), custom("b", weight=3), filters=("auth",))
    assert [*translation.clusters] == [*translation.endpoints] == [RULE]
    (assignment,) = translation.endpoints.values()
    assert localities(assignment) == [(f"{RULE}/backend/0", 1, 0), (f"{RULE}/backend/2", 3, 0)]
    objects = (resource("auth", "Auth"), resource("a", "Pool"), resource("b", "Pool"))
    assert dict(translation.context.clusters) == {RULE: objects}


def test_a_custom_backend_beside_another_has_a_cluster_of_its_own() -> None:
    """What an extension makes of it must not reach the traffic of the others; filters concern all of them."""
    translation = translate(custom("a"), custom("b", weight=3), builders.backend("10.0.0.1"), filters=("auth",))
    assert [cluster.name for cluster in translation.clusters.values()] == [f"{RULE}/backend/{at}" for at in range(3)]
    auth = resource("auth", "Auth")
    assert dict(translation.context.clusters) == {
        f"{RULE}/backend/0": (auth, resource("a", "Pool")),
        f"{RULE}/backend/1": (auth, resource("b", "Pool")),
        f"{RULE}/backend/2": (auth,),
    }
    route = next(iter(translation.route_configurations.values())).virtual_hosts[0].routes[0]
    assert route.extension_resources == (auth, resource("a", "Pool"), resource("b", "Pool"))


def test_a_rule_without_extensions_has_no_context() -> None:
    """No hook is called for its route or its cluster."""
    translation = translate(builders.backend("10.0.0.1"))
    assert dict(translation.context.clusters) == {}
    route = next(iter(translation.route_configurations.values())).virtual_hosts[0].routes[0]
    assert (route.extension_resources, route.extension_policies) == ((), ())


def gateway_with(*, on_first: tuple[str, ...], on_second: tuple[str, ...], ports: tuple[int, int]) -> ResolvedGateway:
    """Return a Gateway with two listeners that have policies."""
    first = replace(builders.listener("a", port=ports[0]), policies=tuple(map(policy, on_first)))
    second = replace(
        builders.listener("b", port=ports[1], hostname="b.example"), policies=tuple(map(policy, on_second))
    )
    found = tuple({name: policy(name) for name in (*on_first, *on_second)}.values())
    return replace(builders.gateway(first, second), policies=found)


def test_an_envoy_listener_has_the_policies_of_all_listeners_on_its_port_each_once() -> None:
    """One port is one Envoy Listener; another port is another one, and may have none."""
    together = reading.translate(gateway_with(on_first=("x", "y"), on_second=("z", "y"), ports=(80, 80)))
    apart = reading.translate(gateway_with(on_first=("x", "y"), on_second=(), ports=(80, 81)))
    assert together.context.listeners == {"default/web/a": tuple(resource(name, "Limit") for name in ("x", "y", "z"))}
    assert apart.context.listeners == {"default/web/a": tuple(resource(name, "Limit") for name in ("x", "y"))}
    assert together.context.gateway == tuple(resource(name, "Limit") for name in ("x", "y", "z"))


def test_a_route_has_the_policies_of_its_rule() -> None:
    """Each rule its own."""
    attached = builders.route("app", builders.rule(builders.backend("10.0.0.1")), builders.rule())
    first, second = attached.rules
    attached = replace(attached, rules=(replace(first, policies=(policy("x"),)), second))
    translation = reading.translate(builders.gateway(builders.listener("http", builders.at(attached))))
    routes = next(iter(translation.route_configurations.values())).virtual_hosts[0].routes
    assert [route.extension_policies for route in routes] == [(resource("x", "Limit"),), ()]
    assert builders.source("Limit", "x") in routes[0].sources


def test_a_changed_policy_makes_another_translation() -> None:
    """Else no hook would be called with it."""
    translator = Translator()
    before = reading.go_on(translator, gateway_with(on_first=("x",), on_second=(), ports=(80, 81)))
    after = reading.go_on(translator, gateway_with(on_first=("y",), on_second=(), ports=(80, 81)))
    assert before.listeners == after.listeners
    assert before != after
