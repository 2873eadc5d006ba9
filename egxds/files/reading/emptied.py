"""What is missing because nothing is said any more at a watched path. Pure.

A volume that is not mounted leaves an empty directory, a container runtime makes one in its place, and files lose their
content with the power: that is no reason to believe that everything there is gone. That there is to be nothing is said
by a file with something in it, be it a comment. For each watched path:

    SOME ---- a file with anything in it is left -----------------> SOME: what is missing is gone
    SOME ---- no file is left, or only blank ones ----------------> NONE: all that was there is unread
    NONE ---- a file with anything in it comes -------------------> SOME: what is still missing is gone

Where nothing is said below any of them, what was read below paths that are watched no longer is unread, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from egxds.files.reading.content import Content

EMPTIED = (
    "nothing is left of what was read from here: all of it stays in force, since a volume that is not mounted looks "
    "like that; if there is to be nothing, write a file with a comment in it here, such as none.yaml"
)


class Roots:
    """The watched paths, of each of which it matters how many files below it say something.

    Attributes:
        all: as they are given.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        """Take the paths.

        Args:
            paths: files and directories.
        """
        self.all = tuple(map(str, paths))

    def of(self, path: str) -> str:
        """Return the watched path that a file was reached by; empty for one that is below none of them."""
        return next((root for root in self.all if path == root or path.startswith(f"{root.rstrip('/')}/")), "")

    def count(self, contents: Mapping[str, Content]) -> Counter[str]:
        """Count the files below each that say something."""
        return Counter(self.of(path) for path, content in contents.items() if not content.is_blank)

    def counted_on(
        self, said: Counter[str], known: Mapping[str, Content], contents: Mapping[str, Content | None]
    ) -> Counter[str] | None:
        """Count on after an edit of some files; nothing where it takes away the last that was said below one.

        Nor where a file goes, be it a blank one, and nothing is said there: it may have been the last file.

        Args:
            said: how many said something before.
            known: what files held before.
            contents: what those of the edit hold now; None where one is gone.
        """
        now = said.copy()
        for path, content in contents.items():
            now[self.of(path)] += _says(content) - _says(known.get(path))
        left = (self.of(path) for path, content in contents.items() if content is None)
        return now if all(now[root] for root in (*(+said), *left)) else None

    def emptied(
        self, said: Counter[str], before: Mapping[str, Content], contents: Mapping[str, Content]
    ) -> Mapping[str, Content]:
        """Return what files held that are gone, or blank, because nothing is said any more at their path.

        Args:
            said: how many say something.
            before: what files held before.
            contents: what they hold now.
        """
        silent = {root for root in self.all if not said[root]}
        if not silent:
            return {}
        if not +said:
            silent.add("")  # of paths that are watched no longer
        missing = ((path, held) for path, held in before.items() if path not in contents or contents[path].is_blank)
        return {path: held for path, held in missing if not held.is_blank and self.of(path) in silent}


def _says(content: Content | None) -> bool:
    return content is not None and not content.is_blank
