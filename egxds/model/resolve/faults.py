"""Why a condition is not what it should be: reasons of Gateway API v1.6, with a message and a place. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egxds.model.api.validation import Path


class Reason(StrEnum):
    """Why a condition is what it is."""

    ACCEPTED = "Accepted"
    ADDRESS_IN_USE = "AddressInUse"
    ADDRESS_NOT_ASSIGNED = "AddressNotAssigned"
    ADDRESS_NOT_USABLE = "AddressNotUsable"
    BACKEND_NOT_FOUND = "BackendNotFound"
    CONFIGURATION_CHANGED = "ConfigurationChanged"
    CONFLICTED = "Conflicted"
    DEPRECATED_FIELD = "DeprecatedField"
    DISABLED = "Disabled"
    HOSTNAME_CONFLICT = "HostnameConflict"
    INCOMPATIBLE_FILTERS = "IncompatibleFilters"
    INVALID = "Invalid"
    INVALID_BACKEND_REF = "InvalidBackendRef"
    INVALID_BACKEND_TLS = "InvalidBackendTLS"
    INVALID_CA_CERTIFICATE_KIND = "InvalidCACertificateKind"
    INVALID_CA_CERTIFICATE_REF = "InvalidCACertificateRef"
    INVALID_CERTIFICATE_REF = "InvalidCertificateRef"
    INVALID_CLIENT_CERTIFICATE_REF = "InvalidClientCertificateRef"
    INVALID_KIND = "InvalidKind"
    INVALID_PARAMETERS = "InvalidParameters"
    INVALID_ROUTE_KINDS = "InvalidRouteKinds"
    INVALID_RULE = "InvalidRule"
    LISTENERS_NOT_VALID = "ListenersNotValid"
    MERGED = "Merged"
    NO_CONFLICTS = "NoConflicts"
    NO_MATCHING_LISTENER_HOSTNAME = "NoMatchingListenerHostname"
    NO_MATCHING_PARENT = "NoMatchingParent"
    NO_VALID_CA_CERTIFICATE = "NoValidCACertificate"
    NO_READY_ENDPOINTS = "NoReadyEndpoints"
    NOT_ALLOWED = "NotAllowed"
    NOT_ALLOWED_BY_LISTENERS = "NotAllowedByListeners"
    OVERLAPPING_CERTIFICATES = "OverlappingCertificates"
    OVERLAPPING_HOSTNAMES = "OverlappingHostnames"
    OVERRIDDEN = "Overridden"
    PARENT_NOT_ACCEPTED = "ParentNotAccepted"
    PARENT_NOT_PROGRAMMED = "ParentNotProgrammed"
    PARTIALLY_SHADOWED = "PartiallyShadowed"
    PROGRAMMED = "Programmed"
    PROTOCOL_CONFLICT = "ProtocolConflict"
    REF_NOT_PERMITTED = "RefNotPermitted"
    RESOLVED_REFS = "ResolvedRefs"
    SHADOWED = "Shadowed"
    TARGET_NOT_FOUND = "TargetNotFound"
    UNSUPPORTED_ADDRESS = "UnsupportedAddress"
    UNSUPPORTED_PROTOCOL = "UnsupportedProtocol"
    UNSUPPORTED_VALUE = "UnsupportedValue"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a condition is not what it should be.

    Attributes:
        reason: for the condition.
        message: what is wrong and what to do about it.
        path: part of the object that causes it.
    """

    reason: Reason
    message: str
    path: Path = ()
