"""Text in which Envoy's command operators stand for what a request or an answer is about. Pure."""

from __future__ import annotations

import re

OPERATORS = (
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_VERSION",
    "HOSTNAME",
    "PROTOCOL",
    "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE",
    "RESPONSE_CODE_DETAILS",
    "RESPONSE_FLAGS",
    "ROUTE_NAME",
    "START_TIME",
    "STREAM_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "VIRTUAL_CLUSTER_NAME",
)
"""Envoy's command operators without arguments that make sense in a header (Envoy, Access logging)."""

_HEADER = r":?[A-Za-z0-9\-_.]+"
_PERCENT = re.compile(
    rf"%%|%(?:{'|'.join(OPERATORS)})%|%(?:REQ|RESP)\({_HEADER}(?:\?{_HEADER})?\)(?::[1-9][0-9]{{0,4}})?%|%"
)


def format_string(value: str) -> str:
    """Return a header value as Envoy's format string.

    Envoy Gateway hands values to Envoy as they are, so `%REQ(x-user)%` and the like, and `%%` for one percent
    sign, keep the meaning its users know. A percent sign that starts nothing Envoy knows would make it refuse
    the whole RouteConfiguration; it stands for itself.
    """
    return _PERCENT.sub(lambda found: "%%" if found[0] == "%" else found[0], value)
