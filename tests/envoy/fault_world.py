"""Where the cells of the fault matrix happen: an Envoy, a daemon with an extension for each hook, and its Gateways."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.envoy import head_hooks, manifests
from tests.envoy.client import Answer, SteadyClient, http_get
from tests.envoy.daemon import Daemon
from tests.envoy.envoy_process import EnvoyProcess
from tests.envoy.fault_cells import HOOKS
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.extension_server import edits
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port

TIMEOUT_MS = 1000
LIMIT_BYTES = 2**20

FILTERED, PLAIN = "filtered.example.com", "plain.example.com"
"""Hosts of every Gateway: one with an object of the extension's, and one without."""

_KIND = {"group": "example.io", "version": "v1", "kind": "Auth"}
_AUTH = {"apiVersion": "example.io/v1", "kind": "Auth", "metadata": {"name": "auth"}, "spec": {}}
_CONTENT = "x-content"
_DETAILS = {"slow": {"ms": 3 * TIMEOUT_MS}, "flap": {"ms": 100}, "oversize": {"size": 2 * LIMIT_BYTES}}
_MARKS = {
    "Route": ("route", edits.ROUTE_HEADER),
    "Endpoints": ("endpoint", edits.ENDPOINT_ZONE),
    "Cluster": ("cluster", edits.ALT_STAT_NAME),
    "VirtualHost": ("route", edits.VIRTUAL_HOST_HEADER),
    "HTTPListener": ("listener", edits.LISTENER_STAT_PREFIX),
    "Translation": ("route", edits.TRANSLATION_HEADER),
}
"""Hook → (type of the resource, what the extension's edit adds to it)."""

Tails = Mapping[str, ExtensionHandle]
"""Hook → the extension server that has it, and that is made to fail."""


def hosts_of(hook: str) -> tuple[str, ...]:
    """Return the hosts whose traffic a hook decides on."""
    return (FILTERED,) if hook in ("Route", "Cluster") else (FILTERED, PLAIN)


class Site:
    """One Gateway with its two hosts.

    Attributes:
        name: of the Gateway, in the namespace `default`.
        content: what its answers carry when they are up to date.
    """

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.content = "0"
        self._world = world
        self._port = free_port()
        self._versions = itertools.count(1)

    def write(self) -> None:
        """Write the Gateway and its routes."""
        self.edit()

    def edit(self) -> None:
        """Change both routes, and the Gateway, so that its listeners are asked about as well."""
        self.content = str(next(self._versions))
        gateway = manifests.gateway(self.name, manifests.http(self._port), content=self.content)
        self._world.workspace.write(f"{self.name}/gateway.yaml", gateway)
        modifier = {"set": [{"name": _CONTENT, "value": self.content}]}
        answer = {"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}
        extension = {"type": "ExtensionRef", "extensionRef": {"group": "example.io", "kind": "Auth", "name": "auth"}}
        for host, filters in ((FILTERED, [answer, extension]), (PLAIN, [answer])):
            rule = {"filters": filters, "backendRefs": [manifests.backend_ref("echo")]}
            label = f"{self.name}-{host.partition('.')[0]}"
            route = manifests.http_route(label, host, "echo", self.name, rules=[rule])
            self._world.workspace.write(f"{self.name}/{label}.yaml", route)

    def delete(self) -> None:
        """Remove everything, and wait until it is gone."""
        for path in sorted((self._world.workspace.routes / self.name).iterdir()):
            path.unlink()
        wait_for(lambda: self.name not in self._world.reasons(), f"{self.name} to be gone")

    def get(self, host: str) -> Answer:
        """Ask Envoy for a host."""
        return http_get(self._port, host)

    def answers(self, host: str, content: str) -> Callable[[], bool]:
        """Return a look at whether a host answers 200 with the content."""

        def scan() -> bool:
            answer = self.get(host)
            assert (answer.status, answer.headers.get(_CONTENT)) == (200, content), answer
            return True

        return scan

    def denies(self, host: str) -> Callable[[], bool]:
        """Return a look at whether a host answers 500."""

        def scan() -> bool:
            answer = self.get(host)
            assert answer.status == 500, answer
            return True

        return scan

    def wait_served(self) -> None:
        """Wait until both hosts are up to date and every extension has had its way, and the status says so."""
        for host in (FILTERED, PLAIN):
            wait_for(self.answers(host, self.content), f"{host} of {self.name} to answer {self.content}")
        wait_for(lambda: self.reason() == "Accepted", f"{self.name} to be accepted")
        assert self.marks() == self._world.all_marks

    @contextmanager
    def never_closed(self) -> Iterator[None]:
        """Ask without pause for a host that every hook decides on: each answer is to be 200."""
        with SteadyClient(self._port, FILTERED) as client:
            client.wait_for_more(1)
            yield
            client.wait_for_more(1)
        assert client.failures == []

    def reason(self) -> str:
        """Return what the Gateway's status says of its hooks."""
        return self._world.reasons().get(self.name, "")

    def versions(self, kind: str) -> dict[str, str]:
        """Return resource name → version of what is published of one type, or of all for an empty one."""
        return {item["name"]: item["version"] for item in self._dump() if kind in ("", item["type"])}

    def marks(self) -> frozenset[str]:
        """Return the marks of extensions in what is published."""
        text = {
            kind: json.dumps([item["body"] for item in self._dump() if item["type"] == kind])
            for kind, _ in _MARKS.values()
        }
        head = {hook: head_hooks.mark(hook) for hook in HOOKS}
        found = {mark for kind, mark in _MARKS.values() if f'"{mark}"' in text[kind]}
        return frozenset(found | {mark for hook, mark in head.items() if f'"{mark}"' in text[_MARKS[hook][0]]})

    def _dump(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._world.daemon.api("config_dump", gateway=f"default/{self.name}")["items"]
        return items


class World:
    """What the cells of one policy share, with one extension for a hook or with two.

    Attributes:
        web: the Gateway that things happen to.
        other: the Gateway that nothing may happen to.
        all_marks: what is to be seen in a Gateway when every extension works.
    """

    def __init__(self, workspace: Workspace, tails: Tails, policies: Mapping[str, str], *, is_chained: bool) -> None:
        """Describe it; `start` starts it.

        Args:
            workspace: an empty one.
            tails: the extensions that fail.
            policies: hook → what happens then.
            is_chained: whether another extension, which works, comes before them.
        """
        self.workspace = workspace
        self.tails = tails
        self.web = Site("web", self)
        self.other = Site("other", self)
        self.all_marks = frozenset(mark for _, mark in _MARKS.values())
        managers = [_tail(hook, tails[hook], policies[hook]) for hook in HOOKS]
        if is_chained:
            self.all_marks |= {head_hooks.mark(hook) for hook in HOOKS}
            managers.insert(0, _head())
        # Newcomers go after each row, and the next one is not to wait for that.
        files = {"paths": [str(workspace.routes)], "removalDelay": "0s"}
        self.daemon = Daemon(workspace, {"sources": {"files": files}, "extensionManagers": managers})
        self._envoy: EnvoyProcess | None = None
        self._newcomers = itertools.count(1)

    def start(self, envoy_binary: Path, backend_port: int) -> None:
        """Start everything, and wait until both Gateways are served."""
        self.heal()
        self.workspace.write("backend.yaml", manifests.backend("echo", backend_port))
        self.workspace.write("auth.yaml", json.dumps(_AUTH))
        self.web.write()
        self.other.write()
        self.daemon.start()
        bootstrap = self.daemon.bootstrap("egxds")
        self._envoy = EnvoyProcess(envoy_binary, bootstrap, self.workspace.root / "envoy")
        self._envoy.start()
        self.web.wait_served()
        self.other.wait_served()

    def stop(self) -> None:
        """End everything; an Envoy that refused anything is a failure."""
        nacks = self.daemon.events("session.nack")
        if self._envoy is not None:
            self._envoy.kill()
        self.daemon.discard()
        assert nacks == []

    def restart_envoy(self) -> None:
        """End the Envoy as a crash would, and start it again."""
        assert self._envoy is not None
        self._envoy.kill()
        self._envoy.start()

    def newcomer(self) -> Site:
        """Return a Gateway that there was not before."""
        return Site(f"fresh-{next(self._newcomers)}", self)

    def fail(self, hook: str, fault: str) -> None:
        """Have the extension of one hook fail, or work again with the fault `ok`."""
        tail = self.tails[hook]

        def obeys() -> bool:
            # One that is to die in its next call may do so at any moment.
            tail.revive()
            tail.set_mode(fault, None, **_DETAILS.get(fault, {}))
            return True

        wait_for(obeys, f"the extension with the {hook} hook to be {fault}")

    def heal(self) -> None:
        """Have every extension work again."""
        for hook in self.tails:
            self.fail(hook, "ok")

    def reasons(self) -> dict[str, str]:
        """Return what the status of each Gateway says of its hooks, by name."""
        found = self.daemon.api("objects", kind="Gateway")["items"]
        return {
            gateway["metadata"]["name"]: condition["reason"]
            for gateway in found
            for condition in gateway["status"].get("conditions", ())
            if condition["type"] == "egxds.io/HooksAccepted"
        }

    def message(self, name: str) -> str:
        """Return why, as the status of a Gateway says it."""
        (gateway,) = self.daemon.api("objects", kind="Gateway", name=name)["items"]
        found = {condition["type"]: condition["message"] for condition in gateway["status"]["conditions"]}
        return str(found["egxds.io/HooksAccepted"])


def mark_of(hook: str) -> str:
    """Return what the extension that fails adds by one hook."""
    return _MARKS[hook][1]


def _tail(hook: str, extension: ExtensionHandle, policy: str) -> dict[str, Any]:
    return {
        "name": f"tail-{hook}",
        "service": extension.service | {"retry": {"maxAttempts": 2, "initialBackoff": "1ms"}},
        "hooks": _hooks(hook),
        "resources": [_KIND],
        "timeout": f"{TIMEOUT_MS}ms",
        "maxMessageSize": LIMIT_BYTES,
        "onFailure": policy,
        "cacheTTL": "0s",
    }


def _head() -> dict[str, Any]:
    service = {"python": "head_hooks:Head", "path": [str(Path(head_hooks.__file__).parent)]}
    return {"name": "head", "service": service, "hooks": _hooks(*HOOKS), "resources": [_KIND], "timeout": "10s"}


def _hooks(*hooks: str) -> dict[str, Any]:
    included = {"listener": {"includeAll": True}, "route": {"includeAll": True}}
    return {"xdsTranslator": {"post": list(hooks), "translation": included}}
