"""A store of which a generation, and a candidate after it, are in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from egxds.files.documents.document import FileDocuments
from egxds.files.documents.split import documents_in
from egxds.problems import Problem
from egxds.published import candidate as published
from egxds.published.candidate import FollowedCandidate
from egxds.published.followed import Followed
from egxds.published.generation import Generation, generation_of
from egxds.published.manifest import content_digest
from egxds.published.record import Record
from egxds.published.standing import Standing
from tests.envoy.manifests import backend, gateway, http, http_route

CANARY = "canary"
_WHEN = datetime(2026, 3, 1, tzinfo=UTC)
_CLUSTER = 7


def site(hosts: str, **gateways: str) -> dict[str, str]:
    """Return files of a Gateway with some hosts, and of others, each with hosts of its own."""
    files = {"web.yaml": gateway("web", http(8000)), "echo.yaml": backend("echo", 3000)}
    files |= {f"{name}.yaml": http_route(name, f"{name}.test", "echo") for name in hosts}
    for port, (other, others) in enumerate(gateways.items(), 8001):
        files[f"{other}.yaml"] = gateway(other, http(port))
        files |= {f"{name}.yaml": http_route(name, f"{name}.test", "echo", gateway=other) for name in others}
    return files


class FakeStore:
    """A store that is followed: what is in memory of it.

    Attributes:
        newest: the generation for all.
        candidate: what there is for some.
        standing: what stands there.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        """Have some files published."""
        self._documents: dict[tuple[str, str], FileDocuments] = {}
        self._told: Callable[[], None] = lambda: None
        self._put_at = 0
        self.wake: Callable[[], None] = lambda: None
        self.newest = self._generation(files, 1)
        self.candidate: FollowedCandidate | None = None
        self.standing = Standing(in_memory=self.newest.origin)

    def watch_candidate(self, told: Callable[[], None]) -> None:
        """Tell somebody."""
        self._told = told

    def publish(self, files: Mapping[str, str]) -> None:
        """Have something else in force, and no candidate any more."""
        self._put_in_force(self._generation(files, self._number + 1))

    def put(self, files: Mapping[str, str], *nodes: str) -> FollowedCandidate:
        """Put a candidate."""
        generation = self._generation(files, self._number + 1)
        assert generation.origin is not None
        assert generation.origin.record is not None
        found = published.Candidate(record=generation.origin.record, nodes=nodes or (CANARY,))
        self._put_at += 1
        self.candidate = FollowedCandidate(found, generation, self._put_at)
        self._stand(found)
        return self.candidate

    def have_promoted(self) -> None:
        """Have the candidate in force."""
        assert self.candidate is not None
        self._put_in_force(self.candidate.generation)

    def have_taken_back(self) -> None:
        """Have it served to nobody."""
        assert self.candidate is not None
        found, self.candidate = self.candidate.candidate, None
        self._put_at += 1
        self._stand(published.taken_back(found, "not today", _WHEN, "kim"))

    @property
    def _number(self) -> int:
        return self.newest.origin.number if self.newest.origin is not None else 0

    def _put_in_force(self, generation: Generation) -> None:
        self.newest, self.candidate = generation, None
        self.standing = replace(self.standing, in_memory=generation.origin)
        self.wake()
        self._stand(None)

    def _stand(self, found: published.Candidate | None) -> None:
        put_at = self._put_at if found is not None else 0
        self.standing = replace(self.standing, candidate=found, candidate_put_at=put_at)
        self._told()

    def _generation(self, files: Mapping[str, str], number: int) -> Generation:
        documents = {path: self._read(path, text) for path, text in files.items()}
        found = generation_of(documents, None)
        record = Record(
            generation=number,
            digest=content_digest(found.digests),
            buckets=found.digests,
            files=len(files),
            size_bytes=found.size_bytes,
            at=_WHEN,
            parent=number - 1,
        )
        return replace(found, origin=Followed(_CLUSTER, record))

    def _read(self, path: str, text: str) -> FileDocuments:
        """Read a file; what generations have in common is the same object."""
        if (path, text) not in self._documents:
            found = documents_in(path, text.encode(), 100)
            assert not isinstance(found, Problem)
            self._documents[path, text] = found
        return self._documents[path, text]
