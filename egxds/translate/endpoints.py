"""A rule's backends → the ClusterLoadAssignments that EDS delivers. Pure."""

from __future__ import annotations

from egxds import names
from egxds.problems import Source
from egxds.translate.destinations import ClusterPlan
from egxds.translate.encoding import encode
from egxds.translate.load_assignments import load_assignment
from egxds.translate.resource import Resource


def translate_endpoints(plan: ClusterPlan, sources: tuple[Source, ...]) -> Resource:
    """Write the endpoints of an EDS cluster.

    One without endpoints has an empty assignment, so that Envoy answers 503 at once instead of waiting for one.

    Args:
        plan: a cluster that is not resolved by DNS.
        sources: the objects the cluster was made from.
    """
    return Resource(names.ENDPOINT, plan.name, encode(load_assignment(plan)), sources)
