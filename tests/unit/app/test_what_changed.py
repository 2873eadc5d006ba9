"""What the log names as having changed: the first objects, their files, and how many there are beside them."""

from __future__ import annotations

from pathlib import Path

from egxds.app.what_changed import NOTHING, SHOWN, Unpublished, WhatChanged, what_changed
from egxds.model.store.state import GatewayState
from tests.unit.app.files import Files


def test_objects_that_come_change_and_go(tmp_path: Path) -> None:
    """Each with its file, also where that has gone."""
    files = Files(tmp_path)
    files.write_gateway("a", 80)
    files.write_gateway("b", 81)
    first = files.build().state
    came = what_changed(GatewayState(), first).fields()
    assert came == {"objects": ["Gateway default/a", "Gateway default/b"], "files": ["a.yaml", "b.yaml"], "more": 0}
    files.write_gateway("a", 82)
    files.delete("b.yaml")
    assert what_changed(first, files.build().state).fields() == came
    assert what_changed(first, first) == NOTHING


def test_many_objects_are_counted(tmp_path: Path) -> None:
    """A line stays short."""
    files = Files(tmp_path)
    for number in range(SHOWN + 5):
        files.write_gateway(f"g{number}", 1000 + number)
    fields = what_changed(GatewayState(), files.build().state).fields()
    assert (len(fields["objects"]), len(fields["files"]), fields["more"]) == (SHOWN, SHOWN, 5)


def test_what_has_not_been_published_comes_together(tmp_path: Path) -> None:
    """A Gateway whose hooks were busy is published with all that changed meanwhile, and that once."""
    files, unpublished = Files(tmp_path), Unpublished()
    files.write_gateway("a", 80)
    first = files.build().state
    unpublished.add(["a", "b"], what_changed(GatewayState(), first))
    files.write_gateway("b", 81)
    unpublished.add(["a"], what_changed(first, files.build().state))
    assert unpublished.take("a").files == ("a.yaml", "b.yaml")
    assert unpublished.take("a") == WhatChanged()
    assert unpublished.take("b").files == ("a.yaml",)
