"""What a first load makes is frozen: the garbage collector never looks at it, and a ring in it is there for ever."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest

from egxds.app.given_tree import GivenTree
from egxds.app.pipeline import Pipeline
from egxds.files.documents.document import FileTree
from egxds.files.reading.content import Scan
from egxds.settings.daemon import Settings
from tests.docs.blocks import ROOT
from tests.unit.model.texts import tree

CASES = sorted((ROOT / "tests" / "golden" / "cases").glob("*/in.yaml"))
SETTINGS = Settings.model_validate({"sources": {"files": {"paths": ["nowhere"]}}})


def there() -> Counter[str]:
    """Return how many objects of our types there are, by type."""
    gc.unfreeze()
    kinds = Counter(str(type(each)) for each in gc.get_objects())
    return Counter({kind: count for kind, count in kinds.items() if "egxds." in kind})


def load(found: FileTree) -> None:
    """Load it, and let go of it."""
    assert Pipeline(SETTINGS, GivenTree(found)).run(Scan.ALL).translations


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_nothing_is_left_of_a_load_that_somebody_lets_go_of(case: Path) -> None:
    """As a candidate is, and whatever is not to be served for memory."""
    found = tree({"in.yaml": tuple(case.read_text().split("\n---\n"))})
    load(found)  # what is remembered for the next one is remembered once
    gc.collect()
    gc.disable()
    try:
        before = there()
        load(found)
        assert there() - before == Counter()
    finally:
        gc.enable()
