"""Wire room: a question of who would take a request → what becomes of it, and why. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

from egxds.inspect.explain.answers import Answer, with_reach
from egxds.inspect.explain.explain import explain
from egxds.inspect.explain.origins import Origin
from egxds.inspect.explain.question import Question, QuestionError, ask, split_port
from egxds.inspect.explain.reasons import keys_on_the_way, reasons
from egxds.inspect.objects import FROM_THE_START, ObjectFilter
from egxds.inspect.status import StatusStore
from egxds.problems import Location
from egxds.snapshot.snapshot import Snapshot
from egxds.wire.admin.backends_found import backends_found
from egxds.wire.admin.large_answers import Json

ASKED = ("url", "header", "method", "gateway", "address")
"""What a request to the page may say; `header` any number of times."""


def question_of(request: Request) -> Question:
    """Read what is asked.

    Raises:
        HTTPException: that is no question.
    """
    query = request.query_params
    if "url" not in query:
        raise HTTPException(400, "say url=, such as url=http://shop.test/")
    try:
        return ask(query["url"], query.getlist("header"), query.get("method"), query.get("address"))
    except QuestionError as err:
        raise HTTPException(400, str(err)) from err


async def explained(question: Question, snapshots: Mapping[str, Snapshot], status: StatusStore) -> Json:
    """Answer a question.

    Args:
        question: what is asked.
        snapshots: of the Gateways that may be meant.
        status: knows where objects stand, and what is wrong.
    """
    hooks = status.hooks()
    answers = await to_thread.run_sync(explain, question, snapshots)
    found = [(answer, await _reasons(answer, question, hooks, status)) for answer in answers]

    def locate(origin: Origin) -> Location | None:
        return status.locate_part(origin.key, origin.path)

    described = [{**answer.describe(locate), "reasons": why} for answer, why in found]
    clusters = frozenset(backend.cluster for answer in answers for each in answer.takings for backend in each.backends)
    asked = await backends_found(status, snapshots, clusters)
    return {"url": question.url, "answers": [with_reach(each, asked) for each in described], "backends": asked}


async def _reasons(
    answer: Answer, question: Question, hooks: tuple[Mapping[str, object], ...], status: StatusStore
) -> list[str]:
    wanted = (ObjectFilter(key.kind, key.namespace, key.name) for key in keys_on_the_way(answer))
    pages = [await status.objects(each, FROM_THE_START) for each in wanted]
    return reasons(answer, split_port(question.authority)[0], hooks, pages)
