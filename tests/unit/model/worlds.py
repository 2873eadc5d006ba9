"""A store and a resolver together, and what of their answers tests look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from egxds.files.documents.document import FileTree
from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import Resolution, ResolvedGateway, ResolvedListener
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.settings.extensions import ExtensionManager
from tests.unit.model.texts import of
from tests.unit.model.told import problems, statuses

CONTROLLER = "ours"
EXTENSION_SETTINGS = {
    "name": "authz",
    "hooks": {"xdsTranslator": {"post": ["Route"]}},
    "service": {"unix": {"path": "/run/authz.sock"}},
    "resources": [{"group": "shop.test", "version": "v1", "kind": "Ticket"}],
}
EXTENSION = ExtensionManager.model_validate(EXTENSION_SETTINGS)
KINDS = KindTable.of([EXTENSION])


def options(*pool: str) -> ResolverOptions:
    """Return options with a pool of addresses."""
    return ResolverOptions(CONTROLLER, pool, KINDS.extension_kinds)


@dataclass
class World:
    """Files that are looked at again and again."""

    store: ObjectStore = field(default_factory=lambda: ObjectStore(KINDS))
    resolver: Resolver = field(default_factory=lambda: Resolver(options()))

    def scan(self, *texts: str) -> Resolution:
        """Look at one file of documents and resolve what it holds."""
        return self.see(of(*texts))

    def see(self, tree: FileTree) -> Resolution:
        """Resolve what a look at files shows."""
        return self.resolver.resolve(self.store.update(tree))


def read(*texts: str) -> GatewayState:
    """Return the objects in force after a first look at one file of documents."""
    return ObjectStore(KINDS).update(of(*texts))


def resolve(*texts: str) -> Resolution:
    """Resolve one file of documents."""
    return World().scan(*texts)


Json = dict[str, Any]


def status(resolution: Resolution, kind: str, name: str = "default/web") -> Json:
    """Return the status of an object; `namespace/name`, or the name alone where it lives in none."""
    namespace, _, name = name.rpartition("/")
    found = [
        value
        for key, value in statuses(resolution).items()
        if (key.kind, key.namespace, key.name) == (kind, namespace, name)
    ]
    return cast("Json", found[0])


def conditions(described: Json) -> dict[str, str]:
    """Return condition type → `status/reason`."""
    return {entry["type"]: f"{entry['status']}/{entry['reason']}" for entry in described["conditions"]}


def listener_status(resolution: Resolution, listener: str, gateway: str = "default/web") -> Json:
    """Return the status of a listener."""
    listeners = status(resolution, "Gateway", gateway)["listeners"]
    return cast("Json", next(entry for entry in listeners if entry["name"] == listener))


def parents(resolution: Resolution, route: str = "default/shop", kind: str = "HTTPRoute") -> list[dict[str, str]]:
    """Return the conditions of a route at each of its parents."""
    return [conditions(parent) for parent in status(resolution, kind, route)["parents"]]


def served(resolution: Resolution, gateway: str = "default/web") -> dict[str, ResolvedListener]:
    """Return the listeners of a Gateway that Envoy gets."""
    found = the_gateway(resolution, gateway)
    return {listener.name: listener for listener in found.listeners}


def the_gateway(resolution: Resolution, name: str = "default/web") -> ResolvedGateway:
    """Return a Gateway that is ours."""
    return next(gateway for gateway in resolution.gateways.values() if gateway.name == name)


def messages(resolution: Resolution) -> list[str]:
    """Return the problems as people see them."""
    return [str(problem) for problem in problems(resolution)]
