"""Whatever was edited before, Envoys and people are told what a house without a past tells of the same objects.

Objects stand in files, several in one; they are written anew, moved from file to file, broken, mended and deleted, and
files are renamed. After each step the house that has followed all of it is compared with one that starts from the
same objects in force, of which `test_store_invariants` holds that they are right, and the same owners of addresses and
ports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.app.exclusions import ExclusionTable
from egxds.files.reading.reader import TreeReader
from egxds.incremental.revision import Revision
from egxds.inspect.judged import JudgedObjects
from egxds.inspect.objects import HookedGateways, ObjectView
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.resources.translation import GatewayTranslation
from egxds.snapshot.snapshot import Snapshot
from egxds.snapshot.store import SnapshotStore
from egxds.translate.translator import Translator
from tests.unit.hooks.extensions import drive, unchanged
from tests.unit.model.test_policies import KINDS
from tests.unit.model.test_resolver_invariants import VARIANTS
from tests.unit.model.worlds import CONTROLLER

FILES = ("a.yaml", "b.yaml", "c.yaml", "d.yaml")
BROKEN = "kind: ["
STEPS = 12
OPTIONS = ResolverOptions(CONTROLLER, ("10.0.0.0/29",), KINDS.extension_kinds)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Directory:
    """Files in which objects stand, and what happens to them."""

    def __init__(self, path: Path, chance: Random) -> None:
        self._path = path
        self._chance = chance
        self._texts: dict[str, dict[str, str]] = {file: {} for file in FILES}
        for name, (usual, *_) in VARIANTS.items():
            self._texts[chance.choice(FILES)][name] = usual
        for file in FILES:
            self._write(file)

    def step(self) -> frozenset[str]:
        """Do something to some files, and return their paths."""
        happening = self._chance.choice([self._edit, self._edit, self._edit, self._move, self._break, self._swap])
        touched = happening()
        return frozenset(str(self._path / file) for file in touched)

    def _edit(self) -> set[str]:
        name = self._chance.choice(sorted(VARIANTS))
        file = next((file for file, texts in self._texts.items() if name in texts), self._chance.choice(FILES))
        self._texts[file][name] = self._chance.choice([*VARIANTS[name], "", BROKEN])
        return self._write(file)

    def _move(self) -> set[str]:
        source, target = self._chance.sample(FILES, 2)
        for name in self._chance.sample(sorted(self._texts[source]), self._chance.randint(0, len(self._texts[source]))):
            self._texts[target][name] = self._texts[source].pop(name)
        return self._write(source) | self._write(target)

    def _break(self) -> set[str]:
        file = self._chance.choice(FILES)
        broken = [name for name, text in self._texts[file].items() if text == BROKEN]
        for name in broken:
            self._texts[file][name] = VARIANTS[name][0]
        if not broken and self._texts[file]:
            self._texts[file][self._chance.choice(sorted(self._texts[file]))] = BROKEN
        return self._write(file)

    def _swap(self) -> set[str]:
        """Rename two files to each other."""
        one, other = self._chance.sample(FILES, 2)
        self._texts[one], self._texts[other] = self._texts[other], self._texts[one]
        return self._write(one) | self._write(other)

    def _write(self, file: str) -> set[str]:
        texts = [text for text in self._texts[file].values() if text]
        path = self._path / file
        if texts:
            path.write_text("---\n".join(f"{text}\n" for text in texts))
        else:
            path.unlink(missing_ok=True)
        return {file}


class Rooms:
    """Everything between the objects in force and those who are told."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._translator = Translator()
        self._exclusions = ExclusionTable()
        self._store = SnapshotStore()
        self._view = ObjectView()
        self._hooked: HookedGateways = Revision()
        self._translations: Revision[str, GatewayTranslation] = Revision()
        self._store.mark_loaded()

    def take(self, state: GatewayState) -> dict[str, Any]:
        """Take a state, and return all that is said of it."""
        resolution = self.resolver.resolve(state)
        before, self._translations = self._translations, self._translator.update(resolution)
        for name in self._translations.changed_since(before):
            self._publish(name, self._translations.get(name))
        for class_name, excluded in self._exclusions.update(resolution).items():
            self._store.exclude(class_name, excluded)
        self._view.note(JudgedObjects(state, resolution.gateways, resolution.report), self._hooked, _NOW)
        return {**self._served(), "objects": self._shown()}

    def _publish(self, name: str, translation: GatewayTranslation | None) -> None:
        if translation is None:
            self._hooked = self._hooked.edited({}, [name])
            self._store.remove(name)
            return
        before = self._hooked.get(name)
        hooked = drive(translation, (), unchanged, before.accepted if before else None, epoch=0)
        self._hooked = self._hooked.edited({name: hooked})
        self._store.publish(hooked.gateway, hooked.class_name, hooked.resources)

    def _served(self) -> dict[str, Any]:
        selectors = {*self._translations, *(each.class_name for each in self._translations.values())}
        views = {selector: self._store.view(selector) for selector in selectors}
        return {selector: _content(view.snapshot) for selector, view in views.items() if view is not None}

    def _shown(self) -> dict[str, Any]:
        page = self._view.render()
        items = {str((item["kind"], item["metadata"])): item for item in page.items}
        return {"items": _undated(items), "problems": page.problems, "kinds": page.kinds}


def _content(snapshot: Snapshot) -> dict[str, dict[str, tuple[str, bytes, tuple[Any, ...]]]]:
    found: dict[str, dict[str, tuple[str, bytes, tuple[Any, ...]]]] = defaultdict(dict)
    for type_url, resources in snapshot.resources.items():
        for name, resource in resources.items():
            found[type_url][name] = (resource.version, bytes(resource.body), tuple(resource.sources))
    return dict(found)


def _undated(value: Any) -> Any:
    """Leave out when a condition got its status, which only who was there can know."""
    if isinstance(value, dict):
        return {key: _undated(each) for key, each in value.items() if key != "lastTransitionTime"}
    return [_undated(each) for each in value] if isinstance(value, list | tuple) else value


def _history(path: Path, seed: int) -> Iterator[frozenset[str] | None]:
    directory = Directory(path, Random(seed))
    yield None
    for _ in range(STEPS):
        yield directory.step()


@settings(max_examples=30)
@given(seed=st.integers(0, 10**9))
def test_a_house_with_a_past_says_what_one_without_says(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Statuses, problems, and the bytes, versions and sources that the Envoys of each Gateway and class are served."""
    path = tmp_path_factory.mktemp("files")
    reader, store = TreeReader((path,), path), ObjectStore(KINDS)
    followed = Rooms(Resolver(OPTIONS))
    for touched in _history(path, seed):
        state = store.update(reader.read(touched) if touched is not None else reader.read())
        now = followed.take(state)
        fresh = Rooms(Resolver(OPTIONS, followed.resolver.owners)).take(state)
        assert now == fresh
