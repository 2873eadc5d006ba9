"""Kinds of policies that decide on access or trust and are served: a row each. Pure.

What is wrong with such a policy opens nothing either: it covers what it seems to be about, and denies it.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.api.object import ApiModel, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.tls_policies import BACKEND_TLS_POLICY, BackendTlsPolicySpec
from egxds.object_key import GroupKind


@dataclass(frozen=True, slots=True)
class ServedPolicyKind:
    """One kind of policy that is served.

    Attributes:
        kind: its row in the table of kinds.
        targets: kinds of which the objects are what it covers.
        spec: class of its spec.
        says: what it decides on, for people.
    """

    kind: Kind[PolicyBody]
    targets: frozenset[GroupKind]
    spec: type[ApiModel]
    says: str


SERVED_POLICIES: tuple[ServedPolicyKind, ...] = (
    ServedPolicyKind(
        BACKEND_TLS_POLICY,
        frozenset({SERVICE.id, BACKEND.id}),
        BackendTlsPolicySpec,
        "TLS to the backend, and its certificate",
    ),
)
