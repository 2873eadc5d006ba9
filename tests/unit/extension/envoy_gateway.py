"""Requests as Envoy Gateway sends them: without the fields that are egxds' own."""

from __future__ import annotations

from typing import Any

import betterproto2

from egxds.generated.envoygateway import extension
from egxds.settings.extensions import Hook

_REQUESTS: dict[Hook, tuple[type[betterproto2.Message], str]] = {
    Hook.ROUTE: (extension.PostRouteModifyRequest, "post_route_context"),
    Hook.ENDPOINTS: (extension.PostEndpointsModifyRequest, "post_endpoints_context"),
    Hook.CLUSTER: (extension.PostClusterModifyRequest, "post_cluster_context"),
    Hook.VIRTUAL_HOST: (extension.PostVirtualHostModifyRequest, "post_virtual_host_context"),
    Hook.HTTP_LISTENER: (extension.PostHttpListenerModifyRequest, "post_listener_context"),
    Hook.TRANSLATION: (extension.PostTranslateModifyRequest, "post_translate_context"),
}
_OWN: dict[str, Any] = {"gateway": None, "listener": None, "listeners": []}


def as_envoy_gateway(hook: Hook, request: bytes) -> bytes:
    """Return a request of a hook without what Envoy Gateway's protocol does not have."""
    kind, field = _REQUESTS[hook]
    message = kind.parse(request)
    context = getattr(message, field)
    for name, nothing in _OWN.items():
        if hasattr(context, name):
            setattr(context, name, nothing)
    return bytes(message)
