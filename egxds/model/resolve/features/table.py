"""The kinds of policies that are applied to requests, and the features of each: a row for each. Pure.

What a feature becomes is in `egxds.translate.http_filters`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from egxds.model.api.backend_traffic.policy import BACKEND_TRAFFIC_POLICY, BackendTrafficPolicySpec
from egxds.model.api.client_traffic.policy import CLIENT_TRAFFIC_POLICY, ClientTrafficPolicySpec
from egxds.model.api.policies import MergingPolicySpec
from egxds.model.api.security_policy import SECURITY_POLICY, SecurityPolicySpec
from egxds.model.resolve.features.api_key_auth import API_KEY_AUTH
from egxds.model.resolve.features.authorization import AUTHORIZATION
from egxds.model.resolve.features.backend_traffic import BACKEND_TRAFFIC_FEATURES
from egxds.model.resolve.features.basic_auth import BASIC_AUTH
from egxds.model.resolve.features.client_traffic import CLIENT_TRAFFIC_FEATURES
from egxds.model.resolve.features.cors import CORS
from egxds.model.resolve.features.ext_auth import EXT_AUTH
from egxds.model.resolve.features.feature import Feature
from egxds.model.resolve.features.jwt import JWT
from egxds.object_key import GroupKind

_OF_EACH = frozenset({"targetRef", "targetRefs", "targetSelectors", "mergeType"})


@dataclass(frozen=True, slots=True)
class AppliedKind:
    """One kind of policy that is applied to requests.

    Attributes:
        spec: class of its spec.
        features: in any order; what is in force of each does not depend on the others.
        keyed_lists: lists in its spec that StrategicMerge merges entry by entry → the field that tells these apart.
        is_for_connections: whether it says how a listener takes connections, and what comes over them; else it is asked
            of requests, whatever they came by.
        is_for_backends: whether it says how traffic comes to backends: also that of which no requests are looked at.
            No other kind does.
        decides_on_connections: whether it says which connections get through where these are passed on as a whole. No
            other kind does.
    """

    spec: type[MergingPolicySpec]
    features: tuple[Feature, ...]
    keyed_lists: Mapping[str, str] = field(default_factory=dict)
    is_for_connections: bool = False
    is_for_backends: bool = False
    decides_on_connections: bool = False

    def decides(self, fields: Collection[str]) -> bool:
        """Tell whether a policy with some fields decides on access or trust, as a field does that nobody knows."""
        harmless = {each.field for each in self.features if not each.is_deciding}
        return not harmless or not {*fields} <= harmless | _OF_EACH | self.spec.unserved_fields


APPLIED_KINDS: Mapping[GroupKind, AppliedKind] = {
    SECURITY_POLICY.id: AppliedKind(
        SecurityPolicySpec,
        (CORS, EXT_AUTH, API_KEY_AUTH, BASIC_AUTH, JWT, AUTHORIZATION),
        keyed_lists={"contextExtensions": "name"},
        decides_on_connections=True,
    ),
    CLIENT_TRAFFIC_POLICY.id: AppliedKind(ClientTrafficPolicySpec, CLIENT_TRAFFIC_FEATURES, is_for_connections=True),
    BACKEND_TRAFFIC_POLICY.id: AppliedKind(
        BackendTrafficPolicySpec,
        BACKEND_TRAFFIC_FEATURES,
        keyed_lists={"compression": "type", "compressor": "type", "httpUpgrade": "type"},
        is_for_backends=True,
    ),
}
"""Kind of a policy → its row."""

REQUEST_KINDS = tuple(kind for kind, row in APPLIED_KINDS.items() if not row.is_for_connections)
"""Those of which the policies are asked of requests."""
