"""Label selectors and the labels of namespaces. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from egxds.model.api.core import NamespaceBody
from egxds.model.api.gateway import LabelSelector, LabelSelectorRequirement
from egxds.model.api.object import ApiObject

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that Kubernetes gives every namespace."""


def namespace_labels(name: str, namespace: ApiObject[NamespaceBody] | None) -> Mapping[str, str]:
    """Return the labels of a namespace; one that no document describes has just that of its name."""
    labels = namespace.meta.labels if namespace is not None else {}
    return {**labels, NAMESPACE_NAME_LABEL: name}


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet everything that a selector asks for."""
    equal = all(labels.get(name) == value for name, value in selector.match_labels.items())
    return equal and all(_meets(requirement, labels) for requirement in selector.match_expressions)


def _meets(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
