"""The frame that all API objects share: what identifies one, its metadata, and the base of its content. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from enum import Enum
from typing import Annotated, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictInt, model_validator
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as validated_dataclass

from egxds.model.api.scalars import Name, Subdomain
from egxds.model.api.validation import FieldError
from egxds.object_key import GroupKind, ObjectKey

GATEWAY_GROUP = "gateway.networking.k8s.io"
ENVOY_GATEWAY_GROUP = "gateway.envoyproxy.io"
DISCOVERY_GROUP = "discovery.k8s.io"
CORE_GROUP = ""

GATEWAY_VERSIONS = ("v1", "v1beta1")
"""Of the kinds of Gateway API that are standard."""

Port = Annotated[StrictInt, Field(ge=1, le=65535)]


_TypeT = TypeVar("_TypeT")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, dataclass_field))
def api_type(cls: type[_TypeT]) -> type[_TypeT]:
    """Make a class of the API: immutable, and without a dict of its own, which is most of what an object weighs.

    A model of pydantic's is some 450 bytes before it says anything, and there are ten in a route.
    """
    config = ConfigDict(alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)
    return cast("type[_TypeT]", validated_dataclass(cls, frozen=True, slots=True, kw_only=True, config=config))


@api_type
class ApiModel:
    """Base of all API classes. A field without a value counts as absent, as it does for an API server.

    Attributes:
        silent_fields: fields the API has that mean nothing here, such as `clusterIP`: passed over.
        unserved_fields: fields the API has that have no effect here: a warning.
        refused_fields: fields the API has that must not go without effect, such as a check of client
            certificates: an error.
        narrowing_fields: its own fields that narrow down who gets in, or what is trusted: a name that is nearly one of
            them is an error, since without it more would be let through than was written.
        is_narrowing: whether that goes for whatever field it could have, as for the conditions of a match.
        quotable_names: the names that a message about such an object may quote; None for all. What a file says
            elsewhere in a Secret, also as a key, may be what nobody is to see.
    """

    silent_fields: ClassVar[frozenset[str]] = frozenset()
    unserved_fields: ClassVar[frozenset[str]] = frozenset()
    refused_fields: ClassVar[frozenset[str]] = frozenset()
    narrowing_fields: ClassVar[frozenset[str]] = frozenset()
    is_narrowing: ClassVar[bool] = False
    quotable_names: ClassVar[frozenset[str] | None] = None

    @classmethod
    def model_validate(cls, value: object) -> Self:
        """Make an object of what a file says.

        Raises:
            ValidationError: it is none of this class.
        """
        return cast("Self", cls.__pydantic_validator__.validate_python(value))  # type: ignore[attr-defined]

    @classmethod
    def concerns(cls, raw: object) -> bool:  # noqa: ARG003 every kind has an opinion on what it is asked
        """Tell whether an object of this kind is one that is read; others are passed over like an unknown kind."""
        return True

    def unservable(self) -> Iterator[FieldError]:
        """Say what of it cannot be served, though the API takes it; paths start at it."""
        return iter(())

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        if isinstance(data, dict) and None in data.values():
            return {name: value for name, value in data.items() if value is not None}
        return data


_NO_ENTRIES: dict[str, str] = {}


def _no_entries() -> dict[str, str]:
    """Return the one empty mapping of all objects without labels or annotations; nobody writes to it."""
    return _NO_ENTRIES


def _generation(value: object) -> object:
    """Leave out what no API server has written: nobody writes a generation by hand, and so it is no mistake."""
    return value if type(value) is int and value > 0 else None


def read_generation(metadata: object) -> int | None:
    """Return the generation that the metadata of an object says, whatever else is wrong with it; None without one."""
    found = _generation(metadata.get("generation")) if isinstance(metadata, dict) else None
    return found if isinstance(found, int) else None


def _check_time(value: str) -> str:
    try:
        has_zone = datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise ValueError("is not a time: write it like 2026-01-31T12:00:00Z")
    return value


@api_type
class ObjectMeta(ApiModel):
    """metadata, as far as a file can say it.

    Attributes:
        generation: that of the API server which the file was taken from; it is not compared, for it says nothing that
            is to be served.
    """

    silent_fields = frozenset(
        {
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "finalizers",
            "generateName",
            "managedFields",
            "ownerReferences",
            "resourceVersion",
            "selfLink",
            "uid",
        }
    )

    name: Subdomain
    namespace: Annotated[Name, AfterValidator(sys.intern)] = ""
    labels: dict[str, str] = Field(default_factory=_no_entries)
    annotations: dict[str, str] = Field(default_factory=_no_entries, repr=False)
    creation_timestamp: Annotated[str, AfterValidator(_check_time)] | None = None
    generation: Annotated[int | None, BeforeValidator(_generation)] = dataclass_field(
        default=None, repr=False, compare=False
    )


ContentT = TypeVar("ContentT", bound=ApiModel, covariant=True)


class Body(Enum):
    """Which part of an object is its content."""

    SPEC = "spec"
    WHOLE = "whole"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Kind(Generic[ContentT]):
    """A kind that is read: its row in the table of kinds.

    Attributes:
        group: API group, empty for core.
        kind: such as `HTTPRoute`.
        versions: those accepted, the preferred one first.
        content: class of the content.
        body: the part of the object that makes the content; DOCUMENT keeps the object as it is.
        is_namespaced: whether its objects live in namespaces.
    """

    group: str
    kind: str
    versions: tuple[str, ...]
    content: type[ContentT]
    body: Body = Body.SPEC
    is_namespaced: bool = True

    @property
    def id(self) -> GroupKind:
        """Group and kind."""
        return self.group, self.kind

    @property
    def api_versions(self) -> tuple[str, ...]:
        """The accepted values of `apiVersion`."""
        return tuple(f"{self.group}/{version}" if self.group else version for version in self.versions)

    def key(self, namespace: str, name: str) -> ObjectKey:
        """Return what identifies an object of this kind."""
        return ObjectKey(self.group, self.kind, namespace, name)


@dataclass(frozen=True, slots=True)
class ApiObject(Generic[ContentT]):
    """One accepted object.

    Attributes:
        key: what identifies it.
        api_version: as written, such as `gateway.networking.k8s.io/v1`.
        meta: its metadata.
        content: `spec`, or for kinds without one the whole body.
        generation: what its file says; without that 1 at first, and one more each time `content` changes.
    """

    key: ObjectKey
    api_version: str
    meta: ObjectMeta
    content: ContentT
    generation: int = 1

    @property
    def says(self) -> tuple[str, ObjectMeta, ContentT]:
        """All that it says, to be compared; where it stands, and how often it changed, is not part of it."""
        return self.api_version, self.meta, self.content
