"""The frame for policies: what a kind of policy can be for, and how several of them share a target."""

from __future__ import annotations

from egxds.model.api.gateway import GATEWAY
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.model.api.listener_set import LISTENER_SET
from egxds.model.resolve.addresses import AddressBook
from egxds.model.resolve.backend_tls import BackendTlsBook
from egxds.model.resolve.client_traffic import TrafficBook
from egxds.model.resolve.effective_policies import EffectivePolicies
from egxds.model.resolve.endpoints import EndpointBook
from egxds.model.resolve.gateways import GatewayBook
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.policy_book import PolicyBook
from egxds.model.resolve.policy_kinds import TARGET_KINDS, TARGETS_OF_EXTENSIONS, PolicyKind, SameTarget
from egxds.model.resolve.proxies.book import ProxyBook
from egxds.model.resolve.reached_backends import ReachedBackends
from egxds.model.resolve.route_kinds import ROUTE_KINDS
from egxds.model.resolve.routes import RouteBook
from egxds.model.resolve.rule_references import ResolveContext
from egxds.model.resolver import ResolverOptions
from egxds.model.status.policy import policy_faults
from egxds.model.status.policy_verdicts import PolicyVerdict, PolicyVerdicts
from egxds.model.store.state import GatewayState
from egxds.model.store.store import ObjectStore
from egxds.object_key import GroupKind, ObjectKey
from tests.unit.model.test_policies import KINDS, limit, on
from tests.unit.model.texts import gateway, of, route
from tests.unit.model.worlds import CONTROLLER

LIMIT: GroupKind = ("shop.test", "Limit")


def state(*texts: str) -> GatewayState:
    """Return the objects in force."""
    return ObjectStore(KINDS).update(of(*texts))


class Following:
    """A book of one kind of policy that follows one look at objects after the other; no Gateway is ours."""

    def __init__(self, same_target: SameTarget, *targets: GroupKind) -> None:
        self.objects = GatewayState()
        self._index = ObjectIndex()
        self._book = PolicyBook(
            self._index, {LIMIT: PolicyKind(LIMIT, frozenset(targets or TARGET_KINDS), same_target)}
        )
        encryption = BackendTlsBook(self._index, self._book)
        closed = ResolverOptions(CONTROLLER).closed
        reached = ReachedBackends(self._index, encryption, closed)
        gateways = GatewayBook(self._index, AddressBook(()), ProxyBook(self._index, reached), CONTROLLER)
        effective = EffectivePolicies(self._index, self._book, reached)
        context = ResolveContext(
            self._index,
            EndpointBook(self._index, closed),
            self._book,
            encryption,
            effective,
            KINDS.extension_kinds,
        )
        traffic = TrafficBook(self._book, effective)
        routes = RouteBook(context, gateways.parents)
        self._judging = PolicyVerdicts(self._index, self._book, encryption, traffic, gateways, routes)
        self._verdicts: dict[ObjectKey, PolicyVerdict | None] = {}

    def look(self, objects: GatewayState) -> None:
        """Follow what changed."""
        changed = self._index.update(objects, objects.changes_since(self.objects))
        self.objects = objects
        self._verdicts.update(self._judging.update(self._book.update(changed), ()))

    def attached(self) -> dict[str, list[str]]:
        """Return object → policies on it, with their sections."""
        return {
            item.key.kind: [f"{entry.policy.key.name}/{entry.section}" for entry in self._book.on(item.key)]
            for item in self.objects.objects()
            if item.key.group_kind in TARGET_KINDS
        }

    def older(self) -> list[tuple[str, str, str]]:
        """Return policy, kind of a target, and the policy that is in force there instead."""
        return sorted(
            (policy.name, target.key.kind, target.older.name)
            for item in self.objects.objects()
            for policy, targets in self._book.at(item.key).items()
            for target in targets
            if target.older is not None
        )

    def faults(self) -> dict[str, list[str]]:
        """Return policy → the reasons for which it is not accepted somewhere."""
        return {
            verdict.policy.key.name: [fault.reason.value for fault in policy_faults(verdict)]
            for verdict in self._verdicts.values()
            if verdict is not None
        }


def follow(objects: GatewayState, same_target: SameTarget, *targets: GroupKind) -> Following:
    """Follow policies of one kind in a first look at objects."""
    found = Following(same_target, *targets)
    found.look(objects)
    return found


def test_policies_of_extensions_can_be_for_gateways_and_for_routes_that_hooks_are_told_of() -> None:
    """A new kind of route is a target from its row on; of those that look at no requests nobody would be told."""
    told = {each for each, row in ROUTE_KINDS.items() if row.reads_requests}
    parents = {GATEWAY.id, LISTENER_SET.id}
    assert {*parents, *told} == TARGETS_OF_EXTENSIONS < {*parents, *ROUTE_KINDS} < set(TARGET_KINDS)


def test_of_several_at_one_target_the_oldest_is_in_force() -> None:
    """By name where no age is known (GEP-713); what is on a section is another target than what is on the whole."""
    objects = state(
        gateway(),
        route(),
        limit({"targetRefs": [on("HTTPRoute", "shop"), on("Gateway", "web", "http")]}, "b"),
        limit({"targetRefs": [on("HTTPRoute", "shop"), on("Gateway", "web")]}, "c"),
        limit({"targetSelectors": [{"kind": "HTTPRoute"}]}, "d"),
    )
    made = follow(objects, SameTarget.OLDEST)
    assert made.attached() == {"Gateway": ["b/http", "c/"], "HTTPRoute": ["b/"]}
    assert made.older() == [("c", "HTTPRoute", "b"), ("d", "HTTPRoute", "b")]


def test_where_several_are_allowed_all_are_in_force() -> None:
    """Extensions get every policy that is on a target."""
    objects = state(
        gateway(),
        limit({"targetRef": on("Gateway", "web")}, "a"),
        limit({"targetRef": on("Gateway", "web")}, "b"),
    )
    assert follow(objects, SameTarget.ALL).attached() == {"Gateway": ["a/", "b/"]}


def test_the_younger_one_says_why_it_is_not_in_force() -> None:
    """Accepted is False with reason Conflicted, under the target."""
    objects = state(
        route(), limit({"targetRef": on("HTTPRoute", "shop")}, "a"), limit({"targetRef": on("HTTPRoute", "shop")}, "b")
    )
    found = follow(objects, SameTarget.OLDEST).faults()
    assert "Conflicted" not in found["a"]
    assert "Conflicted" in found["b"]


def test_where_the_older_one_goes_the_younger_is_in_force() -> None:
    """It is judged again though nothing of it changed."""
    younger = limit({"targetRef": on("HTTPRoute", "shop")}, "b")
    store, made = ObjectStore(KINDS), Following(SameTarget.OLDEST)
    made.look(store.update(of(route(), limit({"targetRef": on("HTTPRoute", "shop")}, "a"), younger)))
    assert "Conflicted" in made.faults()["b"]
    made.look(store.update(of(route(), younger)))
    assert made.attached() == {"HTTPRoute": ["b/"]}
    assert "Conflicted" not in made.faults()["b"]


def test_a_kind_that_is_for_gateways_only_says_so_at_a_route() -> None:
    """What a kind can be for stands in its row."""
    objects = state(gateway(), route(), limit({"targetRef": on("HTTPRoute", "shop")}))
    assert follow(objects, SameTarget.ALL, GATEWAY.id).faults() == {"limit": ["Invalid"]}
    assert follow(objects, SameTarget.ALL, HTTP_ROUTE.id).faults() == {"limit": ["TargetNotFound"]}
