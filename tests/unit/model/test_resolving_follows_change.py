"""Resolving an edit costs what it changes: as many lines of Python run for it at any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from tests.lines_of_rooms import lines_of_rooms
from tests.unit.model.keys import certificate_pem, key_pem, new_key
from tests.unit.model.test_policies import KINDS, limit, on
from tests.unit.model.test_unserved_policies import guard, policy
from tests.unit.model.texts import (
    backend,
    document,
    endpoint_slice,
    gateway,
    gateway_class,
    gateway_object,
    namespace,
    route,
    secret,
    service,
)
from tests.unit.model.worlds import CONTROLLER

SIZES = (30, 300, 3_000)
_KEY = new_key()
_CERTIFICATE, _PEM = certificate_pem(_KEY), key_pem(_KEY)

World = dict[str, tuple[str, ...]]
Edit = Callable[[World], None]


def _routed(number: int, more: str = "") -> str:
    spec = f"hostnames: [h{number}.test{more}]\nrules: [{{backendRefs: [{{name: s{number}, port: 80}}]}}]"
    return route(f"r{number}", spec)


def _tls(number: int, port: int = 443) -> str:
    certificate = f"{{certificateRefs: [{{name: c{number}}}]}}"
    listeners = f"- {{name: https, port: {port}, protocol: HTTPS, tls: {certificate}}}"
    return gateway(f"g{number}", listeners, more="allowedListeners: {namespaces: {from: Same}}")


def _own(number: int) -> str:
    listeners = f"[{{name: own, port: 80, protocol: HTTP, hostname: own{number}.test}}]"
    return gateway_object("ListenerSet", f"l{number}", f"parentRef: {{name: g0}}\nlisteners: {listeners}")


def _files(size: int) -> World:
    """Write a fifth of the size each of routes, Services, slices, Gateways, certificates, and ListenerSets of one."""
    files: World = {
        "web": (gateway(), gateway_class(), namespace("default", team="shop")),
        "unused": (backend("[{unix: {path: /a}}]", "unused"),),
        "policy": (
            limit({"targetSelectors": [{"kind": "HTTPRoute"}, {"kind": "Gateway", "matchLabels": {"a": "b"}}]}),
        ),
    }
    for number in range(size // 5):
        files[f"r{number}"] = (_routed(number),)
        files[f"l{number}"] = (_own(number), route(f"o{number}", parents=f"[{{kind: ListenerSet, name: l{number}}}]"))
        files[f"s{number}"] = (service(f"s{number}"),)
        files[f"e{number}"] = (endpoint_slice(f"e{number}", service_name=f"s{number}"),)
        files[f"g{number}"] = (_tls(number),)
        files[f"c{number}"] = (secret(f"c{number}"),)
    return files


class Resolving:
    """A store and a resolver that have seen many objects."""

    def __init__(self, size: int) -> None:
        self._files: World = {}
        self._documents: dict[str, FileDocuments] = {}
        self._store = ObjectStore(KINDS)
        self._resolver = Resolver(ResolverOptions(CONTROLLER, (), KINDS.extension_kinds))
        self.resolution = self._look(_files(size))

    def lines(self, edit: Edit) -> Counter[str]:
        """Count the lines that run in each room for an edit."""
        files = dict(self._files)
        edit(files)
        tree = self._tree(files)
        with lines_of_rooms() as counted:
            self.resolution = self._resolver.resolve(self._store.update(tree))
        return counted

    def _look(self, files: World) -> Resolution:
        return self._resolver.resolve(self._store.update(self._tree(files)))

    def _tree(self, files: World) -> FileTree:
        touched = frozenset(name for name in {*files, *self._files} if files.get(name) is not self._files.get(name))
        kept = {name: found for name, found in self._documents.items() if name in files}
        new = {
            name: FileDocuments(tuple(document(text, name) for text in files[name])) for name in touched & files.keys()
        }
        self._files, self._documents = files, {**kept, **new}
        return FileTree(self._documents, touched=touched)


def _set(port: int) -> str:
    listeners = f"[{{name: more, port: {port}, protocol: HTTP}}]"
    return gateway_object("ListenerSet", "extra", f"parentRef: {{name: g3}}\nlisteners: {listeners}")


def _write(name: str, *texts: str) -> Edit:
    return lambda files: files.__setitem__(name, texts)


def _delete(name: str) -> Edit:
    return lambda files: files.__delitem__(name)


EDITS: dict[str, Edit] = {
    "a route": _write("r3", _routed(3, ", more.test")),
    "a route that is new": _write("new", _routed(1).replace("r1", "new")),
    "a route that goes": _delete("r4"),
    "an endpoint": _write("e3", endpoint_slice("e3", "[{addresses: [10.9.9.9]}]", service_name="s3")),
    "the last endpoint": _write("e3", endpoint_slice("e3", "[]", service_name="s3")),
    "a Service that goes": _delete("s5"),
    "a certificate": _write("c3", secret("c3", certificate=_CERTIFICATE, key=_PEM)),
    "a certificate that goes": _delete("c2"),
    "a Gateway": _write("g3", _tls(3, 444)),
    "a Gateway that is new": _write("gnew", gateway("gnew")),
    "a Gateway that goes": _delete("g4"),
    "an object that nothing refers to": _write("unused", backend("[{unix: {path: /b}}]", "unused")),
    "a touch": _write("r2", _routed(2)),
    "labels of a namespace that nobody asks for": _write(
        "web", gateway(), gateway_class(), namespace("default", team="cart")
    ),
    "a policy that closes a route": _write("guard", policy(guard(on("HTTPRoute", "r3")))),
    "it closes a Gateway instead": _write("guard", policy(guard(on("Gateway", "g3")))),
    "it goes": _delete("guard"),
    "a route of a ListenerSet": _write("l3", _own(3), route("o3", parents="[{kind: ListenerSet, name: l3, port: 80}]")),
    "the route goes": _write("l3", _own(3)),
    "a ListenerSet that is new": _write("set", _set(8080)),
    "a ListenerSet": _write("set", _set(8081)),
    "a policy that closes a ListenerSet": _write("guard", policy(guard(on("ListenerSet", "extra")))),
    "a ListenerSet that goes": _delete("set"),
    "a broken document": _write("r1", "x: ["),
}


@pytest.fixture(scope="module")
def worlds() -> list[Resolving]:
    """Return worlds of all sizes, which take the same edits one after the other."""
    return [Resolving(size) for size in SIZES]


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_resolving_an_edit_costs_the_same_at_any_size(worlds: list[Resolving], edit: Edit) -> None:
    """From the documents to Gateways and judgements; what C does over all of them is a copy of each mapping.

    Revisions forget notes as edits come, which is bounded, and is another number of lines now and then.
    """
    small, *larger = (world.lines(edit)["model"] for world in worlds)
    assert small > 0
    assert larger == [small, small]


def test_a_change_is_seen_where_it_is_and_nowhere_else(worlds: list[Resolving]) -> None:
    """Readers of what a resolution hands on are told of few keys, however many there are."""
    for world in worlds:
        before = world.resolution
        world.lines(_write("r0", _routed(0, ", zero.test")))
        now = world.resolution
        (changed,) = now.gateways.changed_since(before.gateways)
        assert changed.name == "web"
        routes, earlier = (found.gateways[changed].listeners[0].routes for found in (now, before))
        assert [key.name for key in routes.changed_since(earlier)] == ["r0"]
        assert [key.name for key in now.report.judged.changed_since(before.report.judged)] == ["r0"]
        assert now.endpoints is before.endpoints
