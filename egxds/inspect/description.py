"""One object, and all that came of it: resources, which versions of them Envoys have, hooks, attached routes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from egxds.inspect.explain.origins import named_in
from egxds.inspect.overview import State, backend_troubles, name_of, troubles_of
from egxds.names import CLUSTER, ENDPOINT, SHORT_NAMES
from egxds.object_key import ObjectKey
from egxds.resources.walk import payload
from egxds.sessions.open_streams import Client
from egxds.sessions.status import ResourceStatus
from egxds.snapshot.snapshot import Snapshot, VersionedResource

_MOST_RESOURCES = 100
_MOST_ROUTES = 100
_MOST_ENVOYS = 100
_MOST_BEHIND = 20
_PARENT = "Gateway"

Json = Mapping[str, Any]
"""An object as the admin API shows it, or a part of it."""

Made = tuple[str, VersionedResource]
"""A Gateway, and a resource of it."""


def resources_of(key: ObjectKey, snapshots: Mapping[str, Snapshot]) -> list[Made]:
    """Return the resources that were made from an object; of the same one in many Gateways each.

    Args:
        key: the object.
        snapshots: Gateway → what its Envoys are served.
    """
    return [
        (gateway, resource)
        for gateway, snapshot in snapshots.items()
        for resources in snapshot.resources.values()
        for resource in resources.values()
        if key in resource.sources or _has_endpoints_of(resource, key)
    ]


def _has_endpoints_of(resource: VersionedResource, key: ObjectKey) -> bool:
    """Tell whether endpoints, or a cluster that has its own, come from an object: their metadata says so."""
    # Most are left out by a search of their bytes.
    if resource.type_url not in (ENDPOINT, CLUSTER) or key.name.encode() not in resource.body:
        return False
    message: Any = payload(resource.type_url, resource.body)
    assignment = message.load_assignment if resource.type_url == CLUSTER else message
    return str(key) in named_in(locality.metadata for locality in assignment.endpoints)


def attached_routes(item: Json, routes: Iterable[Json]) -> Iterator[dict[str, object]]:
    """Yield the routes that name an object as a parent, with what that says of them.

    Args:
        item: a Gateway or a ListenerSet.
        routes: objects, of which those with parents in their status are routes.
    """
    for route in routes:
        for parent in (route.get("status") or {}).get("parents", ()):
            ref = parent["parentRef"]
            namespace = ref.get("namespace") or route["metadata"]["namespace"]
            named = (ref.get("kind") or _PARENT, namespace, ref["name"])
            if named == (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]):
                accepted = [each["status"] for each in parent["conditions"] if each["type"] == "Accepted"]
                yield {
                    "route": name_of(route),
                    "listener": ref.get("sectionName") or "",
                    "accepted": accepted == ["True"],
                    "source": route["source"],
                }


def clusters_of(made: Iterable[Made]) -> frozenset[str]:
    """Return the names of the clusters that resources are, or are the endpoints of."""
    return frozenset(resource.name for _, resource in made if resource.type_url in (CLUSTER, ENDPOINT))


def _unreached(item: Json, reach: Json) -> list[dict[str, Any]]:
    """Return what is wrong with the backends of an object; where it is one, not with others of the same cluster."""
    name, kind = name_of(item), f"{item['kind']} "
    own = [
        fault
        for fault in reach["faults"]
        if name in fault["objects"] or not any(each.startswith(kind) for each in fault["objects"])
    ]
    return [trouble for _, trouble in backend_troubles((item,), {**reach, "faults": own})]


def describe_object(
    item: Json,
    made: Sequence[Made],
    envoys: Sequence[Json],
    hooks: Iterable[Json],
    attached: Sequence[Json],
    reach: Json,
) -> dict[str, object]:
    """Describe an object.

    Args:
        item: as the admin API shows it.
        made: what was made from it.
        envoys: how far each is with that, as `envoys_of` has it.
        hooks: as the admin API shows them.
        attached: the routes that name it as a parent.
        reach: how Envoys find the backends of what was made from it, as `egxds.inspect.backend_reach` has it.
    """
    troubles = [*troubles_of(item), *_unreached(item, reach)]
    failing = list(_failures(item, hooks))
    is_refused = any(envoy["refused"] for envoy in envoys)
    wrong = is_refused or failing or any(each["severity"] == "error" for each in troubles)
    return {
        "object": item,
        "state": (State.WRONG if wrong else State.WARNING if troubles else State.OK).value,
        "troubles": troubles,
        "attachedRoutes": list(attached[:_MOST_ROUTES]),
        "attachedRouteCount": len(attached),
        "resources": [_resource(each) for each in made[:_MOST_RESOURCES]],
        "resourceCount": len(made),
        "envoys": sorted(envoys, key=lambda each: (not each["refused"], not each["behind"]))[:_MOST_ENVOYS],
        "envoyCount": len(envoys),
        "hooks": [
            {"hook": hook["hook"], "manager": hook["manager"], "state": hook["state"], "onFailure": hook["onFailure"]}
            for hook in hooks
        ],
        "failedHooks": failing,
        "backends": reach if clusters_of(made) else None,
    }


def _resource(made: Made) -> dict[str, object]:
    gateway, resource = made
    type_name = SHORT_NAMES[resource.type_url]
    return {"gateway": gateway, "type": type_name, "name": resource.name, "version": resource.version}


def envoys_of(made: Sequence[Made], clients: Iterable[Client]) -> Iterator[dict[str, Any]]:
    """Yield how far each Envoy is with what was made from an object: each costs as much as it holds resources.

    Args:
        made: the resources.
        clients: the open streams.
    """
    for client in clients:
        own = [resource for gateway, resource in made if gateway in client.gateways]
        if own:
            yield _envoy(client, own)


def _envoy(client: Client, resources: Sequence[VersionedResource]) -> dict[str, Any]:
    held = {status.type_url: status.resources for status in client.session.status()}
    found = [(resource, held.get(resource.type_url, {}).get(resource.name)) for resource in resources]
    node = client.session.node
    return {
        "id": node.id if node else client.peer,
        "stream": client.stream,
        "canary": client.is_canary,
        "inSync": sum(one is not None and one.acked_version == resource.version for resource, one in found),
        "of": len(found),
        "behind": [
            {"name": resource.name, "has": one.acked_version if one is not None else "", "is": resource.version}
            for resource, one in found
            if not (one is not None and (one.acked_version == resource.version or one.nacked_version))
        ][:_MOST_BEHIND],
        "refused": [_refused(resource, one) for resource, one in found if one is not None and one.nacked_version][
            :_MOST_BEHIND
        ],
    }


def _refused(resource: VersionedResource, status: ResourceStatus) -> dict[str, str]:
    return {
        "name": resource.name,
        "version": status.nacked_version,
        "has": status.acked_version,
        "error": status.error,
    }


def _failures(item: Json, hooks: Iterable[Json]) -> Iterator[dict[str, object]]:
    """Yield what hooks fail on that is about the object: made from it, or of the Gateway that it is."""
    metadata = item["metadata"]
    own = (item["kind"], metadata["namespace"], metadata["name"])
    for hook in hooks:
        for each in hook["failed"]:
            about = {(one["kind"], one["namespace"], one["name"]) for one in each["objects"]}
            gateway = (_PARENT, *str(each["gateway"]).split("/", 1))
            if own in about or own == gateway:
                yield {
                    "hook": hook["hook"],
                    "manager": hook["manager"],
                    **{k: v for k, v in each.items() if k != "objects"},
                }
