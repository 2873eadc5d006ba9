"""EnvoyPatchPolicy, as a user writes it: changes of the Envoy resources that a Gateway comes to. Pure.

Source: Envoy Gateway v1.9, EnvoyPatchPolicySpec; RFC 6902 for the operations. How a patch is applied is of
`egxds.translate.patches`.

A policy that cannot be done must not leave open what it was to close. Nobody can tell what a patch is for, but for some
fields anybody can tell what it is not for: `HARMLESS_FIELDS` lets nobody in and keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, model_validator

from egxds import names
from egxds.model.api.object import ENVOY_GATEWAY_GROUP, ApiModel, Body, Kind, api_type
from egxds.model.api.policies import PolicyBody, PolicyTargets
from egxds.model.api.validation import FieldError, refuse

MOST_PATCHES = 256
"""In one policy."""
MOST_PATH_CHARACTERS = 1024
"""Of a path, or of a jsonPath."""

PatchedType = Literal[
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
]
_Path = Annotated[str, Field(max_length=MOST_PATH_CHARACTERS)]

_WITH_VALUE = frozenset({"add", "replace", "test"})
_WITH_FROM = frozenset({"move", "copy"})

HARMLESS_FIELDS: Mapping[str, frozenset[str]] = {
    names.LISTENER: frozenset(
        {
            "connection_balance_config",
            "drain_type",
            "enable_mptcp",
            "enable_reuse_port",
            "ignore_global_conn_limit",
            "max_connections_to_accept_per_socket_event",
            "per_connection_buffer_limit_bytes",
            "socket_options",
            "stat_prefix",
            "tcp_backlog_size",
            "tcp_fast_open_queue_length",
        }
    ),
    names.CLUSTER: frozenset(
        {
            "alt_stat_name",
            "circuit_breakers",
            "cleanup_interval",
            "common_lb_config",
            "connect_timeout",
            "dns_lookup_family",
            "dns_refresh_rate",
            "health_checks",
            "lb_policy",
            "least_request_lb_config",
            "load_balancing_policy",
            "outlier_detection",
            "per_connection_buffer_limit_bytes",
            "preconnect_policy",
            "respect_dns_ttl",
            "ring_hash_lb_config",
            "round_robin_lb_config",
            "track_cluster_stats",
            "upstream_connection_options",
        }
    ),
    names.ROUTE_CONFIGURATION: frozenset({"max_direct_response_body_size_bytes"}),
}
"""Type → fields of it that decide on nobody's access, as long as they are patched without a jsonPath."""


def operation_errors(operation: JsonPatchOperation) -> Iterator[FieldError]:
    """Check that an operation has what it needs, and nothing that it would pass over (Envoy Gateway's rules)."""
    op = operation.op
    if operation.path is None and operation.json_path is None:
        yield FieldError((), "needs a path, a jsonPath or both")
    if operation.path and operation.json_path is None and not operation.path.startswith("/"):
        yield FieldError(("path",), "is a JSON pointer, and starts with a slash")
    if op in _WITH_VALUE and not operation.has_value:
        yield FieldError((), f"{op} needs a value")
    if op not in _WITH_VALUE and operation.has_value:
        yield FieldError(("value",), f"{op} takes none")
    if (op in _WITH_FROM) != (operation.from_ is not None):
        yield FieldError(("from",), f"{op} {'needs one' if op in _WITH_FROM else 'takes none'}")
    if op == "remove" and not operation.path and not operation.json_path:
        yield FieldError(("path",), "a resource cannot be removed as a whole; say what of it is")


_NO_VALUE = object()


@api_type
class JsonPatchOperation(ApiModel):
    """One operation of RFC 6902.

    Attributes:
        path: a JSON pointer; with a jsonPath from each place that this finds, also without the first slash.
        json_path: finds the places (RFC 9535).
        value: as the file has it.
    """

    is_narrowing = True

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: _Path | None = None
    json_path: Annotated[_Path | None, Field(alias="jsonPath", min_length=1)] = None
    from_: Annotated[_Path | None, Field(alias="from")] = None
    value: Any = Field(default=_NO_VALUE, repr=False)

    @property
    def has_value(self) -> bool:
        """Whether it says a value."""
        return self.value is not _NO_VALUE

    @property
    def is_whole(self) -> bool:
        """Whether it is for a resource as a whole, which need not be there."""
        return self.op == "add" and not self.path and not self.json_path

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(operation_errors(self))
        return self


@api_type
class JsonPatch(ApiModel):
    """One patch.

    Attributes:
        type: type URL of what is patched.
        name: of the resource, by either of Envoy Gateway's name schemes; empty for all of the type.
    """

    is_narrowing = True

    type: PatchedType
    name: str = ""
    operation: JsonPatchOperation

    @property
    def fields(self) -> frozenset[str] | None:
        """The fields of the resource that it is about; None where that cannot be told without the resource."""
        operation = self.operation
        pointers = [operation.path, *([operation.from_] if operation.from_ is not None else [])]
        found = frozenset(map(_first_field, pointers))
        return None if operation.json_path is not None or "" in found else found

    @property
    def is_harmless(self) -> bool:
        """Whether to go without it lets nobody in."""
        fields = self.fields
        known = HARMLESS_FIELDS.get(self.type, frozenset())
        return self.operation.op == "test" or (fields is not None and fields <= known)


def _first_field(pointer: str | None) -> str:
    return (pointer or "").removeprefix("/").partition("/")[0]


def policy_errors(spec: EnvoyPatchPolicySpec) -> Iterator[FieldError]:
    """Check that a policy is for a Gateway as a whole, which is all that patches can be for."""
    for path, ref in (
        (("targetRef",), spec.target_ref),
        *((("targetRefs", at), each) for at, each in enumerate(spec.target_refs)),
    ):
        if ref is not None and ref.section_name is not None:
            yield FieldError(
                (*path, "sectionName"), "patches are for all of a Gateway; name the resource in jsonPatches"
            )


@api_type
class EnvoyPatchPolicySpec(PolicyTargets):
    """spec of an EnvoyPatchPolicy.

    Attributes:
        priority: the lowest is applied first.
    """

    is_narrowing = True

    type: Literal["JSONPatch"]
    json_patches: Annotated[tuple[JsonPatch, ...], Field(alias="jsonPatches", max_length=MOST_PATCHES)] = ()
    priority: Annotated[StrictInt, Field(ge=-(2**31), lt=2**31)] = 0

    @property
    def is_harmless(self) -> bool:
        """Whether to go without it lets nobody in."""
        return all(each.is_harmless for each in self.json_patches)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(policy_errors(self))
        return self


ENVOY_PATCH_POLICY = Kind(ENVOY_GATEWAY_GROUP, "EnvoyPatchPolicy", ("v1alpha1",), PolicyBody, Body.DOCUMENT)
