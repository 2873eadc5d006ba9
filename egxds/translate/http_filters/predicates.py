"""What the rules of an authorization compare, put together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig
from xds.type.matcher.v3.matcher_pb2 import Matcher

from egxds.resources.encoding import pack

Predicate: TypeAlias = Matcher.MatcherList.Predicate


def named(name: str, message: Message) -> TypedExtensionConfig:
    """Return a message as an extension that has a name."""
    return TypedExtensionConfig(name=name, typed_config=pack(message))


def any_of(found: Iterable[Predicate]) -> Predicate:
    """Return what holds where any of some do; at least one."""
    each = list(found)
    return each[0] if len(each) == 1 else Predicate(or_matcher=Predicate.PredicateList(predicate=each))


def all_of(found: Iterable[Predicate]) -> Predicate:
    """Return what holds where all of some do; at least one."""
    each = list(found)
    return each[0] if len(each) == 1 else Predicate(and_matcher=Predicate.PredicateList(predicate=each))
