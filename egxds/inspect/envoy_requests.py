"""Envoy's pages `/server_info` and `/stats` → who it is, and how many requests it has answered by 5xx. Pure.

Source: Envoy's admin interface. Each connection manager counts under `http.<prefix>.`, each listener once more what
its own answer, which is passed over; so is what the admin page itself answers.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from egxds.fleet.canary_requests import EnvoyRequests, Requests
from egxds.inspect.envoy_clusters import NotEnvoyError

INFO_PAGE = "/server_info"

_COMPLETED, _FAILED = "downstream_rq_completed", "downstream_rq_5xx"
_COUNTER = re.compile(rf"http\.(?!admin\.)(?P<prefix>.+)\.(?P<what>{_COMPLETED}|{_FAILED})")
_FILTER = rf"^http\..*\.({_COMPLETED}|{_FAILED})$"
STATS_PAGE = f"/stats?format=json&filter={quote(_FILTER, safe='')}"

_MOST_COUNTED = 2**64 - 1
_MOST_ID_CHARACTERS = 4096


def read_requests(info: bytes, stats: bytes) -> EnvoyRequests:
    """Read the pages.

    Args:
        info: `INFO_PAGE`.
        stats: `STATS_PAGE`.

    Raises:
        NotEnvoyError: they are none; the message says why, in one line.
    """
    try:
        return EnvoyRequests(_node_id(json.loads(info)), _requests(json.loads(stats)))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as err:
        raise NotEnvoyError(
            "what answers are not Envoy's pages of itself and its counters; is that the address of its admin page?"
        ) from err


def _node_id(info: Any) -> str:
    found = info["node"]["id"]
    if not isinstance(found, str) or len(found) > _MOST_ID_CHARACTERS:
        raise TypeError("no node id")
    return found


def _requests(page: Any) -> Requests:
    counted = {_COMPLETED: 0, _FAILED: 0}
    for each in page["stats"]:
        counter = _COUNTER.fullmatch(each.get("name", ""))
        if counter is not None:
            counted[counter["what"]] += _number(each["value"])
    return Requests(counted[_COMPLETED], counted[_FAILED])


def _number(value: Any) -> int:
    found = int(value)
    if not 0 <= found <= _MOST_COUNTED:
        raise ValueError(f"no number from 0 to {_MOST_COUNTED}")
    return found
