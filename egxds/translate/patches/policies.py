"""One policy applied as a whole, or not at all. Pure.

Each resource that it names is taken apart once, goes through the patches for it in their order, and is put together
again at the end: what stands in between need not be anything that Envoy would take. A RouteConfiguration of which no
virtual host is patched keeps them as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from egxds import names
from egxds.model.api.envoy_patch_policy import EnvoyPatchPolicySpec, JsonPatch
from egxds.object_key import ObjectKey
from egxds.resources.resource import Key, Resource
from egxds.resources.route_configuration import RouteConfiguration
from egxds.resources.translation import PatchFault
from egxds.translate.patches.documents import Patched, document_of, name_in, resource_of, with_sources
from egxds.translate.patches.failure import NothingThereError, PatchError
from egxds.translate.patches.operations import Budget, Document, apply
from egxds.translate.patches.resource_names import by_newer_names
from egxds.translate.patches.workspace import Workspace, body_of, key_of

_HOSTS = frozenset({"virtual_hosts", "virtualHosts"})


@dataclass(slots=True)
class _Opened:
    """A resource that is being patched.

    Attributes:
        document: as it is now.
        before: what it was; None where there was none of its name.
        patches: positions of the patches for it.
        is_head: whether it is a RouteConfiguration without its virtual hosts.
    """

    document: Document
    before: Patched | None
    patches: list[int]
    is_head: bool = False


class PolicyPatches:
    """The patches of one policy on their way."""

    def __init__(self, policy: ObjectKey, owner: ObjectKey, spec: EnvoyPatchPolicySpec, space: Workspace) -> None:
        """Begin.

        Args:
            policy: the policy.
            owner: the Gateway, of which that is made which is added.
            spec: what the policy says.
            space: what there is.
        """
        self._policy = policy
        self._owner = owner
        self._spec = spec
        self._space = space
        self._opened: dict[Key, _Opened] = {}
        self._are_heads = all(map(_is_of_head, spec.json_patches))
        self._budget = Budget()

    def run(self) -> tuple[PatchFault, ...]:
        """Put what the policy comes to into the workspace; where anything fails, nothing, and return why."""
        try:
            return self._run()
        except RecursionError:
            return (_fault(range(len(self._spec.json_patches)), "together nest values too deep in each other"),)

    def _run(self) -> tuple[PatchFault, ...]:
        faults = list(self._patch())
        if faults:
            return tuple(faults)
        patched: list[Patched] = []
        for key, opened in self._opened.items():
            try:
                patched.append(self._closed(key, opened))
            except PatchError as err:
                faults.append(_fault(opened.patches, f"{_shown(key)} {err}"))
        if not faults:
            for found in patched:
                self._space.replace(found)
        return tuple(faults)

    def _patch(self) -> Iterator[PatchFault]:
        for at, patch in enumerate(self._spec.json_patches):
            if patch.operation.is_whole:
                yield from self._add(at, patch)
            elif patch.name:
                yield from self._patch_one(at, patch)
            else:
                yield from self._patch_all(at, patch)

    def _add(self, at: int, patch: JsonPatch) -> Iterator[PatchFault]:
        name = name_in(patch.type, patch.operation.value)
        if not name:
            yield _fault([at], "adds a resource whose value says no name")
            return
        before = self._space.find(patch.type, name)
        try:
            self._budget.put(patch.operation.value)
        except PatchError as err:
            yield _fault([at], f"{_shown((patch.type, name))}: {err}")
            return
        self._opened[patch.type, name] = _Opened(copy.deepcopy(patch.operation.value), before, [at])

    def _patch_one(self, at: int, patch: JsonPatch) -> Iterator[PatchFault]:
        try:
            opened = self._open(at, patch)
            if opened is None:
                message = f"{_shown((patch.type, patch.name))} is none that its Gateway comes to"
                yield _fault([at], message, is_missing=True)
            else:
                _apply(patch, opened, self._budget)
        except PatchError as err:
            yield _fault([at], f"{_shown((patch.type, patch.name))}: {err}")

    def _patch_all(self, at: int, patch: JsonPatch) -> Iterator[PatchFault]:
        """Patch all resources of a type; those in which there is nothing at the place stay as they are."""
        are_any = False
        for found in self._space.all_of(patch.type):
            try:
                are_any |= self._try(at, patch, found)
            except PatchError as err:
                yield _fault([at], f"{_shown(key_of(found))}: {err}")
        if not are_any:
            message = f"there is no {names.SHORT_NAMES[patch.type]} with anything at the place that it is for"
            yield _fault([at], message, is_missing=True)

    def _try(self, at: int, patch: JsonPatch, found: Patched) -> bool:
        """Patch a resource; tell whether there is anything at the place in it."""
        is_opened = key_of(found) in self._opened
        opened = self._open_found(at, found)
        before = copy.deepcopy(opened.document)
        try:
            _apply(patch, opened, self._budget)
        except NothingThereError:
            opened.document = before
            opened.patches.pop()
            if not is_opened:
                del self._opened[key_of(found)]
            return False
        return True

    def _open(self, at: int, patch: JsonPatch) -> _Opened | None:
        found = self._space.find(patch.type, patch.name)
        if found is not None:
            return self._open_found(at, found)
        added = self._opened.get((patch.type, patch.name))
        return _noted(added, at) if added is not None else None

    def _open_found(self, at: int, found: Patched) -> _Opened:
        key = key_of(found)
        if key not in self._opened:
            is_head = self._are_heads and isinstance(found, RouteConfiguration)
            body = found.head if is_head and isinstance(found, RouteConfiguration) else body_of(found)
            self._opened[key] = _Opened(document_of(key[0], body), found, [], is_head=is_head)
        return _noted(self._opened[key], at)

    def _closed(self, key: Key, opened: _Opened) -> Patched:
        before = opened.before
        sources = before.sources if before is not None else (self._owner,)
        sources = tuple(sorted({*sources, self._policy}))
        patched = resource_of(*key, opened.document)
        if isinstance(patched, Resource):
            return replace(patched, sources=sources)
        if isinstance(before, RouteConfiguration):
            is_head = opened.is_head
            patched = replace(before, head=patched.head) if is_head else with_sources(patched, before)
        return replace(patched, sources=sources)


def _is_of_head(patch: JsonPatch) -> bool:
    """Tell whether a patch is about no virtual host of a RouteConfiguration, of which there may be thousands."""
    if patch.type != names.ROUTE_CONFIGURATION:
        return True
    fields = patch.fields
    return fields is not None and fields.isdisjoint(_HOSTS)


def _noted(opened: _Opened, at: int) -> _Opened:
    """Note that a patch is for a resource."""
    opened.patches.append(at)
    return opened


def _fault(patches: Sequence[int], message: str, *, is_missing: bool = False) -> PatchFault:
    """Make the fault of a patch, or of those that together come to something that is none."""
    places = ", ".join(f"spec.jsonPatches[{at}]" for at in patches)
    return PatchFault(patches[-1], f"{places}: {message}", is_missing)


def _shown(key: Key) -> str:
    return f"{key[0].rpartition('.')[2]} {key[1]}"


def _apply(patch: JsonPatch, opened: _Opened, budget: Budget) -> None:
    try:
        opened.document = apply(patch.operation, opened.document, opened.document, budget)
    except NothingThereError:
        if patch.type != names.ROUTE_CONFIGURATION or patch.operation.json_path is None:
            raise
        seen = by_newer_names(opened.document)
        opened.document = apply(patch.operation, opened.document, seen, budget)
