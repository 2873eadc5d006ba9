"""Whatever was edited, broken or deleted: a restart changes nothing of what is in force."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.app.test_last_good import BROKEN, Installation, in_force, service, together

CONTENTS: dict[str, str | bytes | None] = {
    "one": service("x"),
    "other": service("x", 81),
    "two": together(service("x"), service("y")),
    "moved": together(service("y", 82), service("z")),
    "refused": together(service("x", 99999), service("y", 83)),
    "broken": together(service("y"), BROKEN),
    "no text": b"\xff\xfe",
    "blank": "\n",
    "comment": "# nothing\n",
    "gone": None,
}
_FILES = ("a.yaml", "b.yaml", "backup/a.yaml")
_STEPS = st.lists(
    st.tuples(st.sampled_from(_FILES), st.sampled_from(sorted(CONTENTS)), st.booleans()), min_size=1, max_size=8
)


def _apply(shops: Iterable[Installation], file: str, content: str | bytes | None) -> None:
    for shop in shops:
        path = shop.routes / file
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.unlink(missing_ok=True)
        else:
            shop.write(file, content)


@settings(max_examples=50)
@given(steps=_STEPS)
def test_a_restart_changes_nothing_of_what_is_in_force(steps: list[tuple[str, str, bool]]) -> None:
    """Whatever was written before: one that was started again has in force what one has that was not."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        runs_on, restarted = Installation(Path(one)), Installation(Path(other))
        for file, content, is_restart in steps:
            _apply((runs_on, restarted), file, CONTENTS[content])
            if is_restart:
                restarted.look()
                restarted.start()
            assert in_force(restarted.look()) == in_force(runs_on.look())
