"""Two domains behind one HTTPS port, an extension in the way: the world of the tests about failing extensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from egxds.settings.extensions import Hook
from tests.envoy import manifests
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.client import Answer, http_get
from tests.envoy.daemon import Daemon
from tests.envoy.workspace import Workspace
from tests.extension_server.edits import VIRTUAL_HOST_HEADER
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

ONE, TWO = "one.example.com", "two.example.com"
ALL_HOOKS = tuple(hook.value for hook in Hook)
_CONTENT = "x-content"


class Shop:
    """A Gateway `web` with an HTTPS listener for each of two domains, and an HTTPRoute on each.

    Attributes:
        port: where both listeners are.
    """

    def __init__(self, workspace: Workspace, backend: EchoBackend) -> None:
        self.port = free_port()
        self._workspace = workspace
        authority = Authority()
        self._ca = authority.cert
        listeners = [manifests.https(self.port, host, _label(host), _label(host)) for host in (ONE, TWO)]
        workspace.write("gateway.yaml", manifests.gateway("web", *listeners))
        workspace.write("backend.yaml", manifests.backend("echo", backend.port))
        for host in (ONE, TWO):
            workspace.write(f"{_label(host)}-cert.yaml", authority.issue(host).secret(_label(host)))
            self.edit(host, "old")

    def edit(self, host: str, content: str) -> None:
        """Write the route of a domain, so that its answers carry the content in a header."""
        modifier = {"set": [{"name": _CONTENT, "value": content}]}
        rule = {
            "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}],
            "backendRefs": [manifests.backend_ref("echo")],
        }
        self._workspace.write(f"{_label(host)}.yaml", manifests.http_route(_label(host), host, "echo", rules=[rule]))

    def get(self, host: str) -> Answer:
        """Ask Envoy for a domain."""
        return http_get(self.port, host, ca=self._ca)

    def says(self, host: str, content: str, *, through_extension: bool) -> Callable[[], bool]:
        """Return a look at whether a domain answers 200 with the content, with or without the extension's change."""

        def scan() -> bool:
            answer = self.get(host)
            seen = (answer.status, answer.headers.get(_CONTENT), VIRTUAL_HOST_HEADER in answer.headers)
            assert seen == (200, content, through_extension), answer
            return True

        return scan

    def denies(self, host: str) -> Callable[[], bool]:
        """Return a look at whether a domain answers 500."""

        def scan() -> bool:
            answer = self.get(host)
            assert answer.status == 500, answer
            return True

        return scan


def manager(extension: ExtensionHandle, policy: str, **more: Any) -> dict[str, Any]:
    """Return the settings of an extension with every hook, a short deadline and no cache."""
    included = {"listener": {"includeAll": True}, "route": {"includeAll": True}}
    return {
        "name": "authz",
        "service": extension.service,
        "hooks": {"xdsTranslator": {"post": list(ALL_HOOKS), "translation": included}},
        "timeout": "1s",
        "onFailure": policy,
        "cacheTTL": "0s",
        **more,
    }


def versions(daemon: Daemon, kind: str) -> dict[str, str]:
    """Return resource name → version of everything of a type that is published."""
    dump = daemon.api("config_dump", type=kind)
    return {resource["name"]: resource["version"] for resource in dump["items"]}


def virtual_host_names(daemon: Daemon) -> dict[str, list[str]]:
    """Return RouteConfiguration name → names of its virtual hosts, as published."""
    dump = daemon.api("config_dump", type="route")
    return {
        resource["name"]: [host["name"] for host in resource["body"].get("virtual_hosts", [])]
        for resource in dump["items"]
    }


def _label(host: str) -> str:
    return host.partition(".")[0]
