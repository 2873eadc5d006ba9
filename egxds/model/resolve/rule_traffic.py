"""What is asked of the traffic of one rule at one listener. Pure."""

from __future__ import annotations

from egxds.model.resolve.backend_traffic import BackendTraffic, of_backends, traffic_of_policy
from egxds.model.resolve.resolved import AttachedRoute, ResolvedRule


def traffic_of_rule(rule: ResolvedRule, attached: AttachedRoute, at_listener: BackendTraffic) -> BackendTraffic:
    """Return what is asked of a rule at a listener.

    Args:
        rule: the rule.
        attached: its route, at the listener.
        at_listener: what is asked there of rules that have no policy of their own.
    """
    own = of_backends(rule.in_force)
    if own is None:
        return at_listener
    merged = of_backends(attached.merged.get(rule.index, ())) if own.is_merging else None
    return traffic_of_policy(own, "") if merged is None else traffic_of_policy(merged, at_listener.apart)
