"""EnvoyProxies, and the GatewayClass that names one, as a user writes them."""

from __future__ import annotations

import json
from typing import Any

CLASS = "egxds"


def proxied_class(**spec: Any) -> str:
    """Return the GatewayClass of the tests with an EnvoyProxy."""
    ref = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "wide", "namespace": "default"}
    said = {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller", "parametersRef": ref}
    return (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\n"
        f"metadata: {{name: {CLASS}}}\nspec: {json.dumps(said)}\n"
        "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\n"
        f"metadata: {{name: wide, namespace: default}}\nspec: {json.dumps(spec)}\n"
    )
