"""The generations that are kept in `stateDir`. Reads and writes, and blocks: for worker threads.

They are published, rolled back to, read and swept as those in etcd are (`egxds.published`), in a file
(`history_file`). Whatever that file holds costs a message, and never the daemon: what cannot be read is set aside, and
the history begins anew.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import replace

from egxds.app.history.history_file import FILE_NAME, HistoryFile, at_once
from egxds.app.history.local_names import local_name
from egxds.app.state_directory import StateDirectory
from egxds.app.state_files import remove_oldest_aside, set_aside
from egxds.files.documents.document import FileDocuments
from egxds.files.documents.split import documents_in
from egxds.files.reading.reader import LIMITS
from egxds.problems import Problem
from egxds.published.content import Content
from egxds.published.errors import PublishedContentError, SweptError
from egxds.published.layout import Layout
from egxds.published.manifest import Files, chunk_sizes
from egxds.published.publishing import Publisher
from egxds.published.reading import Generations
from egxds.published.record import Origin, Record
from egxds.published.rolling_back import RolledBack, roll_back
from egxds.published.sweeping import sweep
from egxds.sealed_records import UnreadableStateError
from egxds.settings.history import HistorySettings

LAYOUT = Layout("")
HISTORY_LIMITS = replace(LIMITS, walk=replace(LIMITS.walk, depth=256))
"""As of files, whose whole paths may have more directories than are looked into."""

_NO_DOCUMENTS = FileDocuments()
_AT_ONCE = 5
"""Part of those that are kept by which there may be more: to find out what nobody needs costs as much for one."""

UNUSABLE = (PublishedContentError, UnreadableStateError)
"""What says that something of a history is not what it should be."""

Documents = Mapping[str, FileDocuments]
"""Files by their names on this machine."""


async def _go_on(_seconds: float) -> None:
    """Wait for nobody: there is no other who sweeps."""


class LocalGenerations:
    """Generations of the files of this machine."""

    def __init__(self, directory: StateDirectory) -> None:
        """Prepare; nothing is read yet.

        Args:
            directory: `stateDir`.
        """
        self._directory = directory
        self._path = directory.path / FILE_NAME
        self._file = HistoryFile(self._path)
        self._generations = Generations(self._file, LAYOUT, HISTORY_LIMITS)

    @property
    def torn_bytes(self) -> int:
        """How much of the file that they stand in counts for nothing, by a crash; before anything is written."""
        return self._file.torn_bytes

    def head(self) -> Record | None:
        """Return the newest; None where there is none.

        Raises:
            OSError: it cannot be read.
            PublishedContentError, UnreadableStateError: it is not what it should be.
        """
        return at_once(self._generations.look()).head

    def find(self, number: int) -> Record | None:
        """Return a generation by its number; None where it is not kept. Raises as `head` does."""
        found = at_once(self._generations.kept((number,)))
        return found[0].record if found else None

    def files(self, record: Record) -> Files:
        """Return the files of a generation by their paths in it. Raises as `head` does."""
        return at_once(self._generations.files(record))

    def documents(self, record: Record, known: Documents, same: Files) -> Documents:
        """Return what the files of a generation hold.

        Args:
            record: of the generation.
            known: what files hold that are known; where a file is the same, that.
            same: what those come to, by their paths in a generation.

        Raises:
            OSError: it cannot be read.
            PublishedContentError, UnreadableStateError: it is not what it should be.
        """
        files = self.files(record)
        names = {path: local_name(path) for path in files}
        others = {path: file for path, file in files.items() if names[path] not in known or same.get(path) != file}
        blobs = at_once(self._generations.blobs(chunk_sizes(others.values()), record.generation))
        texts = self._generations.assembled(others, blobs, record.generation)
        held = {names[path]: _split(names[path], text, known) for path, text in texts.items()}
        return {name: held.get(name) or known[name] for name in names.values()}

    def publish(self, content: Content, origin_of: Callable[[Files, Files], Origin]) -> tuple[Record, bool]:
        """Have files be the newest generation; nothing is written where they are that for good.

        Args:
            content: what they come to; of chunks, those that are not there.
            origin_of: takes what may be others among the files before and now, and tells what the generation is for.

        Returns:
            The newest generation, and whether that is another one than before.

        Raises:
            OSError: it cannot be written.
            PublishedContentError, UnreadableStateError: what is there is not what it should be.
        """
        self._directory.claim()
        publisher = Publisher(self._generations, _go_on)
        plan = at_once(publisher.plan(content))
        if plan.fault is not None:
            raise plan.fault
        head = plan.seen.head
        if plan.is_nothing_new and head is not None:
            return head, False
        buckets = head.buckets if head is not None else {}
        names = {name for name, _ in buckets.items() ^ content.digests.items()}
        done = at_once(publisher.put(plan, origin_of(plan.others, content.files_in(names))))
        if done is None:
            raise SweptError
        return done[0], True

    def roll_back(self, number: int, origin: Origin, standing: Record) -> RolledBack:
        """Have an earlier generation be the newest.

        Args:
            number: of the earlier one.
            origin: who wants it, and what for.
            standing: what stands in the files, in the place of which it comes.

        Raises:
            NoGenerationError: it is not kept.
            OSError: it cannot be written.
            PublishedContentError, UnreadableStateError: what is there is not what it should be.
        """

        def instead_of(old: Record) -> int | None:
            return standing.generation if old.digest != standing.digest else None

        self._directory.claim()
        return at_once(roll_back(self._generations, number, origin, _go_on, instead_of))

    def tidy(self, settings: HistorySettings) -> None:
        """Let go of the oldest, where there are more than are kept, several at once. Raises as `publish` does.

        Not while one is in force in the place of the files: what stands in these is to be there, however old it is.
        """
        kept = len(at_once(self._generations.numbers()))
        keep = min(settings.keep, kept)
        if kept > settings.keep + settings.keep // _AT_ONCE:
            at_once(sweep(self._generations, keep))
        while keep > 1 and self._file.needed_bytes > settings.size:
            keep -= 1
            at_once(sweep(self._generations, keep))
        self._file.tidy()

    def begin_anew(self, err: Exception) -> OSError:
        """Set aside what cannot be used; return what is to be said of it."""
        self._file.close()
        try:
            aside = set_aside(self._path)
            remove_oldest_aside(self._path.parent)
        except OSError as fault:
            return OSError(errno.EIO, f"{err}; and it cannot be renamed: {fault.strerror}")
        return OSError(errno.EIO, f"{err}: renamed to {aside.name}, and the history begins anew")


def _split(name: str, text: bytes, known: Documents) -> FileDocuments:
    held = documents_in(name, text, HISTORY_LIMITS.documents, known.get(name, _NO_DOCUMENTS))
    if isinstance(held, Problem):
        raise PublishedContentError(str(held.location), held.message)
    return held
