"""The conformance suite once more, with every hook of an extension on and a file edited elsewhere every 200 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.conformance.cases import NoteOutcome, each_test, play
from tests.conformance.data import ConformanceTest
from tests.conformance.elsewhere import Elsewhere
from tests.conformance.site import Site
from tests.envoy.shop import manager
from tests.extension_server.handle import ExtensionHandle

pytestmark = [pytest.mark.envoy, pytest.mark.slow]


@pytest.fixture(scope="module")
def busy(start_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[tuple[Site, Elsewhere]]:
    """A daemon with an extension, whose files change all the time."""
    with ExtensionHandle.start() as extension:
        settings = {"extensionManagers": [manager(extension, "deny", timeout="5s", cacheTTL="60s")]}
        with start_site(settings) as site, Elsewhere(site.directory) as elsewhere:
            yield site, elsewhere
        assert sum(extension.calls().values()) > 0


@each_test
def test_conformance_under_edits(busy: tuple[Site, Elsewhere], note: NoteOutcome, test: ConformanceTest) -> None:
    """A test of the suite passes."""
    site, elsewhere = busy
    elsewhere.assert_alive()
    play(site, test, note)
