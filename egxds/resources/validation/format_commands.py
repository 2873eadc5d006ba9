"""What Envoy's commands in format strings take, as Envoy 1.40 was seen to judge them. Pure.

`tests/envoy/test_contents.py` has a real Envoy say the same of each row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from egxds.cel_syntax import check_expression

_HEADER_NAME = re.compile(r"[:0-9a-zA-Z!#$%&'*+\-.^_|~`]?[0-9a-zA-Z!#$%&'*+\-.^_|~`]*")
_METADATA_OF = ("DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "VIRTUAL_HOST", "LISTENER_FILTER_CHAIN")
_MOST_PARTS_OF_DURATION = 3

_WITHOUT_ARGUMENT = """
    ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS
    CUSTOM_FLAGS DOWNSTREAM_CX_RTT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS
    DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED
    DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID
    DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
    DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN
    DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256
    DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN
    DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER
    DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN
    DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS
    DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID
    DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED
    DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME
    LOCAL_REPLY_BODY PACKETS_RETRANSMITTED PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION
    RESPONSE_CODE RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES
    RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME ROUTE_RESOLUTION_COUNT
    ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID
    UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED
    UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HEADER_BYTES_RECEIVED
    UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT
    UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
    UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN
    UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN
    UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL
    UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT
    UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP
    UPSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED
    UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME
"""
_WITH_ONE_OR_WITHOUT = """
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
    DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT EMIT_TIME EMIT_TIME_LOCAL RESPONSE_CODE_DETAILS START_TIME
    START_TIME_LOCAL UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START
    UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
"""


def _fine(_argument: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Command:
    """What one command takes.

    Attributes:
        takes_argument: whether something may stand in parentheses.
        needs_argument: whether something has to.
        takes_length: whether `:5` may stand behind it.
        check: argument → what is wrong with it; empty where nothing is.
    """

    takes_argument: bool = False
    needs_argument: bool = False
    takes_length: bool = False
    check: Callable[[str], str] = _fine


def _header(argument: str) -> str:
    found = argument.split("?")
    if len(found) > 2:
        return "names more than one alternative"
    return "" if all(map(_HEADER_NAME.fullmatch, found)) else "is no name of a header"


def _filter_state(argument: str) -> str:
    key, *form = argument.split(":")
    if not key:
        return "needs a key"
    if not form:
        return ""
    if form[0] not in ("PLAIN", "TYPED", "FIELD"):
        return "the form must be PLAIN, TYPED or FIELD"
    return "" if (form[0] == "FIELD") == (len(form) > 1) else "FIELD, and nothing else, comes with the name of a field"


def _duration(argument: str) -> str:
    parts = argument.split(":")
    if not 1 < len(parts) <= _MOST_PARTS_OF_DURATION:
        return "must be BEGIN:END or BEGIN:END:PRECISION"
    if len(parts) == _MOST_PARTS_OF_DURATION and parts[2] not in ("ms", "us", "ns"):
        return "the precision must be ms, us or ns"
    return ""


def _one_of(*choices: Collection[str]) -> Callable[[str], str]:
    """Return a check of words with colons between, each of which may be left out."""

    def check(argument: str) -> str:
        for word, allowed in zip(argument.split(":"), choices, strict=False):
            if word and word not in allowed:
                return f"must be one of {', '.join(allowed)}"
        return ""

    return check


def _metadata(argument: str) -> str:
    return "" if argument.partition(":")[0] in _METADATA_OF else f"must start with one of {', '.join(_METADATA_OF)}"


def _coalesce(argument: str) -> str:
    """Envoy 1.40 ends at JSON that is no object (seen)."""
    try:
        settings = json.loads(argument)
    except (ValueError, RecursionError):
        return "must be a JSON object with operators"
    operators = settings.get("operators") if isinstance(settings, dict) else None
    if not isinstance(operators, list) or not operators:
        return "must be a JSON object with a list of operators"
    return next(filter(None, map(_operator, operators)), "")


def _operator(operator: Any) -> str:
    entry = {"command": operator} if isinstance(operator, str) else operator
    if not isinstance(entry, dict) or not isinstance(entry.get("command"), str):
        return "an operator must be a command, or an object with one"
    command, argument, length = COMMANDS.get(entry["command"]), entry.get("param", ""), entry.get("max_length")
    if command is None:
        return "an operator is no command of Envoy's"
    is_length = length is None or (isinstance(length, int) and not isinstance(length, bool) and length > 0)
    if not isinstance(argument, str) or not is_length:
        return "param must be a text, and max_length a number"
    if bool(argument) > command.takes_argument or (command.needs_argument and not argument):
        return "an operator has a param that it does not take, or none and needs one"
    if length is not None and not command.takes_length:
        return "an operator has a length that it does not take"
    return command.check(argument) if argument else ""


def _expression(argument: str) -> str:
    try:
        check_expression(argument)
    except ValueError as err:
        return str(err)
    return ""


_HEADER = Command(takes_argument=True, needs_argument=True, takes_length=True, check=_header)
_TEXT = Command(takes_argument=True, needs_argument=True, takes_length=True)
_STATE = Command(takes_argument=True, needs_argument=True, takes_length=True, check=_filter_state)
_OF_METADATA = Command(takes_argument=True, needs_argument=True)
_ORIGINAL = ("ORIG", "PATH", "ORIG_OR_PATH")
_HOST = ("ORIG_OR_HOST", "HOST", "ORIG")
_SERVER_NAME = ("SNI_ONLY", "SNI_FIRST", "HOST_FIRST")
_STATUS_FORMS = ("CAMEL_STRING", "SNAKE_STRING", "NUMBER")

COMMANDS: Mapping[str, Command] = {
    **dict.fromkeys(_WITHOUT_ARGUMENT.split(), Command()),
    **dict.fromkeys(_WITH_ONE_OR_WITHOUT.split(), Command(takes_argument=True)),
    **dict.fromkeys(("REQ", "RESP", "TRAILER", "REQUEST_HEADER", "RESPONSE_HEADER", "RESPONSE_TRAILER"), _HEADER),
    **dict.fromkeys(("DYNAMIC_METADATA", "ENVIRONMENT", "PER_REQUEST_STATE", "QUERY_PARAM", "STREAM_INFO_REQ"), _TEXT),
    **dict.fromkeys(("FILTER_STATE", "UPSTREAM_FILTER_STATE"), _STATE),
    **dict.fromkeys(("CLUSTER_METADATA", "UPSTREAM_METADATA"), _OF_METADATA),
    "CEL": Command(takes_argument=True, needs_argument=True, takes_length=True, check=_expression),
    "COALESCE": Command(takes_argument=True, needs_argument=True, takes_length=True, check=_coalesce),
    "COMMON_DURATION": Command(takes_argument=True, needs_argument=True, check=_duration),
    "GRPC_STATUS": Command(takes_argument=True, check=_one_of(_STATUS_FORMS)),
    "METADATA": Command(takes_argument=True, needs_argument=True, takes_length=True, check=_metadata),
    "PATH": Command(takes_argument=True, takes_length=True, check=_one_of(("WQ", "NQ"), _ORIGINAL)),
    "QUERY_PARAMS": Command(takes_argument=True, takes_length=True, check=_one_of(("ORIG", "DECODED"))),
    "REQUESTED_SERVER_NAME": Command(takes_argument=True, check=_one_of(_SERVER_NAME, _HOST)),
}
"""Command → what it takes. `envoy.extensions.formatter` may add others where a list of formatters stands beside."""
