"""What a rule, or a policy, says of CORS → the policy of Envoy's CORS filter. Pure.

Envoy answers preflights itself. With credentials a `*` means nothing to a browser, and Envoy answers with the method
and the headers that it is asked about instead (seen of Envoy 1.40). A preflight from an origin that is not allowed gets
an answer without leave, and does not reach the backend, which knows nothing of the policy.
"""

from __future__ import annotations

import re

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from google.protobuf.wrappers_pb2 import BoolValue

from egxds.model.api.cors import ANY, HttpCorsFilter
from egxds.model.resolve.features.cors import AllowedOrigins

CORS_FILTER = "envoy.filters.http.cors"
_HOST = "[^:/@]+"


def cors_policy(cors: HttpCorsFilter | AllowedOrigins) -> CorsPolicy:
    """Write the policy, which is one of a route, or of all that have none of their own."""
    return CorsPolicy(
        allow_origin_string_match=[_origin(origin) for origin in cors.allow_origins],
        allow_methods=", ".join(cors.allow_methods),
        allow_headers=", ".join(cors.allow_headers),
        expose_headers=", ".join(cors.expose_headers),
        max_age=str(cors.max_age) if cors.max_age is not None else "",
        allow_credentials=BoolValue(value=cors.allow_credentials),
        forward_not_matching_preflights=BoolValue(value=False),
    )


def _origin(origin: str) -> StringMatcher:
    """Write an origin; a wildcard stands for any labels of a host, and never for a port or what is behind it."""
    if ANY not in origin:
        return StringMatcher(exact=origin)
    pattern = ".*" if origin == ANY else _HOST.join(map(re.escape, origin.split(ANY)))
    return StringMatcher(safe_regex=RegexMatcher(regex=pattern))
