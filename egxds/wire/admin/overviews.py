"""Wire room: what people ask of the whole, or of one object → JSON. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from anyio import to_thread
from anyio.lowlevel import checkpoint
from starlette.exceptions import HTTPException

from egxds.inspect.description import attached_routes, clusters_of, describe_object, envoys_of, resources_of
from egxds.inspect.events.facts import problem_json
from egxds.inspect.kind_names import find_kind, unknown_kind
from egxds.inspect.objects import FROM_THE_START, ObjectFilter, ObjectsPage
from egxds.inspect.overview import AboutStore, listed, overview
from egxds.inspect.status import StatusStore
from egxds.model.api.kinds import KindTable
from egxds.object_key import ObjectKey
from egxds.sessions.open_streams import Client
from egxds.snapshot.snapshot import Snapshot
from egxds.wire.admin.backends_found import backends_found
from egxds.wire.admin.large_answers import Json
from egxds.wire.admin.served import ServedSnapshots

ASKED = ("kind", "namespace", "name")
"""What a request to one of the pages may say."""

_PARENTS = frozenset({"Gateway", "ListenerSet"})

Wanted = Mapping[str, str]


async def status_page(
    wanted: Wanted, status: StatusStore, clients: list[Json], snapshots: Mapping[str, Snapshot]
) -> Json:
    """Return the whole on one page; or, where some objects are named, these with their states.

    Args:
        wanted: the query.
        status: knows objects and hooks.
        clients: the connected Envoys, described.
        snapshots: of all Gateways.
    """
    found = await backends_found(status, snapshots)
    page = await _objects(wanted, status)
    if wanted:
        if not page.items and "name" in wanted:
            raise HTTPException(404, f"no {wanted.get('kind', 'object')} {wanted['name']!r}")
        return await to_thread.run_sync(listed, page, found)
    settings = (dict(problem_json(one)) for one in status.settings_problems())
    page = replace(page, problems=(*settings, *page.problems))
    store = await about_store(status)
    return await to_thread.run_sync(overview, page, status.hooks(), clients, found, store)


async def about_store(status: StatusStore) -> AboutStore:
    """Return what is known where objects come from a store: of replicas, and of what some nodes are served first."""
    fleet = status.fleet
    return AboutStore(status.source.described(), await fleet.replicas(), fleet.candidate())


async def description(wanted: Wanted, status: StatusStore, clients: list[Client], served: ServedSnapshots) -> Json:
    """Return all that is known of one object.

    Args:
        wanted: the query, which names a kind and an object.
        status: knows objects and hooks.
        clients: the open streams.
        served: what they are served.

    Raises:
        HTTPException: there is none, or several.
    """
    if "kind" not in wanted or "name" not in wanted:
        raise HTTPException(400, "say kind= and name=")
    items = (await _objects(wanted, status)).items
    if not items:
        raise HTTPException(404, f"no {wanted['kind']} {wanted['name']!r}")
    names = sorted("/".join(_name(each)) for each in items)
    if len(items) > 1:
        raise HTTPException(400, f"which {wanted['kind']}: {', '.join(names)}? Say its namespace")
    item = items[0]
    snapshots = served.of_head()
    made = await to_thread.run_sync(resources_of, _key(item), snapshots)
    made_first = await to_thread.run_sync(resources_of, _key(item), served.of_candidate())
    attached: list[Json] = []
    if item["kind"] in _PARENTS:
        everything = await status.objects(ObjectFilter(), FROM_THE_START)
        attached = list(attached_routes(item, everything.items))
    envoys = []
    for envoy in chain(
        envoys_of(made, (client for client in clients if not client.is_canary)),
        envoys_of(made_first, (client for client in clients if client.is_canary)),
    ):
        envoys.append(envoy)
        # The streams work in between.
        await checkpoint()
    found = await backends_found(status, snapshots, clusters_of(made))
    return describe_object(item, made, envoys, status.hooks(), attached, found)


async def _objects(wanted: Wanted, status: StatusStore) -> ObjectsPage:
    """Return the objects that are wanted; the kind in any case and number."""
    kind = wanted.get("kind")
    if kind is not None:
        known = {each for _, each in KindTable.of(()).served} | (await status.objects(_NOTHING, FROM_THE_START)).kinds
        kind = find_kind(kind, known)
        if kind is None:
            raise HTTPException(400, unknown_kind(wanted["kind"], known))
    return await status.objects(ObjectFilter(kind, wanted.get("namespace"), wanted.get("name")), FROM_THE_START)


_NOTHING = ObjectFilter("", "", "")
"""Takes no object; its page names the kinds all the same."""


def _key(item: Json) -> ObjectKey:
    group, slash, _ = str(item["apiVersion"]).partition("/")
    return ObjectKey(group if slash else "", str(item["kind"]), *_name(item))


def _name(item: Json) -> tuple[str, str]:
    metadata: Any = item["metadata"]
    return metadata["namespace"], metadata["name"]
