"""All problems of the input, found again only where something changed. Pure; remembers what it found.

A problem has an origin: an object that something was decided about, or that is rolled back, a document, an object with
several definitions, a kind that is not read, a certificate, the files that cannot be read, the daemon itself. Each
origin is looked at again when what is known of it is another object than before (revisions tell), or when the time of
its certificate has come, and at no other time. What differs is what the log says and what the metrics count, so that an
edit costs what it changes here, too.

Lines are those of the time when a problem was found. Who shows problems has them found once more (`about`), since an
object that only moved within its file is not judged again, and nothing is logged for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from heapq import nsmallest
from typing import Any

from egxds.files.documents.document import SourceDocument
from egxds.inspect.certificate_times import CertificateTimes
from egxds.inspect.judged import JudgedObjects
from egxds.inspect.patched_status import PatchVerdicts, patch_problems
from egxds.inspect.rolled_back_status import rollback_problems
from egxds.model.api.core import SECRET
from egxds.model.store.problems import (
    KindText,
    document_problems,
    duplicate_problems,
    kinds_passed_over,
    problem_order,
    unknown_kind_problem,
)
from egxds.problems import Problem, Severity, warning


class _Origin(Enum):
    OBJECT = "an object that something was decided about"
    DOCUMENT = "a document"
    DUPLICATES = "an object with several definitions"
    KIND = "a kind that is not read"
    ROLLED_BACK = "an object that is rolled back"
    CERTIFICATE = "a certificate that is served"
    FILES = "all files"
    PATCHES = "policies that patch what a Gateway was translated to"
    DAEMON = "what the daemon itself is made of"


_Place = tuple[_Origin, Hashable]


@dataclass(frozen=True, slots=True)
class ProblemChanges:
    """What differs from the look before.

    Attributes:
        appeared: new problems, sorted by place.
        solved: problems that are gone, sorted by place.
        counts: how many there are now, by severity.
    """

    appeared: tuple[Problem, ...]
    solved: tuple[Problem, ...]
    counts: Mapping[Severity, int]


class ProblemBook:
    """Remembers every problem by its origin.

    Attributes:
        certificates: those that are served.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._found: dict[_Place, tuple[Problem, ...]] = {}
        self._by_subject: defaultdict[str, set[_Place]] = defaultdict(set)
        self._counts: Counter[Severity] = Counter()
        self._kinds = _UnknownKinds()
        self.certificates = CertificateTimes()
        self._patches = PatchVerdicts()
        self._last: JudgedObjects | None = None

    def update(self, judged: JudgedObjects, now: datetime) -> ProblemChanges:
        """Look at what changed since the last time.

        Args:
            judged: what the files came to.
            now: the time to judge certificates by, with its zone.
        """
        places = list(self._changed(judged, now))
        before = Counter(problem for place in places for problem in self._found.get(place, ()))
        for place in places:
            self._put(place, self._find(place, judged))
        after = Counter(problem for place in places for problem in self._found.get(place, ()))
        self._last = judged
        return ProblemChanges(_sorted(after - before), _sorted(before - after), dict(self._counts))

    def about(self, subject: str) -> tuple[Problem, ...]:
        """Return the problems of an object, with the lines of the last look; sorted by place.

        Args:
            subject: the object as problems name it; empty for those that belong to no object.
        """
        places = self._by_subject.get(subject, ())
        if self._last is None:
            return ()
        found = (problem for place in places for problem in self._find(place, self._last))
        return tuple(sorted({problem for problem in found if problem.subject == subject}, key=problem_order))

    def all(self, wanted: str, most: int) -> tuple[tuple[Problem, ...], int]:
        """Return problems with the lines of the time when they were found, errors first, and how many there are.

        Args:
            wanted: stands in what is said of them, in any case; empty for all.
            most: how many are returned.
        """
        found = {problem for problems in self._found.values() for problem in problems}
        matching = [problem for problem in found if wanted.lower() in str(problem).lower()] if wanted else found
        return tuple(nsmallest(most, matching, key=_errors_first)), len(matching)

    def _changed(self, judged: JudgedObjects, now: datetime) -> Iterator[_Place]:
        last = self._last
        yield from _places(_Origin.OBJECT, judged.report.judged.changed_since(last.report.judged if last else None))
        documents = judged.state.reports.changed_since(last.state.reports if last else None)
        yield from _places(_Origin.DOCUMENT, documents)
        contested = judged.state.contested.changed_since(last.state.contested if last else None)
        yield from _places(_Origin.DUPLICATES, contested)
        rolled_back = judged.state.rolled_back.changed_since(last.state.rolled_back if last else None)
        yield from _places(_Origin.ROLLED_BACK, rolled_back)
        yield from _places(_Origin.KIND, self._kinds.update(documents, judged))
        yield from _places(_Origin.PATCHES, self._patches.update(judged.translations)[0])
        yield from _places(_Origin.CERTIFICATE, self.certificates.update(judged.gateways, now))
        if last is None or last.state.unreadable != judged.state.unreadable:
            yield _Origin.FILES, ()
        if (last.daemon if last else ()) != judged.daemon:
            yield _Origin.DAEMON, ()

    def _find(self, place: _Place, judged: JudgedObjects) -> tuple[Problem, ...]:
        origin, key = place
        return _FINDERS[origin](self, key, judged)

    def _put(self, place: _Place, problems: tuple[Problem, ...]) -> None:
        for problem in self._found.pop(place, ()):
            self._counts[problem.severity] -= 1
            places = self._by_subject[problem.subject]
            places.discard(place)
            if not places:
                del self._by_subject[problem.subject]
        if problems:
            self._found[place] = problems
        for problem in problems:
            self._counts[problem.severity] += 1
            self._by_subject[problem.subject].add(place)

    def _of_kind(self, kind: KindText, judged: JudgedObjects) -> tuple[Problem, ...]:
        documents = self._kinds.documents(kind)
        return (unknown_kind_problem(kind, documents, judged.state),) if documents else ()

    def _of_certificate(self, key: Any, judged: JudgedObjects) -> tuple[Problem, ...]:
        fault, secret = self.certificates.fault(key), judged.state.of(SECRET).get(key)
        return (warning(judged.state.locate(secret), fault, str(key)),) if fault and secret is not None else ()


class _UnknownKinds:
    """Which documents hold objects of which kind that is not read."""

    def __init__(self) -> None:
        self._by_document: dict[SourceDocument, frozenset[KindText]] = {}
        self._documents: defaultdict[KindText, dict[SourceDocument, None]] = defaultdict(dict)

    def documents(self, kind: KindText) -> Iterable[SourceDocument]:
        """Return the documents that hold one."""
        return self._documents.get(kind, {}).keys()

    def update(self, changed: Iterable[SourceDocument], judged: JudgedObjects) -> set[KindText]:
        """Take note of documents that came or went, and return the kinds that they hold."""
        touched: set[KindText] = set()
        for document in changed:
            for kind in self._by_document.pop(document, ()):
                del self._documents[kind][document]
                touched.add(kind)
            kinds = kinds_passed_over(document, judged.state)
            for kind in kinds:
                self._documents[kind][document] = None
            if kinds:
                self._by_document[document] = kinds
            touched |= kinds
        return touched


def _errors_first(problem: Problem) -> tuple[bool, Any]:
    return problem.severity is not Severity.ERROR, problem_order(problem)


def _places(origin: _Origin, keys: Iterable[Hashable]) -> Iterator[_Place]:
    return ((origin, key) for key in keys)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems), key=problem_order))


_FINDERS: Mapping[_Origin, Callable[[ProblemBook, Any, JudgedObjects], tuple[Problem, ...]]] = {
    _Origin.OBJECT: lambda _book, key, judged: judged.report.problems(key),
    _Origin.DOCUMENT: lambda _book, document, judged: document_problems(document, judged.state),
    _Origin.DUPLICATES: lambda _book, key, judged: duplicate_problems(key, judged.state),
    _Origin.ROLLED_BACK: lambda _book, key, judged: rollback_problems(key, judged.state),
    _Origin.KIND: ProblemBook._of_kind,  # noqa: SLF001 the table of this very class
    _Origin.CERTIFICATE: ProblemBook._of_certificate,  # noqa: SLF001 the table of this very class
    _Origin.PATCHES: lambda _book, gateway, judged: patch_problems(gateway, judged),
    _Origin.FILES: lambda _book, _key, judged: judged.state.unreadable,
    _Origin.DAEMON: lambda _book, _key, judged: judged.daemon,
}
