"""basicAuth of a SecurityPolicy, as a user writes it. Pure.

Source: Envoy Gateway v1.9, BasicAuth.
"""

from __future__ import annotations

from egxds.model.api.gateway import SecretObjectReference
from egxds.model.api.object import ApiModel, api_type


@api_type
class BasicAuth(ApiModel):
    """Who has to say a name and a password (RFC 7617).

    Attributes:
        users: the Secret that has them, in the form of htpasswd, under `.htpasswd`.
    """

    is_narrowing = True
    refused_fields = frozenset({"forwardUsernameHeader"})

    users: SecretObjectReference
