"""Everything below the watched paths, read into documents. Touches the file system and blocks: for a worker thread.

Paths go in, a `FileTree` comes out for the model room. Whatever is wrong with one file is a problem that names it; the
others are read all the same.

A file that is not there is gone, and what it held with it. So for each path that cannot be read the question is
whether it is gone, and only a file that is missing from a directory that could be listed is: what may not be read,
stands behind a link that leads nowhere, is over a limit, or was below a directory that cannot be listed, is unread,
and what it held stays in force. A Kubernetes volume counts as one thing: its files are of one generation, or unread.

Nor is everything gone where a watched path holds nothing at all (`emptied`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import (
    Content,
    ContentReader,
    ReadLimits,
    Scan,
    Scope,
    Stamp,
    WriterCheck,
    nobody_writes,
)
from egxds.files.reading.edited import edited_files, is_plain
from egxds.files.reading.emptied import EMPTIED, Roots
from egxds.files.reading.listing import Fault, Listing, list_files
from egxds.files.reading.remarks import remarks_about
from egxds.problems import Location, Problem, Severity, error, warning
from egxds.shown_text import shown_name

LIMITS = ReadLimits()
_TRIES = 5
_NEVER_SEEN = Stamp(0, 0, 0, 0, 0)
"""Of no file: whoever has it is read."""


class TreeReader:
    """Reads the watched paths again and again, and only what changed."""

    def __init__(
        self,
        paths: tuple[Path, ...],
        base: Path,
        limits: ReadLimits = LIMITS,
        is_being_written: WriterCheck = nobody_writes,
    ) -> None:
        """Prepare to read.

        Args:
            paths: files, read whatever their names, and directories, of which *.yaml, *.yml and *.json are read.
            base: directory; files below it are named relative to it.
            limits: how much is read.
            is_being_written: such a file holds what it held before, until it is closed.
        """
        self._paths = paths
        self._roots = Roots(paths)
        self._is_being_written = is_being_written
        self._limits = limits
        self._prefix = f"{base}/"
        self._known: dict[str, Content] = {}
        self._total_bytes = 0
        self._said: Counter[str] = Counter()
        self._plain: Listing | None = None
        self._last = FileTree()

    def follow(self, paths: tuple[Path, ...]) -> None:
        """Read other paths from the next look on; files that are below both are the same ones as before."""
        self._paths, self._plain = paths, None

    def resume(self, known: Mapping[str, FileDocuments], last: FileTree) -> None:
        """Go on from what another process has read, before anything is read here.

        Args:
            known: file (as the user names it) → what is known of what it held; where it cannot be read, that is unread.
            last: what that process found last.
        """
        # Of a file whose name had to be escaped the path cannot be told; what it held is known by its name alone.
        paths = ((name if name.startswith("/") else f"{self._prefix}{name}", each) for name, each in known.items())
        self._known = {path: Content(_NEVER_SEEN, 0, documents) for path, documents in paths}
        self._last = last

    def read(self, scope: Scope = Scan.CHANGED) -> FileTree:
        """Read what is there now.

        A file that did not change gives the same document objects as before. What a watched directory held is unread,
        not gone, while the directory itself cannot be read. Where a Kubernetes volume is swapped
        meanwhile, all is read again; one that goes on changing is left unread as a whole, so that its generations
        never mix.

        Args:
            scope: which files may have changed, and how closely those are looked at that seem not to.
        """
        edited = self._read_edited(scope) if isinstance(scope, frozenset) else None
        tree = edited or self._read_all(scope if isinstance(scope, Scan) else Scan.CHANGED)
        self._last = tree
        return tree

    def _read_all(self, scan: Scan) -> FileTree:
        for _ in range(_TRIES):
            listing = list_files(self._paths, self._limits.walk)
            reading = _Reading(self._prefix, self._limits, self._known, self._roots)
            reading.take(listing, ContentReader(self._limits, scan), self._is_being_written)
            swapped = listing.swapped()
            if not swapped:
                break
        # Swapped each time: half of one generation and half of another is a configuration that nobody ever wrote.
        else:
            reading.drop(swapped)
        self._known, self._total_bytes, self._said = reading.known, reading.total_bytes, reading.said
        self._plain = listing if is_plain(listing) and reading.is_complete else None
        tree = reading.tree()
        return replace(tree, touched=_touched(self._last, tree))

    def _read_edited(self, paths: frozenset[str]) -> FileTree | None:
        """Read what some paths stand for; nothing where that does not do."""
        paths = frozenset(path for path in paths if not self._is_being_written(path))
        found = edited_files(self._plain, paths) if self._plain is not None else None
        if found is None:
            return None
        reader, contents = ContentReader(self._limits, Scan.CHANGED), dict[str, Content | None]()
        for path, file in found.items():
            known = self._known.get(path)
            content = reader.read(file, _name(self._prefix, path), known) if file is not None else None
            if isinstance(content, Fault):
                return None
            contents[path] = content
        return self._edited_tree(contents)

    def _edited_tree(self, contents: Mapping[str, Content | None]) -> FileTree | None:
        """Return the last tree with other contents of some files.

        Nothing where that is over a limit, or leaves nothing at a watched path.
        """
        said = self._roots.counted_on(self._said, self._known, contents)
        if said is None:
            return None
        for path, content in contents.items():
            before = self._known.pop(path, None)
            self._total_bytes += _size_bytes(content) - _size_bytes(before)
            if content is not None:
                self._known[path] = content
        if len(self._known) > self._limits.files or self._total_bytes > self._limits.total_bytes:
            return None
        self._said = said
        outcomes = {_name(self._prefix, path): _outcome(content) for path, content in contents.items()}
        tree = _with_outcomes(self._last, outcomes)
        touched = {name for name in outcomes if self._last.files.get(name) is not tree.files.get(name)}
        return replace(tree, touched=frozenset(touched | (self._last.unread ^ tree.unread)))


class _Reading:
    """One pass over the files of a listing."""

    def __init__(self, prefix: str, limits: ReadLimits, before: Mapping[str, Content], roots: Roots) -> None:
        self.total_bytes = 0
        self.said: Counter[str] = Counter()
        self._roots = roots
        self._prefix = prefix
        self._limits = limits
        self._before = before
        self._contents: dict[str, Content] = {}
        self._missed: dict[str, Content] = {}
        self._faults: list[Fault] = []
        self._left_out: list[str] = []
        self._remarks: list[Problem] = []

    @property
    def is_complete(self) -> bool:
        """Whether everything was read, and nothing left out."""
        return not (self._faults or self._missed or self._left_out)

    @property
    def known(self) -> dict[str, Content]:
        """What the next pass may build on."""
        return {**self._missed, **self._contents}

    def take(self, listing: Listing, reader: ContentReader, is_being_written: WriterCheck) -> None:
        """Read what is listed, within the limits."""
        self._faults += listing.faults
        self._left_out += listing.left_out
        self._miss_below({fault.path for fault in listing.faults}.union(listing.left_out))
        # Which files are beyond a limit depends on their order, and that on their names: the same ones at every look.
        for real, path in self._in_order(listing):
            if len(self._contents) >= self._limits.files:
                self._leave_out(path)
            elif is_being_written(real):
                self._keep(path, self._before.get(path))
            else:
                self._keep(path, reader.read(path, _name(self._prefix, path), self._before.get(path)))
        self.said = self._roots.count(self._contents)
        emptied = self._believe_no_emptiness() if not self._left_out else frozenset()
        listing = replace(listing, empty=tuple(path for path in listing.empty if path not in emptied))
        self._remarks = [warning(self._at(remark.path), remark.message) for remark in remarks_about(listing)]

    def _in_order(self, listing: Listing) -> Iterable[tuple[str, str]]:
        """Return files, each with its real path and as it is reached.

        Where there are too many, those of the fullest directories come last.
        """
        files = [*listing.files.items()]
        if len(files) > self._limits.files:
            counts = Counter(_directory(path) for _, path in files)
            files.sort(key=lambda each: counts[_directory(each[1])])
        return files

    def _believe_no_emptiness(self) -> frozenset[str]:
        """Take for unread what was below a watched path at which nothing is said any more; return these paths."""
        emptied = self._roots.emptied(self.said, self._before, self._contents)
        told = {self._roots.of(path) for path in (*(fault.path for fault in self._faults), *self._missed)}
        roots = dict.fromkeys(self._roots.of(path) or self._roots.all[0] for path in emptied)
        self._faults += [Fault(root, EMPTIED) for root in roots if root not in told]
        self._contents = {path: content for path, content in self._contents.items() if path not in emptied}
        self._missed |= emptied
        return frozenset(roots)

    def drop(self, directories: tuple[str, ...]) -> None:
        """Leave directories unread whose content belongs to more than one generation."""
        for directory in directories:
            for path in [path for path in self._contents if _is_below(path, directory)]:
                self._missed[path] = self._contents.pop(path)
            self._miss(Fault(directory, "was replaced again and again while it was read: its last state stays"))

    def tree(self) -> FileTree:
        """Put together what was read."""
        contents = {_name(self._prefix, path): content for path, content in self._contents.items()}
        files = {name: each.outcome for name, each in contents.items() if not isinstance(each.outcome, Problem)}
        refused = {name: each.outcome for name, each in contents.items() if isinstance(each.outcome, Problem)}
        problems = [*refused.values(), *self._fault_problems(), *self._limit_problems(), *self._remarks]
        unread = [*self._left_out, *self._missed, *(fault.path for fault in self._faults)]
        return FileTree(
            files=files,
            problems=tuple(sorted(problems, key=lambda problem: problem.location)),
            unread=frozenset(_name(self._prefix, path) for path in unread) | refused.keys(),
        )

    def _miss(self, fault: Fault) -> None:
        """Note a directory that cannot be read."""
        self._faults.append(fault)
        self._miss_below({fault.path})

    def _miss_below(self, paths: set[str]) -> None:
        """Note that what some paths held, or what was below them, is unread and not gone."""
        if paths:
            self._missed |= {
                path: content
                for path, content in self._before.items()
                if path in paths or not paths.isdisjoint(_directories_above(path))
            }

    def _leave_out(self, path: str) -> None:
        """Note a file that is beyond a limit; what it held is unread, not gone."""
        self._left_out.append(path)
        if path in self._before:
            self._missed[path] = self._before[path]

    def _at(self, path: str) -> Location:
        return Location(_name(self._prefix, path), 0)

    def _keep(self, path: str, content: Content | Fault | None) -> None:
        if isinstance(content, Fault):
            self._faults.append(content)
            if path in self._before:
                self._missed[path] = self._before[path]
        elif content and self.total_bytes + content.stamp.size_bytes > self._limits.total_bytes:
            self._leave_out(path)
        elif content:
            self.total_bytes += content.stamp.size_bytes
            self._contents[path] = content

    def _fault_problems(self) -> Iterator[Problem]:
        for fault in self._faults:
            yield error(self._at(fault.path), fault.message)

    def _limit_problems(self) -> Iterator[Problem]:
        if self._left_out:
            limits = (
                f"{self._limits.walk.directories} directories, {self._limits.files} files or "
                f"{self._limits.total_bytes} bytes in all"
            )
            message = f"this and {len(self._left_out) - 1} more are not read, as there are more than {limits}"
            yield error(self._at(self._left_out[0]), message)


def _name(prefix: str, path: str) -> str:
    """Name a file as the user does."""
    return shown_name(path.removeprefix(prefix))


def _outcome(content: Content | None) -> FileDocuments | Problem | None:
    return content.outcome if content is not None else None


def _size_bytes(content: Content | None) -> int:
    return content.stamp.size_bytes if content is not None else 0


def _with_outcomes(tree: FileTree, outcomes: Mapping[str, FileDocuments | Problem | None]) -> FileTree:
    """Return a tree of which some files are others, or gone."""
    files = dict(tree.files)
    problems = [
        problem
        for problem in tree.problems
        if problem.severity is Severity.WARNING or problem.location.file not in outcomes
    ]
    for name, outcome in outcomes.items():
        files.pop(name, None)
        if isinstance(outcome, FileDocuments):
            files[name] = outcome
        elif outcome is not None:
            problems.append(outcome)
    return FileTree(
        files=files,
        problems=tuple(sorted(problems, key=lambda problem: problem.location)),
        unread=frozenset(problem.location.file for problem in problems if problem.severity is Severity.ERROR),
    )


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(f"{directory}/")


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def _directories_above(path: str) -> Iterator[str]:
    while path := _directory(path):
        yield path


def _touched(before: FileTree, now: FileTree) -> frozenset[str]:
    """Return the files that are others than before, be it that they can be read now or cannot any more."""
    others = {name for name, documents in now.files.items() if before.files.get(name) is not documents}
    return frozenset(others | (before.files.keys() - now.files.keys()) | (before.unread ^ now.unread))
