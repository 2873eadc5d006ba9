"""What hooks are given beside the resource: the extension's own objects, and its policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from egxds.generated.envoygateway.extension import (
    PostClusterModifyRequest,
    PostHttpListenerModifyRequest,
    PostRouteModifyRequest,
    PostTranslateModifyRequest,
)
from egxds.incremental.revision import Revision
from egxds.resources.resource import ExtensionResource
from egxds.resources.translation import HookContext
from egxds.settings.extensions import Hook
from tests.revisions import named
from tests.unit.hooks.extensions import manager, record, unchanged
from tests.unit.hooks.gateways import (
    CLUSTER,
    HOST_A,
    HTTP,
    HTTPS,
    ROUTE_EXTENDED,
    cluster,
    endpoints,
    route,
    route_configuration,
    translation,
    virtual_host,
)

FILTER = ExtensionResource("example.io", "Filter", b'{"metadata": {"name": "filter"}}')
POOL = ExtensionResource("example.io", "Pool", b'{"metadata": {"name": "pool"}}')
LIMIT = ExtensionResource("example.io", "Limit", b'{"metadata": {"name": "limit"}}')
WAF = ExtensionResource("other.io", "Waf", b'{"metadata": {"name": "waf"}}')

_REQUESTS: dict[Hook, tuple[Any, str, tuple[str, ...]]] = {
    Hook.ROUTE: (PostRouteModifyRequest, "post_route_context", ("extension_resources", "extension_policies")),
    Hook.CLUSTER: (PostClusterModifyRequest, "post_cluster_context", ("backend_extension_resources",)),
    Hook.HTTP_LISTENER: (PostHttpListenerModifyRequest, "post_listener_context", ("extension_resources",)),
    Hook.TRANSLATION: (PostTranslateModifyRequest, "post_translate_context", ("extension_resources",)),
}


def kind(item: ExtensionResource) -> dict[str, str]:
    """Return the settings' entry for the kind of an object; its version is not the object's."""
    return {"group": item.group, "kind": item.kind, "version": "v7"}


def given(hook: Hook, **settings: Any) -> dict[str, list[bytes]]:
    """Return the objects that a hook is given: subject → documents, of every list of its context in turn."""
    extended = replace(
        route(ROUTE_EXTENDED, extensions=(FILTER, POOL)),
        extension_policies=(LIMIT, WAF),
    )
    base = replace(
        translation(),
        route_configurations=named(
            [
                route_configuration(HTTP, virtual_host(HOST_A, ("a.example",), extended)),
            ]
        ),
        context=HookContext(
            clusters=Revision({CLUSTER: (FILTER, POOL)}), listeners={HTTP: (LIMIT, WAF)}, gateway=(WAF, LIMIT)
        ),
    )
    _, batches = record(base, (manager(hooks=(hook.value,), **settings),), unchanged)
    request_class, context_field, lists = _REQUESTS[hook]
    found = {}
    for call in (call for batch in batches for call in batch):
        context = getattr(request_class.parse(call.request), context_field)
        found[call.subject] = [item.unstructured_bytes for name in lists for item in getattr(context, name)]
    return found


@pytest.mark.parametrize(
    ("settings", "documents"),
    [
        pytest.param(
            {},
            [FILTER.document, POOL.document, LIMIT.document, WAF.document],
            id="an extension without kinds gets everything",
        ),
        pytest.param(
            {"resources": [kind(FILTER)]}, [FILTER.document, LIMIT.document, WAF.document], id="kinds of filters"
        ),
        pytest.param(
            {"backendResources": [kind(POOL)]}, [POOL.document, LIMIT.document, WAF.document], id="kinds of backends"
        ),
        pytest.param(
            {"resources": [kind(FILTER)], "backendResources": [kind(POOL)], "policyResources": [kind(WAF)]},
            [FILTER.document, POOL.document, WAF.document],
            id="kinds of all sorts",
        ),
        pytest.param(
            {"resources": [kind(WAF)], "policyResources": [kind(LIMIT)]},
            [LIMIT.document],
            id="a policy alone is enough",
        ),
        pytest.param({"resources": [kind(WAF)], "policyResources": [kind(POOL)]}, None, id="nothing of its kinds"),
    ],
)
def test_the_route_hook_is_called_where_an_object_of_the_extension_concerns_the_route(
    settings: dict[str, Any], documents: list[bytes] | None
) -> None:
    """It gets what the rule names, as filters and as backends, and the policies on it; without any there is no call."""
    assert given(Hook.ROUTE, **settings) == ({ROUTE_EXTENDED: documents} if documents else {})


@pytest.mark.parametrize(
    ("settings", "documents"),
    [
        pytest.param({}, [FILTER.document, POOL.document], id="everything"),
        pytest.param({"backendResources": [kind(POOL)]}, [POOL.document], id="kinds of backends"),
        pytest.param({"resources": [kind(FILTER)]}, [FILTER.document], id="kinds of filters"),
        pytest.param({"resources": [kind(WAF)]}, None, id="nothing of its kinds"),
    ],
)
def test_the_cluster_hook_is_called_where_the_rule_names_an_object_of_the_extension(
    settings: dict[str, Any], documents: list[bytes] | None
) -> None:
    """It gets what the rule names; without any there is no call."""
    assert given(Hook.CLUSTER, **settings) == ({CLUSTER: documents} if documents else {})


@pytest.mark.parametrize(
    ("settings", "on_listener", "on_gateway"),
    [
        pytest.param({}, [LIMIT.document, WAF.document], [WAF.document, LIMIT.document], id="everything"),
        pytest.param({"policyResources": [kind(WAF)]}, [WAF.document], [WAF.document], id="its kinds"),
        pytest.param({"policyResources": [kind(POOL)]}, [], [], id="nothing of its kinds"),
    ],
)
def test_listener_and_translation_hooks_are_always_called(
    settings: dict[str, Any], on_listener: list[bytes], on_gateway: list[bytes]
) -> None:
    """They get the policies of the extension's kinds that are on their Gateway."""
    assert given(Hook.HTTP_LISTENER, **settings) == {HTTP: on_listener, HTTPS: []}
    assert given(Hook.TRANSLATION, **settings) == {"shop/gw": on_gateway}


def test_the_endpoints_hook_is_called_for_every_cluster_that_has_endpoints_of_its_own() -> None:
    """A cluster that is resolved by DNS has none."""
    by_dns = cluster("httproute/shop/dns/rule/0")
    base = replace(
        translation(),
        clusters=named([cluster(), by_dns]),
        endpoints=named([endpoints(), endpoints("httproute/shop/more/rule/0")]),
    )
    _, batches = record(base, (manager(hooks=("Endpoints",)),), unchanged)
    assert [call.subject for batch in batches for call in batch] == [CLUSTER, "httproute/shop/more/rule/0"]
