"""Wire room: what the daemon knows → JSON over HTTP. Reads the stores, and changes nothing of what is served.

The requests that have something done are POST, and need a header of their own: what a page in a browser may send to
another origin without asking it first carries none (Fetch standard, CORS-safelisted request-header), and nothing here
answers that question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import anyio
from anyio.lowlevel import checkpoint
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from egxds.inspect.clients import describe_clients
from egxds.inspect.config_dump import config_dump, describe_nack
from egxds.inspect.events.body_diff import describe_change
from egxds.inspect.events.facts import problem_json
from egxds.inspect.objects import ObjectFilter, Window
from egxds.inspect.status import StatusStore
from egxds.model.api.kinds import KindTable
from egxds.names import PUSH_ORDER, REQUEST_HEADER, SHORT_NAMES
from egxds.sessions.open_streams import Clients
from egxds.shown_text import shown
from egxds.snapshot.stores import Stores
from egxds.wire.admin.event_stream import EventStreams
from egxds.wire.admin.explained import ASKED, explained, question_of
from egxds.wire.admin.large_answers import Json, LargeAnswers, Page, encoded
from egxds.wire.admin.overviews import ASKED as OF_OBJECTS
from egxds.wire.admin.overviews import about_store, description, status_page
from egxds.wire.admin.served import ServedSnapshots
from egxds.wire.admin.status_page import StatusPage, wants_html

_SHOWN_REFUSALS = 20
_SHOWN_PROBLEMS = 100
_LONGEST_LIMIT = 9
"""Digits of a number of entries."""
_LONGEST_GENERATION = 10
"""Digits of the number of a generation."""

_INDEX = """\
egxds admin: GET, and nothing of it changes anything; a browser is shown a status page here

/healthz                                        is the process alive
/readyz                                         would an Envoy be served
/metrics                                        for Prometheus
/api/v1/objects[?kind=&namespace=&name=]        what was read from the files, and what became of it; in parts
                                                with limit=, each of which says how to go on (continue=); search=
                                                looks for a part of a name, a hostname or a file
/api/v1/problems[?search=&limit=]               what is wrong with the files, errors first
/api/v1/clients                                 who is connected, and what each Envoy took or refused
/api/v1/config_dump[?type=&gateway=|&node=]     what Envoys are served, or the one of that id; type: {types}
/api/v1/status[?kind=&namespace=&name=]         the whole on one page, what is wrong first; or objects with their states
/api/v1/describe?kind=&name=[&namespace=]       one object, and all that came of it
/api/v1/explain?url=[&header=&method=&gateway=&address=]
                                                which listener, chain, host, route and backend would take a request
/api/v1/changes?generation=                     what a change was, as a diff of the resources; of the last changes
/api/v1/fleet                                   all replicas that follow the same store: generation, Envoys, load
/api/v1/fleet/envoys                            the Envoys of all of them, in sync or not, and what they refuse
/api/v1/store                                   how a store is followed, its replicas, and what some nodes are served
                                                first; nothing of these where objects come from files
/api/v1/events[?replay=&after=]                 what happens, as it happens (server-sent events)
/api/v1/hooks                                   how the extension servers are doing

and POST, with a header {header}, of any value

POST /api/v1/hooks/ask-again[?name=]            ask extensions everything again, though nothing changed, and say
                                                what came of it
POST /api/v1/resync[?node=]                     send Envoys at once what they refused, without waiting for the next
                                                try, and try what is rolled back
POST /api/v1/follow-store                       follow what etcd holds though it has gone back in time
POST /api/v1/rollback?generation=|back=[&author=&message=]
                                                have an earlier generation of the files in force, until one changes
"""


class AdminApi:
    """The endpoints."""

    def __init__(
        self,
        stores: Stores,
        status: StatusStore,
        clients: Clients,
        registry: CollectorRegistry,
        answers: LargeAnswers,
        streams: EventStreams,
    ) -> None:
        """Prepare to answer.

        Args:
            stores: what is served, and to whom.
            status: what is known beside it.
            clients: who is connected.
            registry: the metrics.
            answers: those that are large.
            streams: those that do not end.
        """
        self._served = ServedSnapshots(stores, clients)
        self._status = status
        self._clients = clients
        self._registry = registry
        self._answers = answers
        self._streams = streams
        self._page = StatusPage()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        small: dict[str, Page] = {
            "/": self._index,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/api/v1/events": self._events,
        }
        large: dict[str, Page] = {
            "/api/v1/objects": self._objects,
            "/api/v1/clients": self._client_list,
            "/api/v1/config_dump": self._config_dump,
            "/api/v1/describe": self._describe,
            "/api/v1/explain": self._explain,
            "/api/v1/hooks": self._hooks,
            "/api/v1/status": self._overview,
            "/api/v1/problems": self._problems,
            "/api/v1/changes": self._changes,
            "/api/v1/store": self._store,
            "/api/v1/fleet": self._fleet,
            "/api/v1/fleet/envoys": self._fleet_envoys,
        }
        limited = self._answers.limited
        routes = [*self._page.routes(), *(Route(path, page, methods=["GET"]) for path, page in small.items())]
        routes += [Route(path, limited(page), methods=["GET"]) for path, page in large.items()]
        orders = {"/api/v1/resync": self._resync, "/api/v1/hooks/ask-again": self._ask_again}
        orders |= {"/api/v1/follow-store": self._follow_store, "/api/v1/rollback": self._roll_back}
        routes += [Route(path, limited(order), methods=["POST"]) for path, order in orders.items()]
        return Starlette(routes=routes, exception_handlers={HTTPException: _refuse})

    async def _index(self, request: Request) -> Response:
        if wants_html(request):
            return self._page.index()
        text = _INDEX.format(types=", ".join(SHORT_NAMES.values()), header=REQUEST_HEADER)
        return PlainTextResponse(text, headers={"vary": "accept"})

    async def _healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, _request: Request) -> Response:
        reasons = self._status.not_ready()
        if reasons:
            return PlainTextResponse("".join(f"{shown(reason)}\n" for reason in reasons), status_code=503)
        return PlainTextResponse(
            "".join(f"{shown(line)}\n" for line in ("ok", *self._status.notes(), *self._refusals()))
        )

    def _refusals(self) -> Iterator[str]:
        """Say what Envoys refuse: egxds is ready all the same, and says so to whoever reads on."""
        refused = self._status.refusals.all()
        for one in refused[:_SHOWN_REFUSALS]:
            places = ", ".join(map(str, self._status.locate(one.sources[:1])))
            yield f"{one} ({places})" if places else str(one)
        if len(refused) > _SHOWN_REFUSALS:
            yield f"and {len(refused) - _SHOWN_REFUSALS} more; see /api/v1/clients"

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _objects(self, request: Request) -> Response:
        wanted = _filters(request, ("kind", "namespace", "name", "search", "limit", "continue"))
        window = Window(_limit(wanted.pop("limit", None)), wanted.pop("continue", None))
        page = await self._status.objects(ObjectFilter(**wanted), window)
        _check_kind(wanted.get("kind"), page.kinds)
        more: Json = {"continue": page.last} if page.last is not None else {}
        return await encoded(lambda: {"items": page.items, "problems": page.problems, **more})

    async def _problems(self, request: Request) -> Response:
        wanted = _filters(request, ("search", "limit"))
        most = _limit(wanted.get("limit")) or _SHOWN_PROBLEMS
        found, count = await self._status.problems(wanted.get("search", ""), most)
        return await encoded(lambda: {"items": [problem_json(one) for one in found], "count": count})

    async def _changes(self, request: Request) -> Response:
        number = _filters(request, ("generation",)).get("generation", "")
        is_number = number.isdecimal() and len(number) <= _LONGEST_LIMIT
        change = self._status.bodies.find(int(number)) if is_number else None
        if change is None:
            raise HTTPException(404, f"of generation {number!r} it is not known, or not any more, what has changed")
        return await encoded(lambda: describe_change(change))

    async def _client_list(self, request: Request) -> Response:
        _filters(request, ())
        items = await self._describe_clients()
        nacks = [describe_nack(record, self._status.locate) for record in self._status.nacks()]
        return await encoded(lambda: {"items": items, "nacks": nacks})

    async def _describe_clients(self) -> list[Json]:
        """Describe every client, letting the streams work in between."""
        described = []
        for client in describe_clients(self._clients.all(), anyio.current_time(), self._status.locate):
            described.append(client)
            await checkpoint()
        return described

    async def _config_dump(self, request: Request) -> Response:
        wanted = _filters(request, ("type", "gateway", "node"))
        type_urls, snapshots = _type_urls(wanted.get("type")), self._served.wanted(wanted)
        return await encoded(lambda: {"items": list(config_dump(snapshots, type_urls, self._status.locate))})

    async def _explain(self, request: Request) -> Response:
        wanted = _filters(request, ASKED)
        found = await explained(question_of(request), self._served.of_head(wanted.get("gateway")), self._status)
        return await encoded(lambda: found)

    async def _overview(self, request: Request) -> Response:
        wanted = _filters(request, OF_OBJECTS)
        clients = [] if wanted else await self._describe_clients()
        found = await status_page(wanted, self._status, clients, self._served.of_head())
        return await encoded(lambda: found)

    async def _describe(self, request: Request) -> Response:
        wanted = _filters(request, OF_OBJECTS)
        found = await description(wanted, self._status, list(self._clients.all()), self._served)
        return await encoded(lambda: found)

    async def _hooks(self, request: Request) -> Response:
        _filters(request, ())
        hooks = self._status.hooks()
        return await encoded(lambda: {"items": hooks})

    async def _store(self, request: Request) -> Response:
        _filters(request, ())
        found = await about_store(self._status)
        return await encoded(found.described)

    async def _fleet(self, request: Request) -> Response:
        _filters(request, ())
        return await _of_fleet(await self._status.fleet.replicas())

    async def _fleet_envoys(self, request: Request) -> Response:
        _filters(request, ())
        return await _of_fleet(await self._status.fleet.envoys())

    async def _events(self, request: Request) -> Response:
        return self._streams.answer(request, self._status.events, _filters(request, ("after", "replay")))

    async def _ask_again(self, request: Request) -> Response:
        _check_origin(request)
        name = _filters(request, ("name",)).get("name")
        found = await self._status.ask_again(name)
        if found is None:
            raise HTTPException(404, f"no extension {name!r} is set up" if name is not None else "nothing to ask")
        return await encoded(lambda: dict(found))

    async def _resync(self, request: Request) -> Response:
        _check_origin(request)
        node = _filters(request, ("node",)).get("node")
        tried = self._clients.try_again(node, anyio.current_time())
        if node is not None and node not in tried:
            raise HTTPException(404, f"no Envoy {node!r} is connected")
        objects = self._status.try_rolled_back()
        items = [{"id": id_, "resources": tried[id_]} for id_ in sorted(tried)]
        return await encoded(lambda: {"items": items, "objects": objects})

    async def _follow_store(self, request: Request) -> Response:
        _check_origin(request)
        _filters(request, ())
        found = await self._status.source.follow_anyway()
        if found is None:
            raise HTTPException(404, "objects come from files here, and from no store that could be followed")
        return await encoded(lambda: dict(found))

    async def _roll_back(self, request: Request) -> Response:
        _check_origin(request)
        wanted = _filters(request, ("generation", "back", "author", "message"))
        number, back = (_number(wanted.get(key)) for key in ("generation", "back"))
        if (number is None) == (back is None):
            raise HTTPException(400, "say generation= or back=")
        told = (number or 0, back or 0, wanted.get("author", ""), wanted.get("message", ""))
        found = await self._status.source.roll_back(*told)
        if found is None:
            raise HTTPException(404, "no generations of files are kept here: set stateDir, or publish in etcd")
        return await encoded(lambda: dict(found))


async def _of_fleet(found: Mapping[str, object] | None) -> Response:
    if found is None:
        raise HTTPException(404, "objects come from files here, and no other replica is known")
    return await encoded(lambda: dict(found))


def _check_origin(request: Request) -> None:
    """Refuse what a page in somebody's browser may have sent."""
    if REQUEST_HEADER not in request.headers:
        raise HTTPException(403, f"send the header {REQUEST_HEADER}: a page in somebody's browser cannot")


async def _refuse(_request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    body = json.dumps({"error": detail}).encode()
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response(body, status, headers, media_type="application/json")


def _filters(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    """Return the query, or refuse a filter that does not exist rather than to answer with everything."""
    unknown = sorted(set(request.query_params) - set(allowed))
    if unknown:
        raise HTTPException(400, f"no filter {', '.join(unknown)}; there are: {', '.join(allowed) or 'none'}")
    return dict(request.query_params)


def _limit(text: str | None) -> int | None:
    """Read how many entries are wanted at most."""
    if text is None:
        return None
    if not text.isdecimal() or len(text) > _LONGEST_LIMIT or not int(text):
        raise HTTPException(400, f"limit {text!r} is not a number from 1 on")
    return int(text)


def _number(text: str | None) -> int | None:
    """Read a number; None where none is given."""
    if text is None:
        return None
    if not text.isdecimal() or len(text) > _LONGEST_GENERATION:
        raise HTTPException(400, f"{text!r} is no number")
    return int(text)


def _check_kind(kind: str | None, present: frozenset[str]) -> None:
    known = {kind for _, kind in KindTable.of(()).served} | present
    if kind is not None and kind not in known:
        raise HTTPException(400, f"no kind {kind!r}; there are: {', '.join(sorted(known))}")


def _type_urls(short_name: str | None) -> tuple[str, ...]:
    if short_name is None:
        return PUSH_ORDER
    found = tuple(type_url for type_url in PUSH_ORDER if SHORT_NAMES[type_url] == short_name)
    if not found:
        raise HTTPException(400, f"no type {short_name!r}; there are: {', '.join(SHORT_NAMES.values())}")
    return found
