"""Whatever is edited, gone back to, broken and started again, in any order: what is in force is what it should be.

The model knows two things: what the files say, and what is in force in their place, with what the files said then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egxds.app.history.rolled_back import RolledBack
from tests.unit.app.history.installation import Installation, Texts
from tests.unit.app.test_last_good import BROKEN, service

_FILES = ("a.yaml", "b.yaml", "below/c.yaml")
_TEXTS = (service("x"), service("x", 81), service("y"), BROKEN, "# nothing\n", None)
_STEP = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(_FILES), st.sampled_from(_TEXTS)),
    st.tuples(st.just("roll back"), st.integers(0, 9), st.none()),
    st.tuples(st.sampled_from(("look", "keep", "restart", "unmount")), st.none(), st.none()),
)
_STEPS = st.lists(_STEP, min_size=1, max_size=15)


class World:
    """An installation, and what is expected of it.

    Attributes:
        shop: the installation.
        files: what its files say.
    """

    def __init__(self, root: Path) -> None:
        self.shop = Installation(root)
        self.files: Texts = {"routes/web.yaml": service("web")}
        self.shop.write("web.yaml", self.files["routes/web.yaml"])
        self._standing: tuple[Texts, Texts] | None = None
        self._kept: tuple[Texts, Texts] | None = None
        self.look()
        self.keep()

    def expected(self) -> Texts:
        """Return what is to be in force."""
        return self._standing[0] if self._standing is not None else self.files

    def edit(self, file: str, text: str | None) -> None:
        """Have a file say something else, or be gone."""
        name = f"routes/{file}"
        if text is None:
            self.files = {each: said for each, said in self.files.items() if each != name}
            (self.shop.routes / file).unlink(missing_ok=True)
        else:
            self.files = {**self.files, name: text}
            self.shop.write(file, text)

    def look(self) -> None:
        """Have the files read."""
        self.shop.look()
        if self._standing is not None and self._standing[1] != self.files:
            self._standing = None

    def keep(self) -> None:
        """Have written what is to be."""
        self.shop.keep()
        self._kept = self._standing

    def restart(self) -> None:
        """End without another word, and start."""
        self.shop.start()
        self._standing = self._kept
        self.look()

    def unmount(self) -> None:
        """Have the files be away for a look, of which is kept what there is to keep."""
        aside = self.shop.routes.rename(self.shop.root / "mounted")
        self.shop.routes.mkdir()
        self.shop.look()
        self.keep()
        newest = self.shop.records()[0].generation
        assert self.shop.texts(newest) == self.expected()
        self.shop.routes.rmdir()
        aside.rename(self.shop.routes)
        self.look()

    def roll_back(self, choice: int) -> None:
        """Go back to one of what is kept."""
        self.look()
        self.keep()
        kept = self.shop.records()
        wanted = kept[choice % len(kept)]
        texts = self.shop.texts(wanted.generation)
        assert self.shop.roll_back(wanted.generation)["reason"] == ""
        before = self._standing[1] if self._standing is not None else self.files
        self._standing = (texts, before) if texts != before else None
        self._kept = self._standing


def run(steps: list[tuple[str, object, object]]) -> None:
    """Do some steps, and hold what is in force against the model after each."""
    with TemporaryDirectory() as root:
        world = World(Path(root))
        for step, one, other in steps:
            match step, one, other:
                case "edit", str(file), (str() | None) as text:
                    world.edit(file, text)
                    world.look()
                case "roll back", int(choice), _:
                    world.roll_back(choice)
                case "look", _, _:
                    world.look()
                case "keep", _, _:
                    world.keep()
                case "restart", _, _:
                    world.restart()
                case _:
                    world.unmount()
            assert world.shop.in_force() == world.expected()
        world.look()
        world.keep()
        assert world.shop.in_force() == world.expected()
        assert world.shop.texts(world.shop.records()[0].generation) == world.expected()


@settings(max_examples=60, deadline=None)
@given(steps=_STEPS)
def test_what_is_in_force_is_what_it_should_be(steps: list[tuple[str, object, object]]) -> None:
    """And the newest generation that is kept is that."""
    run(steps)


@contextmanager
def planted(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> Iterator[None]:
    """Have something be wrong."""
    with monkeypatch.context() as patched:
        patched.setattr(RolledBack, name, value)
        yield


@pytest.mark.parametrize("is_held", [True, False])
def test_a_model_that_sees_faults(monkeypatch: pytest.MonkeyPatch, *, is_held: bool) -> None:
    """A rollback that holds for ever, or over nothing, is found."""
    story: list[tuple[str, object, object]] = [
        ("edit", "a.yaml", service("x")),
        ("roll back", 1, None),
        ("look", None, None),
        ("edit", "a.yaml", service("y")),
    ]
    run(story)
    with planted(monkeypatch, "holds", lambda *_: is_held), pytest.raises(AssertionError):
        run(story)
