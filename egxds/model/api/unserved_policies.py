"""Kinds of policies that are read because they decide on access or trust, and not because they are served: a row each.

A policy of such a kind that is passed over leaves a door open: a login that nobody is asked for, a client whose
certificate nobody looks at. So what it targets answers 500 until it is served or
deleted (envoyproxy/gateway PR 3869 does the same with a policy that it cannot apply).

A kind that comes to be served has a row in `egxds.model.resolve.policy_kinds` instead, and none here.
Source: Envoy Gateway v1.6, API types of its policies. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, Body, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.tcp_route import TCP_ROUTE
from egxds.model.api.tls_route import TLS_ROUTE
from egxds.model.api.udp_route import UDP_ROUTE
from egxds.object_key import GroupKind


@dataclass(frozen=True, slots=True)
class UnservedPolicyKind:
    """One kind of policy that is not served.

    Attributes:
        kind: its row in the table of kinds.
        targets: kinds of which the objects are what it covers.
        says: what is not decided without it, for people.
    """

    kind: Kind[PolicyBody]
    targets: frozenset[GroupKind]
    says: str


_LISTENERS = frozenset({GATEWAY.id, LISTENER_SET.id})
_TRAFFIC = _LISTENERS | {HTTP_ROUTE.id, GRPC_ROUTE.id, TLS_ROUTE.id, TCP_ROUTE.id, UDP_ROUTE.id}


def _of_envoy_gateway(kind: str) -> Kind[PolicyBody]:
    return Kind(ENVOY_GATEWAY_GROUP, kind, ("v1alpha1",), PolicyBody, Body.DOCUMENT)


UNSERVED_POLICIES: tuple[UnservedPolicyKind, ...] = (
    UnservedPolicyKind(_of_envoy_gateway("EnvoyExtensionPolicy"), _TRAFFIC, "what its extensions decide"),
)

HARMLESS_POLICIES = ("BackendLBPolicy",)
"""Kinds that decide on nobody's access, and whose names are nearly that of one that does."""
