"""SecurityPolicy, as a user writes it: who gets in. Pure.

Source: Envoy Gateway v1.9, SecurityPolicySpec. What is not served here is refused: the policy denies what it covers.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from egxds.model.api.api_key_auth import ApiKeyAuth
from egxds.model.api.authorization import Authorization
from egxds.model.api.basic_auth import BasicAuth
from egxds.model.api.ext_auth import ExtAuth
from egxds.model.api.jwt import Jwt
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, Body, Kind, api_type
from egxds.model.api.policies import MergingPolicySpec, PolicyBody
from egxds.model.api.policy_cors import PolicyCors


@api_type
class SecurityPolicySpec(MergingPolicySpec):
    """spec of a SecurityPolicy."""

    is_narrowing = True
    refused_fields = frozenset({"csrf", "oidc"})

    cors: PolicyCors | None = None
    api_key_auth: Annotated[ApiKeyAuth | None, Field(alias="apiKeyAuth")] = None
    basic_auth: BasicAuth | None = None
    ext_auth: ExtAuth | None = None
    jwt: Jwt | None = None
    authorization: Authorization | None = None


SECURITY_POLICY = Kind(ENVOY_GATEWAY_GROUP, "SecurityPolicy", ("v1alpha1",), PolicyBody, Body.DOCUMENT)
