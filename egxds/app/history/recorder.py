"""What stands in the files becomes a generation. Writes, and blocks: for worker threads.

What is kept is the text of each file as it was read, mistakes included: so that a difference shows them. A file that
cannot be read now is in a generation as it was in the one before, as it is in force. An edit costs what it changes:
what the files come to is known, and of those that were touched since it is found out anew. After a failure nothing is
known.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from egxds.app.history.local_generations import HISTORY_LIMITS, Documents, LocalGenerations
from egxds.app.history.local_names import local_name, published_path
from egxds.files.documents.document import FileDocuments, FileTree
from egxds.published.content import Content, content_of, edited, text_of
from egxds.published.manifest import LARGEST_BUCKET_BYTES, Files, file_fault
from egxds.published.record import Origin, Record
from egxds.settings.history import HistorySettings

_SHOWN = 3
"""Files of each sort that a generation names of those that it has otherwise."""

_AGAIN = "the files again, which say the same"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read last, and what is other since it was found out what that comes to.

    Attributes:
        tree: what was read.
        changed: file → what it held when it could be read last; None where it is gone.
        is_whole: whether others may be others, too.
    """

    tree: FileTree
    changed: Mapping[str, FileDocuments | None]
    is_whole: bool

    def followed_by(self, tree: FileTree) -> Seen:
        """Return it with what was read since."""
        names = tree.touched or ()
        changed = {name: tree.files.get(name) for name in names if name in tree.files or name not in tree.unread}
        return Seen(tree, {**self.changed, **changed}, self.is_whole or tree.touched is None)

    def files(self) -> Documents:
        """Return all that could be read, each as it was then."""
        unread = {name: held for name, held in self.changed.items() if held is not None and name in self.tree.unread}
        return {**unread, **self.tree.files}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of what was read.

    Attributes:
        record: of the newest generation.
        is_new: whether that is another one than before.
        seen: what it was made of, whatever has been read since.
    """

    record: Record
    is_new: bool
    seen: Seen


class Recorder:
    """Keeps what was read, and what it comes to.

    Attributes:
        generations: where it is kept.
    """

    def __init__(self, generations: LocalGenerations) -> None:
        """Have seen nothing.

        Args:
            generations: where it is kept.
        """
        self.generations = generations
        self._lock = threading.Lock()
        self._seen = Seen(FileTree(), {}, is_whole=True)
        self._has_seen = False
        self._content: Content | None = None
        self._is_grown = False

    def saw(self, tree: FileTree) -> None:
        """Take what was read; costs what was touched."""
        with self._lock:
            self._has_seen = True
            self._seen = self._seen.followed_by(tree)

    def record(self, settings: HistorySettings) -> Recorded:
        """Have what was read be the newest generation, where it is not.

        Args:
            settings: how much is kept.

        Raises:
            OSError: nothing was read yet; or it cannot be written, or may not be kept.
            PublishedContentError, UnreadableStateError: what is kept is not what it should be.
        """
        with self._lock:
            if not self._has_seen:
                raise OSError(errno.EAGAIN, "the files have not been read yet: try again")
            seen, self._seen = self._seen, Seen(self._seen.tree, {}, is_whole=False)
        content, self._content = self._content, None
        try:
            content = self._content_of(seen, content)
            _check(content, settings, content.files if seen.is_whole else map(published_path, seen.changed))
            record, is_new = self.generations.publish(content, _origin)
        except BaseException:
            self._forget(seen)
            raise
        self._content = replace(content, blobs={})
        self._is_grown = self._is_grown or is_new
        return Recorded(record, is_new, seen)

    def tidy(self, settings: HistorySettings, recorded: Recorded) -> None:
        """Let go of the oldest generations, where there are new ones since; not while one of them is asked for.

        Args:
            settings: how much is kept.
            recorded: what was recorded last.

        Raises:
            OSError: it cannot be written.
            PublishedContentError, UnreadableStateError: what is kept is not what it should be.
        """
        if not self._is_grown:
            return
        try:
            self.generations.tidy(settings)
        except BaseException:
            self._forget(recorded.seen)
            raise
        self._is_grown = False

    def _forget(self, seen: Seen) -> None:
        """Find out anew what the files come to, with what was seen before."""
        self._content = None
        with self._lock:
            self._seen = Seen(self._seen.tree, {**seen.changed, **self._seen.changed}, is_whole=True)

    def _content_of(self, seen: Seen, before: Content | None) -> Content:
        if before is None or seen.is_whole:
            whole = content_of(_texts(seen.files()))
            unread = self._unread(seen.tree.unread, whole.files, before)
            return replace(edited(whole, {}, (), unread), blobs=whole.blobs)
        gone = {published_path(name) for name, held in seen.changed.items() if held is None}
        return edited(before, _texts(seen.changed), gone)

    def _unread(self, unread: Collection[str], there: Files, before: Content | None) -> Files:
        """Return the files that cannot be read and are not there, as they were in what was kept last of the files."""
        if not unread:
            return {}
        known = before.files if before is not None else self._kept()
        return {path: file for path, file in known.items() if path not in there and local_name(path) in unread}

    def _kept(self) -> Files:
        head = self.generations.head()
        if head is not None and head.instead_of is not None:
            head = self.generations.find(head.instead_of)
        return self.generations.files(head) if head is not None else {}


def _texts(files: Mapping[str, FileDocuments | None]) -> Mapping[str, bytes]:
    return {published_path(name): text_of(held) for name, held in files.items() if held is not None}


def _origin(before: Files, now: Files) -> Origin:
    return Origin(author="", at=datetime.now(UTC), message="; ".join(_said(before, now)) or _AGAIN)


def _check(content: Content, settings: HistorySettings, others: Iterable[str]) -> None:
    """Refuse what may not be kept, or could not be read again; of files only those at some paths may be that."""
    if content.size_bytes > settings.size:
        raise OSError(errno.EFBIG, f"the files have {content.size_bytes} bytes, more than history.size: raise it")
    if any(len(bucket) > LARGEST_BUCKET_BYTES for bucket in content.buckets.values()):
        raise OSError(errno.EFBIG, f"{len(content.files)} files with such long paths are too many: join some")
    for path in others:
        fault = file_fault(content.files[path], HISTORY_LIMITS) if path in content.files else ""
        if fault:
            raise OSError(errno.EINVAL, f"{local_name(path)}: {fault}")


def _said(before: Files, now: Files) -> Iterator[str]:
    """Say what is otherwise: the first files of each sort."""
    sorts = {
        "new": now.keys() - before.keys(),
        "changed": {path for path in now.keys() & before.keys() if now[path] != before[path]},
        "gone": before.keys() - now.keys(),
    }
    for sort, paths in sorts.items():
        names = sorted(map(local_name, paths))
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        if names:
            yield f"{sort}: {', '.join(names[:_SHOWN])}{more}"
