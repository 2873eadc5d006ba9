"""Files of this machine, in the place of which an earlier generation of them may be in force. Reads, and blocks.

    FILES --------- somebody goes back to a generation ------------------> ROLLED BACK
    ROLLED BACK --- a look finds the files as they were then ------------> ROLLED BACK
    ROLLED BACK --- a look finds a file with other content, a new one,
                    or one that is gone ---------------------------------> FILES: what they say now is in force
    ROLLED BACK --- somebody goes back to another one -------------------> ROLLED BACK, to that
    ROLLED BACK --- somebody goes back to what stands in the files ------> FILES
    a start ------- the newest generation that is kept says so ----------> ROLLED BACK, else FILES
    a start ------- what is kept cannot be read, and the last good input
                    says so ---------------------------------------------> ROLLED BACK, from the files as they are found

The files are read as ever meanwhile, and held against what they were: that is a generation, too, which is kept for as
long. A file that cannot be read is not another one; nor is one that was written anew with what it held. That somebody
wants everything read again (SIGHUP) changes no file.

What is handed on while it is so is a tree like any other: behind the door nobody knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from egxds.app.history.local_generations import LAYOUT, UNUSABLE, Documents, LocalGenerations
from egxds.app.history.recorder import Recorder
from egxds.app.history.report import HistoryReport
from egxds.app.source import Trees
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.files.reading.content import Scope
from egxds.published.content import text_of
from egxds.published.errors import PublishedContentError
from egxds.published.manifest import Files
from egxds.published.record import Record, RecordError, decoded_record
from egxds.settings.daemon import Settings


@dataclass(frozen=True, slots=True, eq=False)
class RolledBack:
    """A generation that is in force in the place of the files. Compared by identity.

    Attributes:
        record: of the generation.
        documents: what its files hold.
        files: what stood in the files then, by their names.
    """

    record: Record
    documents: Documents
    files: Documents

    def holds(self, now: FileTree, names: Iterable[str]) -> bool:
        """Tell whether none of some files is another one than it was then."""
        return all(name in now.unread or _is_same(self.files.get(name), now.files.get(name)) for name in names)


class FilesWithHistory:
    """What stands in files, or what is in force in their place; `Trees`."""

    def __init__(self, trees: Trees, recorder: Recorder, report: HistoryReport) -> None:
        """Prepare; nothing is read yet.

        Args:
            trees: the files.
            recorder: is shown what was read, and knows what is kept.
            report: is told that what is kept cannot be used, or not all of it.
        """
        self._trees = trees
        self._recorder = recorder
        self._report = report
        self._lock = threading.Lock()
        self._is_loaded = False
        self._standing: RolledBack | None = None
        self._resumed: Record | None = None
        self._held: RolledBack | None = None
        self._last = FileTree()
        self._handed: RolledBack | None = None

    @property
    def removal_delay_s(self) -> float:
        """For how many seconds an object stays in force that nothing defines any more."""
        return self._trees.removal_delay_s

    @property
    def rolled_back(self) -> RolledBack | None:
        """What is in force in the place of the files from the next look on; None where they are."""
        return self._standing

    def serve(self, standing: RolledBack | None) -> None:
        """Have a generation in force in the place of the files from the next look on, or these.

        Args:
            standing: the generation; None for the files.
        """
        with self._lock:
            self._standing = standing

    def go_by(self, settings: Settings) -> None:
        """Read other paths from the next time on: where other files stand there, these are others."""
        self._trees.go_by(settings)

    def resume(self, known: Documents, last: FileTree) -> None:
        """Go on from what another process has had in force, before anything is read here."""
        if not self._is_read(known):
            self._resumed = _rolled_back_to(last.origin)
        self._last, self._handed = last, None
        standing = self._standing
        if standing is not None:
            self._trees.resume(standing.files, FileTree(standing.files))
        else:
            self._trees.resume(known, FileTree(last.files) if self._resumed is not None else last)

    def read(self, scope: Scope) -> FileTree:
        """Return what is in force, and which of its files are others than those that were handed on before."""
        if not self._is_loaded:
            self._is_read({})
        files = self._trees.read(scope)
        if self._resumed is not None:
            self._standing, self._resumed = RolledBack(self._resumed, self._last.files, files.files), None
        self._recorder.saw(files)
        standing = self._standing_with(files)
        if standing is self._handed is None:
            self._last = files
        else:
            self._last = self._as_handed_on(standing, files)
        self._handed = standing
        return self._last

    def _standing_with(self, files: FileTree) -> RolledBack | None:
        """Return what is in force in the place of the files, where these are as they were."""
        standing = self._standing
        if standing is None:
            return None
        is_known = standing is self._held and files.touched is not None
        names = files.touched if is_known and files.touched is not None else standing.files.keys() | files.files.keys()
        if standing.holds(files, names):
            self._held = standing
            return standing
        # Should somebody have it in force again, all files are compared again.
        self._held = None
        with self._lock:
            if self._standing is standing:
                self._standing = None
        return None

    def _as_handed_on(self, standing: RolledBack | None, files: FileTree) -> FileTree:
        if standing is not None and standing is self._handed:
            return replace(self._last, touched=frozenset())
        now = files
        if standing is not None:
            now = FileTree(standing.documents, origin=standing.record.encode().decode(), is_whole=True)
        return replace(now, touched=_touched(self._last, now))

    def _is_read(self, known: Documents) -> bool:
        """Find out whether an earlier generation was in force before; tell whether what is kept could be read."""
        self._is_loaded = True
        generations = self._recorder.generations
        try:
            head = generations.head()
            if generations.torn_bytes:
                self._report.cut(generations.torn_bytes)
            self._standing = _kept(generations, head, known)
        except UNUSABLE as err:
            self._report.ignored(generations.begin_anew(err))
        except OSError as err:
            self._report.ignored(err)
            return False
        return True


def _kept(generations: LocalGenerations, head: Record | None, known: Documents) -> RolledBack | None:
    """Return what the newest generation has in force in the place of the files; None where it does not."""
    if head is None or head.instead_of is None:
        return None
    files = generations.find(head.instead_of)
    if files is None:
        fault = "is not there, though another one is in force in its place"
        raise PublishedContentError(LAYOUT.generation(head.instead_of), fault, head.instead_of)
    nothing: Files = {}
    documents = generations.documents(head, known, nothing)
    return RolledBack(head, documents, generations.documents(files, documents, nothing))


def _rolled_back_to(origin: str) -> Record | None:
    """Return the record that a tree is told by, where it was in force in the place of the files."""
    try:
        record = decoded_record(origin.encode()) if origin else None
    except RecordError:
        return None
    return record if record is not None and record.instead_of is not None else None


def _is_same(one: FileDocuments | None, other: FileDocuments | None) -> bool:
    if one is other:
        return True
    return one is not None and other is not None and text_of(one) == text_of(other)


def _touched(before: FileTree, now: FileTree) -> frozenset[str]:
    names = before.files.keys() | now.files.keys()
    others = {name for name in names if before.files.get(name) is not now.files.get(name)}
    return frozenset(others | (before.unread ^ now.unread))
