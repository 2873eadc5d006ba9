"""Kinds of policies that decide on access or trust and are served: a row each. Pure.

What is wrong with such a policy opens nothing either: it covers what it seems to be about, and denies it.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY, BackendTrafficPolicySpec
from egxds.model.api.backends import BACKEND, SERVICE
from egxds.model.api.client_traffic.policy import CLIENT_TRAFFIC_POLICY, ClientTrafficPolicySpec
from egxds.model.api.envoy_patch_policy import ENVOY_PATCH_POLICY, EnvoyPatchPolicySpec
from egxds.model.api.gateway import GATEWAY, GATEWAY_CLASS
from egxds.model.api.grpc_route import GRPC_ROUTE
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.api.object import ApiModel, Kind
from egxds.model.api.policies import PolicyBody
from egxds.model.api.security_policy import SECURITY_POLICY, SecurityPolicySpec
from egxds.model.api.tcp_route import TCP_ROUTE
from egxds.model.api.tls_policies import BACKEND_TLS_POLICY, BackendTlsPolicySpec
from egxds.model.api.tls_route import TLS_ROUTE
from egxds.model.api.udp_route import UDP_ROUTE
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
    ServedPolicyKind(
        SECURITY_POLICY,
        frozenset({GATEWAY.id, LISTENER_SET.id, HTTP_ROUTE.id, GRPC_ROUTE.id, TCP_ROUTE.id}),
        SecurityPolicySpec,
        "who gets in",
    ),
    ServedPolicyKind(
        CLIENT_TRAFFIC_POLICY,
        frozenset({GATEWAY.id, LISTENER_SET.id}),
        ClientTrafficPolicySpec,
        "which clients are trusted, and with what",
    ),
    ServedPolicyKind(
        ENVOY_PATCH_POLICY, frozenset({GATEWAY.id, GATEWAY_CLASS.id}), EnvoyPatchPolicySpec, "whatever it patches"
    ),
    ServedPolicyKind(
        BACKEND_TRAFFIC_POLICY,
        frozenset(
            {
                GATEWAY.id,
                LISTENER_SET.id,
                HTTP_ROUTE.id,
                GRPC_ROUTE.id,
                TLS_ROUTE.id,
                TCP_ROUTE.id,
                UDP_ROUTE.id,
            }
        ),
        BackendTrafficPolicySpec,
        "which requests get through, and how",
    ),
)
