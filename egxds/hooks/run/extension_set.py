"""The extensions of some settings, and what becomes of each when the settings are others. Awaits.

A set is replaced as a whole, while runs go on. A run keeps the set with which it began, to its end: what it has asked
under the settings of then means nothing under others. So an extension that is in no newer set lives on for the runs
that still ask it, and is closed behind the last of them:

    PREPARED -- it cannot be started --------> closed, and all that were prepared with it; nothing has changed
    PREPARED -- adopted, and input comes for it -> WATCHED
    WATCHED --- a set in which it is the same -> WATCHED: its connection, and what it said, are kept
    WATCHED --- a set without it -------------> RETIRED: not waited for, nor looked after, any more
    RETIRED --- no run asks it ---------------> closed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import anyio

from egxds.errors import StartError
from egxds.hooks.run.extension import Extension
from egxds.settings.extensions import ExtensionManager


class ExtensionSet:
    """Extensions in declared order.

    Attributes:
        managers: their settings.
        by_name: the extensions.
    """

    def __init__(self, extensions: tuple[Extension, ...]) -> None:
        """Put them together.

        Args:
            extensions: in declared order.
        """
        self.managers = tuple(extension.manager for extension in extensions)
        self.by_name: Mapping[str, Extension] = {extension.manager.name: extension for extension in extensions}
        self._denying = {manager.name: _denying(manager) for manager in self.managers}

    @property
    def epochs(self) -> Mapping[str, int]:
        """Name of each extension → its connection and health, as a number: what it says holds under this one."""
        return {name: extension.epoch for name, extension in self.by_name.items()}

    def denying(self, names: frozenset[str]) -> tuple[ExtensionManager, ...]:
        """Return the settings, of which some deny whatever else they say."""
        return tuple(self._denying[one.name] if one.name in names else one for one in self.managers)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep all of them open meanwhile."""
        for extension in self.by_name.values():
            extension.users.came()
        try:
            yield
        finally:
            for extension in self.by_name.values():
                extension.users.left()

    @classmethod
    def of(
        cls,
        managers: tuple[ExtensionManager, ...],
        before: Iterable[ExtensionSet],
        make: Callable[[ExtensionManager], Extension],
    ) -> Self:
        """Return the set of some settings; an extension whose own are the same is the very one of before.

        Args:
            managers: all of them, in declared order.
            before: sets in which there may be such extensions.
            make: makes an extension that is not started yet.
        """
        known = [extension for each in before for extension in each.by_name.values()]

        def same_or_new(manager: ExtensionManager) -> Extension:
            return next((extension for extension in known if extension.manager == manager), None) or make(manager)

        return cls(tuple(map(same_or_new, managers)))

    def beside(self, *others: ExtensionSet) -> tuple[Extension, ...]:
        """Return those that are in none of other sets."""
        known = {extension for other in others for extension in other.by_name.values()}
        return tuple(extension for extension in self.by_name.values() if extension not in known)


class Extensions:
    """The set that runs begin with, and the one that is to follow it.

    Attributes:
        current: the set.
        generation: how often there was another one. What a run knew under another is no basis to go on from.
    """

    def __init__(self, managers: tuple[ExtensionManager, ...], make: Callable[[ExtensionManager], Extension]) -> None:
        """Begin with the settings of the start.

        Args:
            managers: the extensions, in declared order.
            make: makes an extension that is not started yet.
        """
        self._make = make
        self.current = self._next = ExtensionSet.of(managers, (), make)
        self.generation = 0
        self._next_epoch = 0
        self._came: dict[str, int] = {}

    async def prepare(self, managers: tuple[ExtensionManager, ...]) -> ExtensionSet:
        """Start what other settings name beside what there is; `adopt` or `discard` is to follow.

        Args:
            managers: the extensions, in declared order.

        Raises:
            StartError: they name a file or a Python object that cannot be used; nothing has changed.
        """
        prepared = ExtensionSet.of(managers, (self.current, self._next), self._make)
        await start_all(prepared.beside(self.current, self._next))
        return prepared

    async def discard(self, prepared: ExtensionSet) -> None:
        """Close what was prepared in vain."""
        for extension in prepared.beside(self.current, self._next):
            await extension.aclose()

    async def adopt(self, prepared: ExtensionSet) -> None:
        """Have these follow, as soon as there is input that was made with them in mind."""
        before, self._next = self._next, self.current if prepared.managers == self.current.managers else prepared
        for extension in before.beside(self.current, prepared):
            await extension.aclose()

    async def aclose(self) -> None:
        """Close all of both sets; those that have gone close behind their last run."""
        for extension in (*self.current.by_name.values(), *self._next.beside(self.current)):
            await extension.aclose()

    def follow(self, managers: tuple[ExtensionManager, ...]) -> bool:
        """Have runs begin with those that were adopted, where they are of these settings and no others.

        Args:
            managers: the extensions, in declared order.

        Returns:
            Whether there is another set now.
        """
        if self._next is self.current or self._next.managers != managers:
            return False
        before, self.current = self.current, self._next
        self.generation += 1
        # Of several that had one name one after the other, no two have an epoch in common.
        self._next_epoch = max([self._next_epoch, *(epoch + 1 for epoch in before.epochs.values())])
        for extension in self.current.beside(before):
            extension.begin_at(self._next_epoch)
            self._came[extension.manager.name] = self.generation
        return True

    def came_after(self, generation: int) -> frozenset[str]:
        """Return the names under which there are others than in a set of before, or were in between."""
        return frozenset(name for name, came in self._came.items() if came > generation)


async def start_all(extensions: tuple[Extension, ...]) -> None:
    """Get extensions ready for their first call; all of them, or none.

    Raises:
        StartError: the settings of one name a file or a Python object that cannot be used.
    """
    try:
        for extension in extensions:
            await extension.start()
    except (StartError, anyio.get_cancelled_exc_class()):
        with anyio.CancelScope(shield=True):
            for extension in extensions:
                await extension.aclose()
        raise


def _denying(manager: ExtensionManager) -> ExtensionManager:
    return manager.model_copy(update={"on_failure": "deny"})
