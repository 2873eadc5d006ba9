"""What people are told of rules and routes whose traffic another one takes. Pure; made when somebody looks.

However much is shadowed, what is said is short: some of it, and how much more there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from egxds.model.api.validation import Path
from egxds.model.resolve.attachment import ParentVerdict
from egxds.model.resolve.contenders import RankedRule
from egxds.model.resolve.contests import Claim, LostHostname
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.resolved import ANY_HOST
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.shadows import Shadow
from egxds.model.resolve.verdicts import RouteVerdict
from egxds.model.status.conditions import Condition, ConditionType, holds
from egxds.model.store.state import GatewayState
from egxds.object_key import ObjectKey
from egxds.problems import Location

Locate = Callable[[ObjectKey, Path], Location]
"""Says where a part of a route stands."""

_SHOWN = 3
_Group = tuple[int, int, ObjectKey, int, ObjectKey, str]
"""Of a loser the rule and its match; the route and rule that win; Gateway and listener."""


def route_locator(state: GatewayState) -> Locate:
    """Return what says where the routes of a state stand."""

    def locate(route: ObjectKey, path: Path) -> Location:
        return state.locate(state.of(ROUTE_KINDS[route.group_kind].kind)[route], path)

    return locate


def shadow_condition(verdict: RouteVerdict, parent: ParentVerdict, locate: Locate) -> list[Condition]:
    """Return the condition that tells what of a route others take at a parent; none where nobody does.

    Args:
        verdict: what was decided about the route.
        parent: one of its parents.
        locate: says where the others stand.
    """
    lost = [each for each in verdict.lost if _is_at(each.claim, parent)]
    shadows = [each for each in verdict.shadows if _is_at(each.claim, parent)]
    by_rule = _by_rule(shadows)
    claims = sum(map(len, parent.hostnames.values()))
    messages = [_hostname_text(each, locate) for each in lost]
    messages += [_rule_text(verdict, rule, found, claims, locate) for rule, found in by_rule.items()]
    if not messages:
        return []
    is_whole = any(_is_whole(verdict, rule, found, claims) for rule, found in by_rule.items()) or len(lost) == claims
    reason = Reason.SHADOWED if is_whole else Reason.PARTIALLY_SHADOWED
    return [holds(ConditionType.SHADOWED, reason, _shortened(messages))]


def shadow_faults(verdict: RouteVerdict, locate: Locate) -> Iterator[Fault]:
    """Yield what of a route others take: each rule once, and all that goes by whole connections once.

    Args:
        verdict: what was decided about the route.
        locate: says where the others stand.
    """
    if verdict.lost:
        yield Fault(Reason.SHADOWED, _shortened([_hostname_text(each, locate) for each in verdict.lost]))
    claims = sum(len(each.hostnames) for each in verdict.attached.values())
    for rule, found in _by_rule(verdict.shadows).items():
        yield Fault(Reason.SHADOWED, _rule_text(verdict, rule, found, claims, locate), ("spec", "rules", rule))


def _by_rule(shadows: Iterable[Shadow]) -> dict[int, list[Shadow]]:
    found: defaultdict[int, list[Shadow]] = defaultdict(list)
    for each in shadows:
        found[each.loser.rule].append(each)
    return dict(sorted(found.items()))


def _is_whole(verdict: RouteVerdict, rule: int, shadows: Sequence[Shadow], claims: int) -> bool:
    """Tell whether a rule gets nothing at all at some hostnames, of which there are so many."""
    return len(shadows) == claims * sum(index == rule for index, _ in verdict.wanted)


def _rule_text(verdict: RouteVerdict, rule: int, shadows: Sequence[Shadow], claims: int, locate: Locate) -> str:
    name = shadows[0].loser.name
    named = f"rule {rule} ({name})" if name else f"rule {rule}"
    if _is_whole(verdict, rule, shadows, claims):
        gets = "is shadowed and gets no request"
    else:
        gets = "is shadowed in part and gets only its other requests"
    groups: defaultdict[_Group, list[Shadow]] = defaultdict(list)
    for each in shadows:
        loser, winner, claim = each.loser, each.winner, each.claim
        groups[loser.rule, loser.match, winner.route, winner.rule, claim.gateway, claim.listener].append(each)
    said = [_group_text(verdict, groups[group], locate) for group in sorted(groups)]
    return f"{named} {gets}: {_shortened(said)}"


def _group_text(verdict: RouteVerdict, shadows: Sequence[Shadow], locate: Locate) -> str:
    loser, winner, claim = shadows[0].loser, shadows[0].winner, shadows[0].claim
    text = ROUTE_KINDS[loser.route.group_kind].match_text(verdict.route.content.rules[loser.rule], loser.match)
    hosts = _shortened([_host_text(each.claim.hostname) for each in shadows], ", ")
    place = locate(winner.route, ("spec", "rules", winner.rule))
    named = f"rule {winner.rule} ({winner.name})" if winner.name else f"rule {winner.rule}"
    of = "of this route" if winner.route == loser.route else f"of {winner.route}"
    return f"{text} on {hosts} at {_listener_text(claim)} goes to {named} {of} ({place}), {_why(loser, winner)}"


def _why(loser: RankedRule, winner: RankedRule) -> str:
    if winner.rank != loser.rank:
        return "whose match takes precedence"
    if winner.route == loser.route:
        return "which stands before it"
    return "which is older" if winner.age[0] != loser.age[0] else "which is first by name"


def _hostname_text(lost: LostHostname, locate: Locate) -> str:
    winner = lost.winner
    what = "everything" if lost.claim.hostname == ANY_HOST else lost.claim.hostname
    goes = f"{what} at {_listener_text(lost.claim)} goes to {winner} ({locate(winner, ())})"
    return f"{goes}, which is older, or first by name; this route is shadowed and gets nothing of it"


def _host_text(hostname: str) -> str:
    return "every host" if hostname == ANY_HOST else hostname


def _listener_text(claim: Claim) -> str:
    return f"listener {claim.listener} of Gateway {claim.gateway.namespace}/{claim.gateway.name}"


def _shortened(texts: Sequence[str], between: str = "; ") -> str:
    more = [f"and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return between.join((*texts[:_SHOWN], *more))


def _is_at(claim: Claim, parent: ParentVerdict) -> bool:
    return claim.gateway == parent.gateway and claim.listener in parent.hostnames
