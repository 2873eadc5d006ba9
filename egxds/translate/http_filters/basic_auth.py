"""basicAuth → Envoy's filter for it. Pure."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.extensions.filters.http.basic_auth.v3.basic_auth_pb2 import BasicAuth, BasicAuthPerRoute

from egxds.model.api.security_policy import SECURITY_POLICY
from egxds.model.resolve.features.basic_auth import BASIC_AUTH, Logins
from egxds.translate.http_filters.policy_filter import PolicyFilter, own_name

_NOBODY = "\n"
"""Users of the filter where it is disabled: Envoy takes no empty list, and reads an empty line as nobody."""


def _write(logins: Logins) -> BasicAuthPerRoute:
    return BasicAuthPerRoute(users=DataSource(inline_string=logins.users))


FILTER = PolicyFilter(
    name=own_name("envoy.filters.http.basic_auth", SECURITY_POLICY.id),
    kind=SECURITY_POLICY.id,
    feature=BASIC_AUTH.field,
    idle=BasicAuth(users=DataSource(inline_string=_NOBODY)),
    write=_write,
)
