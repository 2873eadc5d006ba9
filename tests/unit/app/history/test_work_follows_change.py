"""What an edit costs on its way does not depend on how much is kept, nor on what is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lines_of_rooms import lines_with_empty_caches
from tests.unit.app.history.installation import Installation
from tests.unit.app.test_last_good import service


def lines_of_an_edit(root: Path, files: int, *, is_rolled_back: bool) -> int:
    """Return how many lines run for a look at a file that was written anew, in the rooms in front of the door."""
    root.mkdir()
    shop = Installation(root)
    for number in range(files):
        shop.write(f"{number}.yaml", service(f"s{number}"))
    shop.serve()
    shop.write("edited.yaml", service("edited"))
    shop.serve()
    if is_rolled_back:
        shop.roll_back(1)
    text = service("edited") if is_rolled_back else service("edited", 81)
    shop.write("edited.yaml", text)
    with lines_with_empty_caches() as lines:
        tree = shop.history.trees.read(frozenset([str(shop.routes / "edited.yaml")]))
        shop.history.accepted(tree.origin)
    assert bool(tree.origin) is is_rolled_back
    return lines["app"]


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_an_edit_costs_itself(tmp_path: Path, *, is_rolled_back: bool) -> None:
    """Of ten files as of three hundred."""
    few, many = (lines_of_an_edit(tmp_path / str(files), files, is_rolled_back=is_rolled_back) for files in (10, 300))
    assert few == many > 0
