"""cors → Envoy's filter for it, as for a filter of a rule that says the same (`translate.cors`). Pure."""

from __future__ import annotations

from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors

from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.cors import CORS
from egxds.translate.cors import CORS_FILTER, cors_policy
from egxds.translate.http_filters.policy_filter import PolicyFilter

FILTER = PolicyFilter(name=CORS_FILTER, kind=SECURITY_POLICY.id, feature=CORS.field, idle=Cors(), write=cors_policy)
