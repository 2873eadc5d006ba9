"""responseOverride: answers that others stand in for, with their bodies from where they are. Pure.

Of a ConfigMap the entry `response.body` counts, else the only one that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.model.api.backend_traffic.response_override import ResponseBody, ResponseOverride
from egxds.model.api.config_map import BODY_ENTRY, CONFIG_MAP
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.references import not_found
from egxds.object_key import ObjectKey

_Overrides = tuple[ResponseOverride, ...]


@dataclass(frozen=True, slots=True)
class NamedOverride:
    """One override.

    Attributes:
        name: after the policy that has it, as Envoy Gateway names it.
        asked: as it is written.
        body: of the answer; None where it stays as it is.
    """

    name: str
    asked: ResponseOverride
    body: str | None


def _queries(asked: _Overrides, policy: ObjectKey) -> Iterator[Query]:
    for override in asked:
        body = override.response.body if override.response is not None else None
        if body is not None and body.value_ref is not None:
            yield CONFIG_MAP.key(policy.namespace, body.value_ref.name)


def _resolve(asked: _Overrides, context: FeatureContext) -> tuple[NamedOverride, ...] | Fault:
    policy = context.policy
    prefix = f"{policy.kind.lower()}/{policy.namespace}/{policy.name}/responseoverride/rule"
    found: list[NamedOverride] = []
    for at, override in enumerate(asked):
        written = override.response.body if override.response is not None else None
        path = (*context.path, at, "response", "body", "valueRef")
        body = _body(written, path, context) if written is not None else None
        if isinstance(body, Fault):
            return body
        found.append(NamedOverride(f"{prefix}/{at}", override, body))
    return tuple(found)


def _body(body: ResponseBody, path: Path, context: FeatureContext) -> str | Fault:
    if body.value_ref is None:
        return body.inline or ""
    target = CONFIG_MAP.key(context.policy.namespace, body.value_ref.name)
    config_map = context.index.state.of(CONFIG_MAP).get(target)
    if config_map is None:
        missing = not_found(Reason.INVALID, target, path)
        return Fault(missing.reason, f"{missing.message} with {BODY_ENTRY}, or with one text alone", path)
    texts = config_map.content.data
    if BODY_ENTRY in texts:
        return texts[BODY_ENTRY]
    if len(texts) == 1:
        return next(iter(texts.values()))
    return Fault(Reason.INVALID, f"{target}: has several texts, and none is {BODY_ENTRY}", path)


RESPONSE_OVERRIDE = Feature("responseOverride", "response_override", _resolve, _queries, is_deciding=False)
