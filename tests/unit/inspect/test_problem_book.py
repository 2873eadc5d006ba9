"""The problems of the input: told when they come and when they go, and found where something changed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from egxds.inspect.judged import JudgedObjects
from egxds.inspect.problem_book import ProblemBook
from egxds.model.resolver import Resolver
from egxds.model.store.store import ObjectStore
from tests.unit.model.keys import BORN, DIES
from tests.unit.model.texts import gateway, route, secret, tree
from tests.unit.model.worlds import KINDS, options

EXPIRED = DIES.replace(year=2027)
TLS = """
    - {name: a, port: 443, protocol: HTTPS, hostname: a.test, tls: {certificateRefs: [{name: cert}]}}
    - {name: b, port: 443, protocol: HTTPS, hostname: b.test, tls: {certificateRefs: [{name: cert}]}}
    """


class Input:
    """Files, and what they come to."""

    def __init__(self) -> None:
        self._store, self._resolver = ObjectStore(KINDS), Resolver(options())

    def judged(self, files: dict[str, tuple[str, ...]]) -> JudgedObjects:
        """Read these files and no others."""
        state = self._store.update(tree(files))
        resolution = self._resolver.resolve(state)
        return JudgedObjects(state, resolution.gateways, resolution.report)


def test_a_problem_is_told_when_it_comes_and_when_it_goes() -> None:
    """Once each, and counted in between."""
    files, book = Input(), ProblemBook()
    assert not book.update(files.judged({"a.yaml": (gateway(), route("a"))}), BORN).appeared
    came = book.update(files.judged({"a.yaml": (gateway(), route("a", parents="[{name: gone}]"))}), BORN)
    (problem,) = came.appeared
    assert (came.solved, came.counts[problem.severity]) == ((), 1)
    assert book.update(files.judged({"a.yaml": (gateway(), route("a", parents="[{name: gone}]"))}), BORN).appeared == ()
    went = book.update(files.judged({"a.yaml": (gateway(), route("a"))}), BORN)
    assert (went.appeared, went.solved, went.counts[problem.severity]) == ((), (problem,), 0)


def test_a_problem_is_shown_where_it_stands_now() -> None:
    """Lines above it make no other problem of it, and move it."""
    files, book = Input(), ProblemBook()
    odd = route("a", parents="[{name: gone}]")
    (problem,) = book.update(files.judged({"a.yaml": (gateway(), odd)}), BORN).appeared
    moved = book.update(files.judged({"a.yaml": (f"# one\n# two\n{gateway()}", odd)}), BORN)
    assert (moved.appeared, moved.solved) == ((), ())
    (shown,) = book.about(problem.subject)
    assert shown.location.line == problem.location.line + 2


def test_a_certificate_is_warned_of_when_its_time_is_over() -> None:
    """Once, however many listeners use it, and though no file has changed; an unused one is not looked at."""
    files, book = Input(), ProblemBook()
    judged = files.judged({"a.yaml": (gateway(listeners=TLS), secret(), secret("unused"))})
    assert not book.update(judged, BORN).appeared
    (problem,) = book.update(judged, EXPIRED).appeared
    assert "Secret default/cert: the certificate expired at" in str(problem)
    assert book.update(judged, EXPIRED).appeared == ()
    less = book.update(files.judged({"a.yaml": (gateway(), secret(), secret("unused"))}), EXPIRED)
    assert less.solved == (problem,)


def test_served_certificates_by_their_end() -> None:
    """The first to end first, as many as are wanted; those that nobody uses any more are none."""
    files, book = Input(), ProblemBook()
    other = TLS.replace("cert}", "other}").replace("{name: a", "{name: c").replace("{name: b", "{name: d")
    both = gateway(listeners=TLS + other.replace("a.test", "c.test").replace("b.test", "d.test"))
    files_of_both: dict[str, tuple[str, ...]] = {"a.yaml": (both, secret(), secret("other"), secret("unused"))}
    book.update(files.judged(files_of_both), BORN)
    ends = {str(key): ends_s for key, ends_s in book.certificates.ends(9)}
    assert ends == {"Secret default/cert": DIES.timestamp(), "Secret default/other": DIES.timestamp()}
    assert len(book.certificates.ends(1)) == 1
    book.update(files.judged({"a.yaml": (gateway(), secret(), secret("other"))}), BORN)
    assert book.certificates.ends(9) == ()


_TEXTS = st.sampled_from(
    [
        gateway(),
        gateway(listeners=TLS),
        secret(),
        route("a"),
        route("a", parents="[{name: gone}]"),
        route("b", "hostnames: [A]"),
        "kind: [",
        "{apiVersion: v1, kind: Pod, metadata: {name: x}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: y}}",
    ]
)
_FILES = st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), st.lists(_TEXTS, max_size=4).map(tuple))
_TIMES = st.sampled_from([BORN, DIES - timedelta(days=1), DIES, EXPIRED])


@given(st.lists(_FILES, min_size=5, max_size=5), st.lists(_TIMES, min_size=5, max_size=5).map(sorted))
def test_whatever_came_before_the_problems_are_those_of_the_input(
    history: list[dict[str, tuple[str, ...]]], times: list[datetime]
) -> None:
    """Those that a book told of and did not take back are those that one finds which sees the last state alone."""
    files, book = Input(), ProblemBook()
    told: Counter[tuple[str, str]] = Counter()
    for content, now in zip(history, times, strict=True):
        judged = files.judged(content)
        changes = book.update(judged, now)
        # Counted, since a third definition of one object is told of in the words of the second.
        told.subtract((problem.subject, problem.message) for problem in changes.solved)
        told.update((problem.subject, problem.message) for problem in changes.appeared)
        fresh = ProblemBook().update(judged, now)
        assert +told == Counter((problem.subject, problem.message) for problem in fresh.appeared)
        assert {each: count for each, count in changes.counts.items() if count} == fresh.counts
        alone = ProblemBook()
        alone.update(judged, now)
        assert book.certificates.ends(9) == alone.certificates.ends(9)
