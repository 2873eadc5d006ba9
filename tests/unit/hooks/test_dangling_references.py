"""A reply that leaves a reference to nothing is as invalid as one that does not parse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.filters.http.ext_authz.v3 import ext_authz_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from egxds import names
from egxds.hooks.calls import HookCall, HookReply
from egxds.hooks.policy.outcome import HookedGateway, Outcome
from egxds.names import INVALID_BACKEND_CLUSTER
from egxds.resources.encoding import encode, pack
from egxds.settings.extensions import Hook
from tests.extension_server.edits import EDITS
from tests.revisions import listed, named
from tests.unit.hooks.extensions import drive, edited, manager, record, working
from tests.unit.hooks.gateways import (
    CLUSTER,
    HOST_A,
    HTTP,
    HTTPS,
    ROUTE_EXTENDED,
    ROUTE_PLAIN,
    SECRET,
    route,
    route_configuration,
    see,
    translation,
    virtual_host,
)

AUTHZ = "ext-authz"
Edit = Callable[[Any, Any], None]


def extension(**edits: Edit) -> Callable[[HookCall], HookReply]:
    """Make an extension that works, but for these hooks."""
    return lambda call: edited(call, edits.get(call.hook.name))


def route_to(cluster: str) -> Edit:
    """Send a route elsewhere."""

    def edit(request: Any, response: Any) -> None:
        response.route.CopyFrom(request.route)
        response.route.route.cluster = cluster

    return edit


def add_authz(request: Any, response: Any) -> None:
    """Let the plain listener ask a cluster before it routes."""
    EDITS["HTTPListener"](request, response)
    if request.listener.name != HTTP:
        return
    (network_filter,) = response.listener.default_filter_chain.filters
    manager_ = http_connection_manager_pb2.HttpConnectionManager.FromString(network_filter.typed_config.value)
    config = ext_authz_pb2.ExtAuthz()
    config.grpc_service.envoy_grpc.cluster_name = AUTHZ
    manager_.http_filters.add(name="authz").typed_config.CopyFrom(pack(config))
    manager_.http_filters.add(name="router").typed_config.CopyFrom(pack(router_pb2.Router()))
    network_filter.typed_config.CopyFrom(pack(manager_))


def add_authz_cluster(request: Any, response: Any) -> None:
    """Add the cluster that is asked."""
    EDITS["Translation"](request, response)
    response.clusters.add(name=AUTHZ)


def by_tls(secret: str) -> Edit:
    """Let a cluster speak TLS with a certificate of its own."""

    def edit(request: Any, response: Any) -> None:
        response.cluster.CopyFrom(request.cluster)
        context = tls_pb2.UpstreamTlsContext()
        context.common_tls_context.tls_certificate_sds_secret_configs.add(name=secret).sds_config.ads.SetInParent()
        response.cluster.transport_socket.name = "tls"
        response.cluster.transport_socket.typed_config.CopyFrom(pack(context))

    return edit


def by_eds(service: str) -> Edit:
    """Let a cluster ask for other endpoints."""

    def edit(request: Any, response: Any) -> None:
        response.cluster.CopyFrom(request.cluster)
        response.cluster.eds_cluster_config.service_name = service

    return edit


def by_rds(name: str) -> Edit:
    """Let the plain listener ask for another RouteConfiguration."""

    def edit(request: Any, response: Any) -> None:
        response.listener.CopyFrom(request.listener)
        if request.listener.name == HTTP:
            (network_filter,) = response.listener.default_filter_chain.filters
            manager_ = http_connection_manager_pb2.HttpConnectionManager.FromString(network_filter.typed_config.value)
            manager_.rds.route_config_name = name
            network_filter.typed_config.CopyFrom(pack(manager_))

    return edit


def keeping(**fields: Callable[[Any], bool]) -> Edit:
    """Return everything but some of it: field → which of its items stay."""

    def edit(request: Any, response: Any) -> None:
        for field in ("clusters", "secrets", "listeners", "routes"):
            keep = fields.get(field, lambda _: True)
            getattr(response, field).extend(item for item in getattr(request, field) if keep(item))

    return edit


def nothing(_item: Any) -> bool:
    """Keep nothing."""
    return False


def failures(hooked: HookedGateway) -> list[tuple[Hook, str, str]]:
    """Return hook, subject and reason of every failed call."""
    return [(problem.hook, problem.subject, problem.reason.value) for problem in hooked.failures]


@pytest.mark.parametrize(
    ("edits", "hook", "subject", "missing"),
    [
        ({"ROUTE": route_to("gone")}, Hook.ROUTE, ROUTE_EXTENDED, "cluster 'gone'"),
        ({"CLUSTER": by_tls("gone")}, Hook.CLUSTER, CLUSTER, "secret 'gone'"),
        ({"CLUSTER": by_eds("gone")}, Hook.CLUSTER, CLUSTER, "endpoint 'gone'"),
        ({"HTTP_LISTENER": add_authz}, Hook.HTTP_LISTENER, HTTP, f"cluster '{AUTHZ}'"),
        ({"HTTP_LISTENER": by_rds("gone")}, Hook.HTTP_LISTENER, HTTP, "route 'gone'"),
        ({"TRANSLATION": keeping(clusters=nothing)}, Hook.TRANSLATION, "shop/gw", f"cluster '{CLUSTER}'"),
        ({"TRANSLATION": keeping(secrets=nothing)}, Hook.TRANSLATION, "shop/gw", f"secret '{SECRET}'"),
        ({"TRANSLATION": keeping(routes=nothing)}, Hook.TRANSLATION, "shop/gw", f"route '{HTTP}'"),
    ],
)
def test_a_reference_to_nothing_fails_the_reply_that_leaves_it(
    edits: dict[str, Edit], hook: Hook, subject: str, missing: str
) -> None:
    """Both ways: a reply that refers to what is not there, and one that takes away what is referred to."""
    hooked = drive(translation(), (manager(),), extension(**edits))
    assert failures(hooked) == [(hook, subject, "invalid")]
    assert missing in hooked.failures[0].message
    assert hooked.outcome is Outcome.DENIED


def test_a_later_hook_may_bring_what_an_earlier_one_refers_to() -> None:
    """The HTTPListener hook puts in a filter that calls a cluster, the Translation hook adds the cluster."""
    hooked = drive(translation(), (manager(),), extension(HTTP_LISTENER=add_authz, TRANSLATION=add_authz_cluster))
    assert hooked.failures == ()
    assert AUTHZ in see(hooked).names(names.CLUSTER)


def test_an_extension_that_takes_away_what_another_added_is_the_one_to_blame() -> None:
    """The first extension's reply was right when it was given."""
    second = extension(TRANSLATION=keeping(clusters=lambda item: item.name != AUTHZ))
    hooked = drive(
        translation(),
        (manager("first"), manager("second")),
        {"first": extension(HTTP_LISTENER=add_authz, TRANSLATION=add_authz_cluster), "second": second},
    )
    assert [(problem.manager, problem.hook) for problem in hooked.failures] == [("second", Hook.TRANSLATION)]


def test_without_the_refused_reply_the_rest_is_as_if_it_had_not_been_given() -> None:
    """Under bypass the Gateway comes out as from an extension without that one edit."""
    settings = manager(policy="bypass")
    hooked = drive(translation(), (settings,), extension(HTTP_LISTENER=add_authz))
    seen = see(hooked)
    assert hooked.outcome is Outcome.BYPASSED
    assert AUTHZ.encode() not in seen.bodies[names.LISTENER, HTTP]
    others = {key: body for key, body in seen.bodies.items() if key != (names.LISTENER, HTTP)}
    expected = see(drive(translation(), (settings,), working)).bodies
    assert others == {key: body for key, body in expected.items() if key != (names.LISTENER, HTTP)}


def test_what_was_answered_is_not_asked_again() -> None:
    """Going through everything once more costs only the calls whose requests have changed."""
    base = translation()
    _, batches = record(base, (manager(),), extension(HTTP_LISTENER=add_authz))
    calls = [call for batch in batches for call in batch]
    assert len({call.key() for call in calls}) == len(calls)
    assert [call.hook for call in calls[-2:]] == [Hook.TRANSLATION, Hook.TRANSLATION]


def test_the_cluster_of_refused_backends_need_not_exist() -> None:
    """It is there to be missing."""
    message = route_components_pb2.Route.FromString(route(ROUTE_PLAIN).body)
    for cluster in (CLUSTER, INVALID_BACKEND_CLUSTER):
        message.route.weighted_clusters.clusters.add(name=cluster).weight.value = 1
    shared = replace(route(ROUTE_PLAIN), body=encode(message))
    hosts = route_configuration(HTTP, virtual_host(HOST_A, ("a.example",), shared))
    base = replace(translation(), route_configurations=named([hosts, translation().route_configurations[HTTPS]]))
    assert drive(base, (manager(),), working).outcome is Outcome.ACCEPTED


def test_what_was_missing_before_any_hook_is_nobodys_fault() -> None:
    """An extension that gives back what it was given cannot have broken it."""
    base = translation()
    hosts = route_configuration(HTTP, virtual_host(HOST_A, ("a.example",), route(ROUTE_PLAIN, cluster="gone")))
    broken = replace(base, route_configurations=named([hosts, base.route_configurations[HTTPS]]))
    assert drive(broken, (manager(),), working).outcome is Outcome.ACCEPTED


def test_a_cluster_of_envoys_bootstrap_is_named_in_the_settings() -> None:
    """Nobody here can know what an Envoy was started with."""
    settings = manager(bootstrapClusters=["gone"])
    assert drive(translation(), (settings,), extension(ROUTE=route_to("gone"))).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("allowed", "outcome"), [(True, Outcome.ACCEPTED), (False, Outcome.DENIED)])
def test_an_empty_reply_to_the_translation_hook_must_be_allowed(allowed: bool, outcome: Outcome) -> None:
    """`allowEmpty` lets an extension take everything away that it was given."""
    settings = manager(hooks=("Translation",), allowEmpty=allowed)
    hooked = drive(translation(), (settings,), extension(TRANSLATION=lambda _request, _response: None))
    assert hooked.outcome is outcome
    if allowed:
        assert {item.type_url for item in listed(hooked.resources)} == {names.ENDPOINT}


def test_an_empty_reply_that_is_allowed_must_not_break_what_stays() -> None:
    """Without routes and listeners in the request, they go on to refer to the clusters and secrets."""
    settings = manager(hooks=("Translation",), allowEmpty=True, translation={})
    hooked = drive(translation(), (settings,), extension(TRANSLATION=lambda _request, _response: None))
    assert failures(hooked) == [(Hook.TRANSLATION, "shop/gw", "invalid")]


def at_port(port: int, *listeners: str) -> Edit:
    """Move listeners to a port."""

    def edit(request: Any, response: Any) -> None:
        response.listener.CopyFrom(request.listener)
        if request.listener.name in listeners:
            response.listener.address.socket_address.port_value = port

    return edit


def at_the_other_port(request: Any, response: Any) -> None:
    """Move either listener to the port of the other."""
    response.listener.CopyFrom(request.listener)
    response.listener.address.socket_address.port_value = {HTTP: 443, HTTPS: 80}[request.listener.name]


def beside_it(request: Any, response: Any) -> None:
    """Add a listener on the address of each."""
    response.listener.CopyFrom(request.listener)
    response.listener.name += "/more"


def all_at_one_port(request: Any, response: Any) -> None:
    """Move all listeners to one port."""
    EDITS["Translation"](request, response)
    for listener in response.listeners:
        listener.address.socket_address.port_value = 7


@pytest.mark.parametrize(
    ("edits", "refused"),
    [
        ({"HTTP_LISTENER": at_port(443, HTTP)}, [(Hook.HTTP_LISTENER, HTTP)]),
        ({"HTTP_LISTENER": at_port(7, HTTP, HTTPS)}, [(Hook.HTTP_LISTENER, HTTP), (Hook.HTTP_LISTENER, HTTPS)]),
        ({"HTTP_LISTENER": at_port(7, HTTP)}, []),
        ({"HTTP_LISTENER": at_the_other_port}, []),
        ({"HTTP_LISTENER": beside_it}, [(Hook.HTTP_LISTENER, HTTP), (Hook.HTTP_LISTENER, HTTPS)]),
        ({"TRANSLATION": all_at_one_port}, [(Hook.TRANSLATION, "shop/gw")]),
    ],
)
def test_no_two_listeners_bind_one_address(edits: dict[str, Edit], refused: list[tuple[Hook, str]]) -> None:
    """Envoy would refuse the second; only the result of all replies counts."""
    hooked = drive(translation(), (manager(),), extension(**edits))
    assert failures(hooked) == [(hook, subject, "invalid") for hook, subject in refused]
