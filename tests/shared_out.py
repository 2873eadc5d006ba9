"""How workers of pytest-xdist share out the tests, where there are any: file by file, in the order of their names."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_TOGETHER = {
    "tests/packaging/test_compose.py": "the image",
    "tests/packaging/test_container_page.py": "the image",
    "tests/packaging/test_image.py": "the image",
    "tests/packaging/test_distributions.py": "the distributions",
    "tests/packaging/test_lowest.py": "the distributions",
}
"""Files that one worker has → what they need, which takes a minute to build."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Has the tests of a file in one worker: a daemon, an Envoy or a server that they share is started once."""

    def _split_scope(self, nodeid: str) -> str:
        path: str = super()._split_scope(nodeid)
        return _TOGETHER.get(path, path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Make the one of this run."""
    return Scheduling(config, log)
