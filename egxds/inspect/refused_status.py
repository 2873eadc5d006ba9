"""What Envoys refuse, in the status of the objects that it was made from. Pure.

    refused                                  what the status says
    a Listener                               Programmed is False of the Gateway, and of its listeners on that port; of
                                             a ListenerSet that has one of them, and of those
    a secret                                 the same of the listeners that have the certificate
    a RouteConfiguration, cluster, endpoints egxds.io/Programmed is False of the routes they were made from
    anything that a policy patches           Programmed is False of that policy

Programmed is Gateway API's word for what has reached the data plane; of a Gateway it sums up its listeners. Routes have
no such condition in the API, so theirs has our prefix, and is there only while it is False. Which of the routes in a
RouteConfiguration is to blame an Envoy does not say: all of them wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from egxds.inspect.condition_times import Status
from egxds.inspect.machine_faults import NO_SUCH_ADDRESS
from egxds.inspect.refusals import RefusedResource, RefusedResources
from egxds.model.api.gateway import GATEWAY
from egxds.model.api.object import ApiModel, ApiObject
from egxds.model.resolve.parents import LISTENER_OWNERS
from egxds.model.resolve.resolved import ResolvedGateway, ResolvedListener
from egxds.names import LISTENER, SECRET
from egxds.object_key import ObjectKey, of_kinds
from egxds.problems import Location
from egxds.translate.ports import ports_of

PROGRAMMED = "Programmed"
ROUTE_PROGRAMMED = "egxds.io/Programmed"
"""Condition of a route below each of its parents."""

_PENDING = "Pending"
_NOT_USABLE = "AddressNotUsable"
_OF_LISTENERS = frozenset({LISTENER, SECRET})
_SHOWN = 3

Json = Mapping[str, object]
Locate = Callable[[ObjectKey], Location | None]


def by_object(
    refused: RefusedResources, gateways: Mapping[ObjectKey, ResolvedGateway]
) -> Mapping[ObjectKey, RefusedResources]:
    """Return which refusals the status of which object speaks of.

    Args:
        refused: what is refused.
        gateways: those that are served.
    """
    found: defaultdict[ObjectKey, list[RefusedResource]] = defaultdict(list)
    for one in refused:
        for key in {*_objects(one, gateways)}:
            found[key].append(one)
    return {key: tuple(refusals) for key, refusals in found.items()}


def with_refusals(
    status: Status,
    refused: RefusedResources,
    item: ApiObject[ApiModel],
    gateway: ResolvedGateway | None,
    locate: Locate,
) -> Status:
    """Return the status of an object, with what Envoys refuse of it.

    Args:
        status: without that.
        refused: what is refused.
        item: the object.
        gateway: the Gateway that it is, or is a ListenerSet for, where that is served.
        locate: finds where an object stands.
    """
    if gateway is not None:
        of_listeners = [one for one in refused if one.type_url in _OF_LISTENERS]
        return _of_listeners(status, of_listeners, item.key, gateway, locate)
    ancestors = status.get("ancestors")
    if isinstance(ancestors, list | tuple):
        return {**status, "ancestors": [_failing(each, list(refused), locate) for each in ancestors]}
    others = [one for one in refused if one.type_url not in _OF_LISTENERS]
    parents = status.get("parents")
    if not others or not isinstance(parents, list | tuple):
        return status
    condition = {
        "type": ROUTE_PROGRAMMED,
        "status": "False",
        "reason": _PENDING,
        "message": _told(others, locate),
        "observedGeneration": item.generation,
    }
    return {**status, "parents": [{**each, "conditions": [*each["conditions"], condition]} for each in parents]}


def _objects(refused: RefusedResource, gateways: Mapping[ObjectKey, ResolvedGateway]) -> Iterator[ObjectKey]:
    yield from refused.sources
    # A Listener knows the objects that its listeners stand in; a Secret none that uses it.
    is_known = refused.type_url == LISTENER and bool(of_kinds(refused.sources, LISTENER_OWNERS))
    if refused.type_url in _OF_LISTENERS and not is_known:
        for name in refused.gateways:
            key = GATEWAY.key(*name.split("/", 1))
            yield key
            yield from (each.key for each in (gateways[key].listener_sets if key in gateways else ()))


def _of_listeners(
    status: Status, refused: list[RefusedResource], owner: ObjectKey, gateway: ResolvedGateway, locate: Locate
) -> Status:
    """Return the status of a Gateway, or of a ListenerSet for it, with what is refused of its listeners."""
    is_gateway = owner == gateway.gateway.key
    found = [(one, _listeners(one, gateway)) for one in refused]
    own = [(one, {each.listener_name for each in there if each.owner == owner}, bool(there)) for one, there in found]
    # What is refused of a ListenerSet is refused of its Gateway, too. A Listener that an extension has added is none of
    # the Gateway's: then the Gateway alone says so.
    concerned = [
        (one, names)
        for one, names, is_of_gateway in own
        if names or (is_gateway and (is_of_gateway or one.type_url == LISTENER))
    ]
    listeners = status.get("listeners")
    changed = [
        _failing(each, [one for one, names in concerned if each["name"] in names], locate)
        for each in (listeners if isinstance(listeners, list | tuple) else ())
    ]
    return _failing({**status, "listeners": changed}, [one for one, _ in concerned], locate)


def _listeners(refused: RefusedResource, gateway: ResolvedGateway) -> list[ResolvedListener]:
    """Return the Gateway's listeners that do not serve as they should for that."""
    if refused.type_url == SECRET:
        secrets = frozenset(refused.sources)
        return [each for each in gateway.listeners if not secrets.isdisjoint(_secrets_of(each))]
    ports = [port for port in ports_of(gateway) if port.plan.name == refused.name]
    return [each for port in ports for each in port.listeners]


def _secrets_of(listener: ResolvedListener) -> Iterator[ObjectKey]:
    """Yield the objects from which the secrets of a listener are made."""
    yield from (one.key for one in listener.certificates)
    trust = listener.trust
    yield from trust.authorities.sources if trust is not None and trust.authorities is not None else ()


def _failing(part: Json, refused: list[RefusedResource], locate: Locate) -> Status:
    """Return an object's or a listener's part of a status with Programmed False, unless it is False already."""
    if not refused:
        return part
    conditions = part.get("conditions")
    return {
        **part,
        "conditions": [
            {**each, "status": "False", "reason": _reason(refused), "message": _told(refused, locate)}
            if each["type"] == PROGRAMMED and each["status"] == "True"
            else each
            for each in (conditions if isinstance(conditions, list | tuple) else ())
        ],
    }


def _reason(refused: Iterable[RefusedResource]) -> str:
    """Return the reason of the API for what is refused: an address is the user's to change, the rest is waited for."""
    missing = any(one.type_url == LISTENER and NO_SUCH_ADDRESS in one.message for one in refused)
    return _NOT_USABLE if missing else _PENDING


def _told(refused: Iterable[RefusedResource], locate: Locate) -> str:
    """Say who refuses what, why, and where that stands."""
    told = [_one_told(one, locate) for one in refused]
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join(told[:_SHOWN]) + f"{more}; it is tried again"


def _one_told(refused: RefusedResource, locate: Locate) -> str:
    places = sorted(place for key in refused.sources[:_SHOWN] if (place := locate(key)) is not None)
    return f"{refused} ({', '.join(map(str, places))})" if places else str(refused)
