"""Policies that ask for tokens, and a site that they guard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.test_access import on
from tests.envoy.test_security_policy import HOST, OTHER, Shop, security_policy
from tests.envoy.token_issuer import KeyServer
from tests.envoy.workspace import Workspace
from tests.ports import free_port

ISSUER = "https://issuer.test"
FREE = on("HTTPRoute", "free")


def provider(server: KeyServer | int, name: str = "issuer", **more: Any) -> dict[str, Any]:
    """Return a provider with keys of a server, or of a port."""
    port = server if isinstance(server, int) else server.port
    return {"name": name, "issuer": ISSUER, "remoteJWKS": {"uri": f"http://127.0.0.1:{port}/keys"}, **more}


def written(keys: dict[str, Any], name: str = "issuer", **more: Any) -> dict[str, Any]:
    """Return a provider with keys that stand in the policy."""
    return {"name": name, "issuer": ISSUER, "localJWKS": {"inline": json.dumps(keys)}, **more}


def tokens(name: str, target: dict[str, str], *providers: dict[str, Any], **more: Any) -> str:
    """Return a policy that asks for tokens."""
    return security_policy(name, target, jwt={"providers": providers, **more})


def open_shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Shop:
    """Serve two hosts that everybody may enter."""
    port = free_port()
    echo = [manifests.backend_ref("echo")]
    to_gold = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-plan", "value": "gold"}]}}
    rules = [
        {
            "matches": [{"headers": [{"name": "x-group", "value": "gold"}]}],
            "filters": [to_gold],
            "backendRefs": echo,
        },
        {"backendRefs": echo},
    ]
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo", rules=rules))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    daemon = make_daemon(sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}})
    daemon.start()
    found = Shop(workspace, daemon, start_envoy(daemon), port)
    found.wait({f"{HOST}/": 200, f"{OTHER}/": 200})
    return found
