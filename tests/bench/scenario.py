"""What a scenario is, and what it is given to run in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.measurements import Row
from tests.bench.parameters import Layout, Parameters
from tests.bench.site import Site


class Bench:
    """A directory for everything, and one site that scenarios of one size and layout share.

    Attributes:
        parameters: what is asked for.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._root = Path(tempfile.mkdtemp(prefix="egxds-bench-"))
        self._made = 0
        self._site = ExitStack()
        self._shared: tuple[int, Layout, Site] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_site()
        shutil.rmtree(self._root, ignore_errors=True)

    def directory(self) -> Path:
        """Return a new empty directory."""
        self._made += 1
        made = self._root / str(self._made)
        made.mkdir()
        return made

    def site(self, size: int, layout: Layout) -> Site:
        """Return the running site of this size and layout; another that runs is ended."""
        if self._shared is None or self._shared[:2] != (size, layout):
            self.close_site()
            site = self._site.enter_context(Site(self.directory(), self.parameters, size, layout))
            self._shared = (size, layout, site)
        return self._shared[2]

    def close_site(self) -> None:
        """End the shared site, so that what runs next has the machine to itself."""
        self._shared = None
        self._site.close()


@dataclass(frozen=True)
class Scenario:
    """One thing that is measured.

    Attributes:
        name: for the table, and to select it.
        about: what the figures are.
        run: measures it, for a number of objects and the way they lie in files.
        layouts: those that it is measured with.
        sizes: its own numbers of objects, where it does not follow the sizes that are asked for; never more than the
            largest of those.
        shares_site: whether it changes a site that others have changed, and will.
    """

    name: str
    about: str
    run: Callable[[Bench, int, Layout], Row]
    layouts: tuple[Layout, ...] = (Layout.EACH,)
    sizes: tuple[int, ...] = ()
    shares_site: bool = False
