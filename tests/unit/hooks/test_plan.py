"""Which hooks are called, in which order, with what; and what their replies do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from envoy.config.route.v3 import route_components_pb2, route_pb2
from hypothesis import given
from hypothesis import strategies as st

from egxds import names
from egxds.generated.envoygateway.extension import PostRouteModifyRequest, PostTranslateModifyRequest
from egxds.hooks.calls import HookCall, HookReply
from egxds.hooks.policy.outcome import Outcome
from egxds.incremental.revision import Revision
from egxds.resources.resource import ExtensionResource
from egxds.resources.translation import GatewayTranslation
from egxds.settings.extensions import Hook
from tests.extension_server.edits import ADDED_CLUSTER
from tests.revisions import listed, named
from tests.unit.hooks.extensions import drive, edited, failing, manager, record, unchanged, working
from tests.unit.hooks.gateways import (
    CART_FILTER,
    CLUSTER,
    GATEWAY,
    HOST_A,
    HOST_B,
    HTTP,
    HTTPS,
    ROUTE_EXTENDED,
    ROUTE_PLAIN,
    SECRET,
    TLS_HOST_A,
    route,
    route_configuration,
    see,
    translation,
    virtual_host,
)

CART_KIND = {"group": "example.io", "version": "v1", "kind": "CartFilter"}
OTHER_KIND = {"group": "example.io", "version": "v1", "kind": "OtherFilter"}


def test_hooks_are_called_in_order_and_extensions_in_declared_order() -> None:
    """Route, Endpoints, Cluster, VirtualHost, HTTPListener, Translation; within a hook one batch an extension."""
    managers = (manager("first"), manager("second"))
    _, batches = record(translation(), managers, working)
    assert [(batch[0].hook, batch[0].manager) for batch in batches] == [
        (hook, name) for hook in Hook for name in ("first", "second")
    ]
    assert [[call.subject for call in batch] for batch in batches[::2]] == [
        [ROUTE_EXTENDED],
        [CLUSTER],
        [CLUSTER],
        [HOST_A, HOST_B, TLS_HOST_A],
        [HTTP, HTTPS],
        [GATEWAY],
    ]


@pytest.mark.parametrize("hook", Hook)
def test_a_hook_that_is_not_listed_is_not_called(hook: Hook) -> None:
    """Hooks are opt-in."""
    _, batches = record(translation(), (manager(hooks=(hook.value,)),), working)
    assert {call.hook for batch in batches for call in batch} == {hook}


@pytest.mark.parametrize(
    ("resources", "sent"),
    [
        ([], [CART_FILTER.document]),
        ([CART_KIND], [CART_FILTER.document]),
        ([CART_KIND | {"version": "v9"}], [CART_FILTER.document]),
        ([OTHER_KIND], []),
    ],
)
def test_the_route_hook_gets_the_resources_of_its_kinds(resources: list[dict[str, str]], sent: list[bytes]) -> None:
    """Kinds are told apart by group and kind; an extension without kinds gets everything; without resources no call."""
    _, batches = record(translation(), (manager(hooks=("Route",), resources=resources),), working)
    requests = [PostRouteModifyRequest.parse(call.request) for batch in batches for call in batch]
    contexts = [request.post_route_context for request in requests]
    assert [item.unstructured_bytes for context in contexts if context for item in context.extension_resources] == sent
    assert [context.hostnames for context in contexts if context] == [["a.example"]] * len(sent)


def test_the_route_hook_gets_only_the_kinds_of_the_extension() -> None:
    """A route with objects of two extensions shows each only its own."""
    other = ExtensionResource("example.io", "OtherFilter", b"{}")
    base = translation()
    host = virtual_host(HOST_A, ("a.example",), route(ROUTE_EXTENDED, extensions=(CART_FILTER, other)))
    both = replace(
        base,
        route_configurations=named(
            [
                route_configuration(HTTP, host),
            ]
        ),
    )
    managers = (
        manager("cart", hooks=("Route",), resources=[CART_KIND]),
        manager("other", hooks=("Route",), resources=[OTHER_KIND]),
    )
    _, batches = record(both, managers, unchanged)
    contexts = [PostRouteModifyRequest.parse(batch[0].request).post_route_context for batch in batches]
    documents = [[item.unstructured_bytes for item in context.extension_resources] for context in contexts if context]
    assert documents == [[CART_FILTER.document], [other.document]]


def test_the_output_of_one_extension_is_the_input_of_the_next() -> None:
    """The second of two extensions that each add a header sees the header of the first."""
    managers = (manager("first", hooks=("VirtualHost",)), manager("second", hooks=("VirtualHost",)))
    hooked = drive(translation(), managers, working)
    message = route_pb2.RouteConfiguration.FromString(see(hooked).bodies[names.ROUTE_CONFIGURATION, HTTP])
    assert [len(host.response_headers_to_add) for host in message.virtual_hosts] == [2, 2]


@pytest.mark.parametrize("hook", [hook for hook in Hook if hook is not Hook.TRANSLATION])
def test_a_reply_without_resource_keeps_the_edits_of_the_extensions_before(hook: Hook) -> None:
    """An absent resource means unchanged, not undone."""
    only = (hook.value,)
    chain = drive(
        translation(),
        (manager("first", hooks=only), manager("second", hooks=only)),
        {"first": working, "second": unchanged},
    )
    alone = drive(translation(), (manager("first", hooks=only),), working)
    assert listed(chain.resources) == listed(alone.resources)
    assert listed(chain.resources) != listed(drive(translation(), (), working).resources)


def test_an_unchanged_gateway_keeps_its_very_bytes() -> None:
    """Replies that change nothing leave every virtual host as it was, not encoded anew."""
    hooks = tuple(hook.value for hook in Hook if hook is not Hook.TRANSLATION)
    hooked = drive(translation(), (manager(hooks=hooks),), unchanged)
    assert listed(hooked.resources) == listed(drive(translation(), (), unchanged).resources)


@pytest.mark.parametrize(
    ("settings", "types"),
    [
        ({}, (names.CLUSTER, names.SECRET)),
        ({"cluster": {"includeAll": False}}, (names.SECRET,)),
        (
            {"listener": {"includeAll": True}, "route": {"includeAll": True}},
            (names.CLUSTER, names.SECRET, names.LISTENER, names.ROUTE_CONFIGURATION),
        ),
    ],
)
def test_the_translation_hook_gets_the_types_it_asks_for(settings: dict[str, Any], types: tuple[str, ...]) -> None:
    """Clusters and secrets by default, listeners and routes on demand; endpoints never."""
    _, batches = record(translation(), (manager(hooks=("Translation",), translation=settings),), working)
    ((call,),) = batches
    request = PostTranslateModifyRequest.parse(call.request)
    lists = (request.clusters, request.secrets, request.listeners, request.routes)
    in_order = (names.CLUSTER, names.SECRET, names.LISTENER, names.ROUTE_CONFIGURATION)
    assert tuple(name for name, sent in zip(in_order, lists, strict=True) if sent) == types == call.included


def test_types_that_were_not_asked_for_are_ignored_in_the_reply() -> None:
    """An extension cannot change what it was not given."""

    def greedy(call: HookCall) -> HookReply:
        def edit(request: Any, response: Any) -> None:
            response.clusters.extend(request.clusters)
            response.listeners.add(name="stolen")
            response.routes.add(name="stolen")

        return edited(call, edit)

    only_clusters = {"secret": {"includeAll": False}}
    hooked = drive(translation(), (manager(hooks=("Translation",), translation=only_clusters),), greedy)
    assert hooked.outcome is Outcome.ACCEPTED
    assert listed(hooked.resources) == listed(drive(translation(), (), unchanged).resources)


def test_the_translation_hook_adds_changes_and_removes() -> None:
    """What was included is replaced by the reply."""

    def edit(request: Any, response: Any) -> None:
        response.clusters.extend(request.clusters)
        response.clusters.add(name=ADDED_CLUSTER)
        response.listeners.extend(item for item in request.listeners if item.name == HTTP)
        response.routes.extend(request.routes)
        response.routes[1].name = "renamed"

    hooked = drive(translation(), (manager(hooks=("Translation",)),), lambda call: edited(call, edit))
    seen = see(hooked)
    assert seen.names(names.CLUSTER) == {CLUSTER, ADDED_CLUSTER}
    assert seen.names(names.SECRET) == set()
    assert seen.names(names.LISTENER) == {HTTP}
    assert seen.names(names.ROUTE_CONFIGURATION) == {HTTP, "renamed"}
    assert seen.names(names.ENDPOINT) == {CLUSTER}


def test_a_listener_reply_of_another_name_adds_a_listener() -> None:
    """The one asked about stays."""

    def edit(request: Any, response: Any) -> None:
        response.listener.CopyFrom(request.listener)
        response.listener.name = f"{request.listener.name}/more"
        response.listener.address.socket_address.port_value += 1

    hooked = drive(translation(), (manager(hooks=("HTTPListener",)),), lambda call: edited(call, edit))
    assert see(hooked).names(names.LISTENER) == {HTTP, HTTPS, f"{HTTP}/more", f"{HTTPS}/more"}
    assert hooked.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("name", [HTTPS, "twice"])
def test_a_listener_reply_may_not_take_the_name_of_another_listener(name: str) -> None:
    """Two replies for one name would leave the order of the calls to decide."""

    def edit(request: Any, response: Any) -> None:
        response.listener.CopyFrom(request.listener)
        response.listener.name = name
        response.listener.address.socket_address.port_value += name != request.listener.name

    hooked = drive(translation(), (manager(hooks=("HTTPListener",)),), lambda call: edited(call, edit))
    assert [problem.reason.value for problem in hooked.failures] == ["invalid"]


def test_sources_survive_every_hook() -> None:
    """A resource that an extension gives back is still traced to the objects it was made from."""
    hooked = drive(translation(), (manager(),), working)
    plain = drive(translation(), (), working)
    known = {(item.type_url, item.name): item.sources for item in listed(hooked.resources)}
    assert known.items() >= {(item.type_url, item.name): item.sources for item in listed(plain.resources)}.items()


def test_a_gateway_without_resources_stays_without() -> None:
    """An extension that has nothing to say about nothing is right."""
    nothing = GatewayTranslation(GATEWAY, "envoy", Revision(), Revision(), Revision(), Revision(), Revision())
    hooked = drive(nothing, (manager(),), unchanged)
    assert (hooked.outcome, listed(hooked.resources)) == (Outcome.ACCEPTED, ())


def test_a_route_that_an_extension_adds_is_published() -> None:
    """What is new in a virtual host needs no origin among the objects."""

    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.routes.add(name="login", match={"prefix": "/login"}, route={"cluster": "login"})

    settings = manager(hooks=("VirtualHost",), bootstrapClusters=["login"])
    hooked = drive(translation(), (settings,), lambda call: edited(call, edit))
    assert see(hooked).answers[HTTP, "b.example", "login"] == "login"


def test_the_translation_hook_is_shown_nothing_that_is_denied() -> None:
    """A denied listener and its RouteConfiguration are ours to decide on; a reply cannot bring them back."""

    def extension(call: HookCall) -> HookReply:
        def edit(request: Any, response: Any) -> None:
            assert [item.name for item in request.listeners] == [HTTPS]
            assert [item.name for item in request.routes] == [HTTPS]
            for field in ("clusters", "secrets", "listeners", "routes"):
                getattr(response, field).extend(getattr(request, field))
            response.listeners.add(name=HTTP).default_filter_chain.SetInParent()
            response.routes.add(name=HTTP)

        return edited(call, edit if call.hook is Hook.TRANSLATION else None)

    hooked = drive(translation(), (manager(),), failing(Hook.HTTP_LISTENER, subject=HTTP, otherwise=extension))
    seen = see(hooked)
    assert seen.answer(HTTP, "*") == {"500"}
    assert seen.answer(HTTPS, "a.example") == {CLUSTER}
    assert seen.names(names.SECRET) == {SECRET}


def test_a_denied_route_keeps_its_name_and_match_and_nothing_else() -> None:
    """What could fail or lead elsewhere is gone."""
    message = route_components_pb2.Route(name=ROUTE_EXTENDED)
    message.match.path = "/cart"
    message.route.cluster = CLUSTER
    message.route.request_mirror_policies.add(cluster="mirror")
    message.typed_per_filter_config["envoy.filters.http.lua"].type_url = "type.googleapis.com/no.such.Type"
    extended = replace(route(ROUTE_EXTENDED, extensions=(CART_FILTER,)), body=message.SerializeToString())
    base = replace(
        translation(),
        route_configurations=named(
            [
                route_configuration(HTTP, virtual_host(HOST_A, ("a.example",), extended, route(ROUTE_PLAIN))),
            ]
        ),
    )
    hooked = drive(base, (manager(hooks=("Route",)),), failing(Hook.ROUTE))
    published = route_pb2.RouteConfiguration.FromString(see(hooked).bodies[names.ROUTE_CONFIGURATION, HTTP])
    expected = route_components_pb2.Route(name=ROUTE_EXTENDED)
    expected.match.path = "/cart"
    expected.direct_response.status = 500
    assert list(published.virtual_hosts[0].routes) == [expected, _message(route(ROUTE_PLAIN).body)]


def _message(body: bytes) -> route_components_pb2.Route:
    return route_components_pb2.Route.FromString(body)


DOMAINS = st.sampled_from(["a.example", "A.example", "b.example", "c.example", "*"])


@given(
    replies=st.dictionaries(st.sampled_from([HOST_A, HOST_B]), st.lists(DOMAINS, min_size=1, max_size=3), min_size=1),
    policies=st.tuples(st.sampled_from(["deny", "bypass"]), st.sampled_from(["deny", "bypass"])),
    refused=st.sampled_from(["", HOST_A, HOST_B]),
)
def test_no_reply_can_put_one_domain_into_two_virtual_hosts(
    replies: dict[str, list[str]], policies: tuple[str, str], refused: str
) -> None:
    """Envoy would refuse the whole RouteConfiguration; and the domain of a virtual host that fails is never lost."""

    def extension(call: HookCall) -> Any:
        def edit(request: Any, response: Any) -> None:
            response.virtual_host.CopyFrom(request.virtual_host)
            domains = replies.get(request.virtual_host.name)
            if domains:
                response.virtual_host.domains[:] = domains

        return failing(Hook.VIRTUAL_HOST, subject=refused or "none", otherwise=lambda call: edited(call, edit))(call)

    managers = tuple(manager(f"m{at}", policy, ("VirtualHost",)) for at, policy in enumerate(policies))
    hooked = drive(translation(), managers, extension)
    body = see(hooked).bodies[names.ROUTE_CONFIGURATION, HTTP]
    domains = [
        domain.lower()
        for host in route_pb2.RouteConfiguration.FromString(body).virtual_hosts
        for domain in host.domains
    ]
    assert len(domains) == len(set(domains))
    assert not refused or f"{refused[-9]}.example" in domains
    assert [host.name for host in route_pb2.RouteConfiguration.FromString(body).virtual_hosts].count("error_vhost") <= 1


def test_two_virtual_hosts_may_swap_domains() -> None:
    """Only the result counts."""
    swap = {HOST_A: "b.example", HOST_B: "a.example"}

    def edit(request: Any, response: Any) -> None:
        response.virtual_host.CopyFrom(request.virtual_host)
        if request.virtual_host.name in swap:
            response.virtual_host.domains[:] = [swap[request.virtual_host.name]]

    hooked = drive(translation(), (manager(hooks=("VirtualHost",)),), lambda call: edited(call, edit))
    assert hooked.outcome is Outcome.ACCEPTED


def test_what_answers_for_other_listeners_is_no_hooks_business() -> None:
    """The virtual host of misdirected requests is not shown, and nobody else's domain can be one of its own."""
    fixed = virtual_host(names.MISDIRECTED_VIRTUAL_HOST, ("c.example",), route("fixed"))
    seen: list[str] = []

    def edit(request: Any, response: Any) -> None:
        seen.append(request.virtual_host.name)
        response.virtual_host.CopyFrom(request.virtual_host)
        response.virtual_host.domains[:] = ["C.example"]

    table = route_configuration(HTTP, virtual_host(HOST_A, ("a.example",)), fixed)
    shown = replace(translation(), route_configurations=named([table]))
    hooked = drive(shown, (manager(hooks=("VirtualHost",)),), lambda call: edited(call, edit))
    assert names.MISDIRECTED_VIRTUAL_HOST not in seen
    answered = {domain for name, domain, _ in see(hooked).answers if name == HTTP}
    assert answered == {"a.example", "c.example"}
    assert see(hooked).answer(HTTP, "a.example") == {"500"}
