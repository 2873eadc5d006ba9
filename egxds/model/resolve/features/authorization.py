"""authorization: which requests get through, as the policy says it. Pure.

There is nothing to follow. A rule without a name is called as Envoy Gateway calls it, after the policy that has it.

Whose tokens a rule is about, `jwt` says, of the same policy or of the one that it is merged over. Nobody has a token of
a provider that is none, which would keep nobody out: that is a mistake. Before it is known what a policy is merged over
it is none yet; where it is merged over nothing, such a rule lets nobody in, or keeps everybody out.
"""

from __future__ import annotations

from dataclasses import dataclass

from egxds.model.api.authorization import Authorization, AuthorizationRule
from egxds.model.api.security_policy import SecurityPolicySpec
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext


@dataclass(frozen=True, slots=True)
class NamedRules:
    """Rules in their order, and what becomes of all other requests.

    Attributes:
        rules: each with its name.
        default_action: `Allow` or `Deny`.
    """

    rules: tuple[tuple[str, AuthorizationRule], ...]
    default_action: str


def _resolve(asked: Authorization, context: FeatureContext) -> NamedRules | Fault:
    policy = context.policy
    prefix = f"{policy.kind.lower()}/{policy.namespace}/{policy.name}/authorization/rule"
    named: list[tuple[str, AuthorizationRule]] = []
    for at, rule in enumerate(asked.rules):
        name, provider = rule.name or f"{prefix}/{at}", _unknown_provider(rule, context)
        if not provider:
            named.append((name, rule))
        elif not context.spec.asks_to_be_merged:
            message = f"rule {name}: jwt has no provider {provider}: name one of its providers"
            return Fault(Reason.INVALID, message, (*context.path, "rules", at, "principal", "jwt", "provider"))
        elif rule.action == "Deny":
            # Whoever else a rule behind it, or the default, would let in.
            return NamedRules(tuple(named), "Deny")
    return NamedRules(tuple(named), asked.default_action)


def _unknown_provider(rule: AuthorizationRule, context: FeatureContext) -> str:
    """Return the provider of a rule that is none of the policy; empty where it is one, or the rule names none."""
    found = rule.principal.jwt if rule.principal is not None else None
    jwt = context.spec.jwt if isinstance(context.spec, SecurityPolicySpec) else None
    known = [provider.name for provider in jwt.providers] if jwt is not None else []
    return found.provider if found is not None and found.provider not in known else ""


AUTHORIZATION = Feature("authorization", "authorization", _resolve)
