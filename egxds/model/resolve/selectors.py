"""Label selectors and the labels of namespaces. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from egxds.model.api.core import NamespaceBody
from egxds.model.api.gateway import RouteNamespaces
from egxds.model.api.label_selectors import LabelSelector, LabelSelectorRequirement
from egxds.model.api.object import ApiObject

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that Kubernetes gives every namespace."""

_REMEMBERED_NAMES = 1024


def namespace_labels(name: str, namespace: ApiObject[NamespaceBody] | None) -> Mapping[str, str]:
    """Return the labels of a namespace; one that no document describes has just that of its name."""
    return {**namespace.meta.labels, **_label_of_name(name)} if namespace is not None else _label_of_name(name)


@lru_cache(maxsize=_REMEMBERED_NAMES)
def _label_of_name(name: str) -> Mapping[str, str]:
    """Return the one label, which the verdicts on all routes of a namespace then share."""
    return MappingProxyType({NAMESPACE_NAME_LABEL: name})


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet everything that a selector asks for; of one that is none they meet nothing."""
    if any(selector.unservable()):
        return False
    equal = all(labels.get(name) == value for name, value in selector.match_labels.items())
    return equal and all(_meets(requirement, labels) for requirement in selector.match_expressions)


def takes_from(namespaces: RouteNamespaces, own: str, other: str, labels: Mapping[str, str]) -> bool:
    """Tell whether what is in a namespace is taken.

    Args:
        namespaces: which ones are.
        own: the namespace of what takes it.
        other: the namespace in question.
        labels: of that.
    """
    match namespaces.from_:
        case "All":
            return True
        case "Same":
            return own == other
        case "Selector":
            return namespaces.selector is not None and selects(namespaces.selector, labels)
        case "None":
            return False


def _meets(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case _:
            return value is None
