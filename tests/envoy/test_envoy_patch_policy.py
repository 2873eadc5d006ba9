"""EnvoyPatchPolicies on a real Envoy: what they change, and what is closed while they cannot be applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.stack import Stack
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.unit.translate.patched import CLUSTER, HTTP, LISTENER, ROUTES, patch, policy

pytestmark = pytest.mark.envoy

HOST, OTHER = "shop.test", "free.test"
RULE = "httproute/default/shop/rule/0"
FILTERS = "/default_filter_chain/filters/0/typed_config/http_filters/0"
_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http"
ASKING = {
    "name": "asking",
    "typed_config": {
        "@type": f"{_EXTENSIONS}.rbac.v3.RBAC",
        "rules": {
            "action": "ALLOW",
            "policies": {
                "known": {
                    "permissions": [{"any": True}],
                    "principals": [{"header": {"name": "x-key", "string_match": {"exact": "sesame"}}}],
                }
            },
        },
    },
}
ASKS = patch(LISTENER, HTTP, "add", FILTERS, value=ASKING)


def header(value: str, name: str = HTTP, host: str = f"{HTTP}/shop_test") -> dict[str, Any]:
    """Return a patch that has one host answer with a header."""
    where = f"$.virtual_hosts[?(@.name=='{host}')]"
    added = {"header": {"key": "x-patched", "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return patch(ROUTES, name, "add", "response_headers_to_add/0", json_path=where, value=added)


@pytest.fixture
def shop(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> Stack:
    """Two hosts at one listener, and settings that ask for patches."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    daemon = make_daemon(
        sources={"files": {"paths": [str(workspace.routes)], "removalDelay": "0s"}},
        extensionApis={"enableEnvoyPatchPolicy": True},
    )
    daemon.start()
    found = Stack(workspace, daemon, start_envoy(daemon), port)
    found.wait_status(HOST, 200)
    return found


def wait_header(shop: Stack, value: str | None, host: str = HOST) -> None:
    """Wait until a host answers with a header, or without."""
    wait_for(lambda: shop.get(host).headers.get("x-patched") == value, f"x-patched: {value}")


def programmed(shop: Stack, name: str = "patch") -> dict[str, str]:
    """Return the condition Programmed of a policy."""
    items = shop.daemon.api("objects", kind="EnvoyPatchPolicy", name=name)["items"]
    ancestors = [each for item in items for each in item["status"]["ancestors"]]
    conditions = (condition for each in ancestors for condition in each["conditions"])
    return next((each for each in conditions if each["type"] == "Programmed"), {})


@pytest.mark.parametrize("newer", [False, True], ids=["older names", "XDSNameSchemeV2"])
def test_a_header_comes_and_goes(shop: Stack, newer: bool) -> None:
    """At one host and no other, by either name scheme."""
    names = (f"http-{shop.port}", "shop_test") if newer else (HTTP, f"{HTTP}/shop_test")
    shop.workspace.write("patch.yaml", policy(header("yes", *names)))
    wait_header(shop, "yes")
    assert "x-patched" not in shop.get(OTHER).headers
    wait_for(lambda: programmed(shop).get("status") == "True", "the status of the policy")
    (found,) = (each for each in shop.daemon.api("config_dump", type="route")["items"] if each["name"] == HTTP)
    assert "patch.yaml" in json.dumps(found["sources"])
    shop.workspace.delete("patch.yaml")
    wait_header(shop, None)


def test_the_highest_priority_has_the_last_word(shop: Stack) -> None:
    """Each adds the header in front of the others, and the first that is there is the last that is written."""
    first, last = header("first"), header("last")
    last["operation"]["path"] = "response_headers_to_add/-"
    shop.workspace.write("last.yaml", policy(last, name="a", priority=7))
    shop.workspace.write("first.yaml", policy(first, name="b", priority=-3))
    wait_header(shop, "last")
    shop.workspace.write("last.yaml", policy(last, name="a", priority=-9))
    shop.workspace.write("first.yaml", policy(header("second"), name="b"))
    wait_header(shop, "last")


def test_a_filter_asks_is_broken_closes_and_is_mended(shop: Stack) -> None:
    """As long as it cannot be applied nobody gets in, and nobody gets past it (fail closed)."""
    shop.workspace.write("patch.yaml", policy(ASKS))
    shop.wait_status(HOST, 403)
    wrong = json.loads(json.dumps(ASKS))
    wrong["operation"]["value"]["typed_config"]["rulez"] = {}
    shop.workspace.write("patch.yaml", policy(wrong))
    shop.wait_status(HOST, 500)
    assert shop.get(OTHER).status == 500
    wait_for(lambda: programmed(shop).get("status") == "False", "the status of the policy")
    said = programmed(shop)
    assert (said["status"], said["reason"]) == ("False", "Invalid")
    assert "spec.jsonPatches[0]: Listener default/web/http" in said["message"]
    assert "patch.yaml:4" in said["message"]
    shop.workspace.write("patch.yaml", policy(ASKS))
    shop.wait_status(HOST, 403)
    shop.workspace.delete("patch.yaml")
    shop.wait_status(HOST, 200)


def test_a_cluster_is_patched_and_a_broken_patch_closes_its_routes_alone(shop: Stack) -> None:
    """What cannot be connected to answers 503, and what may not be, 500."""
    tls = {
        "name": "tls",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"},
    }
    shop.workspace.write("patch.yaml", policy(patch(CLUSTER, RULE, "add", "/transport_socket", value=tls)))
    shop.wait_status(HOST, 503)
    assert shop.get(OTHER).status == 200
    shop.workspace.write("patch.yaml", policy(patch(CLUSTER, RULE, "add", "/transport_socket", value={"no": 1})))
    shop.wait_status(HOST, 500)
    assert shop.get(OTHER).status == 200
    shop.workspace.delete("patch.yaml")
    shop.wait_status(HOST, 200)


def test_what_lets_nobody_in_closes_nothing(shop: Stack) -> None:
    """A buffer that cannot be made larger is an error, and traffic goes on."""
    buffer = patch(LISTENER, HTTP, "replace", "/per_connection_buffer_limit_bytes", value="much")
    shop.workspace.write("patch.yaml", policy(buffer, header("yes")))
    shop.wait_status(HOST, 500)
    shop.workspace.write("patch.yaml", policy(buffer))
    shop.wait_status(HOST, 200)
    wait_for(lambda: programmed(shop).get("status") == "False", "the status of the policy")


def test_what_an_envoy_refuses_names_the_policy(shop: Stack, backend: EchoBackend) -> None:
    """A Listener whose port somebody else has; nobody but an Envoy can know."""
    chains = [
        {
            "filters": [
                {
                    "name": "tcp",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                        "stat_prefix": "more",
                        "cluster": RULE,
                    },
                }
            ]
        }
    ]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": backend.port}}
    value = {"name": "more", "address": address, "filter_chains": chains}
    shop.workspace.write("patch.yaml", policy(patch(LISTENER, "more", "add", "", value=value)))
    wait_for(lambda: programmed(shop).get("reason") == "Pending", "the refusal in the status of the policy")
    assert "patch.yaml" in programmed(shop)["message"]
    assert shop.get(HOST).status == 200


HOOKS = """
class Looking:
    async def virtual_host(self, host, context):
        added = [each.header.value for each in host.response_headers_to_add]
        for route in host.routes:
            added += [each.header.value for each in route.response_headers_to_add]
        if "forbidden" in added:
            raise ValueError("a header that nobody may add")
        header = host.response_headers_to_add.add().header
        header.key, header.value = "x-seen", ",".join(added)
        return host
"""


def test_hooks_are_shown_what_is_patched(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """And may refuse it, which closes what the patch is for."""
    port, directory = free_port(), workspace.root / "hooks"
    directory.mkdir()
    (directory / "looking.py").write_text(HOOKS)
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("free.yaml", manifests.http_route("free", OTHER, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("patch.yaml", policy(header("yes")))
    manager = {
        "name": "looking",
        "service": {"python": "looking:Looking", "path": [str(directory)]},
        "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}},
    }
    daemon = make_daemon(extensionManagers=[manager], extensionApis={"enableEnvoyPatchPolicy": True})
    daemon.start()
    shop = Stack(workspace, daemon, start_envoy(daemon), port)
    wait_for(lambda: shop.get(HOST).headers.get("x-seen") == "yes", "the hook to see the patch")
    workspace.write("patch.yaml", policy(header("forbidden")))
    shop.wait_status(HOST, 500)
    assert shop.get(OTHER).status == 200
    workspace.write("patch.yaml", policy(header("again")))
    wait_for(lambda: shop.get(HOST).headers.get("x-seen") == "again", "the hook to see the other patch")


def test_who_has_not_asked_for_it_is_told_and_closed(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> None:
    """A filter that asks who comes is passed over only where somebody has said that patches are to be."""
    port = free_port()
    workspace.write("gateway.yaml", manifests.gateway("web", manifests.http(port)))
    workspace.write("shop.yaml", manifests.http_route("shop", HOST, "echo"))
    workspace.write("backend.yaml", manifests.backend("echo", backend.port))
    workspace.write("patch.yaml", policy(ASKS))
    daemon = make_daemon()
    daemon.start()
    shop = Stack(workspace, daemon, start_envoy(daemon), port)
    shop.wait_status(HOST, 500)
    (item,) = daemon.api("objects", kind="EnvoyPatchPolicy")["items"]
    assert "extensionApis.enableEnvoyPatchPolicy" in json.dumps(item["status"])
