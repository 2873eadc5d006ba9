"""The address of one backend changes: endpoints alone should be sent."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

from egxds import names
from tests.bench import documents
from tests.bench.changes import Change, Saved, measure
from tests.bench.delta_client import Arrival
from tests.bench.measurements import Row
from tests.bench.parameters import Layout
from tests.bench.probes import Answer, until_answered
from tests.bench.scenario import Bench
from tests.bench.site import Site
from tests.envoy import manifests


def save_endpoint(places: Iterator[str], site: Site, _word: str) -> Saved:
    """Move the first route's backend to the next place."""
    backend = next(places)
    port = site.other_backend_port if backend == "other" else site.backend_port
    at = site.files.save("own", manifests.backend("own", port))

    def is_it(answer: Answer) -> bool:
        return answer[0] == 200 and json.loads(answer[2])["backend"] == backend

    def until_served(http_port: int, _https_port: int) -> float:
        return until_answered(http_port, documents.host(0), "/", is_it)

    return Saved(at, _is_endpoints, until_served)


def _is_endpoints(arrival: Arrival) -> bool:
    return arrival.type_url == names.ENDPOINT


def endpoint(bench: Bench, size: int, layout: Layout) -> Row:
    """Change one backend of many routes, each with a cluster of its own."""
    # An even number of changes ends where it began, so that each of the second pass is one.
    samples = bench.parameters.samples + bench.parameters.samples % 2
    change = Change(partial(save_endpoint, itertools.cycle(("other", "first"))))
    found = measure(bench.site(size, layout), change, samples)
    return Row(size, layout, found.figures(), f"sent: {found.note()}")
